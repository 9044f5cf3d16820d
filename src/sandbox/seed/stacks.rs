//! Making stacks: those of the catalogue first, then as many more as are wanted.

use super::catalogue::{APPS, App, Condition, FIRST_WORDS, SECOND_WORDS};
use super::condition::afflict;
use super::history::{self, Ending, Numbers};
use crate::sandbox::random::Seeded;
use crate::sandbox::world::{Account, Health, Person, Role, Service, Stack, Status};
use std::collections::VecDeque;
use std::time::Duration as StdDuration;
use time::{Duration, OffsetDateTime};

/// From here on a world is so large that each stack gets a short history, so that it is made at once.
const MANY: usize = 500;

/// An environment of the catalogue: its name, branch and condition.
type Environment = (&'static str, &'static str, Condition);

/// Makes the stacks of one world.
pub(super) struct Maker {
    seed: u64,
    deploy_time: StdDuration,
    start: OffsetDateTime,
    numbers: Numbers,
    /// For each account, who may deploy in it.
    deployers: Vec<(u64, Vec<String>)>,
    /// How many deployments a stack has behind it.
    history: (u64, u64),
    made: Vec<Stack>,
}

impl Maker {
    pub(super) fn new(seed: u64, deploy_time: StdDuration, start: OffsetDateTime) -> Self {
        let numbers = Numbers {
            deployment: 5120,
            action: 70_431,
        };
        Self {
            seed,
            deploy_time,
            start,
            numbers,
            deployers: Vec::new(),
            history: (4, 45),
            made: Vec::new(),
        }
    }

    /// Every stack of the world: `wanted` that the main person sees, and one more that they do not.
    pub(super) fn all(
        &mut self,
        accounts: &[Account],
        people: &[Person],
        wanted: Option<usize>,
    ) -> Vec<Stack> {
        self.deployers = accounts
            .iter()
            .map(|account| (account.id, emails(people, account.id)))
            .collect();
        if wanted.is_some_and(|wanted| wanted > MANY) {
            self.history = (2, 3);
        }
        let catalogue = APPS
            .iter()
            .flat_map(|app| app.environments.iter().map(move |one| (app, *one)));
        for (app, environment) in catalogue.take(wanted.unwrap_or(usize::MAX)) {
            self.make(app, app.name, environment);
        }
        while wanted.is_some_and(|wanted| self.made.len() < wanted) {
            self.make_another();
        }
        if let Some(app) = APPS.first() {
            self.make(app, "Lindqvist Blog", ("production", "main", Condition::Fine));
        }
        if let (Some(hidden), Some(account)) = (self.made.last_mut(), accounts.last()) {
            hidden.account_id = account.id;
        }
        std::mem::take(&mut self.made)
    }

    /// The numbers that the next deployment and the next action get.
    pub(super) fn next_numbers(&self) -> (u64, u64) {
        (self.numbers.deployment, self.numbers.action)
    }

    /// One more stack, in the likeness of one of the catalogue.
    fn make_another(&mut self) {
        let number = self.made.len();
        let mut draws = Seeded::new(self.seed, &format!("name {number}"));
        let first = draws.pick(FIRST_WORDS).copied().unwrap_or_default();
        let second = draws.pick(SECOND_WORDS).copied().unwrap_or_default();
        let Some(likeness) = APPS.iter().filter(|app| app.account == 0).nth(number % 12) else {
            return;
        };
        let environment = match number % 3 {
            0 => ("production", "main", Condition::Fine),
            1 => ("staging", "main", Condition::Fine),
            _ => ("development", "develop", Condition::Fine),
        };
        self.make(likeness, &format!("{first} {second} {number:05}"), environment);
    }

    fn make(&mut self, app: &App, name: &str, (environment, branch, condition): Environment) {
        let index = self.made.len();
        let mut draws = Seeded::new(self.seed, &format!("stack {index}"));
        let mut stack = self.bare(app, name, (environment, branch), &mut draws);
        stack.services = services(app, &mut draws);
        if condition.has_history() {
            let (fewest, most) = self.history;
            let count = draws.between(fewest, most);
            let ending = if condition.ends_badly() {
                Ending::Failure
            } else {
                Ending::Success
            };
            let deployers = self
                .deployers
                .iter()
                .find(|(account, _)| *account == stack.account_id);
            let deployers = deployers.map(|(_, emails)| emails.as_slice()).unwrap_or_default();
            let numbers = &mut self.numbers;
            history::write(
                &mut stack, &mut draws, deployers, count, ending, self.start, numbers,
            );
        } else {
            stack.created_at = self.start - Duration::hours(draws.between(1, 60).cast_signed());
            stack.updated_at = stack.created_at;
            stack.health = Health::UNKNOWN;
            stack.fqdn = None;
        }
        afflict(
            &mut stack,
            condition,
            &mut draws,
            self.deploy_time,
            self.start,
            &mut self.numbers,
        );
        self.made.push(stack);
    }

    /// A stack without a past.
    fn bare(&self, app: &App, name: &str, (environment, branch): (&str, &str), draws: &mut Seeded) -> Stack {
        let index = self.made.len();
        let slug = slug(name, index);
        let production = environment.starts_with("prod");
        Stack {
            uid: draws.hex(32),
            id: 8812 + u64::try_from(index).unwrap_or(0),
            account_id: self.deployers.get(app.account).map_or(0, |(account, _)| *account),
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
            continuous_deploy: false,
            has_loadbalancer: production && draws.chance(50),
            created_at: self.start,
            updated_at: self.start,
            revision: 0,
            application_address: production.then(|| format!("https://{slug}.harbourfinch.example")),
            hook: (draws.hex(32), draws.hex(32)),
            warnings: Vec::new(),
            services: Vec::new(),
            deployments: Vec::new(),
            actions: Vec::new(),
            typical: self.deploy_time.mul_f64(factor(draws)),
            always_fails: false,
            fail_next: false,
            work: VecDeque::new(),
        }
    }
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
