//! Where log lines go: to standard error, written by a thread of its own.
//!
//! Invariants:
//! * A log line never fails, never panics, and never keeps the program waiting for long: a closed pipe, a full disk
//!   or a reader that has stopped reading costs lines of the log and nothing else.
//! * Lost lines are counted. When lines can be written again, the log says how many are missing.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many lines wait to be written.
const ROOM: usize = 4096;

/// How long a caller waits for room, once. After that, lines are lost until one has been written.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long the end of the program waits for lines that are not written yet.
const FLUSH: Duration = Duration::from_secs(1);

/// The lines that wait. Cheap to clone; every clone is the same log.
#[derive(Clone, Default)]
pub(super) struct LogLines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something happened to the queue.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    /// A line has left the queue and is not written yet.
    writing: bool,
    /// Somebody waited for room in vain, and no line has been written since.
    stuck: bool,
    lost: u64,
}

impl LogLines {
    /// Starts the thread that writes to `out`, for as long as the program runs.
    pub(super) fn write_to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Self::default();
        let writer = lines.clone();
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_all_to(out))?;
        Ok(lines)
    }

    /// Waits until all lines are written, for a bounded time.
    pub(super) fn flush(&self) {
        drop(self.wait(FLUSH, |queue| queue.writing || !queue.lines.is_empty()));
    }

    fn write_all_to(&self, mut out: impl Write) {
        loop {
            let mut queue = self.lock();
            queue.writing = false;
            self.0.changed.notify_all();
            let line = loop {
                match queue.lines.pop_front() {
                    Some(line) => break line,
                    None => queue = self.0.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                }
            };
            queue.writing = true;
            drop(queue);

            let written = out.write_all(&line).and_then(|()| out.flush());
            let mut queue = self.lock();
            queue.stuck = false;
            if written.is_err() {
                queue.lost += 1;
            }
            let lost = queue.lost;
            if written.is_ok() && lost > 0 && queue.lines.is_empty() {
                queue.lost = 0;
                drop(queue);
                tracing::warn!(lines = lost, "lines of the log could not be written and are lost");
            }
        }
    }

    fn push(&self, line: Vec<u8>) {
        let mut queue = self.lock();
        if queue.lines.len() >= ROOM && !queue.stuck {
            drop(queue);
            queue = self.wait(PATIENCE, |queue| queue.lines.len() >= ROOM && !queue.stuck);
            queue.stuck = queue.lines.len() >= ROOM;
        }
        if queue.lines.len() < ROOM {
            queue.lines.push_back(line);
            self.0.changed.notify_all();
        } else {
            queue.lost += 1;
        }
    }

    fn wait(&self, time: Duration, condition: impl Fn(&Queue) -> bool) -> MutexGuard<'_, Queue> {
        let queue = self.lock();
        let waited = self
            .0
            .changed
            .wait_timeout_while(queue, time, |queue| condition(queue));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call holds one whole line: that is how `tracing_subscriber` writes.
impl Write for LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes a line when the test lets it, and fails where the test says so.
    struct Slow(mpsc::Receiver<io::Result<()>>, mpsc::Sender<String>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().unwrap_or(Ok(()))?;
            let _ = self.1.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_costs_lines_and_nothing_else() {
        let (let_through, gate) = mpsc::channel();
        let (written, lines) = mpsc::channel();
        let mut log = LogLines::write_to(Slow(gate, written)).unwrap();
        // One is in the writer's hands, ROOM wait, and the others are lost.
        for number in 0..ROOM + 100 {
            log.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        assert!((99..=100).contains(&log.lock().lost), "{}", log.lock().lost);
        let_through
            .send(Err(io::Error::from(io::ErrorKind::StorageFull)))
            .unwrap();
        drop(let_through);
        assert_eq!(
            lines.recv().unwrap(),
            "1\n",
            "the line after the one that could not be written"
        );
        log.flush();
        log.write_all(b"again\n").unwrap();
        assert!(lines.iter().any(|line| line == "again\n"));
    }
}
