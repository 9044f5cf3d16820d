//! What the crates that we build on do by themselves, beside what this program does: the measurements M1 to M5, M16 and
//! M18 of the threat model as regressions. Each test runs the stock behaviour first and shows that it is as measured, so
//! that it fails, and can go, on the day when a new version has mended it. (M11 is in [`super::return_to`].)

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use tower::ServiceExt as _;
use tower_sessions::session::{Id, Record};
use tower_sessions::{Session, SessionManagerLayer, SessionStore, session_store};

use super::flow::{SESSION, SIGN_IN, begin, query};
use crate::harness::{Ask, Cases};

/// A store as the published ones are: `save` adds the row where there is none, and ids and values are readable.
#[derive(Debug, Clone, Default)]
struct Stock(Arc<Mutex<HashMap<Id, Record>>>);

#[async_trait]
impl SessionStore for Stock {
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.0.lock().unwrap().insert(record.id, record.clone());
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        Ok(self.0.lock().unwrap().get(id).cloned())
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.0.lock().unwrap().remove(id);
        Ok(())
    }
}

/// M1: a slow request saves a session after it was ended. Stock: it is back. Ours: [`super::cookies`], C10, and here
/// the same steps on our store.
#[tokio::test]
async fn m1_sign_out_does_not_hold() {
    let cases = Cases::of("stock", "m1");
    let case = cases.case("M01");
    let ours = our_store().await;
    for _ in 0..100 {
        case.check(
            comes_back(Arc::new(Stock::default())).await,
            "stock: the session is back",
        );
        case.check(!comes_back(Arc::new(ours.sessions())).await, "ours: it has ended");
    }
}

async fn comes_back(store: Arc<impl SessionStore>) -> bool {
    let first = Session::new(None, store.clone(), None);
    first.insert("who", "ana").await.unwrap();
    first.save().await.unwrap();
    let id = first.id().unwrap();
    let slow = Session::new(Some(id), store.clone(), None);
    slow.get::<String>("who").await.unwrap();
    Session::new(Some(id), store.clone(), None).flush().await.unwrap();
    slow.insert("seen", true).await.unwrap();
    slow.save().await.unwrap();
    store.load(&id).await.unwrap().is_some()
}

async fn our_store() -> stackdeck::store::Store {
    use stackdeck::domain::{Clock, Random};
    use stackdeck::store::{Database, Store, StoreOptions};
    let options = StoreOptions {
        database: Database::SqliteInMemory,
        origin: "https://app.cloud66.example".into(),
        secrets: vec![vec![7; 32].into()],
        idle: std::time::Duration::from_hours(1),
        lifetime: std::time::Duration::from_hours(24),
    };
    Store::open(options, Clock::system(), Random::system())
        .await
        .unwrap()
}

/// M2: of two requests that change one session at once one loses its change; stock and ours alike, because the
/// middleware writes the whole record. So with us nothing but a notice changes after the sign-in, and what must not
/// be lost (a sign-in's state, a redeploy) has a row of its own.
#[tokio::test]
async fn m2_one_of_two_changes_is_lost() {
    let cases = Cases::of("stock", "m2");
    let case = cases.case("M02");
    let store = Arc::new(Stock::default());
    let first = Session::new(None, store.clone(), None);
    first.insert("who", "ana").await.unwrap();
    first.save().await.unwrap();
    let id = first.id();
    let (one, other) = (
        Session::new(id, store.clone(), None),
        Session::new(id, store.clone(), None),
    );
    one.insert("state of tab 1", "a").await.unwrap();
    other.insert("state of tab 2", "b").await.unwrap();
    one.save().await.unwrap();
    other.save().await.unwrap();
    let after = Session::new(id, store, None);
    case.same(
        after.get::<String>("state of tab 1").await.unwrap(),
        None::<String>,
        "stock: the first is lost",
    );

    let app = super::flow::app().await;
    let browser = app.browser();
    let authorize = super::flow::authorize_of(&browser).await;
    let login = browser.cookie(SIGN_IN).unwrap();
    let starts = (0..4).map(|_| begin(&app).cookie(SIGN_IN, &login).send());
    let begun = futures_util::future::join_all(starts).await;
    let mut all: Vec<url::Url> = begun
        .iter()
        .map(|page| page.location().parse().unwrap())
        .collect();
    all.push(authorize);
    for authorize in all {
        let callback = super::flow::answer_of(&browser, &authorize, &app.main_person()).await;
        let page = Ask::get(callback.as_str()).cookie(SIGN_IN, &login).send().await;
        case.check(
            page.set_cookie(SESSION).is_some(),
            "ours: each of five tabs finishes its sign-in",
        );
    }
}

/// M3: a callback that takes the state out of the session and then answers 502 leaves it usable, because the
/// middleware does not save on a 5xx. Ours: a row that one statement takes out; see S28 for every kind of trouble.
#[tokio::test]
async fn m3_a_state_is_used_again_after_an_error() {
    let cases = Cases::of("stock", "m3");
    let case = cases.case("M03");
    let router = Router::new()
        .route(
            "/start",
            get(|session: Session| async move { session.insert("state", "s").await.unwrap() }),
        )
        .route(
            "/callback",
            get(|session: Session| async move {
                match session.remove::<String>("state").await.unwrap() {
                    Some(_) => StatusCode::BAD_GATEWAY,
                    None => StatusCode::BAD_REQUEST,
                }
            }),
        )
        .layer(SessionManagerLayer::new(Stock::default()));
    let ask = |path: &str, cookie: &str| {
        Request::get(path)
            .header("cookie", cookie)
            .body(Body::empty())
            .unwrap()
    };
    let begun = router.clone().oneshot(ask("/start", "")).await.unwrap();
    let cookie = begun.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    for _ in 0..2 {
        let page = router.clone().oneshot(ask("/callback", &cookie)).await.unwrap();
        case.same(page.status(), StatusCode::BAD_GATEWAY, "stock: used again");
    }

    let app = super::flow::app().await;
    app.world().add_fault("token=status:500".parse().unwrap());
    let begun = begin(&app).send().await;
    let state = query(&begun.location().parse().unwrap())["state"].clone();
    let callback = Ask::get(format!("{}/oauth/callback?code=a&state={state}", app.url))
        .cookie(SIGN_IN, begun.cookie_value(SIGN_IN).unwrap());
    case.same(
        callback.clone().send().await.status.as_u16(),
        502,
        "ours: the first time",
    );
    case.same(callback.send().await.status.as_u16(), 400, "ours: used up");
}

/// M4: `Debug` of a session prints its values. Ours: nothing that holds a token has a `Debug` that says it, and no
/// session is ever formatted (T04 reads the whole log).
#[tokio::test]
async fn m4_debug_tells_everything() {
    let cases = Cases::of("stock", "m4");
    let case = cases.case("M04");
    let store = Stock::default();
    let session = Session::new(None, Arc::new(store.clone()), None);
    session.insert("token", "marker-token-in-debug").await.unwrap();
    session.save().await.unwrap();
    case.check(
        format!("{session:?}").contains("marker-token-in-debug"),
        "stock: the session",
    );
    case.check(
        format!("{store:?}").contains("marker-token-in-debug"),
        "stock: the store",
    );

    let ours = our_store().await;
    let session = Session::new(None, Arc::new(ours.sessions()), None);
    session.insert("token", "marker-token-in-debug").await.unwrap();
    session.save().await.unwrap();
    case.check(
        !format!("{:?}", ours.sessions()).contains("marker"),
        "ours: the store is silent",
    );
    let grant = stackdeck::domain::Grant {
        token: stackdeck::domain::AccessToken::new("marker-token-in-debug".into()),
        scopes: stackdeck::domain::Scopes::parse("public"),
    };
    let person = stackdeck::domain::Person {
        id: stackdeck::domain::UserId(1),
        name: "Ana".into(),
        account: stackdeck::domain::AccountId(1),
        account_name: "One".into(),
    };
    let who = stackdeck::app::SignedIn {
        accounts: vec![person.account],
        person,
        grant,
    };
    case.check(!format!("{who:?}").contains("marker"), "ours: who is signed in");
    let secret = stackdeck::web::session::FormSecret(*b"marker-secret-of-a-session-32-by");
    case.check(
        !format!("{secret:?}").contains("marker"),
        "ours: the forms' secret",
    );
    // No line of the program formats a session: `?session` or `{session:?}`.
    let files = rust_files(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    case.check(files.len() > 100, "the sources are read");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for wrong in ["?session", "{session:?}", "{record:?}", "?record", "?stored"] {
            case.check(!text.contains(wrong), format!("{wrong} in {}", file.display()));
        }
    }
}

fn rust_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// M5: the cookie's defaults, and its removal. Ours: [`super::cookies`], C01 and C03.
#[tokio::test]
async fn m5_the_cookie() {
    let cases = Cases::of("stock", "m5");
    let case = cases.case("M05");
    let router = Router::new()
        .route(
            "/in",
            get(|session: Session| async move { session.insert("who", "ana").await.unwrap() }),
        )
        .route(
            "/out",
            get(|session: Session| async move { session.flush().await.unwrap() }),
        )
        .layer(SessionManagerLayer::new(Stock::default()));
    let ask = |path: &str, cookie: &str| {
        Request::get(path)
            .header("cookie", cookie)
            .body(Body::empty())
            .unwrap()
    };
    let set = router.clone().oneshot(ask("/in", "")).await.unwrap().headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    case.check(
        set.starts_with("id="),
        format!("stock: a name that says nothing: {set}"),
    );
    case.check(
        set.contains("SameSite=Strict"),
        "stock: left out on the way back from another site",
    );
    case.check(set.contains("Secure"), "stock: secure while it is set");
    let id = set.split(';').next().unwrap().to_owned();
    let removal = router.oneshot(ask("/out", &id)).await.unwrap().headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    case.check(
        removal.contains("Max-Age=0") && !removal.contains("Secure"),
        format!("stock: kept by browsers: {removal}"),
    );

    let app = super::flow::app().await;
    let browser = app.browser();
    let callback = super::flow::callback_of(&app, &browser).await;
    let welcome = super::flow::open(&browser, &callback).await;
    let ours = welcome.set_cookie(SESSION).unwrap();
    case.check(ours.contains("SameSite=Lax"), "ours: sent on the way back");
    let home = browser.get("/").await;
    let goodbye = browser.send_once(&home.form("Sign out")).await;
    let removal = goodbye.set_cookie(SESSION).unwrap();
    for attribute in ["Max-Age=0", "HttpOnly", "SameSite=Lax", "Path=/"] {
        case.check(removal.contains(attribute), format!("ours: {removal}"));
    }
}

/// M16: oauth2's `Parse` error holds the token answer, and its own state has 128 bits. Ours: an error without text
/// (S28 looks at pages, T04 at the log), and 256 bits.
#[tokio::test]
async fn m16_oauth2() {
    use oauth2::basic::BasicClient;
    use oauth2::{AuthUrl, AuthorizationCode, ClientId, CsrfToken, HttpRequest, HttpResponse, TokenUrl};
    let cases = Cases::of("stock", "m16");
    let case = cases.case("M16");
    let client = BasicClient::new(ClientId::new("id".into()))
        .set_auth_uri(AuthUrl::new("https://c66.example/authorize".into()).unwrap())
        .set_token_uri(TokenUrl::new("https://c66.example/token".into()).unwrap());
    let answer = |_: HttpRequest| async {
        let body = br#"{"access_token":"marker-token-in-an-error","token_type":7}"#.to_vec();
        let answer: HttpResponse = oauth2::http::Response::builder()
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        Ok::<_, std::io::Error>(answer)
    };
    let request = client.exchange_code(AuthorizationCode::new("c".into()));
    let error = request.request_async(&answer).await.unwrap_err();
    let bytes = "marker-token-in-an-error"
        .bytes()
        .map(|byte| byte.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    let told = format!("{error:?}");
    case.check(
        told.contains(&bytes) || told.contains("marker-token-in-an-error"),
        format!("stock: {told}"),
    );
    case.same(
        CsrfToken::new_random().secret().len(),
        22,
        "stock: 16 bytes of state",
    );

    let app = super::flow::app().await;
    let state = query(&begin(&app).send().await.location().parse().unwrap())["state"].clone();
    case.same(state.len(), 43, "ours: 32 bytes");
    let fake = super::cloud66::start(|_, _| {
        super::cloud66::json(
            200,
            r#"{"access_token":"marker-token-in-an-error","token_type":7.5}"#,
        )
    })
    .await;
    let client = stackdeck::cloud66::Client::new(
        stackdeck::cloud66::ClientOptions {
            url: fake.url.clone(),
            version: stackdeck::cloud66::ApiVersion::V3,
            timeouts: stackdeck::cloud66::Timeouts::default(),
        },
        stackdeck::domain::Clock::system(),
    )
    .unwrap();
    let oauth = stackdeck::cloud66::Oauth::new(
        &client,
        stackdeck::cloud66::OauthOptions {
            url: fake.url.clone(),
            client_id: "id".into(),
            client_secret: "marker-client-secret".into(),
            redirect_uri: "http://localhost/oauth/callback".into(),
            scopes: stackdeck::domain::Scopes::parse("public"),
            pkce: stackdeck::cloud66::PkceMode::Off,
        },
    )
    .unwrap();
    let error = oauth
        .exchange("c", None, &stackdeck::domain::Scopes::parse("public"))
        .await
        .unwrap_err();
    case.check(
        !format!("{error:?} {error}").contains("marker"),
        "ours: the error",
    );
    let begun = oauth
        .begin(
            &stackdeck::domain::Scopes::parse("public"),
            &stackdeck::domain::Random::system(),
        )
        .await;
    case.same(format!("{begun:?}").as_str(), "Begun", "ours: what was begun");
}

/// M18: what tower-http's layer lets through, row by row, and what we make of the same request.
#[tokio::test]
async fn m18_the_csrf_layer() {
    let cases = Cases::of("stock", "m18");
    let case = cases.case("M18");
    let app = super::flow::app().await;
    let ours = app.url.clone();
    let host = ours.strip_prefix("http://").unwrap().to_owned();
    let stock = Router::new()
        .route("/sign-in", axum::routing::post(|| async { StatusCode::OK }))
        .layer(tower_http::csrf::CsrfLayer::new());
    let https = ours.replace("http://", "https://");
    let rows: [(&str, bool, Vec<(&str, &str)>); 10] = [
        (
            "same-site",
            false,
            vec![("host", &host), ("sec-fetch-site", "same-site")],
        ),
        (
            "cross-site",
            false,
            vec![("host", &host), ("sec-fetch-site", "cross-site")],
        ),
        (
            "a foreign origin",
            false,
            vec![("host", &host), ("origin", "https://evil.example")],
        ),
        ("a null origin", false, vec![("host", &host), ("origin", "null")]),
        ("no header at all", true, vec![("host", &host)]),
        ("typed", true, vec![("host", &host), ("sec-fetch-site", "none")]),
        (
            "our host, another scheme",
            true,
            vec![("host", &host), ("origin", &https)],
        ),
        (
            "same-origin and a foreign origin",
            true,
            vec![
                ("host", &host),
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.example"),
            ],
        ),
        (
            "evil's origin to evil's name",
            true,
            vec![("host", "evil.example"), ("origin", "http://evil.example")],
        ),
        (
            "none, to evil's name",
            true,
            vec![("host", "evil.example"), ("sec-fetch-site", "none")],
        ),
    ];
    for (what, lets_through, headers) in rows {
        let mut request = Request::post("/sign-in");
        let mut ask = begin(&app).without("sec-fetch-site");
        for (name, value) in headers {
            request = request.header(name, value);
            ask = ask.header(name, value);
        }
        let page = stock
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        case.same(
            page.status() == StatusCode::OK,
            lets_through,
            format!("stock: {what}"),
        );
        let page = ask.send().await;
        case.check(
            [403, 421].contains(&page.status.as_u16()),
            format!("ours: {what}: {}", page.status),
        );
    }
    case.same(super::flow::rows(&app).await.0, 0, "and nothing was begun");
}
