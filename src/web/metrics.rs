//! The operator's metrics, in the text form that Prometheus reads, on a listener of their own.
//!
//! Invariants: a label is a route's pattern or a word of ours, never a name, an address or anything else that a
//! visitor or Cloud 66 chose; so the number of lines is bounded, and nothing of a person is in them. Nothing
//! here is reachable through the app's own listener.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use time::OffsetDateTime;

use super::state::WebState;
use crate::domain::Clock;

/// The form's name, as Prometheus asks for it.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The classes of status, in the order of a route's counts.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What is counted of the app's own answers.
#[derive(Debug)]
pub struct Counts {
    began: OffsetDateTime,
    by_route: Mutex<BTreeMap<String, [u64; CLASSES.len()]>>,
    streams: Arc<AtomicU64>,
}

/// An event stream that is open; dropped with it.
#[derive(Debug)]
pub struct OpenStream(Arc<AtomicU64>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counts {
    /// None yet; the process's time begins now.
    pub fn new(clock: &Clock) -> Self {
        Self {
            began: clock.now(),
            by_route: Mutex::default(),
            streams: Arc::default(),
        }
    }

    /// Counts an answer under its route's pattern, `-` where no route matched.
    pub(super) fn answered(&self, route: &str, status: u16) {
        let class = usize::from(status / 100).saturating_sub(1);
        let mut by_route = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        if !by_route.contains_key(route) {
            by_route.insert(route.to_owned(), [0; CLASSES.len()]);
        }
        if let Some(count) = by_route.get_mut(route).and_then(|counts| counts.get_mut(class)) {
            *count += 1;
        }
    }

    /// Counts an event stream for as long as the returned value lives.
    pub fn open_stream(&self) -> OpenStream {
        self.streams.fetch_add(1, Ordering::Relaxed);
        OpenStream(Arc::clone(&self.streams))
    }
}

/// `/metrics`, and nothing else.
pub fn router(state: WebState) -> Router {
    Router::new().route("/metrics", get(show)).with_state(state)
}

async fn show(State(state): State<WebState>) -> Response {
    ([(CONTENT_TYPE, TEXT)], text(&state)).into_response()
}

fn text(state: &WebState) -> String {
    let (app, counts) = (state.app(), state.counts());
    let mut page = Page::default();
    page.family(
        "stackdeck_requests_total",
        "counter",
        "Answers by route and class of status.",
    );
    for (route, classes) in &*counts.by_route.lock().unwrap_or_else(PoisonError::into_inner) {
        for (class, count) in CLASSES.iter().zip(classes).filter(|(_, count)| **count > 0) {
            page.value(&[("route", route), ("class", class)], *count);
        }
    }
    page.family("stackdeck_event_streams", "gauge", "Event streams that are open.");
    page.value(&[], counts.streams.load(Ordering::Relaxed));
    page.family(
        "stackdeck_redeploys_ended_total",
        "counter",
        "Redeploys that this process saw end, by how.",
    );
    for (end, count) in app.redeploy_ends() {
        page.value(&[("end", end)], count);
    }
    page.family(
        "stackdeck_cloud66_requests_total",
        "counter",
        "Requests to Cloud 66 by what came back.",
    );
    for (outcome, count) in app.cloud66_counts() {
        page.value(&[("outcome", outcome)], count);
    }
    page.family(
        "stackdeck_uptime_seconds",
        "gauge",
        "How long the process has run.",
    );
    let uptime = (app.clock().now() - counts.began).whole_seconds();
    page.value(&[], u64::try_from(uptime).unwrap_or_default());
    page.text
}

/// The text as it grows: a family's head, then its values.
#[derive(Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        // Writing to a string does not fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, labels: &[(&str, &str)], value: u64) {
        self.text.push_str(self.name);
        for (position, (name, text)) in labels.iter().enumerate() {
            self.text.push(if position == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{name}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// A label's value as the format wants it: no bare backslash, quote or line end.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_below_their_family_and_labels_are_escaped() {
        let mut page = Page::default();
        page.family("a_total", "counter", "Of a.");
        page.value(&[("route", "/x/{id}"), ("class", "2xx")], 3);
        page.value(&[("route", "a\"b\\c\nd")], 1);
        page.value(&[], 7);
        assert_eq!(
            page.text,
            "# HELP a_total Of a.\n# TYPE a_total counter\n\
             a_total{route=\"/x/{id}\",class=\"2xx\"} 3\n\
             a_total{route=\"a\\\"b\\\\c\\nd\"} 1\n\
             a_total 7\n"
        );
    }

    #[test]
    fn an_open_stream_counts_until_it_is_dropped() {
        let counts = Counts::new(&Clock::system());
        let (one, other) = (counts.open_stream(), counts.open_stream());
        assert_eq!(counts.streams.load(Ordering::Relaxed), 2);
        drop(one);
        drop(other);
        assert_eq!(counts.streams.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn answers_are_counted_by_route_and_class() {
        let counts = Counts::new(&Clock::system());
        for status in [200, 204, 303, 404, 500, 999, 0] {
            counts.answered("/", status);
        }
        assert_eq!(counts.by_route.lock().unwrap()["/"], [1, 2, 1, 1, 1]);
    }
}
