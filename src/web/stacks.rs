//! The first page: the stacks of somebody who is signed in; for everybody else what this is, or how to set it up.

use std::collections::{HashMap, HashSet};

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use time::OffsetDateTime;

use super::cookies;
use super::events::event_id;
use super::form::MadeFor;
use super::freshness;
use super::kept_rows::MadeFrom;
use super::looks::Looks;
use super::pages::frame::{Frame, Html};
use super::pages::home::HomePage;
use super::pages::live::Answer;
use super::pages::notes::Notice;
use super::pages::row::{Rights, Row, RowInput, RowParts, Slot};
use super::pages::setup::SetupPage;
use super::pages::stack_taken::had_asked;
use super::pages::stacks::{StacksInput, StacksPage};
use super::pages::trouble::Trouble;
use super::problem::Problem;
use super::session::Visitor;
use super::sign_in::leading_to_cloud66;
use super::state::WebState;
use super::urls::view_text;
use crate::app::watch::Snapshot;
use crate::app::{Cloud66Error, SignedIn};
use crate::domain::{OperationId, Redeploy, ReturnTo, Stack, StackQuery, StackUid};

/// `GET /`.
pub async fn home(
    State(state): State<WebState>,
    Looks(frame): Looks,
    visitor: Option<Visitor>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.unwrap_or_default();
    let Some(visitor) = visitor else {
        return Ok(welcome(&state, frame, &query));
    };
    list(&state, frame, &visitor, &headers, &read_query(&query)).await
}

fn welcome(state: &WebState, frame: Frame, query: &str) -> Response {
    let site = state.site();
    if state.app().oauth().is_none() {
        return SetupPage::new(frame, &site.redirect_uri(), site.out_of_band).into_response();
    }
    // A link to a view of the list leads to that view.
    let return_to = match parameter(query, "return_to") {
        Some(page) => ReturnTo::parse(&page),
        None => ReturnTo::stacks(query),
    };
    leading_to_cloud66(HomePage::new(frame, &return_to, site.out_of_band))
}

async fn list(
    state: &WebState,
    mut frame: Frame,
    visitor: &Visitor,
    headers: &HeaderMap,
    query: &StackQuery,
) -> Result<Response, Problem> {
    let app = state.app();
    let who = &visitor.who;
    app.learn_cancelled().await?;
    let snapshot = app.stacks(who).await;
    let return_to = ReturnTo::stacks(&view_text(query));
    let known_at = match (snapshot.listed_at, &snapshot.problem) {
        (_, Some((Cloud66Error::SignedOut, _))) => {
            return Err(Trouble::SignedOutByCloud66 { return_to }.into());
        }
        (None, Some((problem, _))) => return Err(problem.clone().into()),
        (None, None) => return Ok(StacksPage::loading(frame, query).into_response()),
        (Some(known_at), _) => known_at,
    };
    freshness::of_list(&mut frame, state, who, &snapshot, return_to);
    // Before the redeploys are read, so that what moves meanwhile is sent.
    frame.since = since(state, who, &snapshot);
    let pins = cookies::pins(state.site(), headers);
    let open = app.open_redeploys(who).await?;
    let watcher = app.watcher(who);
    watcher.learn_open(&open);
    // The states of stacks tell of those redeploys too.
    let snapshot = watcher.snapshot();
    let rows = Rows::new(state, who, &snapshot, &pins, &open, &frame);
    let op = visitor
        .form_secret
        .operation(MadeFor::List, app.clock(), app.random());
    let input = StacksInput {
        fleet: &snapshot.fleet,
        query,
        pins: &pins,
        views: &cookies::views(state.site(), headers),
        known_at,
        op: &op,
    };
    let page = StacksPage::new(
        frame,
        &input,
        |stack| app.policy().is_production(stack),
        |stack| rows.render(stack),
    );
    Ok(page.into_response())
}

/// The answer to a redeploy that was asked for without leaving the list: the row as it is now, a note, and a new
/// operation id for the next press. `taken` is the earlier request because of which it was not sent.
pub async fn asked_in_place(
    state: &WebState,
    visitor: &Visitor,
    frame: &Frame,
    uid: StackUid,
    id: OperationId,
    taken: Option<&Redeploy>,
) -> Result<Response, Problem> {
    let (app, who) = (state.app(), &visitor.who);
    let open = app.open_redeploys(who).await?;
    let watcher = app.watcher(who);
    watcher.learn_open(&open);
    let snapshot = watcher.snapshot();
    let Some(stack) = snapshot.fleet.stack(uid) else {
        let way_on = match taken {
            Some(_) => state.urls().return_to(&ReturnTo::Stack(uid)),
            None => state.urls().receipt(id),
        };
        return Ok(Redirect::to(&way_on).into_response());
    };
    let pins = HashSet::new();
    let rows = Rows::new(state, who, &snapshot, &pins, &open, frame);
    let row = RowParts::new(state.urls(), &frame.cloud66, &rows.input(stack));
    let notice = match taken {
        Some(taken) => Notice::StackTaken {
            stack: stack.title(),
            had_asked: had_asked(taken, who.person.id),
            receipt: (taken.asked_by == who.person.id).then_some(taken.id),
        },
        None => Notice::Asked {
            stack: stack.title(),
            id,
        },
    };
    let secret = &visitor.form_secret;
    let op = secret.operation(MadeFor::List, app.clock(), app.random());
    Ok(Answer::new(state.urls(), &notice, row, &frame.csrf, &op).into_response())
}

/// The id of the event that would bring a page to this snapshot: the page's stream begins after it.
pub fn since(state: &WebState, who: &SignedIn, snapshot: &Snapshot) -> String {
    event_id(state.app().watcher(who).id(), snapshot.revision)
}

/// What makes rows for one person.
pub struct Rows<'a> {
    state: &'a WebState,
    who: &'a SignedIn,
    snapshot: &'a Snapshot,
    pins: &'a HashSet<StackUid>,
    open: HashMap<StackUid, &'a Redeploy>,
    cloud66: super::urls::Cloud66Pages,
    watcher: u64,
    show_account: bool,
    now: OffsetDateTime,
}

impl<'a> Rows<'a> {
    /// For this person's snapshot, pins and redeploys under way.
    pub fn new(
        state: &'a WebState,
        who: &'a SignedIn,
        snapshot: &'a Snapshot,
        pins: &'a HashSet<StackUid>,
        open: &'a [Redeploy],
        frame: &Frame,
    ) -> Self {
        Self {
            state,
            who,
            snapshot,
            pins,
            open: open.iter().map(|redeploy| (redeploy.stack, redeploy)).collect(),
            cloud66: frame.cloud66.clone(),
            watcher: state.app().watcher(who).id(),
            show_account: snapshot.fleet.spans_accounts(),
            now: frame.now,
        }
    }

    /// One row. A row that cannot be rendered is left out and logged: the other ones are worth more than a
    /// failed page.
    pub fn render(&self, stack: &Stack) -> Html {
        let input = self.input(stack);
        let (uid, rows) = (stack.uid, self.state.rows());
        let made_from = MadeFrom {
            revision: self.snapshot.changed_at(uid),
            verdict: input.verdict,
            slot: input.slot.clone(),
            pinned: input.pinned,
            show_account: input.show_account,
        };
        if let Some(row) = rows.find(self.watcher, uid, &made_from, self.now) {
            return row;
        }
        match Html::of(&Row::new(self.state.urls(), &self.cloud66, &input)) {
            Ok(row) => {
                let true_for = (self.now, input.true_until());
                rows.keep(self.watcher, uid, made_from, true_for, &row);
                row
            }
            Err(error) => {
                tracing::error!(%error, stack = %uid, "a row could not be rendered");
                Html::default()
            }
        }
    }

    /// What a row is made from.
    pub fn input<'s>(&'s self, stack: &'s Stack) -> RowInput<'s> {
        let policy = self.state.app().policy();
        let verdict = self.snapshot.fleet.verdict(stack);
        let ask = policy.asks_first(stack) || stack.maintenance;
        let slot = Slot::of(
            rights(self.who, self.snapshot, stack.uid, self.now),
            ask,
            verdict,
            self.open.get(&stack.uid).copied(),
        );
        RowInput {
            stack,
            version: self.snapshot.fleet.versions.get(&stack.uid),
            verdict,
            production: policy.is_production(stack),
            slot,
            pinned: self.pins.contains(&stack.uid),
            show_account: self.show_account,
            now: self.now,
        }
    }
}

/// What the person may do with a stack, as far as is known without asking.
pub fn rights(who: &SignedIn, snapshot: &Snapshot, stack: StackUid, now: OffsetDateTime) -> Rights {
    if !who.grant.scopes.allow_redeploy() {
        Rights::ScopeMissing
    } else if snapshot.refused_at(stack, now).is_some() {
        Rights::RoleMissing
    } else {
        Rights::Redeploy
    }
}

/// The list's query. Read by hand, so that a parameter that comes twice or is not text does no harm.
pub fn read_query(query: &str) -> StackQuery {
    let read = |name| parameter(query, name).unwrap_or_default();
    let mut read_query = StackQuery {
        state: read("state"),
        env: read("env"),
        account: read("account"),
        sort: read("sort"),
        group: read("group"),
        page: read("page"),
        ..StackQuery::default()
    };
    read_query.set_search(&read("q"));
    read_query
}

/// The first parameter of this name.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}
