//! The contract: the same questions to the sandbox and to the live service, so that the one can be trusted
//! to stand for the other. Only questions that change nothing are asked.
//!
//! For the live service: `CLOUD66_URL` (its origin), `CLOUD66_TOKEN` (a token with the scope `public`), then
//! `cargo test --test contract -- --ignored --nocapture`. Each answer that differs names the section of the
//! fact sheet that would have to be corrected, and the sandbox with it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests end where they go wrong"
)]

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use stackdeck::sandbox::{Options, Sandbox, Scope};
use std::time::Duration;

#[tokio::test]
async fn the_sandbox_keeps_the_contract() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let main = sandbox.world().main_person().unwrap().email;
    let token = sandbox.world().issue_token(&main, &[Scope::Public]).unwrap();
    let broken = Questions::new(sandbox.url(), &token).ask().await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[tokio::test]
#[ignore = "needs CLOUD66_URL and CLOUD66_TOKEN of the live service"]
#[expect(
    clippy::disallowed_methods,
    reason = "this test's own settings, of no concern to the program"
)]
async fn cloud_66_keeps_the_contract() {
    let setting = |name| std::env::var(name).unwrap_or_else(|_| panic!("set {name}"));
    let broken = Questions::new(&setting("CLOUD66_URL"), &setting("CLOUD66_TOKEN"))
        .ask()
        .await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[tokio::test]
async fn a_server_that_breaks_the_contract_is_noticed() {
    for (fault, section) in [
        ("stacks=no-envelope", "5.1"),
        ("stacks=lying-pages", "5.2"),
        ("stack=number-strings", "4.1"),
        ("deployments=unknown-codes", "4.4"),
        ("stacks=status:500", "1.3"),
    ] {
        let faults = vec![fault.parse().unwrap()];
        let sandbox = Sandbox::start(Options {
            faults,
            ..Options::default()
        })
        .await
        .unwrap();
        let main = sandbox.world().main_person().unwrap().email;
        let token = sandbox.world().issue_token(&main, &[Scope::Public]).unwrap();
        let broken = Questions::new(sandbox.url(), &token).ask().await;
        assert!(
            broken.iter().any(|words| words.starts_with(section)),
            "{fault}: {broken:?}"
        );
    }
}

/// A server, and what it has answered otherwise than expected.
struct Questions<'a> {
    http: Client,
    url: &'a str,
    token: &'a str,
    broken: Vec<String>,
}

impl<'a> Questions<'a> {
    fn new(url: &'a str, token: &'a str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let policy = reqwest::redirect::Policy::none();
        let http = Client::builder()
            .redirect(policy)
            .timeout(Duration::from_mins(5))
            .build()
            .unwrap();
        Self {
            http,
            url: url.trim_end_matches('/'),
            token,
            broken: Vec::new(),
        }
    }

    fn expect(&mut self, section: &str, truth: bool, words: &str) {
        if !truth {
            self.broken.push(format!("{section}: {words}"));
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test of one trusted server")]
    async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let mut request = self.http.request(Method::GET, format!("{}{path}", self.url));
        request = request.header("accept", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (
            status,
            serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null),
        )
    }

    async fn ask(mut self) -> Vec<String> {
        self.pings().await;
        self.errors().await;
        let Some(stack) = self.list().await else {
            return self.broken;
        };
        self.one(&stack).await;
        self.deployments(&stack).await;
        self.actions(&stack).await;
        self.broken
    }

    async fn pings(&mut self) {
        let (status, _) = self.get("/api/3/ping.json", None).await;
        self.expect("4.9", status == 200, "ping needs no token");
        let (status, body) = self.get("/api/3/ping/auth.json", Some(self.token)).await;
        self.expect("4.9", status == 200, "ping/auth answers 200");
        let who = body.get("response").unwrap_or(&body);
        self.expect(
            "4.9",
            who["user_id"].is_u64() && who["account_id"].is_u64(),
            "ping/auth has both ids",
        );
        self.expect("4.9", who["user_name"].is_string(), "ping/auth has a name");
    }

    async fn errors(&mut self) {
        let (status, body) = self.get("/api/3/stacks.json", Some("no-such-token")).await;
        self.expect("5.4", status == 401, "a made-up token is 401");
        self.expect(
            "5.4",
            body["error"] == "unauthenticated",
            "its error is `unauthenticated`",
        );
        let unknown = "/api/3/stacks/00000000000000000000000000000000.json";
        let (status, body) = self.get(unknown, Some(self.token)).await;
        self.expect(
            "5.4",
            status == 404 && body["error"] == "not_found",
            "an unknown uid is 404 `not_found`",
        );
    }

    /// The list of stacks; gives the uid of its first.
    async fn list(&mut self) -> Option<String> {
        let (status, body) = self.get("/api/3/stacks.json", Some(self.token)).await;
        self.expect("1.3", status == 200, "stacks can be listed");
        let Some(stacks) = body["response"].as_array() else {
            self.expect("5.1", false, "a list stands in `response`");
            return None;
        };
        self.expect("5.2", body["count"] == stacks.len(), "`count` is of this page");
        let pagination = &body["pagination"];
        let number = |name: &str| pagination[name].as_u64();
        let (count, pages, per_page) = (number("count"), number("pages"), number("per_page"));
        self.expect(
            "5.2",
            per_page == Some(30) && number("current") == Some(1),
            "pages of 30, from 1",
        );
        let fits = count
            .zip(pages)
            .is_some_and(|(count, pages)| pages == count.div_ceil(30).max(1));
        self.expect("5.2", fits, "`pages` fits `count`");
        if let Some(last) = pages {
            let (_, body) = self
                .get(&format!("/api/3/stacks.json?page={last}"), Some(self.token))
                .await;
            let on_last = body["response"].as_array().map_or(0, Vec::len) as u64;
            self.expect(
                "5.2",
                Some((last - 1) * 30 + on_last) == count,
                "the last page ends the count",
            );
            self.expect(
                "5.2",
                body["pagination"]["next"].is_null(),
                "the last page has no next",
            );
        }
        let (_, without) = self.get("/api/3/stacks", Some(self.token)).await;
        self.expect(
            "1.2",
            without["pagination"] == *pagination,
            "`.json` may be left out",
        );
        stacks
            .first()
            .and_then(|stack| stack["uid"].as_str())
            .map(str::to_owned)
    }

    async fn one(&mut self, uid: &str) {
        let (status, body) = self
            .get(&format!("/api/3/stacks/{uid}.json"), Some(self.token))
            .await;
        let stack = &body["response"];
        self.expect(
            "4.1",
            status == 200 && stack["uid"] == uid,
            "a stack is found by its uid",
        );
        self.expect("4.1", uid.len() == 32, "a uid has 32 characters");
        for name in [
            "name",
            "environment",
            "framework",
            "created_at_iso",
            "updated_at_iso",
        ] {
            self.expect("4.1", stack[name].is_string(), &format!("`{name}` is text"));
        }
        for name in ["status", "health"] {
            self.expect("4.1", stack[name].is_i64(), &format!("`{name}` is a number"));
        }
        self.expect(
            "4.1",
            stack["maintenance_mode"].is_boolean(),
            "`maintenance_mode` is a boolean",
        );
        self.expect(
            "4.1",
            stack.get("redeploy_hook").is_none_or(Value::is_null),
            "no hook with `public`",
        );
    }

    async fn deployments(&mut self, uid: &str) {
        let (_, body) = self
            .get(&format!("/api/3/stacks/{uid}/deployments.json"), Some(self.token))
            .await;
        let rows = body["response"].as_array().cloned().unwrap_or_default();
        let ids: Vec<u64> = rows.iter().filter_map(|row| row["id"].as_u64()).collect();
        self.expect(
            "5.2",
            ids.is_sorted_by(|one, next| one > next),
            "newest deployment first",
        );
        for row in &rows {
            let meaning = row["outcome"]["meaning"]
                .as_str()
                .unwrap_or_default()
                .to_lowercase();
            let known = ["pending", "success", "successful", "failed"].contains(&meaning.as_str());
            self.expect("4.4", known, &format!("outcome \"{meaning}\" is known"));
            let runs = row["is_deploying"] == true;
            self.expect(
                "4.3",
                runs == row["finished_at"].is_null(),
                "`finished_at` is null while it runs",
            );
        }
        let live = rows.iter().filter(|row| row["is_live"] == true).count();
        self.expect("4.3", live <= 1, "one deployment is live");
    }

    async fn actions(&mut self, uid: &str) {
        let (status, body) = self
            .get(&format!("/api/3/stacks/{uid}/actions.json"), Some(self.token))
            .await;
        self.expect("1.3", status == 200, "actions can be listed");
        for action in body["response"].as_array().cloned().unwrap_or_default() {
            self.expect(
                "4.6",
                action["id"].is_u64() && action["user"].is_string(),
                "an action has id and user",
            );
            let ended = !action["finished_at"].is_null();
            self.expect(
                "4.6",
                ended == action["finished_success"].is_boolean(),
                "an ended action has an outcome",
            );
        }
        let none = format!("/api/3/stacks/{uid}/actions.json?user_reference=no-such-reference");
        let (_, body) = self.get(&none, Some(self.token)).await;
        self.expect(
            "6.3",
            body["response"].as_array().is_some_and(Vec::is_empty),
            "user_reference filters",
        );
    }
}
