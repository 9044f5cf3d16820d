//! From Cloud 66 having an outcome to the event on the wire.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;
use stackdeck::domain::Clock;
use stackdeck::sandbox::Options;
use time::OffsetDateTime;

use super::stage::{Stage, Viewer, percentile};

const ROUNDS: usize = 4;
const AT_ONCE: usize = 6;
/// Each has a token of their own, and so a watcher with a rhythm of its own.
const PEOPLE: i64 = 5;

pub(crate) async fn run() {
    let clock = Clock::system();
    let options = Options {
        stacks: Some(30),
        // Longer than the list's pace, so that each deploy is seen running.
        deploy_time: Duration::from_secs(28),
        ..Options::default()
    };
    let stage = Stage::new(options, clock.clone()).await;
    let world = stage.sandbox.world().clone();
    let main = world.main_person().unwrap().email;
    let mut pages = Vec::new();
    for id in 1..=PEOPLE {
        let viewer = stage.viewer(id).await;
        pages.push(OpenPage::open(&stage, &viewer).await);
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
    let mut late = Vec::new();
    for _ in 0..ROUNDS {
        let quiet = world.visible_to(&main).into_iter();
        let quiet = quiet.filter(|stack| {
            (stack.status.0, stack.health.0) == (1, 3) && !stack.is_busy && !stack.always_fails
        });
        let uids: Vec<String> = quiet.take(AT_ONCE).map(|stack| stack.uid).collect();
        for uid in &uids {
            world.deploy_from_web(uid, &main).unwrap();
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        let seen = join_all(pages.iter_mut().map(|page| page.outcomes(&uids, &clock))).await;
        for (uid, at) in seen.into_iter().flatten() {
            let finished = world.deployments(&uid).last().unwrap().finished_at.unwrap();
            late.push((at - finished).as_seconds_f64());
        }
    }
    println!(
        "from an outcome at Cloud 66 to its event on the wire, {} times: {ROUNDS} x {AT_ONCE} deploys, {PEOPLE} people:",
        late.len()
    );
    println!(
        "  p50 {:.2} s, p99 {:.2} s, slowest {:.2} s; goal 5 s",
        percentile(&mut late, 0.5),
        percentile(&mut late, 0.99),
        percentile(&mut late, 1.0)
    );
    stage.end().await;
}

/// Somebody's open list.
struct OpenPage(reqwest::Response);

impl OpenPage {
    async fn open(stage: &Stage, viewer: &Viewer) -> Self {
        let http = reqwest::Client::builder().build().unwrap();
        let stream = http
            .get(format!("{}/events?view=stacks", stage.url))
            .header("cookie", &viewer.cookie)
            .send();
        Self(stream.await.unwrap())
    }

    /// Reads until each of these was seen running and then well, and says when it was.
    async fn outcomes(&mut self, uids: &[String], clock: &Clock) -> HashMap<String, OffsetDateTime> {
        let mut text = String::new();
        let mut running: HashSet<&String> = HashSet::new();
        let mut well = HashMap::new();
        while well.len() < uids.len() {
            let chunk = self.0.chunk().await.unwrap().expect("the stream goes on");
            let now = clock.now();
            text.push_str(&String::from_utf8_lossy(&chunk));
            for uid in uids {
                let Some((_, row)) = text.rsplit_once(&format!("id=\"state-{uid}\"")) else {
                    continue;
                };
                let row = row.split("id=\"ver-").next().unwrap_or_default();
                if row.contains("Deploying") {
                    running.insert(uid);
                } else if row.contains("Healthy") && running.contains(uid) {
                    well.entry(uid.clone()).or_insert(now);
                }
            }
        }
        well
    }
}
