//! Sign-ins under way.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use stackdeck::domain::{ReturnTo, Scopes};
use stackdeck::store::{SignIn, StoreError};
use tokio::task::JoinSet;

use super::fixture::{World, on_both, stack};

on_both!(
    a_sign_in_comes_back_once,
    another_browser_neither_gets_nor_spoils_it,
    of_many_callbacks_one_wins,
    it_ends_after_ten_minutes,
    the_oldest_of_too_many_in_one_browser_goes,
    no_more_than_ten_thousand_are_under_way,
    a_pasted_code_belongs_to_the_newest,
    what_no_secret_opens_is_unknown,
);

fn sign_in(verifier: &str) -> SignIn {
    SignIn {
        verifier: Some(SecretString::from(verifier)),
        return_to: ReturnTo::Stack(stack(5)),
        scopes: Scopes::parse("public redeploy"),
    }
}

fn verifier(sign_in: &SignIn) -> &str {
    sign_in.verifier.as_ref().unwrap().expose_secret()
}

async fn a_sign_in_comes_back_once(world: World) {
    let sign_ins = world.open().await.sign_ins();
    sign_ins
        .begin("state", "browser", &sign_in("verifier"))
        .await
        .unwrap();
    assert!(sign_ins.consume("other", "browser").await.unwrap().is_none());

    let back = sign_ins.consume("state", "browser").await.unwrap().unwrap();
    assert_eq!(verifier(&back), "verifier");
    assert_eq!(back.return_to, ReturnTo::Stack(stack(5)));
    assert_eq!(back.scopes, Scopes::parse("public redeploy"));
    assert!(sign_ins.consume("state", "browser").await.unwrap().is_none());

    let mut without = sign_in("");
    without.verifier = None;
    sign_ins.begin("state", "browser", &without).await.unwrap();
    let back = sign_ins.consume("state", "browser").await.unwrap().unwrap();
    assert!(back.verifier.is_none());
}

async fn another_browser_neither_gets_nor_spoils_it(world: World) {
    let sign_ins = world.open().await.sign_ins();
    sign_ins
        .begin("state", "browser", &sign_in("verifier"))
        .await
        .unwrap();
    for other in ["another", "", "state"] {
        assert!(sign_ins.consume("state", other).await.unwrap().is_none());
        assert!(sign_ins.latest_of(other).await.unwrap().is_none());
    }
    assert!(sign_ins.consume("browser", "state").await.unwrap().is_none());
    assert!(sign_ins.consume("state", "browser").await.unwrap().is_some());
}

/// Case S08; the measurement M15: one winner.
async fn of_many_callbacks_one_wins(world: World) {
    let instances = [world.open().await, world.open().await];
    for round in 0..20 {
        let state = format!("state {round}");
        instances[0]
            .sign_ins()
            .begin(&state, "browser", &sign_in("v"))
            .await
            .unwrap();
        let mut callbacks = JoinSet::new();
        for n in 0..200 {
            let (sign_ins, state) = (instances[n % 2].sign_ins(), state.clone());
            callbacks.spawn(async move { sign_ins.consume(&state, "browser").await.unwrap().is_some() });
        }
        let winners = callbacks.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(winners, 1, "round {round}");
    }
}

async fn it_ends_after_ten_minutes(world: World) {
    let sign_ins = world.open().await.sign_ins();
    for state in ["one", "two", "three"] {
        sign_ins.begin(state, "browser", &sign_in("v")).await.unwrap();
    }
    world.advance(Duration::from_mins(10) - Duration::from_millis(1));
    assert!(sign_ins.consume("one", "browser").await.unwrap().is_some());
    assert_eq!(sign_ins.sweep().await.unwrap(), 0);
    world.advance(Duration::from_millis(1));
    assert!(sign_ins.consume("two", "browser").await.unwrap().is_none());
    assert!(sign_ins.latest_of("browser").await.unwrap().is_none());
    assert_eq!(sign_ins.sweep().await.unwrap(), 2);
    assert_eq!(world.number("SELECT count(*) FROM sign_ins").await, 0);
}

async fn the_oldest_of_too_many_in_one_browser_goes(world: World) {
    let sign_ins = world.open().await.sign_ins();
    sign_ins
        .begin("elsewhere", "another", &sign_in("v"))
        .await
        .unwrap();
    for n in 1..=6 {
        sign_ins
            .begin(&format!("state {n}"), "browser", &sign_in("v"))
            .await
            .unwrap();
    }
    assert!(sign_ins.consume("state 1", "browser").await.unwrap().is_none());
    for n in 2..=6 {
        assert!(
            sign_ins
                .consume(&format!("state {n}"), "browser")
                .await
                .unwrap()
                .is_some(),
            "{n}"
        );
    }
    assert!(sign_ins.consume("elsewhere", "another").await.unwrap().is_some());
}

async fn no_more_than_ten_thousand_are_under_way(world: World) {
    let sign_ins = world.open().await.sign_ins();
    let end_ms = world.now().unix_timestamp() * 1_000 + 60_000;
    let insert = "INSERT INTO sign_ins (state_hash, browser_hash, expires_at_ms, return_to, scopes)";
    let values = format!("randomblob(32), x'00', {end_ms}, '/', 'public'");
    world.fill(9_999, insert, &values).await;

    sign_ins
        .begin("the last", "browser", &sign_in("v"))
        .await
        .unwrap();
    let refused = sign_ins.begin("one too many", "browser", &sign_in("v")).await;
    assert_eq!(refused.unwrap_err(), StoreError::Full);
    assert!(
        sign_ins
            .consume("one too many", "browser")
            .await
            .unwrap()
            .is_none()
    );

    world.advance(Duration::from_mins(1));
    sign_ins
        .begin("one too many", "browser", &sign_in("v"))
        .await
        .unwrap();
    assert!(sign_ins.consume("the last", "browser").await.unwrap().is_some());
}

async fn a_pasted_code_belongs_to_the_newest(world: World) {
    let sign_ins = world.open().await.sign_ins();
    for n in ["1", "2", "3"] {
        sign_ins.begin(n, "browser", &sign_in(n)).await.unwrap();
    }
    sign_ins.begin("4", "another", &sign_in("4")).await.unwrap();
    for n in ["3", "2", "1"] {
        assert_eq!(
            verifier(&sign_ins.latest_of("browser").await.unwrap().unwrap()),
            n
        );
    }
    assert!(sign_ins.latest_of("browser").await.unwrap().is_none());
}

async fn what_no_secret_opens_is_unknown(world: World) {
    let first = world.open_with(&[1]).await.sign_ins();
    for state in ["one", "two"] {
        first.begin(state, "browser", &sign_in("v")).await.unwrap();
    }
    let rotated = world.open_with(&[2, 1]).await.sign_ins();
    assert!(rotated.consume("one", "browser").await.unwrap().is_some());
    let later = world.open_with(&[2]).await.sign_ins();
    assert!(later.consume("two", "browser").await.unwrap().is_none());
}
