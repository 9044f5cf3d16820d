//! 10,000 open event streams: what each costs, and how soon all of them have a change.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use stackdeck::domain::{Clock, ManualClock};
use stackdeck::sandbox::Options;

use super::stage::{Stage, Viewer};

const PEOPLE: i64 = 500;
const SESSIONS_EACH: usize = 5;
const STREAMS_EACH: usize = 4;

pub(crate) async fn run() {
    let system = Clock::system();
    // The clock stands: nothing is asked of the sandbox while it is measured.
    let clock = ManualClock::frozen_at(system.now());
    let options = Options {
        stacks: Some(10),
        ..Options::default()
    };
    let stage = Stage::new(options, clock.clock()).await;
    stage.sandbox.world().set_rate_limit("1000000".parse().unwrap());
    let app = &stage.running.app;
    let mut people: Vec<Viewer> = Vec::new();
    let mut cookies = String::new();
    for id in 1..=PEOPLE {
        let viewer = stage.viewer(id).await;
        app.stacks(&viewer.who).await;
        writeln!(cookies, "{}", viewer.cookie).unwrap();
        for _ in 1..SESSIONS_EACH {
            let session = stage.session_of(&viewer.who).await;
            writeln!(cookies, "{session}").unwrap();
        }
        people.push(viewer);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cookies).unwrap();
    let streams = usize::try_from(PEOPLE).unwrap() * SESSIONS_EACH * STREAMS_EACH;
    stage.is_quiet().await;
    let before = resident_kb();

    // The readers are another process, so that their memory is not counted.
    let mut readers = Command::new(std::env::current_exe().unwrap())
        .args(["readers", &stage.address])
        .arg(file.path())
        .arg(format!("/events?view=stacks&{STREAMS_EACH}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(readers.stdout.take().unwrap()).lines();
    let opened = lines.next().unwrap().unwrap();
    assert_eq!(opened, format!("open {streams}"));
    stage.is_quiet().await;
    let each = (resident_kb() - before) / streams as f64;

    println!("{streams} open event streams of {PEOPLE} people in one process:");
    println!("  memory for each  {each:.1} KB; goal 10 KB");
    for n in 1..=5 {
        let at = system.now();
        for viewer in &people {
            let watcher = app.watcher(&viewer.who);
            let mut stack = watcher.snapshot().fleet.stacks.first().unwrap().clone();
            stack.maintenance = n % 2 == 1;
            watcher.learn(&stack, None);
        }
        let told = system.now() - at;
        writeln!(readers.stdin.as_mut().unwrap(), "{}", at.unix_timestamp_nanos()).unwrap();
        let answer = lines.next().unwrap().unwrap();
        println!(
            "  change {n}: {answer} after it was known first, {:.0} ms of them to tell all {PEOPLE} watchers; goal 100 ms",
            told.as_seconds_f64() * 1e3
        );
    }
    drop(readers.stdin.take());
    readers.wait().unwrap();
    stage.end().await;
}

/// This process's resident memory in KB.
fn resident_kb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
