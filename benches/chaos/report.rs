//! The table at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stackdeck::domain::Redeploy;

use crate::faults::Seen;
use crate::judge::{Facts, Fault, Finding};
use crate::killer::Deaths;
use crate::options::Options;
use crate::person::{Crowd, Fate};

/// All that is told of a run.
pub(crate) struct Report<'a> {
    pub(crate) options: &'a Options,
    pub(crate) crowd: &'a Crowd,
    pub(crate) deaths: Deaths,
    pub(crate) seen: &'a Seen,
    pub(crate) rows: &'a [Redeploy],
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
        table.row("rows of the ledger", self.rows.len());
        for (state, rows) in self.states() {
            table.row(&format!("rows that ended as `{state}`"), rows);
        }
        table.row(
            "redeploys looked up by their operation id",
            self.seen.looked_up.len(),
        );
        for (words, fault) in [
            ("**doubled**", Fault::Doubled),
            ("**lost**", Fault::Lost),
            ("**without an end**", Fault::WithoutEnd),
            ("**untrue**", Fault::Untrue),
            ("**ends that hold a token**", Fault::HoldsToken),
        ] {
            let found = self
                .findings
                .iter()
                .filter(|finding| finding.fault == fault)
                .count();
            table.row(words, format!("**{found}**"));
        }
        table.row(
            "time: pressing, in all",
            format!("{} s, {} s", self.pressing.as_secs(), self.all.as_secs()),
        );
        table.0
    }

    /// The faults one by one.
    pub(crate) fn faults(&self) -> String {
        let mut text = String::from("| fault | on redeploys | on questions |\n|---|---:|---:|\n");
        for (name, (sending, asking)) in &self.seen.faults {
            let _ = writeln!(text, "| `{name}` | {sending} | {asking} |");
        }
        text
    }

    fn states(&self) -> BTreeMap<&'static str, usize> {
        let mut states = BTreeMap::new();
        for row in self.rows {
            *states.entry(row.state.as_str()).or_default() += 1;
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
