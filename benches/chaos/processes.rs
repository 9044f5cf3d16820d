//! The app's processes: started from this very program, killed, asked to end, stopped and woken, and started
//! again, at once or later, on the same port and database; and their clocks, which jump.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Fallible;
use crate::instance;

/// A process that was asked to end has this long; the app itself waits for at most 25 s.
const END: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(20);

/// One app process, by the port that it keeps over all of its lives.
pub(crate) struct Process {
    pub(crate) port: u16,
    settings: Vec<(String, String)>,
    arguments: [String; 2],
    /// How far time was moved on for the whole world, in milliseconds.
    ahead_ms: AtomicI64,
    folder: std::path::PathBuf,
    log: Option<std::path::PathBuf>,
    child: Mutex<Child>,
}

impl Process {
    /// Starts the app on a free port. `arguments` are the first two of [`instance::run`].
    pub(crate) fn start(
        settings: &[(String, String)],
        arguments: [String; 2],
        folder: &Path,
        logs: Option<&Path>,
    ) -> Fallible<Self> {
        let port = free_port()?;
        let mut settings = settings.to_vec();
        settings.push(("STACKDECK_BIND".to_owned(), format!("127.0.0.1:{port}")));
        let log = logs.map(|logs| logs.join(format!("{port}.log")));
        let child = spawn(&settings, &arguments, 0, folder, log.as_deref())?;
        Ok(Self {
            port,
            settings,
            arguments,
            ahead_ms: AtomicI64::new(0),
            folder: folder.to_owned(),
            log,
            child: Mutex::new(child),
        })
    }

    /// Kills it where it stands; [`Process::start_again`] is its next life.
    pub(crate) fn kill(&self) -> Fallible<()> {
        let mut child = self.lock();
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts it again after its end.
    pub(crate) fn start_again(&self) -> Fallible<()> {
        let child = self.again()?;
        *self.lock() = child;
        Ok(())
    }

    /// Lets time pass, as it does for the whole world; its later lives know of it.
    pub(crate) fn pass(&self, time: Duration) -> Fallible<()> {
        let millis = i64::try_from(time.as_millis())?;
        self.ahead_ms.fetch_add(millis, Ordering::SeqCst);
        self.tell(&format!("pass {millis}"));
        Ok(())
    }

    /// Sets its clock ahead or back while it runs, as somebody does to one machine.
    pub(crate) fn jump(&self, by: time::Duration) {
        self.tell(&format!("jump {}", by.whole_milliseconds()));
    }

    fn tell(&self, words: &str) {
        if let Some(input) = self.lock().stdin.as_mut() {
            // Where nobody reads any more, the process is gone, and its next life begins with the right time.
            let _ = writeln!(input, "{words}");
        }
    }

    /// Asks it to end, waits for that, and starts it again. Gives how it ended.
    pub(crate) async fn end_and_start(&self) -> Fallible<ExitStatus> {
        let status = self.end().await?;
        self.start_again()?;
        Ok(status)
    }

    /// Asks it to end and waits for that; one that does not end is killed.
    pub(crate) async fn end(&self) -> Fallible<ExitStatus> {
        self.signal("TERM")?;
        let mut waited = Duration::ZERO;
        loop {
            if let Some(status) = self.lock().try_wait()? {
                return Ok(status);
            }
            if waited > END {
                let mut child = self.lock();
                child.kill()?;
                return Ok(child.wait()?);
            }
            tokio::time::sleep(POLL).await;
            waited += POLL;
        }
    }

    /// Stops it for a while, in the middle of whatever it does.
    pub(crate) async fn freeze(&self, length: Duration) -> Fallible<()> {
        self.signal("STOP")?;
        tokio::time::sleep(length).await;
        self.signal("CONT")
    }

    /// Whether it ended although nobody asked it to.
    pub(crate) fn is_gone(&self) -> bool {
        !matches!(self.lock().try_wait(), Ok(None))
    }

    /// Waits until it listens. One that was starting while its database was dead has ended with a message, as it should;
    /// it is started again, as whoever keeps it running would.
    pub(crate) async fn until_it_listens(&self) -> Fallible<()> {
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .is_err()
        {
            if self.is_gone() {
                self.start_again()?;
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn signal(&self, name: &str) -> Fallible<()> {
        let pid = self.lock().id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status()?;
        if sent.success() {
            Ok(())
        } else {
            Err(format!("an app process could not be sent SIG{name}").into())
        }
    }

    fn again(&self) -> Fallible<Child> {
        let ahead_ms = self.ahead_ms.load(Ordering::SeqCst);
        spawn(
            &self.settings,
            &self.arguments,
            ahead_ms,
            &self.folder,
            self.log.as_deref(),
        )
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.lock();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn spawn(
    settings: &[(String, String)],
    arguments: &[String; 2],
    ahead_ms: i64,
    folder: &Path,
    log: Option<&Path>,
) -> Fallible<Child> {
    let log: Stdio = match log {
        Some(log) => Stdio::from(OpenOptions::new().create(true).append(true).open(log)?),
        None => Stdio::null(),
    };
    let child = Command::new(std::env::current_exe()?)
        .arg(instance::WORD)
        .args(arguments)
        .arg(ahead_ms.to_string())
        .env_clear()
        .envs(settings.iter().cloned())
        .current_dir(folder)
        // Its other end is held as long as this program lives, and tells of jumps of the clock; see `instance`.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    Ok(child)
}

/// A port that is free now. The system does not lend it again at once, and [`instance::run`] waits if it does.
pub(crate) fn free_port() -> Fallible<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
