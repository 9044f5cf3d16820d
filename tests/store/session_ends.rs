//! That a session ends, and stays ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tower_sessions::SessionStore as _;
use tower_sessions::session::Session;

use super::fixture::{ANA, IDLE, LIFETIME, World, on_both};
use super::sessions::signed_in;

on_both!(
    a_slow_request_does_not_bring_a_session_back,
    signing_out_holds_at_once_here_and_in_two_seconds_elsewhere,
    of_many_sessions_those_that_ended_are_told_in_one_question,
    loads_that_race_with_signing_out_do_not_outlive_it,
    an_idle_session_ends,
    activity_keeps_a_session_alive_to_its_absolute_end,
    a_short_idle_time_is_kept_alive_by_activity_too,
    nothing_revives_a_session_that_has_ended,
    sweeping_takes_all_that_have_ended_and_no_other,
);

/// The published stores' `save` adds the row again: with them 100 of 100 came back.
async fn a_slow_request_does_not_bring_a_session_back(world: World) {
    let store = world.open().await;
    let sessions = Arc::new(store.sessions());
    for _ in 0..100 {
        let id = signed_in(&store, ANA.0).await.id;
        let slow = Session::new(Some(id), sessions.clone(), None);
        assert_eq!(slow.get::<i64>("user_id").await.unwrap(), Some(ANA.0));

        let signing_out = Session::new(Some(id), sessions.clone(), None);
        signing_out.flush().await.unwrap();

        slow.insert("flash", "done").await.unwrap();
        slow.save().await.unwrap();
        assert!(sessions.load(&id).await.unwrap().is_none());
    }
    assert_eq!(world.number("SELECT count(*) FROM sessions").await, 0);
}

async fn signing_out_holds_at_once_here_and_in_two_seconds_elsewhere(world: World) {
    let (here, elsewhere) = (world.open().await, world.open().await);
    let id = signed_in(&here, ANA.0).await.id;
    for store in [&here, &elsewhere] {
        assert!(store.sessions().load(&id).await.unwrap().is_some());
    }
    here.sessions().delete(&id).await.unwrap();
    assert!(here.sessions().load(&id).await.unwrap().is_none());
    assert!(!here.sessions().is_alive(&id).await.unwrap());

    world.advance(Duration::from_secs(2));
    assert!(elsewhere.sessions().load(&id).await.unwrap().is_none());
    assert!(!elsewhere.sessions().is_alive(&id).await.unwrap());
}

async fn of_many_sessions_those_that_ended_are_told_in_one_question(world: World) {
    let (here, elsewhere) = (world.open().await, world.open().await);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(signed_in(&here, ANA.0).await.id);
    }
    assert_eq!(elsewhere.sessions().alive_among(&ids).await.unwrap(), ids);
    assert_eq!(elsewhere.sessions().alive_among(&[]).await.unwrap(), []);
    here.sessions().delete(&ids[1]).await.unwrap();
    here.sessions().delete(&ids[4]).await.unwrap();
    let alive = elsewhere.sessions().alive_among(&ids).await.unwrap();
    assert_eq!(alive, [ids[0], ids[2], ids[3]]);
    world.advance(IDLE);
    assert_eq!(here.sessions().alive_among(&ids).await.unwrap(), []);
}

async fn loads_that_race_with_signing_out_do_not_outlive_it(world: World) {
    let store = world.open().await;
    for _ in 0..50 {
        let id = signed_in(&store, ANA.0).await.id;
        let mut loads = JoinSet::new();
        for _ in 0..8 {
            let sessions = store.sessions();
            loads.spawn(async move { sessions.load(&id).await.unwrap() });
        }
        store.sessions().delete(&id).await.unwrap();
        loads.join_all().await;
        assert!(store.sessions().load(&id).await.unwrap().is_none());
    }
}

async fn an_idle_session_ends(world: World) {
    let store = world.open().await;
    let id = signed_in(&store, ANA.0).await.id;
    world.advance(IDLE.checked_sub(Duration::from_millis(1)).unwrap());
    assert!(store.sessions().load(&id).await.unwrap().is_some());
    assert_eq!(store.sessions().of_user(ANA).await.unwrap().len(), 1);

    // The session is in memory by now, and ends there as well.
    world.advance(Duration::from_millis(1));
    assert!(store.sessions().load(&id).await.unwrap().is_none());
    assert!(!store.sessions().is_alive(&id).await.unwrap());
    assert_eq!(store.sessions().of_user(ANA).await.unwrap(), []);
}

async fn activity_keeps_a_session_alive_to_its_absolute_end(world: World) {
    let store = world.open().await;
    let (id, start) = (signed_in(&store, ANA.0).await.id, world.now());
    let step = Duration::from_hours(11);
    while world.now() + step < start + LIFETIME {
        world.advance(step);
        assert!(store.sessions().load(&id).await.unwrap().is_some());
        store.sessions().touch(&id).await.unwrap();
    }
    let rest = (start + LIFETIME - world.now()).unsigned_abs();
    world.advance(rest.checked_sub(Duration::from_millis(1)).unwrap());
    store.sessions().touch(&id).await.unwrap();
    assert!(store.sessions().load(&id).await.unwrap().is_some());
    world.advance(Duration::from_millis(1));
    assert!(store.sessions().load(&id).await.unwrap().is_none());
}

async fn a_short_idle_time_is_kept_alive_by_activity_too(world: World) {
    let mut options = world.options();
    options.idle = Duration::from_secs(2);
    let store = world.try_open(options).await.unwrap();
    let id = signed_in(&store, ANA.0).await.id;
    for _ in 0..10 {
        world.advance(Duration::from_secs(1));
        assert!(store.sessions().load(&id).await.unwrap().is_some());
        store.sessions().touch(&id).await.unwrap();
    }
    world.advance(Duration::from_secs(2));
    assert!(store.sessions().load(&id).await.unwrap().is_none());
}

async fn nothing_revives_a_session_that_has_ended(world: World) {
    let store = world.open().await;
    let record = signed_in(&store, ANA.0).await;
    world.advance(IDLE);
    store.sessions().touch(&record.id).await.unwrap();
    store.sessions().save(&record).await.unwrap();
    assert!(store.sessions().load(&record.id).await.unwrap().is_none());
}

async fn sweeping_takes_all_that_have_ended_and_no_other(world: World) {
    let store = world.open().await;
    let alive = signed_in(&store, ANA.0).await.id;
    let now_ms = world.now().unix_timestamp() * 1_000;
    let insert =
        "INSERT INTO sessions (id_hash, user_id, created_at_ms, last_seen_at_ms, expires_at_ms, sealed)";
    // Several batches: every other one is idle, every other one expired.
    let idle = now_ms - i64::try_from(IDLE.as_millis()).unwrap();
    let values = format!(
        "randomblob(32), NULL, 0, CASE n % 2 WHEN 0 THEN {idle} ELSE {now_ms} END, \
         CASE n % 2 WHEN 0 THEN {} ELSE {now_ms} END, x'00'",
        now_ms + 1
    );
    world.fill(1_203, insert, &values).await;

    assert_eq!(store.sessions().sweep().await.unwrap(), 1_203);
    assert_eq!(store.sessions().sweep().await.unwrap(), 0);
    assert!(store.sessions().load(&alive).await.unwrap().is_some());
}
