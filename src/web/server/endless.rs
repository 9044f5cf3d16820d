//! An answer without an end: written by ourselves, because hyper keeps 16 KB of buffers for each connection, and
//! there may be ten thousand such answers.
//!
//! A handler marks its answer as [`Endless`]. Its head has then passed every layer like any other; here the
//! socket is taken back from hyper, and head and body are written to it as they come. The end of the connection
//! is the end of the body (RFC 9112 section 6.3), so nothing can follow on it.
//!
//! Invariant: the limits of [`TimedSocket`] hold here too: a peer that does not read is let go.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::deadlines::TimedSocket;

/// Marks an answer whose body goes on for as long as its reader stays.
#[derive(Debug, Clone, Copy)]
pub struct Endless;

/// Where the service of a connection leaves an endless answer, for whoever drives the connection to find.
#[derive(Clone, Default)]
pub(super) struct Left(Arc<Mutex<Option<Response<Body>>>>);

impl Left {
    /// Leaves the answer.
    pub(super) fn put(&self, response: Response<Body>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
    }

    /// Takes it.
    pub(super) fn take(&self) -> Option<Response<Body>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A connection that was taken back, and the answer to write to it.
pub(super) struct Takeover {
    socket: TimedSocket,
    response: Response<Body>,
    cut: CancellationToken,
}

impl Takeover {
    /// `cut` ends it when the process ends and it has not ended by itself.
    pub(super) fn new(socket: TimedSocket, response: Response<Body>, cut: CancellationToken) -> Self {
        Self {
            socket,
            response,
            cut,
        }
    }

    /// Writes until the answer ends, the peer goes, or `cut`.
    pub(super) async fn run(self) {
        let Self {
            mut socket,
            response,
            cut,
        } = self;
        let (head, mut body) = response.into_parts();
        let written = async {
            socket.write_all(&text(head.status, &head.headers)).await?;
            drop(head);
            while let Some(Ok(frame)) = next_frame(&mut body, &mut socket).await {
                if let Ok(data) = frame.into_data() {
                    socket.write_all(&data).await?;
                }
            }
            drop(body);
            socket.shutdown().await
        };
        // How a connection ends is the peer's affair.
        tokio::select! {
            _ = written => {}
            () = cut.cancelled() => {}
        }
    }
}

/// The next part of the body; none where it has ended or the peer has gone. What the peer sends is not looked
/// at.
async fn next_frame(
    body: &mut Body,
    socket: &mut TimedSocket,
) -> Option<Result<http_body::Frame<axum::body::Bytes>, axum::Error>> {
    tokio::select! {
        frame = body.frame() => frame,
        () = gone(socket) => None,
    }
}

async fn gone(socket: &mut TimedSocket) {
    poll_fn(|cx| {
        loop {
            let mut ignored = [0; 64];
            let mut buf = ReadBuf::new(&mut ignored);
            match Pin::new(&mut *socket).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

/// The head of the answer. Names and values are checked by their types: no line end is in them.
fn text(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} \r\nconnection: close\r\n", status.as_u16()).into_bytes();
    for (name, value) in headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}
