//! The requests that an hour of watching takes: one person, three pages open, five deploys that do not end.

use stackdeck::app::watch::Interest;
use stackdeck::app::watch::keep::{Waiting, round};
use stackdeck::domain::{Clock, ManualClock};
use stackdeck::sandbox::Options;
use time::Duration;

use super::stage::Stage;

const STEP: Duration = Duration::milliseconds(1_500);
const LIMIT: usize = 3_000;

pub(crate) async fn run() {
    println!("an hour of watching, 3 tabs, 5 deploys running, {LIMIT} requests an hour:");
    for stacks in [30, 300, 3_000] {
        let spent = one(stacks).await;
        println!(
            "  {stacks:5} stacks  {spent:5} requests = {:.2} of the limit; goal 0.50",
            spent as f64 / LIMIT as f64
        );
        assert!(spent <= LIMIT / 2, "more than half was spent on watching");
    }
}

async fn one(stacks: usize) -> usize {
    // The clock stands at the beginning of an hour and moves only as it is pushed.
    let now = Clock::system().now();
    let hour = now - Duration::seconds(now.unix_timestamp().rem_euclid(3_600));
    let hour = hour - Duration::nanoseconds(i64::from(hour.nanosecond()));
    let clock = ManualClock::frozen_at(hour);
    let options = Options {
        stacks: Some(stacks),
        deploy_time: std::time::Duration::from_hours(9),
        ..Options::default()
    };
    let stage = Stage::new(options, clock.clock()).await;
    let world = stage.sandbox.world();
    let main = world.main_person().unwrap().email;
    let quiet = world
        .visible_to(&main)
        .into_iter()
        .filter(|stack| stack.status.0 == 1);
    for stack in quiet.take(5) {
        world.deploy_from_web(&stack.uid, &main).unwrap();
    }
    let viewer = stage.viewer(1).await;
    let app = &stage.running.app;
    let _tabs: Vec<_> = (0..3).map(|_| app.attend(&viewer.who, Interest::List)).collect();
    world.clear_journal();
    let mut passed = Duration::ZERO;
    while passed < Duration::HOUR - STEP {
        clock.advance(STEP);
        passed += STEP;
        round(app, Waiting::ForAll).await;
    }
    let spent = world.journal().entries().len();
    stage.end().await;
    spent
}
