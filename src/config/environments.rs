//! Which environments count as production, and when a redeploy is asked about first.

/// When to ask before a redeploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirm {
    /// Where the environment counts as production.
    Production,
    /// Each time.
    Always,
    /// Not at all.
    Never,
}

pub(super) fn parse_confirm(text: &str) -> Result<Confirm, String> {
    match text {
        "production" => Ok(Confirm::Production),
        "always" => Ok(Confirm::Always),
        "never" => Ok(Confirm::Never),
        _ => Err(format!("is {text:?}. Write production, always or never.")),
    }
}

/// Patterns of names in which `*` stands for any text; capital and small letters are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentPatterns(Vec<String>);

impl EnvironmentPatterns {
    /// Takes patterns separated by commas. The error reads on from the setting's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let patterns: Vec<String> = text
            .split(',')
            .map(|pattern| pattern.trim().to_lowercase())
            .filter(|pattern| !pattern.is_empty())
            .collect();
        if patterns.is_empty() {
            return Err(
                "names no environment. Write patterns separated by commas, such as prod*,live*.".to_owned(),
            );
        }
        Ok(Self(patterns))
    }

    /// Whether the environment's name fits one of the patterns as a whole.
    pub fn matches(&self, environment: &str) -> bool {
        let environment = environment.trim().to_lowercase();
        self.0.iter().any(|pattern| fits(pattern, &environment))
    }

    /// The patterns, in small letters.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Whether `pattern` fits all of `text`. The parts between the stars are looked for from left to right, each
/// at its first place, so the work grows with the product of the lengths and no pattern can make it explode.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    let Some(mut rest) = rest.strip_suffix(last) else {
        return false;
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (patterns, name, expected) in [
            ("prod*,live*", "production", true),
            ("prod*,live*", "PROD", true),
            ("prod*,live*", "Live-EU", true),
            ("prod*,live*", "preprod", false),
            ("prod*,live*", "staging", false),
            ("prod*,live*", "", false),
            ("production", "production", true),
            ("production", "production2", false),
            ("*", "anything", true),
            ("*", "", true),
            ("*-live", "eu-live", true),
            ("*-live", "live", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("a**a", "aa", true),
            ("ÜBER*", "überall", true),
            (" prod ", " prod ", true),
        ] {
            let patterns = EnvironmentPatterns::parse(patterns).unwrap();
            assert_eq!(patterns.matches(name), expected, "{patterns:?} on {name:?}");
        }
    }
}
