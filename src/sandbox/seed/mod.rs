//! How a world is made from a seed.
//!
//! The same seed and options give the same uids, names, hashes, people and numbers; times are relative to
//! the start. What must not be guessed (tokens and codes issued later) does not come from here, except the
//! ready application's credentials and the ready tokens, which stay valid over restarts on purpose.

mod catalogue;
mod history;
mod people;

use super::fault::Faults;
use super::journal;
use super::options::{Options, RateLimit};
use super::random::{Random, Seeded};
use super::world::{
    Application, Health, Kind, OUT_OF_BAND, Person, Role, Scope, Service, Settings, Stack, State, Status,
    Step, Token, Work,
};
use catalogue::{APPS, App, Condition};
use history::{Ending, Numbers};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration as StdDuration;
use time::{Duration, OffsetDateTime};

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
    fill(&mut state, wanted, options.deploy_time, start);
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

/// Fills the world with stacks: the catalogue, then as many more as are wanted.
fn fill(state: &mut State, wanted: Option<usize>, deploy_time: StdDuration, start: OffsetDateTime) {
    let catalogue = APPS
        .iter()
        .flat_map(|app| app.environments.iter().map(move |one| (app, *one)));
    let mut numbers = Numbers {
        deployment: 5120,
        action: 70_431,
    };
    let many = wanted.is_some_and(|wanted| wanted > 500);
    for (app, environment) in catalogue.take(wanted.unwrap_or(usize::MAX)) {
        let stack = make(
            state,
            app,
            app.name,
            environment,
            many,
            deploy_time,
            start,
            &mut numbers,
        );
        add(state, stack);
    }
    while wanted.is_some_and(|wanted| state.stacks.len() < wanted) {
        let number = state.stacks.len();
        let (app, name) = further(state.seed, number);
        let environment = match number % 3 {
            0 => ("production", "main", Condition::Fine),
            1 => ("staging", "main", Condition::Fine),
            _ => ("development", "develop", Condition::Fine),
        };
        let stack = make(
            state,
            app,
            &name,
            environment,
            many,
            deploy_time,
            start,
            &mut numbers,
        );
        add(state, stack);
    }
    // One stack that the main person cannot see.
    if let Some(app) = APPS.first() {
        let hidden = ("production", "main", Condition::Fine);
        let mut stack = make(
            state,
            app,
            "Lindqvist Blog",
            hidden,
            many,
            deploy_time,
            start,
            &mut numbers,
        );
        stack.account_id = state.accounts.last().map_or(0, |account| account.id);
        add(state, stack);
    }
    (state.next_deployment, state.next_action) = (numbers.deployment, numbers.action);
    let first_account: Vec<String> = state
        .stacks
        .iter()
        .take(7)
        .map(|stack| stack.uid.clone())
        .collect();
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
        person.stack_roles = first_account.into_iter().zip(roles).collect();
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

fn further(seed: u64, number: usize) -> (&'static App, String) {
    let mut draws = Seeded::new(seed, &format!("name {number}"));
    let first = draws.pick(catalogue::FIRST_WORDS).copied().unwrap_or_default();
    let second = draws.pick(catalogue::SECOND_WORDS).copied().unwrap_or_default();
    let likeness = APPS
        .iter()
        .filter(|app| app.account == 0)
        .nth(number % 12)
        .unwrap_or(&FALLBACK);
    (likeness, format!("{first} {second} {number:05}"))
}

static FALLBACK: App = App {
    account: 0,
    name: "",
    git: None,
    language: "ruby",
    framework: "rails",
    backend: None,
    cloud: "AWS",
    services: &[],
    environments: &[],
};

#[expect(clippy::too_many_arguments, reason = "one private step of `fill`")]
fn make(
    state: &State,
    app: &App,
    name: &str,
    (environment, branch, condition): (&str, &str, Condition),
    many: bool,
    deploy_time: StdDuration,
    start: OffsetDateTime,
    numbers: &mut Numbers,
) -> Stack {
    let index = state.stacks.len();
    let mut draws = Seeded::new(state.seed, &format!("stack {index}"));
    let account_id = state.accounts.get(app.account).map_or(0, |account| account.id);
    let slug = slug(name, index);
    let production = environment.starts_with("prod");
    let mut stack = Stack {
        uid: draws.hex(32),
        id: 8812 + u64::try_from(index).unwrap_or(0),
        account_id,
        name: name.to_owned(),
        git: app.git.map(str::to_owned),
        git_branch: app.git.map(|_| branch.to_owned()),
        environment: environment.to_owned(),
        cloud: app.cloud.to_owned(),
        fqdn: Some(format!("{slug}.{}.c66.me", self::slug(environment, index))),
        language: app.language.to_owned(),
        framework: app.framework.to_owned(),
        backend: app.backend.map(str::to_owned),
        status: Status::SUCCESS,
        health: Health::OK,
        is_busy: false,
        last_activity: None,
        maintenance_mode: false,
        has_loadbalancer: production && draws.chance(50),
        created_at: start,
        updated_at: start,
        revision: 0,
        application_address: production.then(|| format!("https://{slug}.harbourfinch.example")),
        hook: (draws.hex(32), draws.hex(32)),
        warnings: Vec::new(),
        services: Vec::new(),
        deployments: Vec::new(),
        actions: Vec::new(),
        typical: deploy_time.mul_f64(factor(&mut draws)),
        always_fails: false,
        fail_next: false,
        work: VecDeque::new(),
    };
    stack.services = services(app, &mut draws);
    let members = emails(&state.people, account_id);
    let count = match condition {
        Condition::NeverDeployed
        | Condition::Analysing
        | Condition::PendingAnalysis
        | Condition::UnableToAnalyse => 0,
        _ if many => draws.between(2, 3),
        _ => draws.between(4, 45),
    };
    let ending = match condition {
        Condition::Failed | Condition::AlwaysFails => Ending::Failure,
        _ => Ending::Success,
    };
    if count == 0 {
        stack.created_at = start - Duration::hours(draws.between(1, 60).cast_signed());
        stack.updated_at = stack.created_at;
        stack.health = Health::UNKNOWN;
        stack.fqdn = None;
    } else {
        history::write(&mut stack, &mut draws, &members, count, ending, start, numbers);
    }
    afflict(&mut stack, condition, &mut draws, deploy_time, start, numbers);
    stack
}

/// Puts a stack into its condition.
fn afflict(
    stack: &mut Stack,
    condition: Condition,
    draws: &mut Seeded,
    deploy_time: StdDuration,
    start: OffsetDateTime,
    numbers: &mut Numbers,
) {
    match condition {
        Condition::Fine => {}
        Condition::Failed => stack.status = Status::FAILED,
        Condition::AlwaysFails => {
            stack.status = Status::FAILED;
            stack.always_fails = true;
        }
        Condition::Impaired => stack.health = Health::PARTIAL,
        Condition::Broken => stack.health = Health::BROKEN,
        Condition::Maintenance => stack.maintenance_mode = true,
        Condition::NeverDeployed => stack.status = Status::ANALYSED,
        Condition::PendingAnalysis => stack.status = Status::QUEUED,
        Condition::UnableToAnalyse => stack.status = Status::TERMINAL_FAILURE,
        Condition::UnknownCodes => (stack.status, stack.health) = (Status(42), Health(9)),
        Condition::Warned => {
            let words = "The servers of this stack run Ubuntu 20.04, whose support has ended";
            stack.warnings.push(words.to_owned());
        }
        Condition::Hostile => {
            stack.git = Some("https://github.com/finch-labs/\" onmouseover=\"alert(2).git".to_owned());
            stack.git_branch = Some("<i>feature</i>/\"quoted\" & $(reboot)".to_owned());
            stack.application_address = Some("javascript:alert(3)".to_owned());
        }
        Condition::Analysing => {
            stack.status = Status::ANALYSING;
            stack.work.push_back(Work {
                kind: Kind::Analyse,
                action: None,
                begins_at: Some(start),
                length: deploy_time * 40,
                step: Step::Accepted,
                cancelled: None,
            });
        }
        Condition::LongDeploy => long_deploy(stack, draws, deploy_time, start, numbers),
    }
}

/// A deploy that began two deploy times ago and takes twenty.
fn long_deploy(
    stack: &mut Stack,
    draws: &mut Seeded,
    deploy_time: StdDuration,
    start: OffsetDateTime,
    numbers: &mut Numbers,
) {
    use super::world::{Action, Deploy, Via};
    let begins_at = start - deploy_time * 2;
    let by = "tomas@harbourfinch.example";
    stack.actions.push(Action {
        id: numbers.action,
        user: by.to_owned(),
        action: "application_deployment",
        started_via: "web",
        started_at: begins_at,
        finished: None,
        user_reference: None,
    });
    stack.work.push_back(Work {
        kind: Kind::Deploy(Deploy {
            deployment_id: numbers.deployment,
            operation_uid: draws.hex(22),
            by: Some(by.to_owned()),
            via: Via::Web,
            git_ref: None,
            git_hash: stack.git.is_some().then(|| draws.hex(40)),
            session: draws.letters(10),
            services: Vec::new(),
            fails: false,
        }),
        action: Some(numbers.action),
        begins_at: Some(begins_at),
        length: deploy_time * 20,
        step: Step::Accepted,
        cancelled: None,
    });
    numbers.action += 1;
    numbers.deployment += 1;
}

fn services(app: &App, draws: &mut Seeded) -> Vec<Service> {
    let one = |(name, image): &(&str, &str)| Service {
        name: (*name).to_owned(),
        image: (*image).to_owned(),
        tag: format!("v{}", draws.between(2, 60)),
        containers: draws.between(1, 4),
        server_uid: draws.hex(32),
    };
    app.services.iter().map(one).collect()
}

fn emails(people: &[Person], account_id: u64) -> Vec<String> {
    let may = |person: &&Person| {
        person
            .role_in(account_id)
            .is_some_and(|role| role >= Role::Deployer)
    };
    people
        .iter()
        .filter(may)
        .map(|person| person.email.clone())
        .collect()
}

/// From 0.6 to 1.8: stacks differ in how long they take.
fn factor(draws: &mut Seeded) -> f64 {
    0.6 + f64::from(u32::try_from(draws.below(121)).unwrap_or(0)) / 100.0
}

fn slug(text: &str, index: usize) -> String {
    let mut slug = String::new();
    for character in text.chars().take(40) {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        format!("stack-{index}")
    } else {
        slug.to_owned()
    }
}
