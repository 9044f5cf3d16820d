//! The static files: embedded, named after their content, compressed at build time.
//!
//! Invariants: an address never changes its content, so an answer may be kept for ever; a file is served only
//! by its full hashed name; every answer says `nosniff` and is for this site only.

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file that the build script prepared.
#[derive(Debug)]
pub struct Asset {
    /// The name in the address: `app.0123456789abcdef.css`.
    pub file: &'static str,
    /// The first 16 hex digits of its SHA-256.
    pub hash: &'static str,
    /// Its content type.
    pub content_type: &'static str,
    /// For the `integrity` attribute: SHA-384 of the plain bytes.
    pub integrity: &'static str,
    /// The bytes as they are.
    pub plain: &'static [u8],
    /// Compressed by brotli at its highest level, where that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// Compressed by gzip at its highest level, where that is smaller.
    pub gzip: Option<&'static [u8]>,
}

/// Put on the answer that is one of the files, so that it gets a file's headers and not a page's.
#[derive(Debug, Clone, Copy)]
pub struct IsFile;

/// Answers `GET /static/{name}`: 200, 304 where the browser has it, 404 for every other name.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    let Some(asset) = ALL.iter().find(|asset| asset.file == name) else {
        return refuse();
    };
    let (encoding, bytes) = asset.best_for(&headers);
    // One tag for each form: a cache must not give gzip to whom it showed brotli.
    let tag = format!("\"{}{}\"", asset.hash, encoding.map_or("", |word| word.suffix));
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|tags| {
        tags.split(',')
            .any(|known| known.trim().trim_start_matches("W/") == tag || known.trim() == "*")
    });

    let mut answer = Response::new(if is_known {
        Body::empty()
    } else {
        Body::from(bytes)
    });
    if is_known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    answer.extensions_mut().insert(IsFile);
    let out = answer.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    out.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    out.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert(SAME_SITE_ONLY.0, HeaderValue::from_static(SAME_SITE_ONLY.1));
    out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(word) = encoding {
        out.insert(CONTENT_ENCODING, HeaderValue::from_static(word.name));
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        out.insert(ETAG, tag);
    }
    answer
}

const SAME_SITE_ONLY: (HeaderName, &str) = (
    HeaderName::from_static("cross-origin-resource-policy"),
    "same-origin",
);

fn refuse() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A content coding that we hold.
#[derive(Clone, Copy)]
struct Coding {
    name: &'static str,
    suffix: &'static str,
}

const BROTLI: Coding = Coding {
    name: "br",
    suffix: "-br",
};
const GZIP: Coding = Coding {
    name: "gzip",
    suffix: "-gz",
};

impl Asset {
    /// The smallest form that the browser takes (RFC 9110 section 12.5.3); the plain one where it names none.
    fn best_for(&self, headers: &HeaderMap) -> (Option<Coding>, &'static [u8]) {
        let forms = [(BROTLI, self.brotli), (GZIP, self.gzip)];
        forms
            .into_iter()
            .filter_map(|(coding, bytes)| Some((coding, bytes?)))
            .find(|(coding, _)| takes(headers, coding.name))
            .map_or((None, self.plain), |(coding, bytes)| (Some(coding), bytes))
    }
}

/// Whether `Accept-Encoding` names `coding` with a weight above zero, itself or by `*`.
fn takes(headers: &HeaderMap, coding: &str) -> bool {
    let mut by_star = false;
    for value in headers.get_all(ACCEPT_ENCODING) {
        for offer in value.to_str().unwrap_or_default().split(',') {
            let mut parts = offer.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let refused = parts
                .filter_map(|part| part.strip_prefix("q="))
                .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
            if name.eq_ignore_ascii_case(coding) {
                return !refused;
            }
            by_star |= name == "*" && !refused;
        }
    }
    by_star
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(name: &str, pairs: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut headers = HeaderMap::new();
        for (header, value) in pairs {
            headers.append(header.clone(), HeaderValue::from_str(value).unwrap());
        }
        let (parts, body) = serve(Path(name.to_owned()), headers).await.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, body.to_vec())
    }

    #[tokio::test]
    async fn the_smallest_form_that_the_browser_takes_is_sent() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("GZIP;q=0.5", Some("gzip")),
            ("br;q=0, gzip", Some("gzip")),
            ("br;q=0.000, gzip;q=0", None),
            ("*", Some("br")),
            ("*;q=0", None),
            ("identity", None),
            ("", None),
        ] {
            let (status, headers, body) = get(APP_CSS.file, &[(ACCEPT_ENCODING, accepted)]).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(
                headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap()),
                coding,
                "{accepted}"
            );
            assert_eq!(body.len() < APP_CSS.plain.len(), coding.is_some());
            assert_eq!(headers[VARY], "accept-encoding");
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert!(headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        }
    }

    #[tokio::test]
    async fn what_the_browser_has_is_not_sent_again() {
        let (_, headers, _) = get(APP_JS.file, &[(ACCEPT_ENCODING, "br")]).await;
        let tag = headers[ETAG].to_str().unwrap();
        let (status, _, body) = get(APP_JS.file, &[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, tag)]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        let (status, ..) = get(APP_JS.file, &[(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, tag)]).await;
        assert_eq!(status, StatusCode::OK, "the tag of another form");
    }

    #[tokio::test]
    async fn only_whole_names_are_served() {
        for name in [
            "app.css",
            "",
            "../Cargo.toml",
            "app.0000000000000000.css",
            "assets.rs",
        ] {
            let (status, headers, body) = get(name, &[]).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_FOUND, 0), "{name}");
            assert_eq!(headers[CACHE_CONTROL], "no-store");
        }
    }

    #[test]
    fn names_carry_the_hash_of_their_content() {
        use sha2::Digest as _;
        for asset in ALL {
            let first: [u8; 8] = sha2::Sha256::digest(asset.plain)[..8].try_into().unwrap();
            let hash = format!("{:016x}", u64::from_be_bytes(first));
            assert_eq!(asset.hash, hash);
            assert!(asset.file.contains(&format!(".{hash}.")), "{}", asset.file);
        }
    }

    #[test]
    fn the_manifest_names_files_that_exist() {
        let manifest = std::str::from_utf8(MANIFEST.plain).unwrap();
        assert!(!manifest.contains("asset:"));
        for icon in [&ICON, &ICON_LARGE] {
            assert!(manifest.contains(icon.file));
        }
    }
}
