//! Q08: a panic in a handler becomes our page, and the process lives. No route panics on purpose, so the whole
//! router is given a store of sessions that does.

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use stackdeck::app::policy::AskFirst;
use stackdeck::app::{App, Parts, Policy};
use stackdeck::cloud66::{ApiVersion, Client, ClientOptions, Timeouts};
use stackdeck::config::PublicUrl;
use stackdeck::domain::{Clock, Random, Scopes, WebLink};
use stackdeck::store::{Database, Store, StoreOptions};
use stackdeck::web::server::Limits;
use stackdeck::web::urls::Cloud66Pages;
use stackdeck::web::{self, Site, Urls, WebState};
use tower::ServiceExt as _;
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use super::tally::{Kind, note};

#[derive(Clone, Debug)]
struct Panics;

#[async_trait]
impl SessionStore for Panics {
    async fn save(&self, _: &Record) -> session_store::Result<()> {
        panic!("marker-in-a-panic")
    }

    async fn load(&self, _: &Id) -> session_store::Result<Option<Record>> {
        panic!("marker-in-a-panic")
    }

    async fn delete(&self, _: &Id) -> session_store::Result<()> {
        panic!("marker-in-a-panic")
    }
}

async fn state() -> WebState {
    let (clock, random) = (Clock::system(), Random::system());
    let options = StoreOptions {
        database: Database::SqliteInMemory,
        origin: "http://127.0.0.1:1".into(),
        secrets: vec![vec![7; 32].into()],
        idle: std::time::Duration::from_mins(1),
        lifetime: std::time::Duration::from_mins(1),
    };
    let cloud66 = ClientOptions {
        url: "http://127.0.0.1:1".parse().unwrap(),
        version: ApiVersion::V3,
        timeouts: Timeouts::default(),
    };
    let app = App::new(Parts {
        cloud66: Client::new(cloud66, clock.clone()).unwrap(),
        oauth: None,
        store: Store::open(options, clock.clone(), random.clone()).await.unwrap(),
        clock,
        random,
        patience: stackdeck::app::watch::Patience::default(),
        policy: Policy {
            accounts: None,
            scopes: Scopes::parse("public"),
            ask_first: AskFirst::Never,
            production: std::sync::Arc::new(|_| false),
        },
        stop: tokio_util::sync::CancellationToken::new(),
    });
    let site = Site {
        urls: Urls::new(""),
        public_url: PublicUrl::parse("http://localhost:8066").unwrap(),
        demo: false,
        out_of_band: false,
        cloud66: Cloud66Pages::new(&WebLink::parse("https://app.cloud66.com").unwrap()),
        session_lifetime: std::time::Duration::from_mins(1),
    };
    WebState::new(app, site)
}

#[tokio::test]
async fn a_panic_is_a_page_and_the_process_lives() {
    let state = state().await;
    let hosts = state.site().public_url.allowed_hosts(8066);
    let router = web::router(state, &Panics, hosts, Limits::default());
    let ask = |path: &str, cookie: &str| {
        let request = Request::get(path)
            .header("host", "localhost:8066")
            .header("cookie", cookie)
            .body(Body::empty())
            .unwrap();
        router.clone().oneshot(request)
    };
    let session = format!("stackdeck_session={}", Id(7));
    for path in ["/", "/settings", "/redeploys"] {
        let answer = ask(path, &session).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(
            answer.headers()["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("'none'")
        );
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let body = String::from_utf8_lossy(&body);
        assert!(body.contains("Something broke in this app"), "{path}: {body}");
        assert!(!body.contains("marker-in-a-panic"), "{path}: {body}");
        note(Kind::Fault, "Q08");
        let after = ask("/", "").await.unwrap();
        assert_eq!(after.status(), StatusCode::OK, "it goes on");
    }
}
