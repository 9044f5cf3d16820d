//! How many requests went to Cloud 66, by what came back: for the operator's metrics.
//!
//! Invariant: the kinds are fixed words of ours. No address, person or answer becomes one.

use std::sync::atomic::{AtomicU64, Ordering};

use super::reply::{NoReply, Reply};

/// What can come back, in the order of [`Counts`]' fields.
const OUTCOMES: [&str; 9] = [
    "2xx",
    "3xx",
    "4xx",
    "5xx",
    "other",
    "cut",
    "not_sent",
    "timed_out",
    "broken",
];

/// One count for each outcome, since the start of the process.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; OUTCOMES.len()]);

impl Counts {
    /// Counts one request, repeats included.
    pub(super) fn add(&self, outcome: &Result<Reply, NoReply>) {
        let name = name(outcome);
        let count = OUTCOMES.iter().zip(&self.0).find(|(known, _)| **known == name);
        if let Some((_, count)) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every outcome with its count.
    pub(super) fn read(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        OUTCOMES.into_iter().zip(counts).collect()
    }
}

fn name(outcome: &Result<Reply, NoReply>) -> &'static str {
    match outcome {
        Ok(reply) if reply.body.is_err() => "cut",
        Ok(reply) => match reply.status / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "other",
        },
        Err(NoReply::NotSent | NoReply::NotReached) => "not_sent",
        Err(NoReply::TimedOut) => "timed_out",
        Err(NoReply::Broken) => "broken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_a_count() {
        let counts = Counts::default();
        for no_reply in [
            NoReply::NotSent,
            NoReply::NotReached,
            NoReply::TimedOut,
            NoReply::Broken,
        ] {
            counts.add(&Err(no_reply));
        }
        for status in [200, 201, 302, 404, 503, 999] {
            let headers = reqwest::header::HeaderMap::new();
            counts.add(&Ok(Reply::head(
                status,
                &headers,
                time::OffsetDateTime::UNIX_EPOCH,
            )));
        }
        let read: Vec<u64> = counts.read().into_iter().map(|(_, count)| count).collect();
        assert_eq!(read, [2, 1, 1, 1, 1, 0, 2, 1, 1]);
    }
}
