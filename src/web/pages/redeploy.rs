//! The confirm page of a redeploy: what will happen, what to know before, what may be chosen.

use askama::Template;
use askama_web::WebTemplate;

use super::commit::{commit_link, is_hash, spoken};
use super::frame::{Frame, Here};
use super::words::{self, When};
use crate::domain::deployment::short_hash;
use crate::domain::service::Service;
use crate::domain::{Deployment, RedeployOptions, Repository, ReturnTo, Stack, Version};

/// What the confirm page is made from.
#[derive(Debug)]
pub struct RedeployInput<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// What runs on it.
    pub version: Option<&'a Version>,
    /// Whether its environment counts as production.
    pub production: bool,
    /// Its services, for Docker stacks; none where Cloud 66 did not tell.
    pub services: Option<&'a [Service]>,
    /// What is filled in: from the link that led here, or from the form that came back.
    pub options: &'a RedeployOptions,
    /// Deployment profiles that the person has named before.
    pub profiles: &'a [String],
    /// Whether a push to the branch deploys by itself, where that is known (`continuous.deploy`).
    pub continuous: Option<bool>,
    /// Whether Cloud 66 is spoken to in the 2013 dialect, which takes no options.
    pub old_api: bool,
    /// The form's operation id.
    pub op: &'a str,
    /// What is wrong with the form that came back.
    pub mistake: Option<RedeployMistake>,
}

/// What can be wrong with the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedeployMistake {
    /// A Git ref for a Docker stack.
    RefOnDocker,
    /// A Git ref with characters or a length that no ref has.
    RefShape,
    /// An image tag with characters that no tag has.
    TagShape,
    /// A deployment profile's name that is too long.
    ProfileShape,
    /// Options, for a version of the API that takes none.
    NotInThisVersion,
    /// A note that is too long.
    NoteTooLong,
}

impl RedeployMistake {
    /// The field's name and the words beside it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::RefOnDocker => (
                "services",
                "Docker stacks ignore a Git ref. Choose image tags instead.",
            ),
            Self::RefShape => ("git_ref", "This is not the name of a branch, a tag or a commit."),
            Self::TagShape => (
                "services",
                "An image tag holds letters, digits, dots, dashes and underscores.",
            ),
            Self::ProfileShape => (
                "deployment_profile",
                "This name is too long for a deployment profile.",
            ),
            Self::NotInThisVersion => (
                "note",
                "Version 2 of Cloud 66’s API takes no options. Send it again to deploy what Cloud 66 has for it.",
            ),
            Self::NoteTooLong => ("note", "A note has at most 300 characters."),
        }
    }
}

/// The confirm page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "pages/redeploy.html")]
pub struct RedeployPage {
    f: Frame,
    op: String,
    name: String,
    environment: String,
    who: String,
    production: bool,
    docker: bool,
    old_api: bool,
    warnings: Warnings,
    action: String,
    back: String,
    will: String,
    running: Option<Running>,
    compare: Option<(String, String)>,
    usual: Option<String>,
    git_ref: String,
    branch: Option<String>,
    services: Option<Vec<ServiceChoice>>,
    profile: String,
    profiles: Vec<String>,
    note: String,
    options: Folded,
    mistake: Option<(&'static str, &'static str)>,
}

/// What to know before: each is a line on the page, where it holds.
#[derive(Debug)]
struct Warnings {
    /// Another deploy runs.
    busy: bool,
    /// Visitors see the maintenance page.
    maintenance: bool,
    /// A commit is deployed that is not the branch's newest.
    older: bool,
    /// The branch that will deploy over it.
    continuous: Option<String>,
}

impl Warnings {
    fn any(&self) -> bool {
        self.busy || self.maintenance || self.older || self.continuous.is_some()
    }
}

/// Whether the options are shown at once or on demand.
#[derive(Debug, PartialEq, Eq)]
enum Folded {
    Open,
    Closed,
}

/// What runs now.
#[derive(Debug)]
struct Running {
    hash: String,
    commit: Option<String>,
    when: Option<When>,
    by: Option<String>,
}

/// A service that may be chosen.
#[derive(Debug)]
struct ServiceChoice {
    name: String,
    runs: String,
    chosen: bool,
    tag: String,
}

impl RedeployPage {
    /// Builds the page.
    pub fn new(frame: Frame, input: &RedeployInput<'_>) -> Self {
        let stack = input.stack;
        let title = format!("Redeploy {}", stack.title());
        let title = if input.mistake.is_some() {
            format!("Error: {title}")
        } else {
            title
        };
        let options = input.options;
        let git_ref = options.git_ref.clone().unwrap_or_default();
        let docker = stack.is_docker();
        Self {
            op: input.op.to_owned(),
            name: stack.name.clone(),
            environment: stack.environment.as_str().to_owned(),
            who: spoken(stack),
            production: input.production,
            docker,
            old_api: input.old_api,
            action: frame.urls.redeploy(stack.uid),
            back: frame.urls.return_to(ReturnTo::Stack(stack.uid)),
            will: will_deploy(stack, &git_ref, docker),
            running: input
                .version
                .and_then(|version| Running::of(&frame, stack, version.live.as_ref()?)),
            compare: compare(stack, &git_ref, input.version),
            usual: input
                .version
                .and_then(|version| version.usual)
                .map(words::in_sentence),
            warnings: Warnings {
                busy: stack.is_busy(),
                maintenance: stack.maintenance,
                older: !docker && is_older(&git_ref, input.version),
                continuous: stack
                    .git_branch
                    .clone()
                    .filter(|_| !git_ref.is_empty() && !docker && input.continuous == Some(true)),
            },
            branch: stack.git_branch.clone(),
            services: docker
                .then(|| input.services.map(|services| choose(services, &options.services)))
                .flatten(),
            profile: options.deployment_profile.clone().unwrap_or_default(),
            profiles: input.profiles.to_vec(),
            note: options.note.clone().unwrap_or_default(),
            options: if *options == RedeployOptions::default() && input.mistake.is_none() {
                Folded::Closed
            } else {
                Folded::Open
            },
            mistake: input.mistake.map(RedeployMistake::words),
            git_ref,
            f: frame.titled(title, Here::Stacks),
        }
    }

    /// The words beside a field, if it is the one.
    fn wrong(&self, field: &str) -> Option<&'static str> {
        self.mistake
            .filter(|(name, _)| *name == field)
            .map(|(_, words)| words)
    }

    /// The primary button names its target: "Redeploy production".
    fn verb(&self) -> String {
        let target = if self.environment.is_empty() {
            &self.name
        } else {
            &self.environment
        };
        if self.warnings.older {
            format!("Deploy this commit to {target}")
        } else {
            format!("Redeploy {target}")
        }
    }
}

impl Running {
    fn of(frame: &Frame, stack: &Stack, live: &Deployment) -> Option<Self> {
        Some(Self {
            hash: live.short_hash()?.to_owned(),
            commit: commit_link(stack, live),
            when: live.last_at().map(|at| frame.ago(at)),
            by: live.triggered_by.clone(),
        })
    }
}

/// Whether the ref is a commit that is not the one that runs: going back, or promoting.
fn is_older(git_ref: &str, version: Option<&Version>) -> bool {
    let live = version
        .and_then(|version| version.live.as_ref())
        .and_then(|live| live.git_hash.as_deref());
    is_hash(git_ref) && live != Some(git_ref)
}

fn will_deploy(stack: &Stack, git_ref: &str, docker: bool) -> String {
    match (git_ref, stack.git_branch.as_deref()) {
        _ if docker => "the images that its services name".to_owned(),
        ("", Some(branch)) => format!("latest commit on {branch}"),
        ("", None) => "the code that Cloud 66 has for it".to_owned(),
        (git_ref, _) if is_hash(git_ref) => format!("commit {}", short_hash(git_ref)),
        (git_ref, _) => git_ref.to_owned(),
    }
}

/// The words and the address of what lies between what runs and what will.
fn compare(stack: &Stack, git_ref: &str, version: Option<&Version>) -> Option<(String, String)> {
    let live = short_hash(version?.live.as_ref()?.git_hash.as_deref()?);
    let target = match git_ref {
        "" => stack.git_branch.as_deref()?,
        git_ref if is_hash(git_ref) => short_hash(git_ref),
        git_ref => git_ref,
    };
    let repository = Repository::parse(stack.git.as_deref()?)?;
    let link = repository.compare(live, target)?;
    Some((
        format!("{live}…{target} on {} ↗", repository.host_name()),
        link.as_str().to_owned(),
    ))
}

fn choose(services: &[Service], chosen: &[String]) -> Vec<ServiceChoice> {
    services
        .iter()
        .map(|service| {
            let wanted = chosen.iter().find_map(|text| {
                let (name, tag) = text.split_once(':').unwrap_or((text, ""));
                (name == service.name).then_some(tag)
            });
            ServiceChoice {
                name: service.name.clone(),
                runs: service
                    .image_tag
                    .clone()
                    .or_else(|| service.git_ref.clone())
                    .unwrap_or_default(),
                chosen: wanted.is_some(),
                tag: wanted.unwrap_or_default().to_owned(),
            }
        })
        .collect()
}
