//! A stack: one application in one environment.

use time::OffsetDateTime;

use super::ids::{AccountId, StackUid};
use super::link::WebLink;

/// A stack as Cloud 66 described it (fact sheet 4.1). Texts are as they came and may be hostile; the redeploy
/// hook, a secret address, has no field on purpose.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// The id used in all paths.
    pub uid: StackUid,
    /// Display name; not unique across environments.
    pub name: String,
    /// Free text such as `production`.
    pub environment: Environment,
    /// The account it belongs to, where Cloud 66 says so.
    pub account: Option<AccountId>,
    /// That account's name.
    pub account_name: Option<String>,
    /// Cloud vendor as Cloud 66 writes it; `None` for own servers and where unknown.
    pub cloud: Option<String>,
    /// `rails`, `docker`, `skycap`, …
    pub framework: Option<String>,
    /// `ruby`, …
    pub language: Option<String>,
    /// `kubernetes`, …
    pub backend: Option<String>,
    /// Repository address as Cloud 66 has it (often an SSH one); none on image-only stacks.
    pub git: Option<String>,
    /// The branch that a redeploy takes.
    pub git_branch: Option<String>,
    /// Where visitors find the application.
    pub address: Option<WebLink>,
    /// Status code (fact sheet 4.2).
    pub status: Status,
    /// Health code (fact sheet 4.2).
    pub health: Health,
    /// Whether visitors see the maintenance page.
    pub maintenance: bool,
    /// Whether Cloud 66 says that an operation is running.
    pub busy: bool,
    /// When something last happened to it.
    pub last_activity: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: Option<OffsetDateTime>,
}

impl Stack {
    /// Whether the stack runs containers, so that services are chosen and Git refs ignored (fact sheet 7).
    pub fn is_docker(&self) -> bool {
        self.framework
            .as_deref()
            .is_some_and(|framework| framework.eq_ignore_ascii_case("docker"))
    }

    /// Whether the stack builds only (fact sheet 4.2, labels for `skycap`).
    pub fn is_skycap(&self) -> bool {
        self.framework
            .as_deref()
            .is_some_and(|framework| framework.eq_ignore_ascii_case("skycap"))
    }

    /// Whether Cloud 66 is at work on it, so that a redeploy queues behind that (fact sheet 6.4, 8.8).
    pub fn is_busy(&self) -> bool {
        self.busy
            || matches!(
                self.status,
                Status::Queued | Status::Analysing | Status::QueuedForDeploying | Status::Deploying
            )
    }

    /// "name, environment": how a stack is called in sentences and hidden labels.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.environment.as_str())
    }
}

/// The environment's name, as Cloud 66 has it. Names that differ in capital and small letters alone are one
/// environment: every comparison goes through this type.
#[derive(Debug, Clone)]
pub struct Environment(String);

impl Environment {
    /// Any text; surrounding white space goes.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text as it came; for showing, not for comparing.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl PartialEq for Environment {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Environment {}

impl std::hash::Hash for Environment {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl PartialOrd for Environment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Environment {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(&other.folded())
    }
}

/// A stack's status code (fact sheet 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: waiting to be analysed.
    Queued,
    /// 1: the last deployment ended well.
    Deployed,
    /// 2: the last deployment failed.
    Failed,
    /// 3: being analysed.
    Analysing,
    /// 4: analysed, never deployed.
    Analysed,
    /// 5: a deployment waits to start.
    QueuedForDeploying,
    /// 6: a deployment runs.
    Deploying,
    /// 7: cannot be analysed.
    TerminalFailure,
    /// A code that the documents do not list.
    Other(i64),
    /// Cloud 66 said nothing of it.
    NotGiven,
}

impl Status {
    /// From Cloud 66's number.
    pub fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Queued,
            1 => Self::Deployed,
            2 => Self::Failed,
            3 => Self::Analysing,
            4 => Self::Analysed,
            5 => Self::QueuedForDeploying,
            6 => Self::Deploying,
            7 => Self::TerminalFailure,
            other => Self::Other(other),
        }
    }

    /// Cloud 66's number, where it gave one.
    pub fn code(self) -> Option<i64> {
        Some(match self {
            Self::Queued => 0,
            Self::Deployed => 1,
            Self::Failed => 2,
            Self::Analysing => 3,
            Self::Analysed => 4,
            Self::QueuedForDeploying => 5,
            Self::Deploying => 6,
            Self::TerminalFailure => 7,
            Self::Other(code) => code,
            Self::NotGiven => return None,
        })
    }

    /// Cloud 66's own label, shown on the stack's page beside our verdict.
    pub fn label(self) -> &'static str {
        match self {
            Self::Queued => "Pending analysis",
            Self::Deployed => "Deployed successfully",
            Self::Failed => "Deployment failed",
            Self::Analysing => "Analyzing",
            Self::Analysed => "Analyzed",
            Self::QueuedForDeploying => "Queued for deployment",
            Self::Deploying => "Deploying",
            Self::TerminalFailure => "Unable to analyze",
            Self::Other(_) => "Not known to this app",
            Self::NotGiven => "Not given by Cloud 66",
        }
    }
}

/// A stack's health code (fact sheet 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// 0: Cloud 66 has no data.
    Unknown,
    /// 1: the first build runs.
    Building,
    /// 2: some of its servers are in trouble.
    Impaired,
    /// 3: well.
    Healthy,
    /// 4: broken.
    Broken,
    /// A code that the documents do not list.
    Other(i64),
}

impl Health {
    /// From Cloud 66's number.
    pub fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Unknown,
            1 => Self::Building,
            2 => Self::Impaired,
            3 => Self::Healthy,
            4 => Self::Broken,
            other => Self::Other(other),
        }
    }

    /// Cloud 66's number.
    pub fn code(self) -> i64 {
        match self {
            Self::Unknown => 0,
            Self::Building => 1,
            Self::Impaired => 2,
            Self::Healthy => 3,
            Self::Broken => 4,
            Self::Other(code) => code,
        }
    }

    /// Cloud 66's own label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Building => "Building",
            Self::Impaired => "Impaired",
            Self::Healthy => "Healthy",
            Self::Broken => "Failed",
            Self::Other(_) => "Not known to this app",
        }
    }
}

/// A healthy stack to start from, changed by `change`; for tests.
#[cfg(test)]
pub(crate) fn sample(change: impl FnOnce(&mut Stack)) -> Stack {
    let mut stack = Stack {
        uid: StackUid::from(0x4f6c_0e2b_9d1a_4c7e_8b3f_5a6d_7c8e_9f01),
        name: "checkout".into(),
        environment: Environment::new("production"),
        account: Some(AccountId(912)),
        account_name: Some("Harbour Ltd".into()),
        cloud: Some("DigitalOcean".into()),
        framework: Some("rails".into()),
        language: Some("ruby".into()),
        backend: None,
        git: Some("git@github.com:harbour/checkout.git".into()),
        git_branch: Some("main".into()),
        address: WebLink::parse("https://checkout.example.com"),
        status: Status::Deployed,
        health: Health::Healthy,
        maintenance: false,
        busy: false,
        last_activity: None,
        created_at: None,
    };
    change(&mut stack);
    stack
}
