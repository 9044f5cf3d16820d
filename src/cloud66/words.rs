//! Cloud 66's sentences, made fit to be shown and logged.

use crate::domain::AccessToken;

/// The longest text that is passed on, in characters.
const LONGEST: usize = 300;

/// Plain words from a text of Cloud 66's: one line, no control characters, no addresses (a redeploy hook is
/// one), not the token, at most 300 characters.
pub(super) fn plain(text: &str, token: Option<&AccessToken>) -> String {
    // Twice the length is enough to fill the result, and a bound on the work.
    let mut text: String = text.chars().take(4 * LONGEST).collect();
    if let Some(token) = token.map(AccessToken::expose).filter(|token| token.len() >= 8) {
        text = text.replace(token, "(hidden)");
    }
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| {
            if word.contains("://") {
                "(address)".to_owned()
            } else {
                word.chars().filter(|c| !is_invisible(*c)).collect()
            }
        })
        .collect();
    words.join(" ").chars().take(LONGEST).collect()
}

/// Characters that change the direction of text or show nothing, and so could make a sentence lie.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_plain_and_short_and_hold_no_secret() {
        let token = AccessToken::new("tok-1234567890".into());
        let cases = [
            ("No stack with this UID", "No stack with this UID"),
            ("a\r\nb\u{0}c\t\u{1b}[31md", "a b c [31md"),
            (
                "see https://hooks.cloud66.com/stacks/redeploy/a/b now",
                "see (address) now",
            ),
            ("token tok-1234567890 is bad", "token (hidden) is bad"),
            ("abc\u{202e}def", "abcdef"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text, Some(&token)), expected, "{text:?}");
        }
        assert_eq!(plain(&"ä".repeat(1_000_000), None).chars().count(), 300);
    }
}
