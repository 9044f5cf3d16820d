//! A connection that can be told how to end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection that ends with a reset when its [`Ending`] says so.
pub(super) struct Line {
    stream: TcpStream,
    ending: Ending,
}

/// How a connection is to end; clones speak of the same one.
#[derive(Clone, Default)]
pub(super) struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Ends with a TCP reset instead of an orderly close.
    pub(super) fn reset(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> (Self, Ending) {
        let ending = Ending::default();
        (
            Self {
                stream,
                ending: ending.clone(),
            },
            ending,
        )
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.ending.0.load(Ordering::Acquire) {
            // Closing a socket that does not linger sends RST. Where it cannot be set, the close is orderly.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A shutdown would send FIN before the reset.
        if self.ending.0.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
