//! How a world is made from a seed.
//!
//! The same seed and options give the same uids, names, hashes, people and numbers; times are relative to
//! the start. What must not be guessed (tokens and codes issued later) does not come from here, except the
//! ready application's credentials and the ready tokens, which stay valid over restarts on purpose.

mod catalogue;
mod condition;
mod history;
mod people;
mod stacks;

use super::fault::Faults;
use super::journal;
use super::options::{Options, RateLimit};
use super::random::{Random, Seeded};
use super::world::{Application, OUT_OF_BAND, Role, Scope, Settings, Stack, State, Token};
use stacks::Maker;
use std::collections::{BTreeSet, HashMap};
use time::OffsetDateTime;

/// Makes state and settings; `None` when the system has no randomness to give.
pub(super) fn world(options: Options, base: String) -> Option<(State, Settings)> {
    let random = Random::from_system()?;
    let start = options.clock.now();
    let mut draws = Seeded::new(options.seed, "application");
    let (client_id, client_secret) = (draws.hex(64), draws.hex(64));
    let mut state = State {
        seed: options.seed,
        people: people::people(start),
        accounts: people::accounts(start),
        stacks: Vec::new(),
        by_uid: HashMap::new(),
        busy: BTreeSet::new(),
        next_deployment: 0,
        next_action: 0,
        applications: Vec::new(),
        codes: HashMap::new(),
        tokens: Vec::new(),
        token_index: HashMap::new(),
        browsers: HashMap::new(),
        next_browser: 0,
        random,
        journal: journal::Pages::default(),
        faults: Faults::new(options.seed, options.faults),
        rate_limit: RateLimit::default(),
        spent: HashMap::new(),
    };
    let wanted = options.stacks.map(|wanted| wanted.min(Options::MOST_STACKS));
    fill(
        &mut state,
        Maker::new(options.seed, options.deploy_time, start),
        wanted,
    );
    let settings = Settings {
        strictness: options.strictness,
        pkce: options.pkce,
        control: options.control,
        base,
        client_id: options.client_id.unwrap_or(client_id),
        client_secret: options.client_secret.unwrap_or(client_secret),
        deploy_time: options.deploy_time,
        ready_tokens: ready_tokens(&mut state, start),
    };
    let mut callbacks = options.callbacks;
    let any_loopback = callbacks.is_empty();
    callbacks.push(OUT_OF_BAND.to_owned());
    state.applications.push(Application {
        id: 1,
        name: "Ready application".to_owned(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone(),
        callbacks,
        any_loopback,
        owner: None,
    });
    Some((state, settings))
}

/// A personal access token with every scope for each person.
fn ready_tokens(state: &mut State, start: OffsetDateTime) -> Vec<String> {
    let people: Vec<u64> = state.people.iter().map(|person| person.id).collect();
    let mut values = Vec::new();
    for person in people {
        let value = Seeded::new(state.seed, &format!("token {person}")).letters(43);
        values.push(value.clone());
        state.issue_token(Token {
            value,
            application: None,
            name: Some("Ready token of the sandbox".to_owned()),
            person,
            scopes: Scope::ALL.to_vec(),
            created_at: start,
            revoked: false,
        });
    }
    values
}

/// Fills the world with stacks, and gives single ones to somebody.
fn fill(state: &mut State, mut maker: Maker, wanted: Option<usize>) {
    let stacks = maker.all(&state.accounts, &state.people, wanted);
    (state.next_deployment, state.next_action) = maker.next_numbers();
    let own: Vec<String> = stacks.iter().take(7).map(|stack| stack.uid.clone()).collect();
    for stack in stacks {
        add(state, stack);
    }
    let roles = [
        Role::Administrator,
        Role::Viewer,
        Role::Deployer,
        Role::Viewer,
        Role::Deployer,
    ];
    let by_stack = state
        .people
        .iter_mut()
        .find(|person| person.email == people::BY_STACK);
    if let Some(person) = by_stack {
        person.stack_roles = own.into_iter().zip(roles).collect();
    }
}

fn add(state: &mut State, stack: Stack) {
    let index = state.stacks.len();
    state.by_uid.insert(stack.uid.clone(), index);
    if !stack.work.is_empty() {
        state.busy.insert(index);
    }
    state.stacks.push(stack);
}
