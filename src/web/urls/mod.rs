//! Every path of the app, once: as a pattern for the router ([`route`]) and as a function for templates,
//! redirects and tests ([`Urls`]).
//!
//! Invariants: nothing else in the program writes a path of ours; a builder takes parsed ids only, so no text
//! from Cloud 66 or the browser becomes part of a path; what goes into a query is percent-encoded here.

use std::sync::Arc;

use url::form_urlencoded;

use crate::domain::{Command, DeploymentId, OperationId, RedeployOptions, ReturnTo, StackQuery, StackUid};
use crate::web::assets::Asset;

mod cloud66_pages;
pub mod route;

pub use cloud66_pages::Cloud66Pages;

/// Builds addresses below the path prefix of the public address. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// Empty, or a path that begins with a slash and ends without one.
    prefix: Arc<str>,
}

impl Urls {
    /// For a public address with this path: `""` and `"/"` mean none.
    pub fn new(path: &str) -> Self {
        let path = path.trim_matches('/');
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        };
        Self {
            prefix: prefix.into(),
        }
    }

    /// The path prefix: empty, or `/deck`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The stacks.
    pub fn home(&self) -> String {
        self.below(route::HOME)
    }

    /// The stacks, narrowed and sorted.
    pub fn stacks(&self, query: &StackQuery) -> String {
        Pairs::of_view(query).after(self.home())
    }

    /// The first page, from which a sign-in leads to `return_to`.
    pub fn home_then(&self, return_to: ReturnTo) -> String {
        let mut pairs = Pairs::new();
        if return_to != ReturnTo::Home {
            pairs.add("return_to", &return_to.to_string());
        }
        pairs.after(self.home())
    }

    /// Where the sign-in form posts to.
    pub fn sign_in(&self) -> String {
        self.below(route::SIGN_IN)
    }

    /// The page that says what a sign-in will ask for, and leads to Cloud 66 and back to `return_to`.
    pub fn sign_in_page(&self, access: Access, return_to: ReturnTo) -> String {
        let mut pairs = Pairs::new();
        pairs.add("access", access.as_str());
        pairs.add("return_to", &return_to.to_string());
        pairs.after(self.sign_in())
    }

    /// Where Cloud 66 sends people back to; below the public address it is the redirect URI.
    pub fn oauth_callback(&self) -> String {
        self.below(route::OAUTH_CALLBACK)
    }

    /// The form for a pasted code.
    pub fn oauth_code(&self) -> String {
        self.below(route::OAUTH_CODE)
    }

    /// Ends this session.
    pub fn sign_out(&self) -> String {
        self.below(route::SIGN_OUT)
    }

    /// Ends all sessions of the person.
    pub fn sign_out_everywhere(&self) -> String {
        self.below(route::SIGN_OUT_EVERYWHERE)
    }

    /// One stack.
    pub fn stack(&self, uid: StackUid) -> String {
        self.with(route::STACK, &[("{uid}", &uid.to_string())])
    }

    /// Keeps a stack at the top of the list.
    pub fn pin(&self, uid: StackUid) -> String {
        self.with(route::PIN, &[("{uid}", &uid.to_string())])
    }

    /// Where a view of the list is kept, and let go of.
    pub fn views(&self) -> String {
        self.below(route::VIEWS)
    }

    /// Asks about a redeploy, and sends it.
    pub fn redeploy(&self, uid: StackUid) -> String {
        self.with(route::REDEPLOY, &[("{uid}", &uid.to_string())])
    }

    /// The same with options filled in: deploy this commit again, promote, once more. The note is not carried.
    pub fn redeploy_with(&self, uid: StackUid, options: &RedeployOptions) -> String {
        let mut pairs = Pairs::new();
        pairs.add("git_ref", options.git_ref.as_deref().unwrap_or_default());
        for service in &options.services {
            pairs.add("services", service);
        }
        pairs.add(
            "deployment_profile",
            options.deployment_profile.as_deref().unwrap_or_default(),
        );
        pairs.after(self.redeploy(uid))
    }

    /// Asks about stopping a deployment, and stops it.
    pub fn cancel(&self, uid: StackUid, id: DeploymentId) -> String {
        self.with(
            route::CANCEL,
            &[("{uid}", &uid.to_string()), ("{id}", &id.to_string())],
        )
    }

    /// Asks about a command, and sends it. A redeploy has its own page.
    pub fn action(&self, uid: StackUid, command: Command) -> String {
        if command == Command::Redeploy {
            return self.redeploy(uid);
        }
        self.with(
            route::ACTION,
            &[("{uid}", &uid.to_string()), ("{command}", command.as_str())],
        )
    }

    /// The person's receipts.
    pub fn receipts(&self) -> String {
        self.below(route::RECEIPTS)
    }

    /// The person's receipts from before this one.
    pub fn receipts_before(&self, last: OperationId) -> String {
        format!("{}?before={last}", self.receipts())
    }

    /// One receipt.
    pub fn receipt(&self, id: OperationId) -> String {
        self.with(route::RECEIPT, &[("{id}", &id.to_string())])
    }

    /// Several stacks at once.
    pub fn bulk(&self) -> String {
        self.below(route::BULK)
    }

    /// What became of several stacks at once.
    pub fn batch(&self, id: OperationId) -> String {
        self.with(route::BATCH, &[("{id}", &id.to_string())])
    }

    /// The same, naming the stacks that were asked for and the earlier requests that stood in the way of some, so that
    /// the page can say which were left out, and why.
    pub fn batch_of(&self, id: OperationId, stacks: &[StackUid], in_the_way: &[OperationId]) -> String {
        let joined = |mut ids: Vec<String>| {
            ids.sort_unstable();
            ids.join(".")
        };
        let mut pairs = Pairs::new();
        pairs.add(
            "stacks",
            &joined(stacks.iter().map(ToString::to_string).collect()),
        );
        pairs.add(
            "in_the_way",
            &joined(in_the_way.iter().map(ToString::to_string).collect()),
        );
        pairs.after(self.batch(id))
    }

    /// What changed.
    pub fn activity(&self) -> String {
        self.below(route::ACTIVITY)
    }

    /// What changed, narrowed: the last `hours`, an environment's name, `failed` or nothing.
    pub fn activity_with(&self, hours: &str, env: &str, result: &str) -> String {
        let mut pairs = Pairs::new();
        pairs.add("hours", hours);
        pairs.add("env", env);
        pairs.add("result", result);
        pairs.after(self.activity())
    }

    /// Stacks by name.
    pub fn search(&self) -> String {
        self.below(route::SEARCH)
    }

    /// The person's settings.
    pub fn settings(&self) -> String {
        self.below(route::SETTINGS)
    }

    /// Ends another session of the person. `handle` is hex, as the store gives it; every other character is
    /// left out.
    pub fn end_session(&self, handle: &str) -> String {
        let handle: String = handle.chars().filter(char::is_ascii_alphanumeric).collect();
        self.with(route::END_SESSION, &[("{handle}", &handle)])
    }

    /// Words, keys and where to turn.
    pub fn help(&self) -> String {
        self.below(route::HELP)
    }

    /// The event stream for the stack list.
    pub fn events_stacks(&self) -> String {
        format!("{}?view=stacks", self.below(route::EVENTS))
    }

    /// The event stream for what changed.
    pub fn events_activity(&self) -> String {
        format!("{}?view=activity", self.below(route::EVENTS))
    }

    /// The event stream for one stack's page.
    pub fn events_stack(&self, uid: StackUid) -> String {
        format!("{}?view=stack&uid={uid}", self.below(route::EVENTS))
    }

    /// The event stream for a receipt.
    pub fn events_receipt(&self, id: OperationId) -> String {
        format!("{}?view=receipt&id={id}", self.below(route::EVENTS))
    }

    /// An embedded file.
    pub fn asset(&self, asset: &Asset) -> String {
        self.with(route::STATIC, &[("{name}", asset.file)])
    }

    /// One of our own pages, as a sign-in remembers it.
    pub fn return_to(&self, page: ReturnTo) -> String {
        self.below(&page.to_string())
    }

    fn below(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn with(&self, pattern: &str, parts: &[(&str, &str)]) -> String {
        parts.iter().fold(self.below(pattern), |path, (name, value)| {
            path.replace(name, value)
        })
    }
}

/// What a sign-in asks for: the field `access`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Everything the settings name, which is to see and to redeploy.
    #[default]
    Redeploy,
    /// To see only.
    Read,
}

impl Access {
    /// The word in the form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redeploy => "redeploy",
            Self::Read => "read",
        }
    }

    /// Reads the word; everything but `read` is the usual sign-in.
    pub fn parse(word: &str) -> Self {
        if word == "read" {
            Self::Read
        } else {
            Self::Redeploy
        }
    }
}

/// A view of the list as it stands in its address, after the question mark; empty for the plain list.
pub fn view_text(query: &StackQuery) -> String {
    Pairs::of_view(query).0.finish()
}

/// A query string; empty values are left out.
struct Pairs(form_urlencoded::Serializer<'static, String>);

impl Pairs {
    fn new() -> Self {
        Self(form_urlencoded::Serializer::new(String::new()))
    }

    fn of_view(query: &StackQuery) -> Self {
        let mut pairs = Self::new();
        pairs.add("q", query.q.trim());
        pairs.add("state", &query.state);
        pairs.add("env", &query.env);
        pairs.add("account", &query.account);
        pairs.add("sort", &query.sort);
        pairs.add("group", &query.group);
        pairs.add("page", &query.page);
        pairs
    }

    fn add(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.append_pair(name, value);
        }
    }

    fn after(mut self, path: String) -> String {
        let query = self.0.finish();
        if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_stands_below_the_prefix() {
        let uid = StackUid::from(0xab);
        for path in ["/deck", "/deck/", "deck"] {
            let urls = Urls::new(path);
            assert_eq!(urls.home(), "/deck/");
            assert_eq!(
                urls.cancel(uid, DeploymentId(5120)),
                "/deck/stacks/000000000000000000000000000000ab/deployments/5120/cancel"
            );
            assert_eq!(urls.return_to(ReturnTo::Settings), "/deck/settings");
        }
        assert_eq!(Urls::new("").home(), "/");
        assert_eq!(Urls::new("/").activity(), "/activity");
    }

    #[test]
    fn options_are_carried_percent_encoded() {
        let options = RedeployOptions {
            git_ref: Some("feature/a b&x=1".into()),
            services: vec!["web:v1".into(), "worker".into()],
            deployment_profile: None,
            note: Some("not carried".into()),
        };
        let address = Urls::new("").redeploy_with(StackUid::from(1), &options);
        let (_, query) = address.split_once('?').unwrap();
        assert_eq!(
            query,
            "git_ref=feature%2Fa+b%26x%3D1&services=web%3Av1&services=worker"
        );
    }

    #[test]
    fn a_query_says_only_what_narrows_the_list() {
        let urls = Urls::new("");
        assert_eq!(urls.stacks(&StackQuery::default()), "/");
        let query = StackQuery {
            q: " env:live ".into(),
            group: "app".into(),
            ..StackQuery::default()
        };
        assert_eq!(urls.stacks(&query), "/?q=env%3Alive&group=app");
    }

    #[test]
    fn a_handle_cannot_leave_its_place() {
        assert_eq!(
            Urls::new("").end_session("../../x?y"),
            "/settings/sessions/xy/end"
        );
    }
}
