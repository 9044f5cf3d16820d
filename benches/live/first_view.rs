//! The first view of 300 stacks, in round trips to Cloud 66.

use std::time::{Duration, Instant};

use stackdeck::domain::Clock;
use stackdeck::sandbox::Options;

use super::stage::{Stage, percentile};

const STACKS: usize = 300;
const PAGES: usize = 10;
const VIEWS: usize = 5;

pub(crate) async fn run() {
    let options = Options {
        stacks: Some(STACKS),
        faults: vec!["api=delay:0.1".parse().unwrap()],
        ..Options::default()
    };
    let stage = Stage::new(options, Clock::system()).await;
    let http = reqwest::Client::builder().build().unwrap();
    let person = stage.sandbox.world().main_person().unwrap().email;
    let token = stage.sandbox.world().issue_token(&person, &[]).unwrap();
    let page = |number: usize| {
        let url = format!("{}/api/3/stacks.json?page={number}", stage.sandbox.url());
        let request = http.get(url).bearer_auth(&token);
        async move {
            let began = Instant::now();
            let mut answer = request.send().await.unwrap();
            while answer.chunk().await.unwrap().is_some() {}
            began.elapsed()
        }
    };
    let mut trips = Vec::new();
    let mut one_by_one = Duration::ZERO;
    for number in 1..=PAGES {
        let took = page(number).await;
        trips.push(took.as_secs_f64());
        one_by_one += took;
    }
    let trip = percentile(&mut trips, 0.5);

    let mut views = Vec::new();
    for n in 0..VIEWS {
        // A new token each time: nothing is remembered for it.
        let viewer = stage.viewer(i64::try_from(n).unwrap() + 1).await;
        stage.is_quiet().await;
        let request = http.get(&stage.url).header("cookie", &viewer.cookie);
        let began = Instant::now();
        let mut answer = request.send().await.unwrap();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        views.push(began.elapsed().as_secs_f64() / trip);
        let rows = String::from_utf8_lossy(&bytes)
            .matches("<li class=\"row\"")
            .count();
        assert_eq!(rows, STACKS, "every stack is on the page");
    }
    let (half, worst) = (percentile(&mut views, 0.5), percentile(&mut views, 1.0));
    println!(
        "first view of {STACKS} stacks, a round trip being {:.0} ms:",
        trip * 1e3
    );
    println!(
        "  pages one after another  {:5.2} round trips",
        one_by_one.as_secs_f64() / trip
    );
    println!("  GET / (median of {VIEWS})      {half:5.2} round trips, at worst {worst:.2}; goal 2.3");
    stage.end().await;
}
