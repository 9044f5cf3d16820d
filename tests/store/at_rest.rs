//! The database as a thief of its files sees it: nothing that lets anybody in, nothing that was deleted.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::SecretString;
use stackdeck::domain::redeploy::RedeployState;
use stackdeck::domain::{Reason, ReturnTo, Scopes};
use stackdeck::store::{SignIn, Store};
use tower_sessions::SessionStore as _;

use super::fixture::{ANA, Place, TOKEN, World, claim, on_both, operation};
use super::sessions::signed_in;

on_both!(nothing_in_the_database_lets_anybody_in);

const STATE: &str = "marker-state-0123456789abcdef0123456789abcdef";
const BROWSER: &str = "marker-browser-0123456789abcdef0123456789abcdef";
const VERIFIER: &str = "marker-verifier-0123456789abcdef0123456789abcdef";

async fn begin_sign_in(store: &Store) {
    let sign_in = SignIn {
        verifier: Some(SecretString::from(VERIFIER)),
        return_to: ReturnTo::Activity,
        scopes: Scopes::parse("public"),
    };
    store.sign_ins().begin(STATE, BROWSER, &sign_in).await.unwrap();
}

async fn nothing_in_the_database_lets_anybody_in(world: World) {
    let store = world.open().await;
    let id = signed_in(&store, ANA.0).await.id;
    begin_sign_in(&store).await;
    claim(&store, 1, operation(1)).await;

    let dump = dump(&world).await;
    // What must be found is found: the search works.
    for present in ["checkout", "/activity", "sending"] {
        assert!(holds(&dump, present.as_bytes()), "{present}");
    }
    for marker in [
        TOKEN,
        STATE,
        BROWSER,
        VERIFIER,
        &id.to_string(),
        &id.0.to_string(),
    ] {
        for form in forms(marker.as_bytes()) {
            assert!(
                !holds(&dump, &form),
                "{marker} as {}",
                String::from_utf8_lossy(&form)
            );
        }
    }
    for form in forms(&id.0.to_le_bytes()) {
        assert!(!holds(&dump, &form), "the bytes of the session's id");
    }
}

/// PostgreSQL's vacuum does this in its own time; SQLite is told to.
/// Case D12.
#[tokio::test]
async fn what_is_deleted_in_sqlite_leaves_no_bytes() {
    let world = World::sqlite();
    let store = world.open().await;
    let record = signed_in(&store, ANA.0).await;
    begin_sign_in(&store).await;
    claim(&store, 1, operation(1)).await;
    let mut sealed = Vec::new();
    for select in [
        "SELECT sealed FROM sessions",
        "SELECT sealed_verifier FROM sign_ins",
        "SELECT sealed_token FROM redeploys",
    ] {
        sealed.extend(world.blobs(select).await);
    }
    let before = files(&world);
    assert_eq!(sealed.iter().filter(|bytes| holds(&before, bytes)).count(), 3);

    store.sessions().delete(&record.id).await.unwrap();
    store.sign_ins().consume(STATE, BROWSER).await.unwrap().unwrap();
    world.advance(super::fixture::LEASE);
    store.ledger().expire_leases().await.unwrap();
    store.ledger().lost(operation(1), Reason::NoRecord).await.unwrap();
    store.sessions().sweep().await.unwrap();

    let after = files(&world);
    for bytes in sealed {
        assert!(!holds(&after, &bytes));
        // Nor a part of it, left over in a page.
        assert!(bytes.windows(16).all(|part| !holds(&after, part)));
    }
}

#[tokio::test]
async fn an_ended_redeploy_leaves_no_token_behind_in_sqlite() {
    let world = World::sqlite();
    let store = world.open().await;
    let held = claim(&store, 1, operation(1)).await;
    let sealed = world.blobs("SELECT sealed_token FROM redeploys").await.remove(0);
    store.ledger().accepted(&held, None, false, "").await.unwrap();
    world.advance(Duration::from_mins(1));
    store
        .ledger()
        .ended(operation(1), RedeployState::Succeeded, None, None, None)
        .await
        .unwrap();
    store.sign_ins().sweep().await.unwrap();
    assert!(!holds(&files(&world), &sealed));
}

/// Everything that the database holds, as bytes.
async fn dump(world: &World) -> Vec<u8> {
    let Place::Postgres { .. } = &world.place else {
        return files(world);
    };
    // Byte strings come out as hex digits, which is one of the forms that are searched for.
    let mut all = Vec::new();
    for table in ["sessions", "sign_ins", "redeploys"] {
        let rows = format!("SELECT convert_to(row_to_json(t)::text, 'UTF8') FROM {table} AS t");
        all.extend(world.blobs(&rows).await.concat());
    }
    all
}

/// The bytes of SQLite's files.
fn files(world: &World) -> Vec<u8> {
    let file = world.file();
    let beside = |ending: &str| Path::new(&format!("{}{ending}", file.display())).to_owned();
    let mut all = std::fs::read(&file).unwrap();
    all.extend(std::fs::read(beside("-wal")).unwrap_or_default());
    all.extend(std::fs::read(beside("-shm")).unwrap_or_default());
    all
}

/// A value as it is, and as somebody may have written it down.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let hex = value
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let reversed = value.iter().rev().copied().collect();
    let base64 = STANDARD.encode(value);
    let url_safe = URL_SAFE_NO_PAD.encode(value);
    let upper = hex.to_uppercase();
    let mut forms = vec![value.to_vec(), reversed];
    forms.extend([hex, upper, base64, url_safe].map(String::into_bytes));
    forms
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    haystack
        .iter()
        .enumerate()
        .any(|(at, byte)| *byte == first && haystack[at..].starts_with(needle))
}
