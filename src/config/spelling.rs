//! Did you mean? Names that begin like ours and are not.

use super::table::SETTINGS;

/// How many letters may be wrong, missing, too many or swapped in a name that is still recognised.
const MAX_TYPOS: usize = 3;

/// A warning about `name` if it looks like a setting and is none; `None` for other programs' names.
pub(super) fn warning(name: &str) -> Option<String> {
    if !looks_like_ours(name) {
        return None;
    }
    let known: Vec<String> = SETTINGS
        .iter()
        .flat_map(|setting| {
            let file = setting.file.then(|| setting.file_name());
            std::iter::once(setting.name.to_owned()).chain(file)
        })
        .collect();
    if known.iter().any(|known| known == name) {
        return None;
    }
    let nearest = known
        .iter()
        .map(|known| (typos(name, known), known))
        .min_by_key(|(typos, _)| *typos)
        .filter(|(typos, _)| *typos <= MAX_TYPOS);
    Some(match nearest {
        Some((_, known)) => format!("{name} is not a setting of Stackdeck. Did you mean {known}?"),
        None => format!("{name} is not a setting of Stackdeck."),
    })
}

/// Whether `name` is likely to be `known`, misspelt. Two thirds of the letters have to be right.
pub(super) fn is_near(name: &str, known: &str) -> bool {
    let typos = typos(name, known);
    typos <= MAX_TYPOS && typos * 3 < known.chars().count()
}

/// Whether a variable of this name can only be meant for Stackdeck.
pub(super) fn looks_like_ours(name: &str) -> bool {
    name.starts_with("STACKDECK_") || name.starts_with("CLOUD66_")
}

/// The least number of letters to change, insert, leave out or swap with their neighbour to get from one name
/// to the other (optimal string alignment distance).
fn typos(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous: Option<char> = None;
    for (row, letter) in from.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, target) in to.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut least = (at(&last, column) + usize::from(letter != *target))
                .min(at(&last, column + 1) + 1)
                .min(at(&current, column) + 1);
            let swapped = column > 0 && previous == Some(*target) && to.get(column - 1) == Some(&letter);
            if swapped {
                least = least.min(at(&before_last, column - 1) + 1);
            }
            current.push(least);
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_counted() {
        for (from, to, count) in [
            ("", "", 0),
            ("BIND", "BIND", 0),
            ("BIND", "", 4),
            ("", "BIND", 4),
            ("SECRT", "SECRET", 1),
            ("SECERT", "SECRET", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(typos(from, to), count, "{from} to {to}");
        }
    }

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        for (name, expected) in [
            (
                "STACKDECK_SECRT",
                Some("STACKDECK_SECRT is not a setting of Stackdeck. Did you mean STACKDECK_SECRET?"),
            ),
            (
                "CLOUD66_CLIENTID_FILE",
                Some(
                    "CLOUD66_CLIENTID_FILE is not a setting of Stackdeck. \
                     Did you mean CLOUD66_CLIENT_ID_FILE?",
                ),
            ),
            (
                "STACKDECK_COLOUR_OF_THE_SKY",
                Some("STACKDECK_COLOUR_OF_THE_SKY is not a setting of Stackdeck."),
            ),
            ("STACKDECK_BIND", None),
            ("STACKDECK_SECRET_FILE", None),
            ("PATH", None),
        ] {
            assert_eq!(warning(name).as_deref(), expected, "{name}");
        }
    }
}
