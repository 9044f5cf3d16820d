//! Four programs read a file of settings, each in its own way: Stackdeck itself, Docker (`--env-file`), systemd
//! (`EnvironmentFile=`) and a shell. What the documents show means the same to all of them; what does not is a mistake
//! with its remedy.

use std::collections::BTreeMap;
use std::process::Command;

use stackdeck::config::{Mode, SETTINGS, Settings, env_example};

use super::SECRET;

type Values = BTreeMap<String, String>;

/// Docker: a line is a name, `=`, and everything else as it stands; a comment is a line that begins with `#`
/// (docs.docker.com, "docker container run", `--env-file`).
fn docker(text: &str) -> Values {
    text.lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// systemd: white space around a value goes, quotation marks around it too, and a comment is a line of its own that
/// begins with `#` or `;` (systemd.exec(5), `EnvironmentFile=`).
fn systemd(text: &str) -> Values {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| {
            let value = value.trim();
            let unquoted = ['\'', '"']
                .iter()
                .find_map(|mark| value.strip_prefix(*mark)?.strip_suffix(*mark));
            (name.trim().to_owned(), unquoted.unwrap_or(value).to_owned())
        })
        .collect()
}

/// A real shell, which exports what it reads.
fn shell(text: &str) -> Values {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("settings"), text).unwrap();
    let output = Command::new("sh")
        .args(["-c", "set -a; . ./settings; exec env -0"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let names = |name: &str| name.starts_with("STACKDECK_") || name.starts_with("CLOUD66_");
    printed
        .split('\0')
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| names(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Our own.
fn own(text: &str) -> Values {
    let (values, mistakes) = stackdeck::config::parse_dotenv(text);
    assert_eq!(mistakes, []);
    values.into_iter().collect()
}

/// A reader and its name.
type Reader = (&'static str, fn(&str) -> Values);

const READERS: [Reader; 4] = [
    ("Stackdeck", own),
    ("Docker", docker),
    ("systemd", systemd),
    ("a shell", shell),
];

/// Lines as a text, each with its end.
fn text_of<'l>(lines: impl IntoIterator<Item = &'l str>) -> String {
    lines.into_iter().flat_map(|line| [line, "\n"]).collect()
}

/// The lines of `.env.example` with the # taken away.
fn example() -> String {
    let is_setting = |line: &str| line.starts_with("STACKDECK_") || line.starts_with("CLOUD66_");
    text_of(env_example().lines().map(|line| {
        line.strip_prefix('#')
            .filter(|line| is_setting(line))
            .unwrap_or(line)
    }))
}

/// The file that README shows, which begins with the public address.
fn readme() -> String {
    let readme = include_str!("../../README.md");
    let begin = readme.find("       STACKDECK_PUBLIC_URL=").unwrap();
    let block = readme[begin..]
        .lines()
        .take_while(|line| line.starts_with("       "));
    text_of(block.map(str::trim_start))
}

/// Case G41.
#[test]
fn what_the_documents_show_means_the_same_to_every_reader() {
    for (name, text, least) in [
        ("README", readme(), 4),
        (".env.example", example(), SETTINGS.len()),
    ] {
        let expected = own(&text);
        assert_eq!(expected.len(), least, "{name}: {expected:?}");
        for (reader, read) in READERS {
            assert_eq!(read(&text), expected, "{name} read by {reader}");
        }
    }
    let shown: Values = SETTINGS
        .iter()
        .map(|setting| (setting.name.to_owned(), setting.example.to_owned()))
        .collect();
    assert_eq!(own(&example()), shown);
}

/// Case G41: README's file, filled in, is one that `serve` starts with.
#[test]
fn the_file_that_readme_shows_works_once_it_is_filled_in() {
    let filled = readme()
        .replace("STACKDECK_SECRET=\n", &format!("STACKDECK_SECRET={SECRET}\n"))
        .replace("CLOUD66_CLIENT_ID=\n", "CLOUD66_CLIENT_ID=0123abcd\n")
        .replace("CLOUD66_CLIENT_SECRET=\n", "CLOUD66_CLIENT_SECRET=0123abcd\n");
    for (reader, read) in READERS {
        let values = read(&filled);
        let settings = Settings::read(|name| values.get(name).cloned(), Mode::Serve);
        assert!(settings.is_ok(), "{reader}: {settings:?}");
        assert!(settings.unwrap().cloud66.client.is_some(), "{reader}");
    }
}

/// Case G41: a value in quotation marks, or with a comment behind it, as Docker hands it on. Every setting says so, and
/// the marks are never a part of a pattern, a secret or a name.
#[test]
fn quotation_marks_and_comments_in_a_value_are_mistakes_that_name_the_remedy() {
    for setting in SETTINGS {
        for (written, words) in [
            (format!("'{}'", setting.example), "Write the value without them."),
            (
                format!("\"{}\"", setting.example),
                "Write the value without them.",
            ),
            (format!("'{}", setting.example), "Write the value without them."),
            (
                format!("{} # as agreed", setting.example),
                "Put the comment on a line of its own.",
            ),
            (
                format!("{}\t# as agreed", setting.example),
                "Put the comment on a line of its own.",
            ),
            (
                "        # openssl rand -base64 32".to_owned(),
                "Put the comment on a line of its own.",
            ),
        ] {
            let values = docker(&format!("{}={written}\n", setting.name));
            let lookup = |name: &str| match name {
                "STACKDECK_SECRET" if setting.name != name => Some(SECRET.to_owned()),
                _ => values.get(name).cloned(),
            };
            let mistakes = Settings::read(lookup, Mode::Serve).unwrap_err();
            let of_it = mistakes
                .mistakes
                .iter()
                .find(|mistake| mistake.subject == setting.name);
            let said = of_it.map(ToString::to_string).unwrap_or_default();
            assert!(said.contains(words), "{}={written}: {mistakes}", setting.name);
            assert!(!said.contains(setting.example), "{said}");
        }
    }
}

/// Case G41: a list of scopes has a way to be written without a space.
#[test]
fn scopes_need_no_quotation_marks() {
    for written in ["public,redeploy", "public redeploy", "public, redeploy"] {
        let settings = super::read(&format!("CLOUD66_SCOPES={written}")).unwrap();
        assert_eq!(settings.cloud66.scopes, ["public", "redeploy"], "{written}");
    }
}
