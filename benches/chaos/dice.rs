//! Choices that a seed repeats: what to press, what to break, whom to kill. Scheduling is not among them, so two
//! runs of one seed make the same choices and meet different moments.

use std::time::Duration;

use stackdeck::domain::Random;

/// A sequence of choices of its own.
pub(crate) struct Dice(Random);

impl Dice {
    /// The choices of `who` in the run of this seed; drawing more for one moves no other.
    pub(crate) fn new(seed: u64, who: u64) -> Self {
        Self(Random::seeded(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(who),
        ))
    }

    /// A number from 0 up to, not including, `end`; 0 where `end` is 0.
    pub(crate) fn below(&self, end: usize) -> usize {
        let number = usize::from_le_bytes(self.0.bytes());
        number.checked_rem(end).unwrap_or(0)
    }

    /// True in about `percent` of the calls.
    pub(crate) fn chance(&self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }

    /// Milliseconds from `low` to `high`.
    pub(crate) fn millis(&self, low: usize, high: usize) -> Duration {
        let millis = low + self.below(high.saturating_sub(low) + 1);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}
