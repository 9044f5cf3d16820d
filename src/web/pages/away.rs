//! "While you were away": how redeploys ended while nobody looked, said once on the next page.

use super::notes::Note;
use super::receipt::took;
use super::receipt_words::command_noun;
use super::words;
use crate::domain::{Command, Reason, Redeploy, RedeployState};
use crate::web::urls::Urls;

/// How many are told one by one; more would fill a phone.
const ONE_BY_ONE: usize = 3;

/// The notes for these ends, the newest first.
pub fn notes(urls: &Urls, ended: &[Redeploy]) -> Vec<Note> {
    if ended.len() <= ONE_BY_ONE {
        return ended.iter().map(|redeploy| note(urls, redeploy)).collect();
    }
    let well = ended
        .iter()
        .filter(|redeploy| redeploy.state == RedeployState::Succeeded)
        .count();
    let words = format!(
        "While you were away: {} of {} requests ended well.",
        well,
        ended.len()
    );
    vec![Note {
        alert: well < ended.len(),
        words,
        link: Some(("See all of them", urls.receipts())),
    }]
}

fn note(urls: &Urls, redeploy: &Redeploy) -> Note {
    let well = redeploy.state == RedeployState::Succeeded;
    Note {
        alert: !well && redeploy.state != RedeployState::Cancelled,
        words: words::straight(&format!("While you were away: {}", ending(redeploy))),
        link: Some((
            if well { "See the receipt" } else { "See what to do" },
            urls.receipt(redeploy.id),
        )),
    }
}

/// How it ended, as a sentence with the stack in front.
fn ending(redeploy: &Redeploy) -> String {
    use RedeployState as S;
    let stack = format!("{} {}", redeploy.stack_name, redeploy.environment);
    let what = match redeploy.command {
        Command::Redeploy => stack.clone(),
        command => format!("{stack}: “{}”", command_noun(command)),
    };
    match redeploy.state {
        S::Succeeded => match took(redeploy) {
            Some(took) => format!("{what} finished, {}.", words::long(took)),
            None => format!("{what} finished."),
        },
        S::Cancelled => format!("{what} was cancelled."),
        S::Refused => format!("{what} was refused."),
        S::Lost if redeploy.reason == Some(Reason::NoRecord) => {
            format!("Cloud 66 has no record of {what}. Check the stack before you try again.")
        }
        S::Lost => {
            format!("it is not known whether Cloud 66 has {what}. Look at the stack before you try again.")
        }
        S::Ended => format!("{what} ended. Cloud 66 did not say how."),
        _ => format!("{what} failed."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::pages::gallery::world;

    #[test]
    fn few_are_told_one_by_one_and_many_together() {
        let urls = Urls::new("");
        let (well, badly) = (
            world::redeploy(RedeployState::Succeeded),
            world::redeploy(RedeployState::Failed),
        );
        let told = notes(&urls, &[well.clone(), badly.clone()]);
        assert_eq!(told.len(), 2);
        assert!(
            told[0].words().starts_with("While you were away: "),
            "{}",
            told[0].words()
        );
        assert!(told[0].words().contains(" finished, "), "{}", told[0].words());
        assert!(!told[0].is_alert());
        assert!(told[1].words().ends_with(" failed."), "{}", told[1].words());
        assert!(told[1].is_alert());
        let many = notes(&urls, &[well.clone(), well, badly.clone(), badly]);
        assert_eq!(many.len(), 1);
        assert_eq!(
            many[0].words(),
            "While you were away: 2 of 4 requests ended well."
        );
        assert!(many[0].is_alert());
    }
}
