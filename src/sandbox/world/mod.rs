//! The world that the sandbox serves: people, accounts, stacks and what happens to them.
//!
//! [`World`] is the handle for tests and for the control endpoint. It shares one state with the server;
//! every call first settles that state to the clock's time, so what it gives is never stale.

mod applications;
mod lifecycle;
mod meddling;
mod people;
mod stack;
mod state;

pub use applications::{Application, Scope, Token};
pub use people::{Account, Membership, Person, Role};
pub use stack::{Action, DeployType, Deployment, Finished, Health, Outcome, Service, Stack, Status, Via};

pub(crate) use applications::{Browser, CODE_LIFETIME, Code, OUT_OF_BAND, join, same_scopes};
pub(crate) use lifecycle::{Deploy, Kind, Step, Work};
pub(crate) use state::{Accepted, Order, State, jitter};

use super::clock::Clock;
use super::fault::Fault;
use super::journal::Journal;
use super::options::{Options, Pkce, RateLimit, Strictness};
use super::seed;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Notify;

/// A handle on a sandbox's world. Clones share it.
#[derive(Clone)]
pub struct World(Arc<Shared>);

/// A request that is being answered.
pub(crate) struct BeingAnswered(World);

impl Drop for BeingAnswered {
    fn drop(&mut self) {
        self.0.0.being_answered.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Shared {
    state: Mutex<State>,
    clock: Clock,
    settings: Settings,
    /// Told of each entry of the journal.
    answered: Notify,
    /// How many requests are being answered now.
    being_answered: AtomicUsize,
}

/// What stays as it was told at the start.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) strictness: Strictness,
    pub(crate) pkce: Pkce,
    pub(crate) control: bool,
    /// The origin under which clients reach the sandbox.
    pub(crate) base: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// About how long a deploy takes.
    pub(crate) deploy_time: Duration,
    /// A ready token for each person, in their order, for the curl lines of the start page.
    pub(crate) ready_tokens: Vec<String>,
}

impl World {
    /// Makes the world that the options describe; `None` when the system has no randomness.
    pub(crate) fn new(options: Options, base: String) -> Option<Self> {
        let clock = options.clock.clone();
        let (state, settings) = seed::world(options, base)?;
        let shared = Shared {
            state: Mutex::new(state),
            clock,
            settings,
            answered: Notify::new(),
            being_answered: AtomicUsize::new(0),
        };
        Some(Self(Arc::new(shared)))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The settled state and the time to which it is settled.
    pub(crate) fn open(&self) -> (MutexGuard<'_, State>, OffsetDateTime) {
        // A panic while the lock was held leaves the state as it was at the last complete statement; the
        // sandbox goes on with that rather than refusing every later request.
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.clock.now();
        state.settle(now);
        (state, now)
    }

    /// Tells those who wait in [`World::wait_for`].
    pub(crate) fn tell_answered(&self) {
        self.0.answered.notify_waiters();
    }

    /// The clock; move it to let deploys land.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Settles every stack to `now`, without moving the clock. Later calls settle to the clock again.
    pub fn settle(&self, now: OffsetDateTime) {
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .settle(now);
    }

    /// Everybody who can sign in, the main person first.
    pub fn people(&self) -> Vec<Person> {
        self.open().0.people.clone()
    }

    /// The first person: an administrator who sees every stack.
    pub fn main_person(&self) -> Option<Person> {
        self.open().0.people.first().cloned()
    }

    /// A person by email.
    pub fn person(&self, email: &str) -> Option<Person> {
        self.open().0.person_by_email(email).cloned()
    }

    /// Every account.
    pub fn accounts(&self) -> Vec<Account> {
        self.open().0.accounts.clone()
    }

    /// Every stack, of whatever account.
    pub fn stacks(&self) -> Vec<Stack> {
        self.open().0.stacks.clone()
    }

    /// A stack by uid.
    pub fn stack(&self, uid: &str) -> Option<Stack> {
        self.open().0.stack(uid).cloned()
    }

    /// The first stack of that name; names repeat across environments.
    pub fn stack_by_name(&self, name: &str) -> Option<Stack> {
        self.open()
            .0
            .stacks
            .iter()
            .find(|stack| stack.name == name)
            .cloned()
    }

    /// The stack of that name in that environment.
    pub fn stack_in(&self, name: &str, environment: &str) -> Option<Stack> {
        let (state, _) = self.open();
        state
            .stacks
            .iter()
            .find(|stack| stack.name == name && stack.environment == environment)
            .cloned()
    }

    /// The stacks that a person can see, in the order of the list.
    pub fn visible_to(&self, email: &str) -> Vec<Stack> {
        let (state, _) = self.open();
        let person = state.person_by_email(email);
        person
            .map(|person| state.visible(person, None).cloned().collect())
            .unwrap_or_default()
    }

    /// A stack's deployments, oldest first; none for an unknown uid.
    pub fn deployments(&self, uid: &str) -> Vec<Deployment> {
        self.open()
            .0
            .stack(uid)
            .map(|stack| stack.deployments.clone())
            .unwrap_or_default()
    }

    /// A stack's actions, oldest first; none for an unknown uid.
    pub fn actions(&self, uid: &str) -> Vec<Action> {
        self.open()
            .0
            .stack(uid)
            .map(|stack| stack.actions.clone())
            .unwrap_or_default()
    }

    /// Sets a stack's status; false when there is no such stack.
    pub fn set_status(&self, uid: &str, status: Status) -> bool {
        self.change(uid, |stack| stack.status = status)
    }

    /// Sets a stack's health; false when there is no such stack.
    pub fn set_health(&self, uid: &str, health: Health) -> bool {
        self.change(uid, |stack| stack.health = health)
    }

    /// Turns a stack's maintenance mode on or off; false when there is no such stack.
    pub fn set_maintenance(&self, uid: &str, on: bool) -> bool {
        self.change(uid, |stack| stack.maintenance_mode = on)
    }

    /// Lets a push to the branch deploy by itself, or not.
    pub fn set_continuous_deploy(&self, uid: &str, on: bool) -> bool {
        self.change(uid, |stack| stack.continuous_deploy = on)
    }

    /// Renames a stack; false when there is no such stack.
    pub fn set_name(&self, uid: &str, name: &str) -> bool {
        self.change(uid, |stack| name.clone_into(&mut stack.name))
    }

    /// Lets the next deploy that is asked for fail; false when there is no such stack.
    pub fn fail_next_deploy(&self, uid: &str) -> bool {
        self.change(uid, |stack| stack.fail_next = true)
    }

    /// Changes a stack as if somebody had done so at Cloud 66; false when there is no such stack.
    pub fn change(&self, uid: &str, change: impl FnOnce(&mut Stack)) -> bool {
        self.open().0.stack_mut(uid).map(change).is_some()
    }

    /// Takes a stack out of the world; false when there is no such stack.
    pub fn remove_stack(&self, uid: &str) -> bool {
        let (mut state, _) = self.open();
        let Some(index) = state.by_uid.get(uid).copied() else {
            return false;
        };
        state.stacks.remove(index);
        let uids: Vec<String> = state.stacks.iter().map(|stack| stack.uid.clone()).collect();
        state.by_uid = uids
            .into_iter()
            .enumerate()
            .map(|(index, uid)| (uid, index))
            .collect();
        let busy = state
            .stacks
            .iter()
            .enumerate()
            .filter(|(_, stack)| !stack.work.is_empty());
        state.busy = busy.map(|(index, _)| index).collect();
        true
    }

    /// Gives a person a role on one stack, in place of the account's; false when either is unknown.
    pub fn set_role(&self, email: &str, uid: &str, role: Role) -> bool {
        let (mut state, _) = self.open();
        let Some(id) = state.person_by_email(email).map(|person| person.id) else {
            return false;
        };
        if state.stack(uid).is_none() {
            return false;
        }
        let Some(person) = state.person_mut(id) else {
            return false;
        };
        person.stack_roles.retain(|(named, _)| named != uid);
        person.stack_roles.push((uid.to_owned(), role));
        true
    }

    /// Starts a deploy as somebody else would, from the web interface. `None`: no such stack.
    /// Gives the id of the action.
    pub fn deploy_from_web(&self, uid: &str, by: &str) -> Option<u64> {
        let (mut state, now) = self.open();
        let order = Order {
            by: Some(by),
            via: Via::Web,
            user_reference: None,
        };
        state
            .deploy(uid, &order, None, Vec::new(), now)
            .map(|accepted| accepted.action_id)
    }

    /// Every token that was issued, revoked ones too.
    pub fn tokens(&self) -> Vec<Token> {
        self.open().0.tokens.clone()
    }

    /// Issues a personal access token, as if the person had made one by hand. `None`: no such person.
    pub fn issue_token(&self, email: &str, scopes: &[Scope]) -> Option<String> {
        let (mut state, now) = self.open();
        let person = state.person_by_email(email)?.id;
        Some(state.personal_token(person, "made by a test", scopes.to_vec(), now))
    }

    /// Revokes every token, as if everybody had withdrawn access; gives how many there were.
    pub fn revoke_all_tokens(&self) -> usize {
        self.open().0.revoke(|_| true)
    }

    /// Revokes the tokens of one person; gives how many there were.
    pub fn revoke_tokens_of(&self, email: &str) -> usize {
        let (mut state, _) = self.open();
        let person = state.person_by_email(email).map(|person| person.id);
        state.revoke(|token| Some(token.person) == person)
    }

    /// Every registered application.
    pub fn applications(&self) -> Vec<Application> {
        self.open().0.applications.clone()
    }

    /// Arms a fault.
    pub fn add_fault(&self, fault: Fault) {
        self.open().0.faults.add(fault);
    }

    /// Disarms one fault, as it was armed.
    pub fn remove_fault(&self, fault: &Fault) {
        self.open().0.faults.remove(fault);
    }

    /// Disarms all faults.
    pub fn clear_faults(&self) {
        self.open().0.faults.clear();
    }

    /// The faults that are armed, with what remains of their counts.
    pub fn faults(&self) -> Vec<Fault> {
        self.open().0.faults.list().to_vec()
    }

    /// Changes the hourly budget of every person, and starts their hours anew.
    pub fn set_rate_limit(&self, limit: RateLimit) {
        let (mut state, _) = self.open();
        state.rate_limit = limit;
        state.spent.clear();
    }

    /// Spends what is left of a person's hour, as if something else of theirs had asked so often; false when there is
    /// no such person.
    pub fn spend_hour_of(&self, email: &str) -> bool {
        let (mut state, now) = self.open();
        let Some(id) = state.person_by_email(email).map(|person| person.id) else {
            return false;
        };
        state.spend_all(id, now);
        true
    }

    /// What was asked so far.
    pub fn journal(&self) -> Journal {
        self.open().0.journal.copy()
    }

    /// What was asked since the last time, forgotten here in the same moment: for a run that is longer than the
    /// journal, and must not miss an entry.
    pub fn take_journal(&self) -> Journal {
        self.open().0.journal.take()
    }

    /// Forgets what was asked so far.
    pub fn clear_journal(&self) {
        self.open().0.journal.clear();
    }

    /// How many requests are being answered now, those not among them that a fault leaves without an answer.
    pub fn being_answered(&self) -> usize {
        self.0.being_answered.load(Ordering::SeqCst)
    }

    /// Counts a request as being answered until what is returned is dropped.
    pub(crate) fn begin_answer(&self) -> BeingAnswered {
        self.0.being_answered.fetch_add(1, Ordering::SeqCst);
        BeingAnswered(self.clone())
    }

    /// Waits until an operation has been asked for `count` times. Set a limit around it.
    pub async fn wait_for(&self, operation: &str, count: usize) {
        loop {
            let told = self.0.answered.notified();
            tokio::pin!(told);
            // Registered before the count is looked at, so that nothing is missed in between.
            told.as_mut().enable();
            if self.open().0.journal.count(operation) >= count {
                return;
            }
            told.await;
        }
    }
}
