//! How often Cloud 66 is asked on behalf of open pages: pure arithmetic over what may still be spent.
//!
//! Three things are paid from the same half of the hour, in this order: the list, so that the page as a whole
//! stays true; the deploys under way, so that an outcome is on the page within five seconds; and the versions
//! of stacks that moved, which wait. Each keeps its natural pace as long as that can be paid until the hour
//! ends, and is stretched where it cannot, so that watching never stops altogether before the hour does.

use time::{Duration, OffsetDateTime};

use crate::cloud66::Allowance;

/// A list of one page is read this often; each page of a longer one adds its share, which makes 600 requests
/// an hour at any length.
const LIST: f64 = 20.0;
const LIST_PER_PAGE: f64 = 6.0;

/// A running deploy is asked for this often. Not five seconds, because its answer takes a moment too.
const DEPLOY: f64 = 4.5;

/// How long a deploy is expected to go on, when it is judged whether its natural pace can be paid.
const DEPLOY_GOES_ON: f64 = 600.0;

/// With less than a fifth of the hour's requests left, nothing is asked more often than this.
const SCARCE: f64 = 120.0;

/// The part of the half that versions leave for the other two.
const FOR_LIST_AND_DEPLOYS: f64 = 0.7;

/// After one, two, and more failed attempts.
const RETRIES: [i64; 3] = [10, 20, 30];

/// How often what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// The whole list; none where the rest of the hour cannot pay for one.
    pub(super) list: Option<Duration>,
    /// Each running deploy; none where nothing is left.
    pub(super) deploy: Option<Duration>,
    /// A stack whose own page is open; none where nothing is left.
    pub(super) stack: Option<Duration>,
    /// How many stacks may be asked for their versions now.
    pub(super) versions: u32,
}

impl Pace {
    /// For a list of so many pages and so many running deploys.
    pub(super) fn of(allowance: &Allowance, pages: u32, running: u32, now: OffsetDateTime) -> Self {
        let left = f64::from(allowance.left);
        let until_reset = (allowance.resets_at - now).as_seconds_f64().clamp(1.0, 3_600.0);
        let pages = f64::from(pages.max(1));
        let scarce = |pace: f64, least: f64| if allowance.scarce { pace.max(least) } else { pace };

        let natural = scarce(
            LIST.max(LIST_PER_PAGE * pages),
            SCARCE.max(LIST_PER_PAGE * 6.0 * pages),
        );
        let list = stretched(natural, pages, until_reset, left);
        let beside_list = left - list.map_or(0.0, |pace| pages * until_reset / pace);

        let running = f64::from(running.max(1));
        let goes_on = until_reset.min(DEPLOY_GOES_ON);
        let most = list.unwrap_or(LIST).max(SCARCE);
        let deploy = stretched(DEPLOY, running, goes_on, beside_list).map_or(most, |pace| pace.min(most));

        let half = f64::from(allowance.limit / 2);
        let kept = half * FOR_LIST_AND_DEPLOYS * until_reset / 3_600.0;
        let versions = if allowance.scarce {
            0.0
        } else {
            (left - kept).max(0.0)
        };
        let some = |pace: f64| (left >= 1.0).then(|| Duration::seconds_f64(pace));
        Self {
            list: list.map(Duration::seconds_f64),
            deploy: some(scarce(deploy, SCARCE)),
            stack: some(scarce(LIST, SCARCE)),
            versions: whole(versions),
        }
    }

    /// How long to wait after so many failed attempts in a row.
    pub(super) fn retry(failures: u32) -> Duration {
        let at = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        let seconds = RETRIES.get(at).or(RETRIES.last()).copied().unwrap_or(30);
        Duration::seconds(seconds)
    }
}

/// The natural pace of something that costs `cost` each time, or the one that `left` can pay for `time`. None
/// where not even one can be paid.
fn stretched(natural: f64, cost: f64, time: f64, left: f64) -> Option<f64> {
    (left >= cost).then(|| natural.max(cost * time / left))
}

fn whole(number: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded by the hour's limit, which is a u32, and never negative"
    )]
    let number = number as u32;
    number
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);

    fn left(left: u32) -> Allowance {
        Allowance {
            limit: 3_000,
            left,
            scarce: false,
            refused_until: None,
            throttled_until: None,
            resets_at: datetime!(2026-11-23 11:00 UTC),
        }
    }

    fn seconds(pace: Option<Duration>) -> f64 {
        pace.unwrap().as_seconds_f64()
    }

    #[test]
    fn a_list_costs_600_requests_an_hour_at_most_however_long_it_is() {
        for (pages, pace) in [(0, 20.0), (1, 20.0), (3, 20.0), (10, 60.0), (100, 600.0)] {
            let list = seconds(Pace::of(&left(1_500), pages, 0, NOW).list);
            assert!((list - pace).abs() < 0.01, "{pages} pages: {list}");
        }
    }

    #[test]
    fn a_deploy_is_asked_for_within_five_seconds_while_that_can_be_paid() {
        assert!(seconds(Pace::of(&left(1_500), 1, 1, NOW).deploy) < 5.0);
        assert!(seconds(Pace::of(&left(1_500), 100, 5, NOW).deploy) < 5.0);
        let stretched = Pace::of(&left(700), 100, 5, NOW);
        assert!((seconds(stretched.deploy) - 30.0).abs() < 0.1, "{stretched:?}");
        assert!(
            (seconds(stretched.list) - 600.0).abs() < 0.1,
            "the list comes first"
        );
    }

    #[test]
    fn what_is_left_lasts_until_the_hour_ends() {
        let pace = Pace::of(&left(60), 1, 3, NOW);
        assert!((seconds(pace.list) - 60.0).abs() < 0.1, "{pace:?}");
        let late = datetime!(2026-11-23 10:50 UTC);
        assert!((seconds(Pace::of(&left(60), 1, 3, late).list) - 20.0).abs() < 0.1);
        assert_eq!(
            Pace::of(&left(5), 10, 1, NOW).list,
            None,
            "no part of a list is paid for"
        );
        let nothing = Pace::of(&left(0), 1, 1, NOW);
        assert_eq!((nothing.list, nothing.deploy, nothing.stack), (None, None, None));
        assert_eq!(nothing.versions, 0);
    }

    #[test]
    fn with_little_left_nothing_is_asked_more_often_than_every_two_minutes() {
        let scarce = Allowance {
            scarce: true,
            ..left(400)
        };
        let pace = Pace::of(&scarce, 1, 2, NOW);
        for pace in [pace.list, pace.deploy, pace.stack] {
            assert!((seconds(pace) - 120.0).abs() < 0.1, "{pace:?}");
        }
        assert_eq!(pace.versions, 0);
    }

    #[test]
    fn versions_take_a_third_of_the_half_at_once_and_what_is_not_needed_later() {
        assert_eq!(Pace::of(&left(1_500), 100, 0, NOW).versions, 450);
        assert_eq!(Pace::of(&left(1_050), 100, 0, NOW).versions, 0);
        let late = datetime!(2026-11-23 10:54 UTC);
        assert_eq!(Pace::of(&left(1_050), 1, 0, late).versions, 945);
    }

    #[test]
    fn a_failure_is_tried_again_ever_more_slowly_up_to_what_the_page_says() {
        let waits: Vec<i64> = (1..=5)
            .map(|failures| Pace::retry(failures).whole_seconds())
            .collect();
        assert_eq!(waits, [10, 20, 30, 30, 30]);
    }

    /// An hour in which five deploys run all the time, at the paces above.
    #[test]
    fn no_hour_costs_more_than_half() {
        for pages in [1, 10, 100] {
            let (mut now, mut spent) = (NOW, 0_u32);
            let (mut list_at, mut deploys_at) = (now, now);
            while now < datetime!(2026-11-23 11:00 UTC) {
                let pace = Pace::of(&left(1_500 - spent), pages, 5, now);
                if let Some(every) = pace.list.filter(|_| now >= list_at) {
                    spent += pages;
                    list_at = now + every;
                }
                if let Some(every) = pace.deploy.filter(|_| now >= deploys_at) {
                    // What does not fit is left out by the plan.
                    spent += 5.min(1_500 - spent);
                    deploys_at = now + every;
                }
                spent += Pace::of(&left(1_500 - spent), pages, 5, now).versions.min(3);
                now += Duration::milliseconds(500);
            }
            assert!((900..=1_500).contains(&spent), "{pages} pages: {spent}");
        }
    }
}
