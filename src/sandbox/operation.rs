//! What a request asks for: one name for each operation, used to answer it, to aim a fault at it and to
//! count it in the journal.

use super::http::decode_segment;
use hyper::Method;

/// An operation of OAuth or of the API (fact sheet 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Authorize,
    Token,
    TokenInfo,
    Revoke,
    Ping,
    PingAuth,
    Stacks,
    Stack,
    Redeploy,
    Deployments,
    Deployment,
    Cancel,
    Actions,
    Action,
    RunAction,
    Restart,
    Maintenance,
    Settings,
    Setting,
    Services,
    Service,
    CloudStatus,
    UserCloudStatus,
    Accounts,
    Account,
    Users,
    User,
    Logs,
    RedeployHook,
    /// Documented by Cloud 66, not answered by the sandbox or not in this API version.
    NotImplemented,
    /// No such path.
    Unknown,
    /// A page for people.
    Page,
    Control,
}

use Operation as Op;

impl Operation {
    /// Every operation a fault can be aimed at.
    pub(crate) const AIMABLE: [Self; 29] = [
        Op::Authorize,
        Op::Token,
        Op::TokenInfo,
        Op::Revoke,
        Op::Ping,
        Op::PingAuth,
        Op::Stacks,
        Op::Stack,
        Op::Redeploy,
        Op::Deployments,
        Op::Deployment,
        Op::Cancel,
        Op::Actions,
        Op::Action,
        Op::RunAction,
        Op::Restart,
        Op::Maintenance,
        Op::Settings,
        Op::Setting,
        Op::Services,
        Op::Service,
        Op::CloudStatus,
        Op::UserCloudStatus,
        Op::Accounts,
        Op::Account,
        Op::Users,
        Op::User,
        Op::Logs,
        Op::RedeployHook,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Op::Authorize => "authorize",
            Op::Token => "token",
            Op::TokenInfo => "token-info",
            Op::Revoke => "revoke",
            Op::Ping => "ping",
            Op::PingAuth => "ping-auth",
            Op::Stacks => "stacks",
            Op::Stack => "stack",
            Op::Redeploy => "redeploy",
            Op::Deployments => "deployments",
            Op::Deployment => "deployment",
            Op::Cancel => "cancel",
            Op::Actions => "actions",
            Op::Action => "action",
            Op::RunAction => "run-action",
            Op::Restart => "restart",
            Op::Maintenance => "maintenance-mode",
            Op::Settings => "settings",
            Op::Setting => "setting",
            Op::Services => "services",
            Op::Service => "service",
            Op::CloudStatus => "cloud-status",
            Op::UserCloudStatus => "user-cloud-status",
            Op::Accounts => "accounts",
            Op::Account => "account",
            Op::Users => "users",
            Op::User => "user",
            Op::Logs => "operation-logs",
            Op::RedeployHook => "redeploy-hook",
            Op::NotImplemented => "not-implemented",
            Op::Unknown => "unknown",
            Op::Page => "page",
            Op::Control => "control",
        }
    }

    /// Whether it is one of OAuth's.
    pub(crate) fn is_oauth(self) -> bool {
        matches!(self, Op::Authorize | Op::Token | Op::TokenInfo | Op::Revoke)
    }

    /// Whether it is one of the API's.
    pub(crate) fn is_api(self) -> bool {
        !self.is_oauth() && !matches!(self, Op::Page | Op::Control | Op::RedeployHook)
    }
}

/// The two API dialects (fact sheet 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V2,
    V3,
}

/// A request's operation and the ids in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) version: Version,
    ids: Vec<String>,
}

impl Call {
    /// Reads method and path. `.json` may stand at the end of any API path (fact sheet 1.2).
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let plain = path
            .strip_suffix('/')
            .filter(|rest| !rest.is_empty())
            .unwrap_or(path);
        let api = plain.strip_prefix("/api/");
        let plain = if api.is_some() {
            plain.strip_suffix(".json").unwrap_or(plain)
        } else {
            plain
        };
        let segments: Vec<String> = plain.split('/').skip(1).map(decode_segment).collect();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let verb = if method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        let (version, (operation, ids)) = match words.as_slice() {
            ["api", "2", rest @ ..] => (Version::V2, version_2(verb, rest)),
            ["api", "3", rest @ ..] => (Version::V3, version_3(verb, rest)),
            ["api", ..] => (Version::V3, (Op::Unknown, vec![])),
            rest => (Version::V3, elsewhere(verb, rest)),
        };
        Self {
            operation,
            version,
            ids: ids.into_iter().map(str::to_owned).collect(),
        }
    }

    /// The n-th id in the path, from 0; blank when there is none.
    pub(crate) fn id(&self, n: usize) -> &str {
        self.ids.get(n).map(String::as_str).unwrap_or_default()
    }

    /// The n-th id as a number; 0, which nothing has, when it is none.
    pub(crate) fn number(&self, n: usize) -> u64 {
        self.id(n).parse().unwrap_or(0)
    }
}

type Found<'a> = (Operation, Vec<&'a str>);

fn version_3<'a>(verb: &str, path: &[&'a str]) -> Found<'a> {
    let (operation, ids) = match (verb, path) {
        ("GET", ["ping"]) => (Op::Ping, vec![]),
        ("GET", ["ping", "auth"]) => (Op::PingAuth, vec![]),
        ("GET", ["stacks"]) => (Op::Stacks, vec![]),
        ("GET", ["stacks", uid]) => (Op::Stack, vec![*uid]),
        ("POST", ["stacks", uid, "deployments"]) => (Op::Redeploy, vec![*uid]),
        ("GET", ["stacks", uid, "deployments"]) => (Op::Deployments, vec![*uid]),
        ("GET", ["stacks", uid, "deployments", id]) => (Op::Deployment, vec![*uid, *id]),
        ("DELETE", ["stacks", uid, "deployments", id]) => (Op::Cancel, vec![*uid, *id]),
        ("GET", ["stacks", uid, "actions"]) => (Op::Actions, vec![*uid]),
        ("GET", ["stacks", uid, "actions", id]) => (Op::Action, vec![*uid, *id]),
        ("POST", ["stacks", uid, "actions"]) => (Op::RunAction, vec![*uid]),
        ("GET", ["stacks", uid, "settings"]) => (Op::Settings, vec![*uid]),
        ("GET", ["stacks", uid, "settings", id]) => (Op::Setting, vec![*uid, *id]),
        ("GET", ["stacks", uid, "services"]) => (Op::Services, vec![*uid]),
        ("GET", ["stacks", uid, "services", name]) => (Op::Service, vec![*uid, *name]),
        ("GET", ["accounts"]) => (Op::Accounts, vec![]),
        ("GET", ["accounts", id]) => (Op::Account, vec![*id]),
        ("GET", ["users"]) => (Op::Users, vec![]),
        ("GET", ["users", id]) => (Op::User, vec![*id]),
        ("GET", ["operations", uid, "logs"]) => (Op::Logs, vec![*uid]),
        (_, path) if is_documented(path) => (Op::NotImplemented, vec![]),
        _ => (Op::Unknown, vec![]),
    };
    (operation, ids)
}

fn version_2<'a>(verb: &str, path: &[&'a str]) -> Found<'a> {
    match (verb, path) {
        ("GET", ["stacks"]) => (Op::Stacks, vec![]),
        ("GET", ["stacks", uid]) => (Op::Stack, vec![*uid]),
        ("POST", ["stacks", uid, "redeploy"]) => (Op::Redeploy, vec![*uid]),
        ("POST", ["stacks", uid, "restart"]) => (Op::Restart, vec![*uid]),
        ("POST", ["stacks", uid, "maintenance_mode"]) => (Op::Maintenance, vec![*uid]),
        ("GET", ["stacks", uid, "settings"]) => (Op::Settings, vec![*uid]),
        ("GET", ["stacks", uid, "status"]) => (Op::CloudStatus, vec![*uid]),
        ("GET", ["users", "cloud_status"]) => (Op::UserCloudStatus, vec![]),
        (_, ["stacks", _, "deployments" | "actions" | "services", ..] | ["accounts" | "ping", ..]) => {
            (Op::NotImplemented, vec![])
        }
        (_, path) if is_documented(path) => (Op::NotImplemented, vec![]),
        _ => (Op::Unknown, vec![]),
    }
}

/// Paths that Cloud 66 documents and the sandbox does not answer.
fn is_documented(path: &[&str]) -> bool {
    const OF_A_STACK: [&str; 24] = [
        "application_variants",
        "backups",
        "containers",
        "databases",
        "environments",
        "firewalls",
        "formations",
        "gateways",
        "jobs",
        "lease",
        "notifications",
        "processes",
        "reboot_servers",
        "server_groups",
        "servers",
        "services",
        "setting",
        "settings",
        "snapshots",
        "ssl_certificates",
        "tags",
        "configurations",
        "failover_groups",
        "queues",
    ];
    const FAMILIES: [&str; 7] = [
        "users",
        "clouds",
        "image_repositories",
        "backups",
        "servers",
        "tags",
        "jwt",
    ];
    match path {
        ["stacks"] => true,
        ["stacks", _, what, ..] => OF_A_STACK.contains(what),
        [family, ..] => FAMILIES.contains(family),
        [] => false,
    }
}

fn elsewhere<'a>(verb: &str, path: &[&'a str]) -> Found<'a> {
    match (verb, path) {
        (_, ["oauth", "authorize", ..]) => (Op::Authorize, vec![]),
        ("POST", ["oauth", "token"]) => (Op::Token, vec![]),
        ("GET", ["oauth", "token", "info"]) => (Op::TokenInfo, vec![]),
        ("POST", ["oauth", "revoke"]) => (Op::Revoke, vec![]),
        ("POST", ["stacks", "redeploy", one, two] | ["hooks", "v1", "stacks", "redeploy", one, two]) => {
            (Op::RedeployHook, vec![*one, *two])
        }
        (_, ["control", ..]) => (Op::Control, vec![]),
        _ => (Op::Page, vec![]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: &str, path: &str) -> Operation {
        Call::of(&Method::from_bytes(method.as_bytes()).unwrap(), path).operation
    }

    #[test]
    fn section_1_2_each_path_is_known_with_and_without_json() {
        for suffix in ["", ".json"] {
            assert_eq!(operation("GET", &format!("/api/3/stacks{suffix}")), Op::Stacks);
            assert_eq!(
                operation("GET", &format!("/api/3/ping/auth{suffix}")),
                Op::PingAuth
            );
            assert_eq!(
                operation("POST", &format!("/api/2/stacks/x/redeploy{suffix}")),
                Op::Redeploy
            );
            let call = Call::of(
                &Method::DELETE,
                &format!("/api/3/stacks/abc/deployments/12{suffix}"),
            );
            assert_eq!(
                (call.operation, call.id(0), call.number(1)),
                (Op::Cancel, "abc", 12)
            );
        }
    }

    #[test]
    fn section_1_3_what_only_version_3_has_is_not_implemented_in_version_2() {
        assert_eq!(
            operation("GET", "/api/2/stacks/x/deployments.json"),
            Op::NotImplemented
        );
        assert_eq!(operation("GET", "/api/2/accounts"), Op::NotImplemented);
        assert_eq!(operation("GET", "/api/3/stacks/x/servers"), Op::NotImplemented);
    }

    #[test]
    fn section_1_1_wrong_bases_and_singular_paths_are_unknown() {
        assert_eq!(operation("GET", "/api/v3/stacks.json"), Op::Unknown);
        assert_eq!(operation("GET", "/api/3/stack.json"), Op::Unknown);
        assert_eq!(operation("PATCH", "/api/3/stacks/x"), Op::Unknown);
        assert_eq!(operation("GET", "/"), Op::Page);
    }

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = Op::AIMABLE.iter().map(|operation| operation.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Op::AIMABLE.len());
    }
}
