//! A person's sessions: noting that one is used, listing them, ending them.
//!
//! A session is named to the person by a short handle made from its hashed id; the id itself is known to that
//! session's browser alone.

use super::{App, SignedIn};
use crate::store::{SessionId, SessionInfo, StoreError};

impl App {
    /// Notes that the session is in use, which puts off its idle end.
    pub async fn touch_session(&self, id: &SessionId) -> Result<(), StoreError> {
        self.store().sessions().touch(id).await
    }

    /// All of the person's sessions, the newest first.
    pub async fn sessions(&self, who: &SignedIn) -> Result<Vec<SessionInfo>, StoreError> {
        self.store().sessions().of_user(who.person.id).await
    }

    /// Those of these sessions that have not ended, wherever they were ended.
    pub async fn sessions_alive(&self, ids: &[SessionId]) -> Result<Vec<SessionId>, StoreError> {
        self.store().sessions().alive_among(ids).await
    }

    /// Notified when sessions were ended in this process.
    pub fn sessions_ended(&self) -> std::sync::Arc<tokio::sync::Notify> {
        self.store().sessions().ended()
    }

    /// The handle of the session with this id.
    pub fn session_handle(&self, id: &SessionId) -> String {
        self.store().sessions().handle_of(id)
    }

    /// Ends one of the person's sessions. False if there is no such one.
    pub async fn end_session(&self, who: &SignedIn, handle: &str) -> Result<bool, StoreError> {
        self.store().sessions().end(who.person.id, handle).await
    }

    /// Ends all of the person's sessions, on every instance, and says how many there were.
    pub async fn sign_out_everywhere(&self, who: &SignedIn) -> Result<u64, StoreError> {
        self.watchers().forget(&who.grant.token);
        self.store().sessions().end_all_of(who.person.id).await
    }
}
