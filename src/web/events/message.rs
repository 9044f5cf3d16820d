//! The format of server-sent events, and the few events that carry no page's content.

use axum::body::Bytes;

use crate::web::pages::frame::Html;

/// Says that the connection is alive. An event with a name and not a comment, so that a page's script hears it.
pub(super) const PING: Bytes = Bytes::from_static(b"event: ping\ndata:\n\n");

/// To a reader who has fallen behind, or whose last event is not known here: load the page anew.
pub(super) const RELOAD: Bytes = Bytes::from_static(b"event: reload\ndata:\n\n");

/// How long a browser waits before it comes back to an instance that ends: spread over some seconds, by the
/// number of the stream, so that not all come at once.
pub(super) fn farewell(number: u64) -> Bytes {
    format!("retry: {}\n\n", 1_000 + number % 4_000).into()
}

/// The first bytes of a stream, so that proxies and browsers take it for open.
pub(super) fn hello(id: &str) -> String {
    format!(": open\nid: {id}\n\n")
}

/// Changed parts of a page.
pub fn rows(id: &str, html: &str) -> String {
    event("rows", Some(id), html)
}

/// The session has ended, or Cloud 66 refuses the token: nothing more will come.
pub(super) fn signed_out(html: &Html) -> Bytes {
    event("signed-out", None, html.as_str()).into()
}

/// All is said, and the page may close its stream.
pub(super) fn end() -> Bytes {
    Bytes::from_static(b"event: end\ndata:\n\n")
}

fn event(name: &str, id: Option<&str>, html: &str) -> String {
    let mut text = format!("event: {name}\n");
    if let Some(id) = id {
        text.push_str("id: ");
        text.push_str(id);
        text.push('\n');
    }
    // Any of the three kinds of line end would end the field.
    for line in html.split(['\n', '\r']) {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_fragment_can_end_the_event_or_begin_a_field() {
        assert_eq!(
            rows("1.2", "<p>a\n\nid: 9\r\nevent: x</p>"),
            "event: rows\nid: 1.2\ndata: <p>a\ndata: \ndata: id: 9\ndata: \ndata: event: x</p>\n\n"
        );
    }
}
