//! What befalls an installation over the years: it is started hours after it was stopped, restored from a copy that was
//! made in the middle of a batch, given a wrong time, and loses its PostgreSQL; one account is slow, one person's hour
//! is spent, and for a while Cloud 66 gives no reference back.
//!
//! Time is never waited for: the clocks of the app and of the sandbox are moved ahead together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stackdeck::sandbox::{Fault, World};
use time::OffsetDateTime;

use crate::Fallible;
use crate::books::Books;
use crate::dice::Dice;
use crate::options::{Database, Options};
use crate::person::Person;
use crate::processes::Process;

/// One mishap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mishap {
    LateStart,
    Restore,
    ClockJump,
    SlowAccount,
    SpentHour,
    DroppedReferences,
    DatabaseDeath,
}

impl Mishap {
    pub(crate) const ALL: [Self; 7] = [
        Self::LateStart,
        Self::Restore,
        Self::ClockJump,
        Self::SlowAccount,
        Self::SpentHour,
        Self::DroppedReferences,
        Self::DatabaseDeath,
    ];

    /// Whether it can happen in such a run.
    pub(crate) fn is_of(self, options: &Options) -> bool {
        self != Self::DatabaseDeath || options.database == Database::Postgres
    }

    /// In the report.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::LateStart => {
                "late starts (stopped in the middle of a batch, started 3 minutes to 20 hours later)"
            }
            Self::Restore => "restores of a copy made in the middle of a batch",
            Self::ClockJump => "jumps of a process's clock (90 s, 10 min, 2 years ahead; 10 min back)",
            Self::SlowAccount => "times that one person's account was slow",
            Self::SpentHour => "times that one person's hour was spent",
            Self::DroppedReferences => "times that no action showed its reference",
            Self::DatabaseDeath => "deaths of PostgreSQL (SIGKILL, `synchronous_commit = off`)",
        }
    }
}

/// How many stacks are redeployed by one form.
const BATCH: usize = 12;

/// How long Cloud 66 takes for each request to redeploy while a batch is on its way, in seconds of the faster clock: a
/// batch is sent one after the other, so most of it waits.
const SLOW_ANSWER: f64 = 8.0;

/// How long a slow account takes for everything, in the same seconds: more than the app waits.
const SLOW_ACCOUNT: f64 = 20.0;

/// For how long one is slow, spent or wrong.
const SPELL: Duration = Duration::from_secs(3);

/// The forms of an action's metadata in which its reference cannot be read, or is not there.
const FORMS: [&str; 5] = ["missing", "empty", "null", "text", "list"];

/// How much later a program is started, in minutes: what is older than two was not sent in time.
const LATER: [u64; 5] = [3, 15, 60, 600, 1_200];

/// What can befall a run, and what has.
pub(crate) struct Mishaps<'a> {
    pub(crate) world: World,
    pub(crate) processes: &'a [Process],
    pub(crate) books: &'a Books,
    pub(crate) folder: PathBuf,
    pub(crate) options: &'a Options,
    /// Whoever presses many at once.
    pub(crate) batches: Person<'a>,
    /// Those whose account is slow, or whose hour is spent, now and then.
    pub(crate) unlucky: Vec<String>,
    pub(crate) dice: Dice,
    pub(crate) happened: Mutex<Happened>,
}

/// What has befallen a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Happened {
    pub(crate) counts: BTreeMap<Mishap, usize>,
    /// Rows that were there before a copy was put in their place, and not afterwards.
    pub(crate) restored_away: BTreeSet<String>,
    /// When a copy was put in their place, by the sandbox's clock.
    pub(crate) restored_at: Vec<OffsetDateTime>,
}

impl Mishaps<'_> {
    /// Lets one happen; `process` is whom it befalls, where it befalls one alone.
    pub(crate) async fn happen(&self, mishap: Mishap, process: &Process) -> Fallible<()> {
        match mishap {
            Mishap::LateStart => self.start_late().await?,
            Mishap::Restore => self.restore().await?,
            Mishap::ClockJump => self.jump(process).await,
            Mishap::SlowAccount => self.slow_down().await?,
            Mishap::SpentHour => self.spend().await,
            Mishap::DroppedReferences => self.drop_references().await?,
            Mishap::DatabaseDeath => self.kill_database().await?,
        }
        let mut happened = self.happened.lock().unwrap_or_else(PoisonError::into_inner);
        *happened.counts.entry(mishap).or_default() += 1;
        Ok(())
    }

    async fn start_late(&self) -> Fallible<()> {
        let slow = self.batch_on_its_way().await?;
        let asked_to_end = self.dice.chance(50);
        for process in self.processes {
            if asked_to_end {
                process.end().await?;
            } else {
                process.kill()?;
            }
        }
        self.world.remove_fault(&slow);
        let minutes = self.dice.pick(&LATER).copied().unwrap_or_default();
        self.pass(Duration::from_mins(minutes))?;
        self.start_all()
    }

    async fn restore(&self) -> Fallible<()> {
        let slow = self.batch_on_its_way().await?;
        let number = self.dice.below(usize::MAX);
        let copy = self.books.copy(&self.folder, number).await?;
        self.world.remove_fault(&slow);
        // Long enough for some or all of the batch to be sent and to end.
        tokio::time::sleep(self.dice.millis(300, 6_000)).await;
        for process in self.processes {
            process.kill()?;
        }
        let before = self.books.ids().await?;
        self.books.restore(&copy).await?;
        let after = self.books.ids().await?;
        let gone = before.difference(&after).cloned();
        {
            let mut happened = self.happened.lock().unwrap_or_else(PoisonError::into_inner);
            happened.restored_away.extend(gone);
            happened.restored_at.push(self.world.clock().now());
        }
        self.start_all()
    }

    /// Presses for many stacks at once, and waits until some are sent and most are not. Gives the fault that makes
    /// their sending slow.
    async fn batch_on_its_way(&self) -> Fallible<Fault> {
        let seconds = SLOW_ANSWER / f64::from(self.options.speed);
        let slow: Fault = format!("redeploy=delay:{seconds}").parse()?;
        self.world.add_fault(slow.clone());
        self.batches.press_many(BATCH).await?;
        tokio::time::sleep(self.dice.millis(100, 900)).await;
        Ok(slow)
    }

    async fn jump(&self, process: &Process) {
        let jumps = [
            time::Duration::seconds(90),
            time::Duration::minutes(10),
            time::Duration::minutes(-10),
            time::Duration::days(731),
        ];
        let by = self.dice.pick(&jumps).copied().unwrap_or_default();
        process.jump(by);
        tokio::time::sleep(SPELL).await;
        process.jump(-by);
    }

    async fn slow_down(&self) -> Fallible<()> {
        let Some(who) = self.dice.pick(&self.unlucky) else {
            return Ok(());
        };
        let seconds = SLOW_ACCOUNT / f64::from(self.options.speed);
        let slow: Fault = format!("api=delay:{seconds};by={who}").parse()?;
        self.world.add_fault(slow.clone());
        tokio::time::sleep(SPELL).await;
        self.world.remove_fault(&slow);
        Ok(())
    }

    /// It fills again with the next hour of the faster clock.
    async fn spend(&self) {
        if let Some(who) = self.dice.pick(&self.unlucky) {
            self.world.spend_hour_of(who);
            tokio::time::sleep(SPELL).await;
        }
    }

    async fn drop_references(&self) -> Fallible<()> {
        let form = self.dice.pick(&FORMS).copied().unwrap_or_default();
        let mut armed = Vec::new();
        for operation in ["actions", "action"] {
            let fault: Fault = format!("{operation}=metadata:{form}").parse()?;
            self.world.add_fault(fault.clone());
            armed.push(fault);
        }
        tokio::time::sleep(SPELL).await;
        for fault in &armed {
            self.world.remove_fault(fault);
        }
        Ok(())
    }

    async fn kill_database(&self) -> Fallible<()> {
        let control = self.options.postgres_control.as_ref();
        let control = control.ok_or("STACKDECK_TEST_POSTGRES_CONTROL names no program")?;
        for (word, pause) in [("kill", self.dice.millis(0, 1_500)), ("start", Duration::ZERO)] {
            let control = control.clone();
            let told = tokio::task::spawn_blocking(move || Command::new(control).arg(word).status());
            if !told.await??.success() {
                return Err(format!("PostgreSQL could not be told: {word}").into());
            }
            tokio::time::sleep(pause).await;
        }
        for process in self.processes {
            process.until_it_listens().await?;
        }
        Ok(())
    }

    /// Time passes for Cloud 66 and for the app, which is stopped.
    fn pass(&self, by: Duration) -> Fallible<()> {
        self.world.clock().advance(by);
        for process in self.processes {
            process.pass(by)?;
        }
        Ok(())
    }

    fn start_all(&self) -> Fallible<()> {
        for process in self.processes {
            process.start_again()?;
        }
        Ok(())
    }
}
