//! Sessions: who they belong to, and that their ids and content are what this program made.

use std::collections::HashMap;

use serde_json::json;
use stackdeck::store::Store;
use time::OffsetDateTime;
use tower_sessions::SessionStore as _;
use tower_sessions::session::{Id, Record};

use super::fixture::{ANA, BEN, HERE, TOKEN, World, on_both};

on_both!(
    a_session_comes_back_as_it_was_saved,
    an_id_that_a_browser_chose_never_becomes_a_session,
    a_person_sees_and_ends_the_sessions_of_that_person_only,
    all_sessions_end_at_once,
    the_oldest_of_too_many_sessions_goes,
    content_copied_to_another_row_does_not_open,
    a_new_secret_in_front_lets_everybody_stay_and_reseals_what_is_saved,
    touching_is_written_once_a_minute,
);

pub(super) fn record(user: i64) -> Record {
    Record {
        id: Id(0),
        data: HashMap::from([("user_id".into(), json!(user)), ("token".into(), json!(TOKEN))]),
        expiry_date: OffsetDateTime::UNIX_EPOCH,
    }
}

pub(super) async fn signed_in(store: &Store, user: i64) -> Record {
    let mut record = record(user);
    store.sessions().create(&mut record).await.unwrap();
    record
}

async fn a_session_comes_back_as_it_was_saved(world: World) {
    let store = world.open().await;
    let mut record = signed_in(&store, ANA.0).await;
    let loaded = store.sessions().load(&record.id).await.unwrap().unwrap();
    assert_eq!((loaded.id, &loaded.data), (record.id, &record.data));
    assert_eq!(loaded.expiry_date, world.now() + super::fixture::LIFETIME);

    record.data.insert("flash".into(), json!({"words": "ü\0"}));
    store.sessions().save(&record).await.unwrap();
    // Twice: from the database, and from memory.
    for _ in 0..2 {
        let loaded = store.sessions().load(&record.id).await.unwrap().unwrap();
        assert_eq!(loaded.data, record.data);
    }
}

async fn an_id_that_a_browser_chose_never_becomes_a_session(world: World) {
    let sessions = world.open().await.sessions();
    let chosen = Id(1234);

    let mut created = record(ANA.0);
    created.id = chosen;
    sessions.create(&mut created).await.unwrap();
    assert_ne!(created.id, chosen);
    assert!(sessions.load(&created.id).await.unwrap().is_some());

    let mut saved = record(ANA.0);
    saved.id = chosen;
    sessions.save(&saved).await.unwrap();
    assert!(sessions.load(&chosen).await.unwrap().is_none());
    assert_eq!(world.number("SELECT count(*) FROM sessions").await, 1);
}

async fn a_person_sees_and_ends_the_sessions_of_that_person_only(world: World) {
    let store = world.open().await;
    let sessions = store.sessions();
    let old = signed_in(&store, ANA.0).await;
    world.advance(std::time::Duration::from_mins(5));
    let new = signed_in(&store, ANA.0).await;
    let other = signed_in(&store, BEN.0).await;

    let listed = sessions.of_user(ANA).await.unwrap();
    let handles: Vec<_> = listed.iter().map(|info| info.handle.clone()).collect();
    assert_eq!(
        handles,
        [sessions.handle_of(&new.id), sessions.handle_of(&old.id)]
    );
    assert_eq!(listed[0].created_at, world.now());

    let of_ben = sessions.handle_of(&other.id);
    for not_hers in [
        of_ben.as_str(),
        "",
        "0",
        "zzzzzzzzzzzzzzzz",
        "0000000000000000",
        "+123456789012345",
    ] {
        assert!(!sessions.end(ANA, not_hers).await.unwrap(), "{not_hers}");
    }
    assert!(sessions.load(&old.id).await.unwrap().is_some());
    assert!(sessions.end(ANA, &handles[1]).await.unwrap());
    assert!(!sessions.end(ANA, &handles[1]).await.unwrap());
    assert!(sessions.load(&old.id).await.unwrap().is_none());

    assert!(sessions.load(&new.id).await.unwrap().is_some());
    assert_eq!(sessions.end_all_of(ANA).await.unwrap(), 1);
    assert!(sessions.load(&new.id).await.unwrap().is_none());
    assert!(sessions.load(&other.id).await.unwrap().is_some());
}

async fn all_sessions_end_at_once(world: World) {
    let store = world.open().await;
    let sessions = store.sessions();
    let records = [signed_in(&store, ANA.0).await, signed_in(&store, BEN.0).await];
    for record in &records {
        assert!(sessions.load(&record.id).await.unwrap().is_some());
    }
    assert_eq!(sessions.end_all().await.unwrap(), 2);
    for record in &records {
        assert!(sessions.load(&record.id).await.unwrap().is_none());
        assert!(!sessions.is_alive(&record.id).await.unwrap());
    }
}

async fn the_oldest_of_too_many_sessions_goes(world: World) {
    let store = world.open().await;
    let oldest = signed_in(&store, ANA.0).await;
    let other = signed_in(&store, BEN.0).await;
    assert!(store.sessions().load(&oldest.id).await.unwrap().is_some());
    let now_ms = world.now().unix_timestamp() * 1_000;
    let (seen, end) = (now_ms + 1_000, now_ms + 1_000_000);
    let insert = "INSERT INTO sessions (id_hash, user_id, created_at_ms, last_seen_at_ms, expires_at_ms, sealed, origin)";
    let values = format!(
        "randomblob(32), {}, {seen}, {seen}, {end}, x'00', '{HERE}'",
        ANA.0
    );
    world.fill(999, insert, &values).await;

    world.advance(std::time::Duration::from_millis(1_500));
    let newest = signed_in(&store, ANA.0).await;
    let of_ana = format!("SELECT count(*) FROM sessions WHERE user_id = {}", ANA.0);
    assert_eq!(world.number(&of_ana).await, 1_000);
    assert!(store.sessions().load(&oldest.id).await.unwrap().is_none());
    for kept in [newest, other] {
        assert!(store.sessions().load(&kept.id).await.unwrap().is_some());
    }
}

async fn content_copied_to_another_row_does_not_open(world: World) {
    let store = world.open().await;
    let (mine, victim) = (signed_in(&store, ANA.0).await, signed_in(&store, BEN.0).await);
    world
        .sql(&format!(
            "UPDATE sessions SET sealed = (SELECT sealed FROM sessions WHERE user_id = {}) \
             WHERE user_id = {}",
            BEN.0, ANA.0
        ))
        .await;
    assert!(store.sessions().load(&mine.id).await.unwrap().is_none());
    assert!(store.sessions().load(&victim.id).await.unwrap().is_some());
}

/// Case D09.
async fn a_new_secret_in_front_lets_everybody_stay_and_reseals_what_is_saved(world: World) {
    let first = world.open_with(&[1]).await;
    let (saved, unsaved) = (signed_in(&first, ANA.0).await, signed_in(&first, BEN.0).await);

    let rotated = world.open_with(&[2, 1]).await.sessions();
    for record in [&saved, &unsaved] {
        let loaded = rotated.load(&record.id).await.unwrap().unwrap();
        assert_eq!(loaded.data, record.data);
    }
    rotated.save(&saved).await.unwrap();

    let later = world.open_with(&[2]).await.sessions();
    assert!(later.load(&saved.id).await.unwrap().is_some());
    assert!(later.load(&unsaved.id).await.unwrap().is_none());
}

async fn touching_is_written_once_a_minute(world: World) {
    let store = world.open().await;
    let sessions = store.sessions();
    let id = signed_in(&store, ANA.0).await.id;
    let start = world.now();
    let seen = async || sessions.of_user(ANA).await.unwrap()[0].last_seen_at;

    world.advance(std::time::Duration::from_secs(59));
    sessions.touch(&id).await.unwrap();
    assert_eq!(seen().await, start);

    world.advance(std::time::Duration::from_secs(1));
    sessions.load(&id).await.unwrap();
    sessions.touch(&id).await.unwrap();
    assert_eq!(seen().await, world.now());

    let touched = world.now();
    world.advance(std::time::Duration::from_secs(1));
    sessions.touch(&id).await.unwrap();
    assert_eq!(seen().await, touched);
}
