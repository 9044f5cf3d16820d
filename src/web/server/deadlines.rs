//! The time limits of a connection: whatever hyper waits for, it does not wait for ever.
//!
//! hyper's own `header_read_timeout` would also bound the pause between requests, by the same few seconds.
//! Here the two are apart, see [`Limits::idle`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::limits::Limits;

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// The head of a request.
    Head,
    /// Us. Reading has no limit here: bodies are limited where they are read.
    Busy,
    /// The first byte of the next request.
    Idle,
}

/// The phase, shared by the socket (which sees the first byte of a request), the service (where its head is
/// complete) and the body of the answer (where that ends). All run in the connection's one task, so the order
/// is that of the program.
#[derive(Clone)]
pub(super) struct SharedPhase(Arc<PhaseNow>);

struct PhaseNow {
    phase: AtomicU8,
    /// Counts the changes, so that a second head is not taken for the first one.
    changes: AtomicU32,
}

impl SharedPhase {
    /// The phase of a new connection.
    pub(super) fn new() -> Self {
        Self(Arc::new(PhaseNow {
            phase: AtomicU8::new(Phase::Head as u8),
            changes: AtomicU32::new(0),
        }))
    }

    pub(super) fn set(&self, phase: Phase) {
        self.0.phase.store(phase as u8, Ordering::Relaxed);
        self.0.changes.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> Phase {
        match self.0.phase.load(Ordering::Relaxed) {
            0 => Phase::Head,
            1 => Phase::Busy,
            _ => Phase::Idle,
        }
    }

    fn changes(&self) -> u32 {
        self.0.changes.load(Ordering::Relaxed)
    }
}

/// How long a peer may leave us waiting for a request.
pub(super) struct ReadDeadline {
    phase: SharedPhase,
    limits: Limits,
    timer: Timer,
    /// The change of phase for which the timer runs.
    change: u32,
}

impl ReadDeadline {
    /// The first head's time begins now.
    pub(super) fn new(phase: SharedPhase, limits: Limits) -> Self {
        let change = phase.changes();
        let mut timer = Timer::default();
        timer.start(limits.head);
        Self {
            phase,
            limits,
            timer,
            change,
        }
    }

    /// Ready when the peer has taken too long. To be polled after hyper, which moves the phase; hyper does
    /// not look at its socket again when an answer ends, so the socket could not keep this time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let change = self.phase.changes();
        if change != self.change {
            self.change = change;
            match self.phase.get() {
                Phase::Head => self.timer.start(self.limits.head),
                Phase::Idle => self.timer.start(self.limits.idle),
                Phase::Busy => self.timer.stop(),
            }
        }
        self.timer.poll(cx)
    }
}

/// A socket whose peer has to read.
pub(super) struct TimedSocket {
    socket: TcpStream,
    phase: SharedPhase,
    limits: Limits,
    writing: Timer,
    pace: Progress,
    lingering: Timer,
}

impl TimedSocket {
    /// Takes over a connection.
    pub(super) fn new(socket: TcpStream, phase: SharedPhase, limits: Limits) -> Self {
        Self {
            socket,
            phase,
            limits,
            writing: Timer::default(),
            pace: Progress::default(),
            lingering: Timer::default(),
        }
    }

    /// Notes that the peer took `taken` of `offered` bytes.
    fn wrote(&mut self, taken: usize, offered: usize) {
        match self.pace.after(taken, offered, self.limits.write_progress) {
            Pace::TookAll => self.writing.stop(),
            Pace::KeepsUp if self.writing.is_running() => self.writing.start(self.limits.write),
            Pace::KeepsUp | Pace::TooSlowYet => {}
        }
    }

    /// The peer takes nothing. Ready when it has taken too little for too long.
    fn poll_write_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if !self.writing.is_running() {
            self.pace = Progress::default();
            self.writing.start(self.limits.write);
        }
        ready!(self.writing.poll(cx));
        // Closed the ordinary way, the kernel would keep what is unsent and go on offering it.
        let _ = self.socket.set_zero_linger();
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read"))
    }

    fn written(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
        offered: usize,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(taken)) => {
                self.wrote(taken, offered);
                Poll::Ready(Ok(taken))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_write_deadline(cx).map(Err),
        }
    }
}

impl AsyncRead for TimedSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut this.socket).poll_read(cx, buf));
        if buf.filled().len() > before && this.phase.get() == Phase::Idle {
            this.phase.set(Phase::Head);
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for TimedSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.socket).poll_write(cx, buf);
        this.written(cx, result, buf.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.socket).poll_write_vectored(cx, bufs);
        this.written(cx, result, bufs.iter().map(|buf| buf.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    /// Says that we are done, then reads and forgets until the peer is done too, see [`Limits::linger`].
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.lingering.is_running() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
            this.lingering.start(this.limits.linger);
        }
        // The time first: a peer that sends without pause would never let it be looked at.
        while this.lingering.poll(cx).is_pending() {
            let mut forgotten = [0; 2048];
            let mut buf = ReadBuf::new(&mut forgotten);
            let read = ready!(Pin::new(&mut this.socket).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// How many bytes the peer took since it was last given time.
#[derive(Default)]
struct Progress(usize);

/// What a write says about the peer.
#[derive(Debug, PartialEq, Eq)]
enum Pace {
    /// It took all that there was; nobody waits for it.
    TookAll,
    /// It took enough to be given time again.
    KeepsUp,
    /// It has to take more before its time is over.
    TooSlowYet,
}

impl Progress {
    fn after(&mut self, taken: usize, offered: usize, enough: usize) -> Pace {
        self.0 = self.0.saturating_add(taken);
        let pace = if taken >= offered {
            Pace::TookAll
        } else if self.0 >= enough {
            Pace::KeepsUp
        } else {
            return Pace::TooSlowYet;
        };
        self.0 = 0;
        pace
    }
}

/// A timer that runs or does not. Its memory is taken at the first start and kept: most connections need one
/// timer, and few both.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    running: bool,
}

impl Timer {
    fn start(&mut self, duration: Duration) {
        self.running = true;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(Instant::now() + duration),
            None => self.sleep = Some(Box::pin(sleep(duration))),
        }
    }

    fn stop(&mut self) {
        self.running = false;
    }

    fn is_running(&self) -> bool {
        self.running
    }

    /// Ready once it has run out; pending for ever where it does not run.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            Some(sleep) if self.running => sleep.as_mut().poll(cx),
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_keeps_up_by_taking_enough_not_by_taking_something() {
        let mut progress = Progress::default();
        for (taken, offered, expected) in [
            (1, 1000, Pace::TooSlowYet),
            (98, 1000, Pace::TooSlowYet),
            (1, 1000, Pace::KeepsUp),
            (99, 1000, Pace::TooSlowYet),
            (5, 5, Pace::TookAll),
            (99, 1000, Pace::TooSlowYet),
            (500, 1000, Pace::KeepsUp),
            (0, 1000, Pace::TooSlowYet),
        ] {
            assert_eq!(
                progress.after(taken, offered, 100),
                expected,
                "{taken} of {offered}"
            );
        }
    }
}
