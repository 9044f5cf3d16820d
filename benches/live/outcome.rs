//! From Cloud 66 having an outcome to the event on the wire.

use std::collections::HashMap;
use std::time::Duration;

use stackdeck::domain::Clock;
use stackdeck::sandbox::Options;
use time::OffsetDateTime;

use super::stage::{Stage, percentile};

const ROUNDS: usize = 2;
const AT_ONCE: usize = 6;

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
    let viewer = stage.viewer(1).await;
    let http = reqwest::Client::builder().build().unwrap();
    let mut stream = http
        .get(format!("{}/events?view=stacks", stage.url))
        .header("cookie", &viewer.cookie)
        .send()
        .await
        .unwrap();
    let mut late = Vec::new();
    for _ in 0..ROUNDS {
        let quiet = world.visible_to(&main).into_iter();
        let quiet = quiet.filter(|stack| {
            (stack.status.0, stack.health.0) == (1, 3) && !stack.is_busy && !stack.always_fails
        });
        let uids: Vec<String> = quiet.take(AT_ONCE).map(|stack| stack.uid).collect();
        let mut waits: HashMap<String, Option<OffsetDateTime>> = HashMap::new();
        for uid in &uids {
            world.deploy_from_web(uid, &main).unwrap();
            waits.insert(uid.clone(), None);
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        let mut text = String::new();
        let mut seen_running: HashMap<String, bool> = HashMap::new();
        while waits.values().any(Option::is_none) {
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            let now = clock.now();
            text.push_str(&String::from_utf8_lossy(&chunk));
            for uid in &uids {
                let Some((_, row)) = text.rsplit_once(&format!("id=\"state-{uid}\"")) else {
                    continue;
                };
                let row = row.split("id=\"ver-").next().unwrap_or_default();
                if row.contains("Deploying") {
                    seen_running.insert(uid.clone(), true);
                } else if row.contains("Healthy") && seen_running.contains_key(uid) {
                    waits.entry(uid.clone()).and_modify(|at| {
                        at.get_or_insert(now);
                    });
                }
            }
        }
        for (uid, at) in waits {
            let finished = world.deployments(&uid).last().unwrap().finished_at.unwrap();
            late.push((at.unwrap() - finished).as_seconds_f64());
        }
    }
    println!(
        "from an outcome at Cloud 66 to its event on the wire, {} deploys, {AT_ONCE} at once:",
        late.len()
    );
    println!(
        "  p50 {:.2} s, p99 {:.2} s; goal 5 s",
        percentile(&mut late, 0.5),
        percentile(&mut late, 0.99)
    );
    stage.end().await;
}
