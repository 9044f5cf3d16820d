//! The table at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::books::Line;
use crate::faults::Seen;
use crate::judge::{Facts, Fault, Finding, Said};
use crate::killer::Deaths;
use crate::mishaps::Happened;
use crate::options::Options;
use crate::person::{Crowd, Fate};

/// All that is told of a run.
pub(crate) struct Report<'a> {
    pub(crate) options: &'a Options,
    pub(crate) crowd: &'a Crowd,
    pub(crate) deaths: Deaths,
    pub(crate) happened: &'a Happened,
    pub(crate) seen: &'a Seen,
    pub(crate) lines: &'a [Line],
    pub(crate) facts: &'a Facts,
    pub(crate) findings: &'a [Finding],
    pub(crate) pressing: Duration,
    pub(crate) all: Duration,
}

impl Report<'_> {
    /// The table, as Markdown.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::default();
        let options = self.options;
        let counts = &self.crowd.counts;
        let fates = self.crowd.fates.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = |wanted| fates.iter().filter(|(_, fate)| *fate == wanted).count();
        let judged = |said| {
            let rows = self.facts.rows.iter();
            rows.filter(|row| row.said == said).count()
        };
        table.row("database", options.database.words());
        table.row(
            "seed, people, stacks, speed of time",
            format!(
                "{}, {}, {}, {}",
                options.seed, options.people, options.stacks, options.speed
            ),
        );
        table.row("**clicks with a receipt of their own**", fate(Fate::Receipt));
        table.row(
            "clicks led to an earlier, unanswered one of the stack",
            fate(Fate::Earlier),
        );
        table.row("clicks asked again (busy stack)", fate(Fate::AskedAgain));
        table.row("clicks not taken, with a page that says so", fate(Fate::NotTaken));
        table.row("clicks never answered", fate(Fate::NoAnswer));
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        table.row("POSTs of those clicks", count(&counts.posts));
        table.row("POSTs that nobody answered", count(&counts.unanswered));
        table.row("clicks doubled at once", count(&counts.doubled));
        table.row("clicks posted again after the answer", count(&counts.reloaded));
        table.row("clicks abandoned after 20 ms", count(&counts.abandoned));
        table.row("deployments cancelled by hand", count(&counts.cancels));
        table.row(
            "deploys of somebody else in the moment of a click",
            count(&counts.foreign),
        );
        table.row(
            "times that somebody had to sign in again",
            count(&counts.signed_in_again),
        );
        table.row("**processes killed (SIGKILL)**", self.deaths.killed);
        table.row(
            "processes asked to end (SIGTERM)",
            format!(
                "{}, of which {} not cleanly",
                self.deaths.ended, self.deaths.ended_badly
            ),
        );
        table.row("processes stopped past their lease (SIGSTOP)", self.deaths.frozen);
        table.row("processes that ended by themselves", self.deaths.died);
        for (mishap, times) in &self.happened.counts {
            table.row(mishap.words(), times);
        }
        table.row(
            "rows that a restored copy no longer had",
            self.happened.restored_away.len(),
        );
        table.row("requests to the sandbox", self.seen.requests);
        table.row("requests to redeploy", self.seen.sent);
        let (sending, asking) = self
            .seen
            .faults
            .values()
            .fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        table.row("faults on requests to redeploy", sending);
        table.row("faults on questions", asking);
        table.row(
            "redeploys that the sandbox carried out",
            self.facts.executed.len(),
        );
        table.row("rows of the ledger", self.lines.len());
        for (state, rows) in self.states() {
            table.row(&format!("rows in the state `{state}`"), rows);
        }
        table.row(
            "redeploys looked up by their operation id",
            self.seen.looked_up.len(),
        );
        table.row(
            "receipts that say that nobody knows how it ended",
            judged(Said::NotKnown),
        );
        self.found(&mut table);
        table.row(
            "time: pressing, in all",
            format!("{} s, {} s", self.pressing.as_secs(), self.all.as_secs()),
        );
        table.0
    }

    /// What has to be nothing.
    fn found(&self, table: &mut Table) {
        for (words, fault) in [
            ("**doubled**", Fault::Doubled),
            ("**lost**", Fault::Lost),
            ("**late**", Fault::Late),
            ("**untrue**", Fault::Untrue),
            ("**without an end**", Fault::WithoutEnd),
            ("**ends that hold a token**", Fault::HoldsToken),
        ] {
            let found = self
                .findings
                .iter()
                .filter(|finding| finding.fault == fault)
                .count();
            table.row(words, format!("**{found}**"));
        }
    }

    /// The faults one by one.
    pub(crate) fn faults(&self) -> String {
        let mut text = String::from("| fault | on redeploys | on questions |\n|---|---:|---:|\n");
        for (name, (sending, asking)) in &self.seen.faults {
            let _ = writeln!(text, "| `{name}` | {sending} | {asking} |");
        }
        text
    }

    fn states(&self) -> BTreeMap<&str, usize> {
        let mut states = BTreeMap::new();
        for line in self.lines {
            *states.entry(line.state.as_str()).or_default() += 1;
        }
        states
    }
}

#[derive(Default)]
struct Table(String);

impl Table {
    fn row(&mut self, words: &str, value: impl std::fmt::Display) {
        if self.0.is_empty() {
            self.0.push_str("| | |\n|---|---:|\n");
        }
        let _ = writeln!(self.0, "| {words} | {value} |");
    }
}
