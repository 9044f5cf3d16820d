//! A stack and what belongs to it: codes, services, deployments, actions, and the work it has to do.

use super::lifecycle::Work;
use std::collections::VecDeque;
use std::time::Duration;
use time::OffsetDateTime;

/// `status` of a stack (fact sheet 4.2); any number can be set, to see what a client makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i64);

impl Status {
    /// `STK_QUEUED`: pending analysis.
    pub const QUEUED: Self = Self(0);
    /// `STK_SUCCESS`: the last deploy succeeded.
    pub const SUCCESS: Self = Self(1);
    /// `STK_FAILED`: deployment failed.
    pub const FAILED: Self = Self(2);
    /// `STK_ANALYSING`.
    pub const ANALYSING: Self = Self(3);
    /// `STK_ANALYSED`: never deployed.
    pub const ANALYSED: Self = Self(4);
    /// `STK_QUEUED_FOR_DEPLOYING`.
    pub const QUEUED_FOR_DEPLOYING: Self = Self(5);
    /// `STK_DEPLOYING`.
    pub const DEPLOYING: Self = Self(6);
    /// `STK_TERMINAL_FAILURE`: unable to analyse.
    pub const TERMINAL_FAILURE: Self = Self(7);
}

impl PartialEq<i64> for Status {
    fn eq(&self, code: &i64) -> bool {
        self.0 == *code
    }
}

impl PartialEq<i64> for Health {
    fn eq(&self, code: &i64) -> bool {
        self.0 == *code
    }
}

/// `health` of a stack (fact sheet 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health(pub i64);

impl Health {
    /// `HLT_UNKNOWN`.
    pub const UNKNOWN: Self = Self(0);
    /// `HLT_BUILDING`: on a first build.
    pub const BUILDING: Self = Self(1);
    /// `HLT_PARTIAL`: impaired.
    pub const PARTIAL: Self = Self(2);
    /// `HLT_OK`: healthy.
    pub const OK: Self = Self(3);
    /// `HLT_BROKEN`: failed.
    pub const BROKEN: Self = Self(4);
}

/// A stack, with its history.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are separate facts on the wire too"
)]
pub struct Stack {
    /// 32 hexadecimal digits, the id in every path.
    pub uid: String,
    /// The internal id, `resource_id` of actions.
    pub id: u64,
    /// The account that owns it.
    pub account_id: u64,
    /// The name shown, not unique.
    pub name: String,
    /// The repository; `None` on image-only stacks.
    pub git: Option<String>,
    /// The branch.
    pub git_branch: Option<String>,
    /// The environment, free text.
    pub environment: String,
    /// The cloud's name, or `no_cloud`.
    pub cloud: String,
    /// The host name.
    pub fqdn: Option<String>,
    /// The language.
    pub language: String,
    /// The framework: `rails`, `docker`, `skycap` …
    pub framework: String,
    /// `kubernetes` where it is.
    pub backend: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// How its servers are.
    pub health: Health,
    /// Whether an operation is running.
    pub is_busy: bool,
    /// When something last happened.
    pub last_activity: Option<OffsetDateTime>,
    /// Whether it shows its maintenance page.
    pub maintenance_mode: bool,
    /// Whether a push to the branch deploys by itself (`continuous.deploy`).
    pub continuous_deploy: bool,
    /// Whether it has a load balancer.
    pub has_loadbalancer: bool,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
    /// Grows by one with each deploy that succeeds.
    pub revision: u64,
    /// The public address.
    pub application_address: Option<String>,
    /// The two secret parts of its redeploy hook, 32 hexadecimal digits each.
    pub hook: (String, String),
    /// What Cloud 66 wants somebody to know; also sent as `X-Cloud66-Warning`.
    pub warnings: Vec<String>,
    /// The services of a Docker stack.
    pub services: Vec<Service>,
    /// Every deployment, oldest first.
    pub deployments: Vec<Deployment>,
    /// Every action, oldest first.
    pub actions: Vec<Action>,
    /// How long a deploy of this stack usually takes.
    pub typical: Duration,
    /// Whether every deploy fails.
    pub always_fails: bool,
    /// Whether the next deploy fails.
    pub(crate) fail_next: bool,
    /// What it is doing and what waits behind that.
    pub(crate) work: VecDeque<Work>,
}

impl Stack {
    /// The deployment whose code is on the servers.
    pub fn live(&self) -> Option<&Deployment> {
        self.deployments
            .iter()
            .rev()
            .find(|deployment| deployment.is_live)
    }

    /// Whether services can be named in a redeploy of it.
    pub fn is_docker(&self) -> bool {
        self.framework == "docker"
    }

    /// The newest deployment.
    pub fn newest(&self) -> Option<&Deployment> {
        self.deployments.last()
    }

    /// Where a commit of this stack's repository can be read; `None` for a host whose pages are not known.
    pub(crate) fn commit_url(&self, hash: &str) -> Option<String> {
        let git = self.git.as_deref()?;
        let place = git.strip_prefix("git@").map(|rest| rest.replacen(':', "/", 1));
        let place = place.or_else(|| git.strip_prefix("https://").map(str::to_owned))?;
        let place = place.strip_suffix(".git").unwrap_or(&place);
        match place.split('/').next()? {
            "github.com" => Some(format!("https://{place}/commit/{hash}")),
            "gitlab.com" => Some(format!("https://{place}/-/commit/{hash}")),
            "bitbucket.org" => Some(format!("https://{place}/commits/{hash}")),
            _ => None,
        }
    }
}

/// A service of a Docker stack (fact sheet 4.11).
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The image.
    pub image: String,
    /// The tag that runs.
    pub tag: String,
    /// How many containers run.
    pub containers: u64,
    /// The server they run on.
    pub server_uid: String,
}

/// How a deployment came about (fact sheet 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// In the web interface.
    Web,
    /// Over the API.
    Api,
    /// By the redeploy hook.
    Hook,
}

/// How a deployment ended (fact sheet 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended.
    Pending,
    /// It succeeded.
    Success,
    /// It failed or was cancelled: no outcome is listed for the latter.
    Failed,
}

/// What kind of deployment it was (fact sheet 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployType {
    /// A redeploy.
    Redeploy,
    /// The first one.
    FirstBuild,
    /// Back to an older one.
    Revert,
}

/// One deployment of a stack (fact sheet 4.3).
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Grows with each deployment of any stack.
    pub id: u64,
    /// The operation whose log it wrote.
    pub operation_uid: String,
    /// The email of the person; `None` for a hook.
    pub triggered_by: Option<String>,
    /// How it came about.
    pub via: Via,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// How it ended.
    pub outcome: Outcome,
    /// The commit; `None` on image-only stacks.
    pub git_hash: Option<String>,
    /// The branch, tag or hash that was asked for.
    pub git_ref: Option<String>,
    /// Ten characters.
    pub deploy_session: String,
    /// What kind it is.
    pub deploy_type: DeployType,
    /// Whether it is the newest.
    pub is_head: bool,
    /// Whether its code is on the servers.
    pub is_live: bool,
    /// Who went back from it, and when.
    pub reverted: Option<(String, OffsetDateTime)>,
}

impl Deployment {
    /// Whether it is still running.
    pub fn is_deploying(&self) -> bool {
        self.finished_at.is_none()
    }
}

/// One asynchronous action (fact sheet 4.6).
#[derive(Clone, Debug)]
pub struct Action {
    /// Grows with each action of any stack.
    pub id: u64,
    /// The email of the person.
    pub user: String,
    /// `application_deployment`, `restart` …
    pub action: &'static str,
    /// `api`, `web`, `hook`.
    pub started_via: &'static str,
    /// When it was asked for.
    pub started_at: OffsetDateTime,
    /// When and how it ended.
    pub finished: Option<Finished>,
    /// The caller's own reference, up to 255 characters.
    pub user_reference: Option<String>,
    /// The deployment that it became, once that has begun: in the sandbox's own books alone, for Cloud 66 names an
    /// action and not its deployment.
    pub deployment: Option<u64>,
}

/// The end of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// When.
    pub at: OffsetDateTime,
    /// Whether it succeeded.
    pub success: bool,
    /// In words.
    pub message: String,
}
