//! The signed-in session, typed. The keys under which things stand in a session record live in this file only.
//!
//! Invariants:
//! * A session exists only for somebody who is signed in: a visitor gets no cookie and no row.
//! * Its id is new at each sign-in, whatever cookie came (session fixation).
//! * It is held against today's settings whenever it is loaded: who may no longer sign in is signed out, and what a
//!   sign-in no longer asks for is not used.
//! * It holds who signed in, the access token, a secret for forms, and what is to be said on the next page.
//!   The record is written whole and the last writer wins, so of all this only the last may change.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tower_sessions::Session;

use super::looks::Seen;
use super::pages::notes::Notice;
use super::pages::trouble::{SignInTrouble, Trouble};
use super::problem::Problem;
use super::state::WebState;
use crate::app::{App, SignedIn};
use crate::domain::{AccessToken, AccountId, Grant, Person, ReturnTo, Scopes};

/// The person's id; the store lifts it out of the record to group a person's sessions.
const USER_ID: &str = "user_id";
const VISITOR: &str = "visitor";
const NOTICES: &str = "notices";

/// How many notices wait for the next page: as many as a screen shows one above the other. A browser whose scripts
/// press buttons without ever loading a page would otherwise fill its session's row.
const MOST_NOTICES: usize = 8;

/// How many bytes they have together, as they are stored. Names of Cloud 66 may be 2,000 characters long.
const MOST_NOTICE_BYTES: usize = 8 * 1024;

/// What a session record holds. It is sealed by the store, so the token may stand in it.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    person: Person,
    /// The accounts beside the person's own; none in a record of an older program.
    #[serde(default)]
    accounts: Vec<AccountId>,
    token: String,
    scopes: String,
    form_secret: [u8; 32],
    #[serde(with = "time::serde::timestamp")]
    signed_in_at: OffsetDateTime,
}

/// Somebody who is signed in, as an argument of a handler: having one proves that the session was checked.
#[derive(Clone)]
pub struct Visitor {
    /// Who, and with which token.
    pub who: SignedIn,
    /// The secret of this session's forms.
    pub form_secret: FormSecret,
    /// When the session began.
    pub signed_in_at: OffsetDateTime,
    session: Session,
}

/// The secret from which a session's form tokens are made. Silent in `Debug`.
#[derive(Clone, Copy)]
pub struct FormSecret(pub [u8; 32]);

impl std::fmt::Debug for FormSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Visitor {
    /// Ends this session here; the store drops its row, and the answer removes the cookie.
    pub async fn sign_out(&self) -> Result<(), Problem> {
        self.session.flush().await.map_err(|_| Problem::session_store())
    }

    /// Leaves something to say on the next page, once, however often it is left before it is said. Where too much
    /// waits, the oldest is dropped, and the page says how many were.
    pub async fn leave_notice(&self, notice: Notice) -> Result<(), Problem> {
        let notices: Vec<Notice> = self.session.get(NOTICES).await.ok().flatten().unwrap_or_default();
        if notices.contains(&notice) {
            return Ok(());
        }
        self.session
            .insert(NOTICES, with_notice(notices, notice))
            .await
            .map_err(|_| Problem::session_store())
    }

    /// Takes what was left to say. Says nothing where the record is of an older shape.
    pub async fn take_notices(&self) -> Result<Vec<Notice>, Problem> {
        match self.session.get_value(NOTICES).await {
            Ok(None) => Ok(Vec::new()),
            Ok(Some(_)) => Ok(self
                .session
                .remove(NOTICES)
                .await
                .ok()
                .flatten()
                .unwrap_or_default()),
            Err(_) => Err(Problem::session_store()),
        }
    }

    /// The session's id, for telling it apart from the person's other ones.
    pub fn session_id(&self) -> Option<tower_sessions::session::Id> {
        self.session.id()
    }
}

/// The notices with one more, within [`MOST_NOTICES`] and [`MOST_NOTICE_BYTES`].
fn with_notice(notices: Vec<Notice>, notice: Notice) -> Vec<Notice> {
    let mut dropped = 0;
    let mut kept = Vec::new();
    for known in notices {
        match known {
            Notice::Dropped { count } => dropped += count,
            known => kept.push(known),
        }
    }
    kept.push(notice);
    while kept.len() > MOST_NOTICES || (bytes(&kept) > MOST_NOTICE_BYTES && !kept.is_empty()) {
        kept.remove(0);
        dropped += 1;
    }
    if dropped > 0 {
        kept.insert(0, Notice::Dropped { count: dropped });
    }
    kept
}

fn bytes(notices: &[Notice]) -> usize {
    serde_json::to_vec(notices).map_or(usize::MAX, |json| json.len())
}

/// Begins a session for somebody who just signed in, in place of whatever session the browser had.
pub async fn begin(session: &Session, app: &App, who: &SignedIn) -> Result<(), Problem> {
    let storage = |_: tower_sessions::session::Error| Problem::session_store();
    // Loading first makes an id that nobody issued disappear; flushing ends a session that was there.
    session.load().await.map_err(storage)?;
    session.flush().await.map_err(storage)?;
    let stored = Stored {
        person: who.person.clone(),
        accounts: who.accounts.clone(),
        token: who.grant.token.expose().to_owned(),
        scopes: who.grant.scopes.to_string(),
        form_secret: app.random().bytes(),
        signed_in_at: app.clock().now(),
    };
    session.insert(USER_ID, who.person.id.0).await.map_err(storage)?;
    session.insert(VISITOR, stored).await.map_err(storage)?;
    session.save().await.map_err(storage)
}

/// The visitor of a request, if there is one. The session's activity is noted at most once a minute.
async fn visitor(parts: &mut Parts, state: &WebState) -> Result<Option<Visitor>, Problem> {
    if let Some(known) = parts.extensions.get::<Visitor>() {
        return Ok(Some(known.clone()));
    }
    let Some(session) = parts.extensions.get::<Session>().cloned() else {
        return Ok(None);
    };
    if session.id().is_none() {
        return Ok(None);
    }
    let storage = |_: tower_sessions::session::Error| Problem::session_store();
    let stored = match session.get::<Stored>(VISITOR).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return Ok(None),
        Err(tower_sessions::session::Error::SerdeJson(_)) => {
            // A record of an older shape: the person signs in again.
            session.flush().await.map_err(storage)?;
            return Ok(None);
        }
        Err(error) => return Err(storage(error)),
    };
    let policy = state.app().policy();
    let mut accounts = stored.accounts;
    if !accounts.contains(&stored.person.account) {
        accounts.push(stored.person.account);
    }
    if !policy.admits(&accounts) {
        tracing::info!(person = %stored.person.id, "a session was ended: its accounts may no longer sign in");
        session.flush().await.map_err(storage)?;
        return Err(SignInTrouble::NotAllowed.into());
    }
    if let Some(id) = session.id()
        && let Err(error) = state.app().touch_session(&id).await
    {
        tracing::warn!(%error, "a session's activity could not be noted");
    }
    let grant = Grant {
        token: AccessToken::new(stored.token),
        scopes: Scopes::parse(&stored.scopes).within(&policy.scopes),
    };
    let visitor = Visitor {
        who: SignedIn {
            person: stored.person,
            accounts,
            grant,
        },
        form_secret: FormSecret(stored.form_secret),
        signed_in_at: stored.signed_in_at,
        session,
    };
    parts.extensions.insert(visitor.clone());
    if let Some(seen) = parts.extensions.get::<Seen>() {
        seen.note(&visitor);
    }
    Ok(Some(visitor))
}

impl OptionalFromRequestParts<WebState> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Option<Self>, Problem> {
        visitor(parts, state).await
    }
}

impl FromRequestParts<WebState> for Visitor {
    type Rejection = Problem;

    /// Without a session, a page leads to the sign-in and back; a form is refused, because the answer to a
    /// form cannot be repeated after signing in.
    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        if let Some(visitor) = visitor(parts, state).await? {
            return Ok(visitor);
        }
        let return_to = ReturnTo::parse(parts.uri.path());
        Err(if parts.method.is_safe() {
            Problem::SignInFirst { return_to }
        } else {
            Trouble::SignedOut {
                return_to: ReturnTo::Home,
            }
            .into()
        })
    }
}
