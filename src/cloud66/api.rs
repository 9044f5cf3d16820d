//! What one person may ask of Cloud 66: the reads. What changes something is in `send`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use time::Duration;

use super::budget::Budget;
use super::client::ApiVersion;
use super::error::Error;
use super::http::{Body, Http, LIST_CAP, OBJECT_CAP, Request};
use super::pages::{Gathered, gather};
use super::refusal;
use super::reply::{Cut, NoReply, Reply};
use super::shared_reads::SharedReads;
use super::skew::Timed as _;
use super::version_2::user_of_token;
use super::wire::{self, Page, Row};
use crate::domain::{
    AccessToken, AccountId, Action, ActionId, Deployment, DeploymentId, OperationId, Person, Service, Stack,
    StackUid,
};

/// Pages of stacks that are read at most: 12,000 stacks of 30 a page.
const MOST_STACK_PAGES: u32 = 400;
/// Pages of other lists.
pub(super) const MOST_PAGES: u32 = 20;

/// Cloud 66 in one person's hands. Owned and cheap to clone; clones share the last warning.
#[derive(Clone)]
pub struct Api {
    http: Http,
    version: ApiVersion,
    token: AccessToken,
    budget: Budget,
    warning: Arc<Mutex<Option<String>>>,
    shared: Option<SharedReads>,
}

/// All stacks that a person can reach, as far as they could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The stacks, each once, in the order in which Cloud 66 gave them.
    pub stacks: Vec<Stack>,
    /// What the rows are called that are not stacks as far as this app can tell.
    pub unreadable: Vec<String>,
    /// Whether a page is missing, so that there are stacks which are not in this list.
    pub incomplete: bool,
    /// What Cloud 66 wants the person to know (`X-Cloud66-Warning`, fact sheet 5.5). Plain text.
    pub warning: Option<String>,
}

impl Api {
    pub(super) fn new(http: Http, version: ApiVersion, token: AccessToken, budget: Budget) -> Self {
        Self {
            http,
            version,
            token,
            budget,
            warning: Arc::default(),
            shared: None,
        }
    }

    pub(super) fn sharing(mut self, shared: SharedReads) -> Self {
        self.shared = Some(shared);
        self
    }

    /// The dialect that it speaks.
    pub fn version(&self) -> ApiVersion {
        self.version
    }

    /// The last thing that Cloud 66 wanted the person to know while this handle was used. Plain text.
    pub fn warning(&self) -> Option<String> {
        self.warning
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Who the token belongs to: `GET /ping/auth` (fact sheet 4.9).
    ///
    /// Version 2 has no such question (fact sheet 1.4). There the person is known by the token alone: the id
    /// is made from its SHA-256, so it is the same wherever the same token is used and says nothing about it.
    /// The cost: whoever signs in again with a new token is somebody new to this app. Nothing is sent for it.
    pub async fn whoami(&self) -> Result<Person, Error> {
        if self.version == ApiVersion::V2 {
            return Ok(Person {
                id: user_of_token(&self.token),
                name: wire::NAMELESS.to_owned(),
                account: AccountId(0),
                account_name: String::new(),
            });
        }
        let (body, _) = self.get("whoami", "/ping/auth.json", OBJECT_CAP).await?;
        let person = wire::one(&body).and_then(|ping| wire::person(&ping));
        person.ok_or(Error::Unreadable)
    }

    /// All stacks that the person can reach: page 1, then all others side by side (fact sheet 5.2). A stack
    /// that moved from one page to the next meanwhile is there once.
    ///
    /// A listing has the warning that came with it, and none of an earlier one.
    pub async fn stacks(&self) -> Result<Listing, Error> {
        *self.warning.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let read = |row: &Row<'_>, ahead| {
            let stack: Option<Stack> = row.read().and_then(|wire| wire::stack(&wire));
            stack
                .map(|stack| stack.by_our_clock(ahead))
                .ok_or_else(|| wire::unreadable_name(row))
        };
        let gathered = self
            .list("stacks", "/stacks.json", &[], MOST_STACK_PAGES, read, |_| false)
            .await?;
        let mut seen = HashSet::new();
        let mut listing = Listing {
            stacks: Vec::with_capacity(gathered.rows.len()),
            unreadable: Vec::new(),
            incomplete: gathered.incomplete,
            warning: self.warning(),
        };
        for row in gathered.rows {
            match row {
                Ok(stack) if seen.insert(stack.uid) => listing.stacks.push(stack),
                Ok(_) => {}
                Err(name) => listing.unreadable.push(name),
            }
        }
        // Rows of which none is a stack, or has so much as a name, are no list of stacks. Taken for one, it would
        // say that the person has none.
        let nothing_known = listing.unreadable.iter().all(|name| name == wire::UNNAMED);
        if listing.stacks.is_empty() && !listing.unreadable.is_empty() && nothing_known {
            return Err(Error::Unreadable);
        }
        Ok(listing)
    }

    /// One stack: `GET /stacks/:uid`.
    pub async fn stack(&self, uid: StackUid) -> Result<Stack, Error> {
        let (body, ahead) = self
            .get("stack", &format!("/stacks/{uid}.json"), OBJECT_CAP)
            .await?;
        let stack: Option<Stack> = wire::one(&body).and_then(|wire| wire::stack(&wire));
        // Another stack than the one that was asked for is no answer.
        let stack = stack.filter(|stack| stack.uid == uid).ok_or(Error::Unreadable)?;
        Ok(stack.by_our_clock(ahead))
    }

    /// A stack's deployments, newest first: the first page, which Cloud 66 fills with 30. Not in version 2.
    pub async fn deployments(&self, uid: StackUid) -> Result<Vec<Deployment>, Error> {
        self.needs_version_3()?;
        let path = format!("/stacks/{uid}/deployments.json");
        let read = |row: &Row<'_>, ahead| {
            let deployment: Option<Deployment> = row.read().and_then(|wire| wire::deployment(&wire));
            Some(deployment?.by_our_clock(ahead))
        };
        let page = self.first_page("deployments", &path, read);
        match &self.shared {
            Some(shared) => shared.deployments(&self.token, uid, page).await,
            None => page.await,
        }
    }

    /// One deployment. Not in version 2.
    pub async fn deployment(&self, uid: StackUid, id: DeploymentId) -> Result<Deployment, Error> {
        self.needs_version_3()?;
        let path = format!("/stacks/{uid}/deployments/{id}.json");
        let (body, ahead) = self.get("deployment", &path, OBJECT_CAP).await?;
        let deployment: Option<Deployment> = wire::one(&body).and_then(|wire| wire::deployment(&wire));
        let deployment = deployment
            .filter(|deployment| deployment.id == id)
            .ok_or(Error::Unreadable)?;
        Ok(deployment.by_our_clock(ahead))
    }

    /// A Docker stack's services. Not in version 2.
    pub async fn services(&self, uid: StackUid) -> Result<Vec<Service>, Error> {
        self.needs_version_3()?;
        let path = format!("/stacks/{uid}/services.json");
        let read = |row: &Row<'_>, _| row.read().and_then(|wire| wire::service(&wire));
        self.whole_list("services", &path, read).await
    }

    /// Whether the stack redeploys by itself when its repository changes: its setting `continuous.deploy`
    /// (fact sheet 4.12). None where the settings do not say.
    pub async fn continuous_deploy(&self, uid: StackUid) -> Result<Option<bool>, Error> {
        let (body, _) = self
            .get("settings", &format!("/stacks/{uid}/settings.json"), LIST_CAP)
            .await?;
        wire::continuous_deploy(&body)
    }

    /// The accounts that the person belongs to, with their names; needs the scope `users`. Not in version 2.
    pub async fn accounts(&self) -> Result<Vec<(AccountId, String)>, Error> {
        self.needs_version_3()?;
        let read = |row: &Row<'_>, _| row.read().and_then(|wire| wire::account(&wire));
        self.whole_list("accounts", "/accounts.json", read).await
    }

    /// One action. Not in version 2. Where reads are shared, it is looked for in the stack's actions first, which serve
    /// the others, too; one that is not among the newest is asked for alone.
    pub async fn action(&self, uid: StackUid, id: ActionId) -> Result<Action, Error> {
        self.needs_version_3()?;
        if self.shared.is_some() {
            let actions = self.actions(uid).await?;
            if let Some(action) = actions.into_iter().find(|action| action.id == id) {
                return Ok(action);
            }
        }
        let (body, ahead) = self
            .get("action", &format!("/stacks/{uid}/actions/{id}.json"), OBJECT_CAP)
            .await?;
        let action: Option<Action> = wire::one(&body).and_then(|wire| wire::action(&wire));
        let action = action.filter(|action| action.id == id).ok_or(Error::Unreadable)?;
        Ok(action.by_our_clock(ahead))
    }

    /// A stack's actions, newest first: the first page, which Cloud 66 fills with 30. Not in version 2.
    pub async fn actions(&self, uid: StackUid) -> Result<Vec<Action>, Error> {
        self.needs_version_3()?;
        let path = format!("/stacks/{uid}/actions.json");
        let read = |row: &Row<'_>, ahead| {
            let action: Option<Action> = row.read().and_then(|wire| wire::action(&wire));
            Some(action?.by_our_clock(ahead))
        };
        let page = self.first_page("actions", &path, read);
        match &self.shared {
            Some(shared) => shared.actions(&self.token, uid, page).await,
            None => page.await,
        }
    }

    /// The action that carries this operation id as its `user_reference` (fact sheet 6.3). Not in version 2.
    ///
    /// The exact match is checked here, too, in case the filter is ignored. `Ok(None)` says that every page was read
    /// and every row understood, and not that Cloud 66 has no record of it: that is [`Api::record_of`]'s to say. A
    /// server that has actions but no metadata on any of them cannot know, which is [`Error::NotImplemented`].
    pub async fn action_by_reference(&self, uid: StackUid, id: OperationId) -> Result<Option<Action>, Error> {
        self.needs_version_3()?;
        let path = format!("/stacks/{uid}/actions.json");
        let reference = id.to_string();
        let read = |row: &Row<'_>, ahead| {
            let wire: wire::WireAction = row.read()?;
            Some((wire.has_metadata(), wire::action(&wire)?.by_our_clock(ahead)))
        };
        let is_it = |action: &Action| action.user_reference.as_deref() == Some(&reference);
        let found = |rows: &[Option<(bool, Action)>]| rows.iter().flatten().any(|(_, action)| is_it(action));
        let query = [("user_reference", reference.clone())];
        let gathered = self
            .list("action_by_reference", &path, &query, MOST_PAGES, read, found)
            .await?;
        let Gathered { rows, incomplete, .. } = gathered;
        let (any, unread) = (!rows.is_empty(), rows.iter().any(Option::is_none));
        let mut knows_metadata = false;
        for (has_metadata, action) in rows.into_iter().flatten() {
            if is_it(&action) {
                return Ok(Some(action));
            }
            knows_metadata |= has_metadata;
        }
        match (incomplete, unread, any && !knows_metadata) {
            (true, _, _) => Err(Error::Down),
            (_, true, _) => Err(Error::Unreadable),
            (_, _, true) => Err(Error::NotImplemented),
            _ => Ok(None),
        }
    }

    pub(super) fn needs_version_3(&self) -> Result<(), Error> {
        match self.version {
            ApiVersion::V2 => Err(Error::NotImplemented),
            ApiVersion::V3 => Ok(()),
        }
    }

    /// A list of which rows that cannot be read are left out.
    async fn whole_list<T>(
        &self,
        operation: &'static str,
        path: &str,
        read: impl Fn(&Row<'_>, Duration) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let gathered = self
            .list(operation, path, &[], MOST_PAGES, read, |_| false)
            .await?;
        Ok(gathered.rows.into_iter().flatten().collect())
    }

    /// The first page of such a list.
    async fn first_page<T>(
        &self,
        operation: &'static str,
        path: &str,
        read: impl Fn(&Row<'_>, Duration) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let gathered = self.list(operation, path, &[], 1, read, |_| false).await?;
        let came = gathered.rows.len();
        let rows: Vec<T> = gathered.rows.into_iter().flatten().collect();
        // Where something came and none of it can be read, an empty list would be a claim of ours.
        if rows.is_empty() && came > 0 {
            return Err(Error::Unreadable);
        }
        Ok(rows)
    }

    pub(super) async fn list<T>(
        &self,
        operation: &'static str,
        path: &str,
        query: &[(&'static str, String)],
        most: u32,
        read: impl Fn(&Row<'_>, Duration) -> T,
        is_enough: impl Fn(&[T]) -> bool,
    ) -> Result<Gathered<T>, Error> {
        let page = |number: u32| {
            let mut query = query.to_vec();
            // Version 2 knows no pages.
            if self.version == ApiVersion::V3 {
                query.push(("page", number.to_string()));
            }
            let request = self.request(operation, Method::GET, path, LIST_CAP, query, None);
            let read = &read;
            async move {
                let (body, ahead) = self.body(self.http.read(&request).await)?;
                let page: Option<Page<T>> = wire::rows(&body, |row| read(row, ahead));
                page.ok_or(Error::Unreadable)
            }
        };
        gather(most, page, is_enough).await
    }

    async fn get(
        &self,
        operation: &'static str,
        path: &str,
        cap: usize,
    ) -> Result<(Vec<u8>, Duration), Error> {
        let request = self.request(operation, Method::GET, path, cap, Vec::new(), None);
        self.body(self.http.read(&request).await)
    }

    /// Sends something that changes something: once.
    pub(super) async fn write(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<Body>,
    ) -> Result<Reply, NoReply> {
        let request = self.request(operation, method, path, OBJECT_CAP, Vec::new(), body);
        self.http.write(&request).await
    }

    fn request(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        cap: usize,
        query: Vec<(&'static str, String)>,
        body: Option<Body>,
    ) -> Request<'_> {
        let version = match self.version {
            ApiVersion::V2 => 2,
            ApiVersion::V3 => 3,
        };
        Request {
            operation,
            method,
            path: format!("/api/{version}{path}"),
            query,
            token: Some(&self.token),
            budget: Some(&self.budget),
            body,
            cap,
        }
    }

    /// The body of a 2xx with how far the clock that wrote it is ahead of ours, or what the answer means
    /// otherwise.
    fn body(&self, outcome: Result<Reply, NoReply>) -> Result<(Vec<u8>, Duration), Error> {
        let reply = outcome.map_err(|_| Error::Down)?;
        self.done(&reply)?;
        let body = reply.body.map_err(|cut| match cut {
            Cut::TooBig => Error::Unreadable,
            Cut::Broken => Error::Down,
        })?;
        Ok((body, reply.ahead))
    }

    /// Whether an answer is a 2xx, and if not, what it means; the budget and the last warning learn from it.
    pub(super) fn done(&self, reply: &Reply) -> Result<(), Error> {
        if reply.is_success() {
            self.budget.answered();
            if let Some(warning) = &reply.warning {
                let words = super::words::plain(warning, Some(&self.token));
                *self.warning.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
            }
            return Ok(());
        }
        let error = refusal::read(reply, Some(&self.token), self.http.clock().now());
        if let Error::Throttled {
            retry_at: Some(until),
        } = error
        {
            self.budget.throttle(until);
        }
        Err(error)
    }

    pub(super) fn token(&self) -> &AccessToken {
        &self.token
    }
}
