//! One channel for each token and view: a change is rendered once, and its bytes go to every page that is open.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use tokio::sync::broadcast;

use super::message;
use super::seats::Seat;
use super::view::{Rendered, Renderer, View};
use crate::app::SignedIn;
use crate::app::attend::Attending;
use crate::web::metrics::OpenStream;
use crate::web::state::WebState;

/// How many events may wait for a reader.
const WAITING: usize = 64;

/// The watcher of a token, and what is looked at.
type Key = (u64, View);

/// The channels that have readers.
#[derive(Default)]
pub(super) struct Channels(Mutex<HashMap<Key, broadcast::Sender<Sent>>>);

/// An event, and the revision that it brings a page to; none for what is not about the page.
#[derive(Clone)]
struct Sent {
    revision: Option<u64>,
    bytes: Bytes,
    is_last: bool,
}

/// A reader: gives the next bytes for one page.
pub(super) struct Listener {
    first: Option<Bytes>,
    events: broadcast::Receiver<Sent>,
    revision: u64,
    seat: Seat,
    view: View,
    state: WebState,
    has_ended: bool,
    _counted: OpenStream,
}

/// Opens a stream for a page that was true at `since`.
pub(super) async fn join(
    state: &WebState,
    who: &SignedIn,
    view: View,
    seat: Seat,
    since: Option<&str>,
) -> Listener {
    let watcher = state.app().watcher(who);
    let events = state
        .events()
        .channels
        .subscribe(state, who, (watcher.id(), view));
    // After subscribing, so that nothing falls between what is told now and what comes.
    let snapshot = watcher.snapshot();
    let known = since.map_or(Some(snapshot.revision), |since| revision_of(since, watcher.id()));
    let mut first = message::hello(&event_id(watcher.id(), snapshot.revision));
    let mut renderer = Renderer::new(state, who, view, known.unwrap_or_default());
    let rendered = match known {
        Some(_) => renderer.changes(&snapshot).await,
        None => renderer.everything(&snapshot).await,
    };
    match rendered {
        Some(Rendered { html, told, is_last }) => {
            first.push_str(&message::rows(
                &event_id(watcher.id(), snapshot.revision),
                html.as_str(),
            ));
            let mut first = Vec::from(first);
            if is_last {
                first.extend_from_slice(&message::end());
            }
            state.app().note_told(&told).await;
            Listener::new(first.into(), events, snapshot.revision, seat, view, state)
        }
        None if known.is_none() && !snapshot.fleet.stacks.is_empty() => {
            let first = [first.as_bytes(), &message::RELOAD].concat();
            Listener::new(first.into(), events, snapshot.revision, seat, view, state)
        }
        None => Listener::new(first.into(), events, snapshot.revision, seat, view, state),
    }
}

impl Listener {
    fn new(
        first: Bytes,
        events: broadcast::Receiver<Sent>,
        revision: u64,
        seat: Seat,
        view: View,
        state: &WebState,
    ) -> Self {
        Self {
            first: Some(first),
            events,
            revision,
            seat,
            view,
            state: state.clone(),
            has_ended: false,
            _counted: state.counts().open_stream(),
        }
    }

    /// The next bytes; none at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while !self.has_ended {
            let received = tokio::select! {
                biased;
                () = self.seat.over().cancelled() => {
                    self.has_ended = true;
                    return Some(message::signed_out(&super::over(&self.state, self.view.return_to())));
                }
                received = self.events.recv() => received,
            };
            match received {
                Ok(sent) if sent.revision.is_some_and(|revision| revision <= self.revision) => {}
                Ok(sent) => {
                    self.has_ended = sent.is_last;
                    return Some(sent.bytes);
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.has_ended = true;
                    return Some(message::RELOAD);
                }
                Err(broadcast::error::RecvError::Closed) => {
                    self.has_ended = true;
                    return Some(message::farewell(self.seat.number()));
                }
            }
        }
        None
    }
}

impl Channels {
    /// Sends something to all, so that every stream is used now and then.
    pub(super) fn ping(&self) {
        for sender in self.lock().values() {
            let _ = sender.send(Sent {
                revision: None,
                bytes: message::PING,
                is_last: false,
            });
        }
    }

    /// Ends every stream.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    /// A reader of this channel, which begins with its first reader.
    fn subscribe(&self, state: &WebState, who: &SignedIn, key: Key) -> broadcast::Receiver<Sent> {
        let mut channels = self.lock();
        if let Some(sender) = channels.get(&key) {
            return sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(WAITING);
        if state.app().stop().is_cancelled() {
            // A stream that opens while the program stops ends at once.
            return receiver;
        }
        channels.insert(key, sender.clone());
        let attending = state.app().attend(who, key.1.interest());
        tokio::spawn(feed(state.clone(), who.clone(), key, attending, sender));
        receiver
    }

    /// Forgets a channel without readers; false where one came meanwhile.
    fn forget(&self, key: Key, sender: &broadcast::Sender<Sent>) -> bool {
        let mut channels = self.lock();
        let is_over = sender.receiver_count() == 0;
        if is_over {
            channels.remove(&key);
        }
        is_over
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, broadcast::Sender<Sent>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a channel whose feed panics. Its readers then end, and their browsers come back to a new channel; they
/// would otherwise listen to nobody.
struct ClosedByPanic<'a> {
    channels: &'a Channels,
    key: Key,
}

impl Drop for ClosedByPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.channels.lock().remove(&self.key);
        }
    }
}

/// Renders what changes and sends it, for as long as somebody reads.
async fn feed(
    state: WebState,
    who: SignedIn,
    key: Key,
    mut attending: Attending,
    sender: broadcast::Sender<Sent>,
) {
    let channels = &state.events().channels;
    let _closed = ClosedByPanic { channels, key };
    let (watcher, view) = key;
    let at_first = attending.snapshot();
    let mut renderer = Renderer::new(&state, &who, view, at_first.revision).knowing(&at_first);
    drop(at_first);
    loop {
        let snapshot = tokio::select! {
            () = state.app().stop().cancelled() => break,
            () = sender.closed() => {
                if channels.forget(key, &sender) {
                    break;
                }
                continue;
            }
            snapshot = attending.changed() => snapshot,
        };
        if let Some(Rendered { html, told, is_last }) = renderer.changes(&snapshot).await {
            let event = message::rows(&event_id(watcher, snapshot.revision), html.as_str());
            let _ = sender.send(Sent {
                revision: Some(snapshot.revision),
                bytes: event.into(),
                is_last: false,
            });
            if sender.receiver_count() > 0 {
                state.app().note_told(&told).await;
            }
            if is_last {
                last(&sender, message::end());
            }
        }
        if let Some(banner) = super::view::signed_out_by_cloud66(&state, &snapshot, view) {
            last(&sender, message::signed_out(&banner));
        }
    }
}

fn last(sender: &broadcast::Sender<Sent>, bytes: Bytes) {
    let _ = sender.send(Sent {
        revision: None,
        bytes,
        is_last: true,
    });
}

/// The id of the event that brings a page to this revision.
pub(in crate::web) fn event_id(watcher: u64, revision: u64) -> String {
    format!("{watcher:x}.{revision}")
}

/// The revision in an event's id, if it is of this watcher: after a restart, or from another instance, it says
/// nothing here.
fn revision_of(id: &str, watcher: u64) -> Option<u64> {
    let (of, revision) = id.split_once('.')?;
    (of == format!("{watcher:x}")).then(|| revision.parse().ok())?
}
