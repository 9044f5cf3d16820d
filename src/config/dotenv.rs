//! The `.env` file: its values, without putting them into the process's environment, where every child
//! process would inherit them.

use super::mistakes::Mistake;
use super::spelling::looks_like_ours;

/// The name of the file, in the folder in which the program was started.
pub(super) const FILE: &str = ".env";

/// Takes the file's text; returns its names and values in order, and a mistake for each line that cannot be
/// read. No message repeats a line: it may hold a secret.
pub fn parse(text: &str) -> (Vec<(String, String)>, Vec<Mistake>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut values = Vec::new();
    let mut mistakes = Vec::new();
    // Where the search for the next unreadable line begins, so that two equal ones get their own numbers.
    let mut searched = 0;
    for item in dotenvy::from_read_iter(text.as_bytes()) {
        match item {
            Ok(pair) => values.push(pair),
            Err(dotenvy::Error::LineParse(part, _)) => {
                let line = line_of(text, &part, searched);
                searched = line;
                mistakes.push(Mistake::new(
                    format!("{FILE} line {line}"),
                    "cannot be read. Write NAME=value; a value with spaces needs quotes, closed ones.",
                ));
            }
            Err(_) => mistakes.push(Mistake::new(FILE, "cannot be read.")),
        }
    }
    mistakes.extend(replaced(text));
    (values, mistakes)
}

/// A mistake for each line of ours with a `$` outside single quotes. This reader and a shell would put a variable's
/// value there, Docker and systemd would not, and a password would be another one without a word.
fn replaced(text: &str) -> impl Iterator<Item = Mistake> {
    text.lines().enumerate().filter_map(|(at, line)| {
        let (name, value) = line.split_once('=')?;
        let name = name.trim().trim_start_matches("export ").trim();
        let is_literal = value.trim_start().starts_with('\'');
        (looks_like_ours(name) && value.contains('$') && !is_literal).then(|| {
            Mistake::new(
                format!("{FILE} line {}", at + 1),
                "has a $, in whose place some readers of such a file put a variable's value. In an address write %24; \
                 anything else can come from a file of its own (NAME_FILE).",
            )
        })
    })
}

/// The number, from 1, of the first line after the first `searched` lines that ends with the first line of
/// `part` and is not a comment. dotenvy hands back the line, or only its value, and no number.
fn line_of(text: &str, part: &str, searched: usize) -> usize {
    let part = part
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim();
    text.lines()
        .enumerate()
        .skip(searched)
        .find(|(_, line)| {
            let line = line.trim();
            !line.starts_with('#') && line.ends_with(part)
        })
        .map_or(searched + 1, |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_not_put_into_the_environment() {
        let (values, mistakes) = parse("\u{feff}A=1\n# C=3\n\nexport B='two words' # why\nD=\n");
        let expected = [("A", "1"), ("B", "two words"), ("D", "")];
        assert_eq!(
            values,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(mistakes, []);
    }

    #[test]
    fn a_dollar_is_no_variable() {
        let text =
            "A=$B\nSTACKDECK_LOG=info\n# STACKDECK_LOG=$A\nexport STACKDECK_LOG=a$b\nSTACKDECK_LOG='a$b'\n";
        let (_, mistakes) = parse(text);
        let subjects: Vec<_> = mistakes.iter().map(|mistake| mistake.subject.as_str()).collect();
        assert_eq!(subjects, [".env line 4"]);
    }

    #[test]
    fn every_unreadable_line_is_named_and_none_is_repeated() {
        let text = "A=1\nSECRET=two words\n# B=two words\nB=two words\nC=3\nB=two words\n1X\nD='open\n";
        let (values, mistakes) = parse(text);
        let subjects: Vec<_> = mistakes.iter().map(|mistake| mistake.subject.as_str()).collect();
        assert_eq!(
            subjects,
            [
                ".env line 2",
                ".env line 4",
                ".env line 6",
                ".env line 7",
                ".env line 8"
            ]
        );
        assert_eq!(
            values.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["A", "C"]
        );
        let words: String = mistakes.iter().map(ToString::to_string).collect();
        assert!(!words.contains("two words"), "{words}");
    }
}
