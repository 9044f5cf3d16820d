//! The readers of what Cloud 66 sends, for tests that throw bytes at them. The program does not call these.
//!
//! Invariant: whatever the bytes are, each answers; what it answers is bounded by what came in.

use super::oauth;
use super::wire;

/// Whether bytes are a token answer or a refusal of one.
pub fn is_token_answer(status: u16, content_type: Option<&str>, body: &[u8]) -> bool {
    oauth::is_token_answer(status, content_type, body)
}

/// How many rows of a list are stacks, and how many are not; none where there is no list.
pub fn stacks_in(body: &[u8]) -> Option<(usize, usize)> {
    let page = wire::rows(body, |row| {
        row.read().and_then(|wire| wire::stack(&wire)).is_some()
    })?;
    let read = page.rows.iter().filter(|read| **read).count();
    Some((read, page.rows.len() - read))
}

/// Whether bytes are a deployment.
pub fn is_deployment(body: &[u8]) -> bool {
    wire::one(body).and_then(|wire| wire::deployment(&wire)).is_some()
}
