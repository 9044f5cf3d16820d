//! Prepares the static files: joins the stylesheets and the vendored scripts, names each file after its
//! content, compresses it twice, and writes `assets.rs`, which `src/web/assets.rs` includes.
//!
//! Nothing is fetched and nothing but Rust runs: the front end has no build step of its own.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use sha2::Digest as _;

/// The stylesheets, in the order in which they are joined. A file of `static/css` that is missing here stops
/// the build.
const STYLES: [&str; 15] = [
    "layers.css",
    "tokens.css",
    "base.css",
    "layout.css",
    "buttons.css",
    "forms.css",
    "labels.css",
    "notices.css",
    "stacks.css",
    "lists.css",
    "stack.css",
    "dialog.css",
    "pages.css",
    "preferences.css",
    "print.css",
];

/// The scripts by others, in the order in which they are joined.
const VENDOR: [&str; 2] = ["htmx.min.js", "idiomorph.min.js"];

/// Everything else: its constant, its file below `static`, its content type.
const FILES: [(&str, &str, &str); 6] = [
    ("ICON", "icons/icon.svg", SVG),
    ("ICON_BUSY", "icons/icon-busy.svg", SVG),
    ("ICON_OK", "icons/icon-ok.svg", SVG),
    ("ICON_BAD", "icons/icon-bad.svg", SVG),
    ("ICON_TOUCH", "icons/icon-touch.png", PNG),
    ("ICON_LARGE", "icons/icon-512.png", PNG),
];

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml; charset=utf-8";
const PNG: &str = "image/png";
const MANIFEST: &str = "application/manifest+json; charset=utf-8";

/// What the build script fails with.
type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let source = folder_of_cargo("CARGO_MANIFEST_DIR")?.join("static");
    let mut out = Output::new()?;
    watch(&source);

    out.add("APP_CSS", "app.css", CSS, styles(&source.join("css"))?.as_bytes())?;
    // The Trusted Types policy first: it has to be there before anything asks for it.
    let ours = script(&source.join("trusted.js"))? + &script(&source.join("app.js"))?;
    out.add("APP_JS", "app.js", JS, ours.as_bytes())?;
    out.add(
        "VENDOR_JS",
        "vendor.js",
        JS,
        vendor(&source.join("vendor"))?.as_bytes(),
    )?;
    for (constant, file, content_type) in FILES {
        let path = source.join(file);
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or("a file without a name")?;
        out.add(constant, name, content_type, &fs::read(&path)?)?;
    }
    // Last, because it names the others.
    let manifest = out.link(&fs::read_to_string(source.join("manifest.webmanifest"))?);
    out.add("MANIFEST", "manifest.webmanifest", MANIFEST, manifest.as_bytes())?;
    out.finish()
}

/// A folder that cargo names when it runs this script. Asked at that time and not when the script was compiled,
/// so that a checkout that was moved or copied together with its build reads its own files.
fn folder_of_cargo(variable: &str) -> Result<PathBuf, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells a build script this way only"
    )]
    let folder = std::env::var(variable)?;
    Ok(folder.into())
}

fn watch(source: &Path) {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", source.display());
}

/// All stylesheets as one, without comments and indentation.
fn styles(folder: &Path) -> Result<String, Failure> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !STYLES.iter().any(|style| name == *style) {
            return Err(format!("static/css/{} is not in STYLES of build.rs", name.display()).into());
        }
    }
    let mut joined = String::new();
    for style in STYLES {
        let text = fs::read_to_string(folder.join(style))?;
        for line in without_comments(&text)
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            joined.push_str(line);
            joined.push('\n');
        }
    }
    Ok(without_spaces(joined))
}

/// A stylesheet without `/* … */`. None of ours holds that pair of signs inside a string.
fn without_comments(css: &str) -> String {
    let mut kept = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

/// A stylesheet without the spaces and line ends that only people need. No string in ours holds one of these pairs.
fn without_spaces(css: String) -> String {
    let pairs = [
        (";\n", ";"),
        ("{\n", "{"),
        ("}\n", "}"),
        ("; ", ";"),
        (": ", ":"),
        (", ", ","),
        (" {", "{"),
        ("{ ", "{"),
        (" }", "}"),
        (";}", "}"),
    ];
    let shorter = |css: String, (as_read, as_sent)| css.replace(as_read, as_sent);
    pairs.into_iter().fold(css, shorter)
}

/// Our script without indentation and without lines that are only a comment. It has no text of several lines.
fn script(path: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(path)?;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"));
    Ok(lines.fold(String::new(), |mut kept, line| {
        kept.push_str(line);
        kept.push('\n');
        kept
    }))
}

/// The scripts by others, one after the other: one request instead of several.
fn vendor(folder: &Path) -> Result<String, Failure> {
    let mut joined = String::new();
    for script in VENDOR {
        joined.push_str(fs::read_to_string(folder.join(script))?.trim_end());
        joined.push_str(";\n");
    }
    Ok(joined)
}

/// Collects the prepared files and the Rust text that embeds them.
struct Output {
    folder: PathBuf,
    rust: String,
    /// Name in `static`, name with the hash.
    names: Vec<(String, String)>,
    constants: Vec<String>,
}

impl Output {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            folder: folder_of_cargo("OUT_DIR")?,
            rust: String::new(),
            names: Vec::new(),
            constants: Vec::new(),
        })
    }

    /// Adds one file: `app.css` becomes `app.<hash>.css`, with a brotli and a gzip form where those are smaller.
    fn add(&mut self, constant: &str, name: &str, content_type: &str, plain: &[u8]) -> Result<(), Failure> {
        let hash = hex(&sha2::Sha256::digest(plain));
        let hash = hash.get(..16).ok_or("a hash is longer than this")?.to_owned();
        let (stem, extension) = name.rsplit_once('.').ok_or("a file without an ending")?;
        let hashed = format!("{stem}.{hash}.{extension}");
        let integrity = base64::engine::general_purpose::STANDARD.encode(sha2::Sha384::digest(plain));
        self.write(name, plain)?;
        let brotli = self.smaller(&format!("{name}.br"), &brotli(plain)?, plain)?;
        let gzip = self.smaller(&format!("{name}.gz"), &gzip(plain)?, plain)?;
        writeln!(
            self.rust,
            "/// `{name}`.\npub static {constant}: Asset = Asset {{ file: {hashed:?}, hash: {hash:?}, \
             content_type: {content_type:?}, integrity: \"sha384-{integrity}\", plain: {}, \
             brotli: {brotli}, gzip: {gzip} }};",
            include(name)
        )?;
        self.names.push((name.to_owned(), hashed));
        self.constants.push(constant.to_owned());
        Ok(())
    }

    /// Writes a compressed form and gives the Rust for it, or `None` where it saves nothing.
    fn smaller(&self, name: &str, compressed: &[u8], plain: &[u8]) -> Result<String, Failure> {
        if compressed.len() >= plain.len() {
            return Ok("None".to_owned());
        }
        self.write(name, compressed)?;
        Ok(format!("Some({})", include(name)))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        Ok(fs::write(self.folder.join(name), bytes)?)
    }

    /// Puts the hashed names where a text says `asset:name`.
    fn link(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, hashed)| {
            text.replace(&format!("asset:{name}"), hashed)
        })
    }

    fn finish(mut self) -> Result<(), Failure> {
        let all: Vec<String> = self
            .constants
            .iter()
            .map(|constant| format!("&{constant}"))
            .collect();
        writeln!(
            self.rust,
            "/// Every file that is served.\npub static ALL: &[&Asset] = &[{}];",
            all.join(", ")
        )?;
        self.write("assets.rs", self.rust.as_bytes())
    }
}

fn include(name: &str) -> String {
    format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\"))")
}

fn brotli(plain: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut packed = Vec::new();
    let settings = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: plain.len(),
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &*plain, &mut packed, &settings)?;
    Ok(packed)
}

fn gzip(plain: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain)?;
    Ok(encoder.finish()?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
