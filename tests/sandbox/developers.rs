//! The developer side, as the 2013 document tells it (fact sheet 2, 3.10).

use crate::browser::Browser;
use crate::support::{Lab, MAYA, TOMAS, read};
use reqwest::Method;
use stackdeck::sandbox::Scope;

const CALLBACK: &str = "https://app.example/oauth/callback";

/// Registers an application through the pages, and gives its id and secret.
async fn register(browser: &mut Browser<'_>, name: &str, callback: &str) -> (String, String) {
    let form = browser.get("/oauth/applications/new").await;
    let page = browser
        .submit(&form, "main form", &[("name", name), ("redirect_uri", callback)])
        .await;
    assert_eq!(page.status, 200, "{}", page.text);
    (
        page.find("#application_id").unwrap(),
        page.find("#secret").unwrap(),
    )
}

async fn developer<'a>(lab: &'a Lab, email: &str) -> Browser<'a> {
    let mut browser = Browser::signed_in(lab, email).await;
    let account = browser.get("/account").await;
    browser.submit(&account, "form[action='/account']", &[]).await;
    browser
}

#[tokio::test]
async fn section_2_developers_are_there_only_in_developer_mode() {
    let lab = Lab::start().await;
    let mut browser = Browser::signed_in(&lab, MAYA).await;
    let account = browser.get("/account").await;
    assert!(!account.all("nav a").contains(&"Developers".to_owned()));
    assert_eq!(browser.get("/oauth/applications").await.status, 403);
    assert_eq!(browser.get("/oauth/applications/new").await.status, 403);
    let account = browser.submit(&account, "form[action='/account']", &[]).await;
    assert!(account.all("nav a").contains(&"Developers".to_owned()));
    assert_eq!(browser.get("/oauth/applications").await.status, 200);
    let me = lab
        .get("/api/3/users/77", &lab.token(MAYA, &[Scope::Users]))
        .await
        .response();
    assert_eq!(me["developer_program"], true);
    browser.submit(&account, "form[action='/account']", &[]).await;
    assert_eq!(browser.get("/oauth/applications").await.status, 403);
    let stranger = Browser::new(&lab).get("/oauth/applications").await;
    assert!(stranger.at.starts_with("/users/sign_in"));
}

#[tokio::test]
async fn section_2_an_application_is_registered_used_edited_and_deleted() {
    let lab = Lab::start().await;
    let mut browser = developer(&lab, MAYA).await;
    let (id, secret) = register(&mut browser, "My <i>app</i>", CALLBACK).await;
    for value in [&id, &secret] {
        assert_eq!(value.len(), 64);
        assert!(value.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    let ask = |callback: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &id)
            .append_pair("redirect_uri", callback)
            .append_pair("response_type", "code")
            .finish();
        format!("/oauth/authorize?{query}")
    };
    let consent = browser.get(&ask(CALLBACK)).await;
    assert_eq!(consent.find("h1").unwrap(), "Authorize My <i>app</i>?");
    let back = browser.submit(&consent, "#authorize", &[]).await;
    let code = back.query("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &id),
        ("client_secret", &secret),
        ("redirect_uri", CALLBACK),
        ("code", &code),
    ];
    let token = read(lab.request(Method::POST, "/oauth/token").form(&form))
        .await
        .json();
    let token = token["access_token"].as_str().unwrap();
    assert_eq!(lab.get("/api/3/ping/auth", token).await.status, 200);

    let list = browser.get("/oauth/applications").await;
    assert_eq!(list.all("tbody tr").len(), 1, "one's own only");
    let number = lab
        .world()
        .applications()
        .iter()
        .find(|one| one.client_id == id)
        .unwrap()
        .id;
    let edit = browser.get(&format!("/oauth/applications/{number}/edit")).await;
    let two = "https://other.example/cb\nurn:ietf:wg:oauth:2.0:oob";
    let shown = browser
        .submit(&edit, "main form", &[("redirect_uri", two), ("name", "Renamed")])
        .await;
    assert_eq!(shown.find("h1").unwrap(), "Renamed");
    assert_eq!(
        browser.get(&ask(CALLBACK)).await.status,
        400,
        "no longer registered"
    );
    assert!(
        browser.get(&ask("https://other.example/cb")).await.left(),
        "access was given before"
    );

    let gone = browser.submit(&shown, "main form", &[]).await;
    assert_eq!(
        (gone.at.as_str(), gone.all("tbody tr").len()),
        ("/oauth/applications", 0)
    );
    assert_eq!(browser.get(&ask(CALLBACK)).await.status, 401, "an unknown client");
    assert_eq!(
        lab.get("/api/3/ping/auth", token).await.status,
        401,
        "its tokens are gone"
    );
}

#[tokio::test]
async fn section_2_what_cannot_be_registered_is_said_in_the_form() {
    let lab = Lab::start().await;
    let mut browser = developer(&lab, MAYA).await;
    let before = lab.world().applications().len();
    let form = browser.get("/oauth/applications/new").await;
    for (name, callback, words) in [
        ("", CALLBACK, "name"),
        ("A", "", "callback URL"),
        ("A", "not a url", "absolute URI"),
        ("A", "https://a.example/#part", "fragment"),
        ("A", "javascript:alert(1)", "scheme"),
    ] {
        let page = browser
            .submit(&form, "main form", &[("name", name), ("redirect_uri", callback)])
            .await;
        assert_eq!(page.status, 422, "{callback}");
        assert!(page.find(".faults").unwrap().contains(words), "{callback}");
    }
    assert_eq!(lab.world().applications().len(), before);
    register(&mut browser, "Phone", "cloud66://oauth").await;
    register(&mut browser, "Script", "urn:ietf:wg:oauth:2.0:oob").await;
}

#[tokio::test]
async fn nobody_sees_or_changes_another_person_s_application() {
    let lab = Lab::start().await;
    let mut maya = developer(&lab, MAYA).await;
    register(&mut maya, "Hers", CALLBACK).await;
    let number = lab.world().applications().last().unwrap().id;
    let mut tomas = developer(&lab, TOMAS).await;
    for id in [number, 1] {
        for path in [
            format!("/oauth/applications/{id}"),
            format!("/oauth/applications/{id}/edit"),
        ] {
            assert_eq!(tomas.get(&path).await.status, 404, "{path}");
        }
        let form = tomas.get("/oauth/applications/new").await;
        let fields = [("_method", "delete"), ("name", "x"), ("redirect_uri", CALLBACK)];
        let token = form
            .text
            .split("authenticity_token\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let mut fields = fields.to_vec();
        fields.push(("authenticity_token", token));
        assert_eq!(
            tomas
                .post(&format!("/oauth/applications/{id}"), &fields)
                .await
                .status,
            404
        );
    }
    assert!(lab.world().applications().iter().any(|one| one.name == "Hers"));
}

#[tokio::test]
async fn section_3_10_revoking_an_application_kills_its_tokens() {
    let lab = Lab::start().await;
    let mut browser = Browser::new(&lab);
    let fields = [
        ("redirect_uri", "urn:ietf:wg:oauth:2.0:oob"),
        ("response_type", "code"),
    ];
    let mut tokens = Vec::new();
    for email in [MAYA, TOMAS] {
        let page = Browser::new(&lab).authorize(email, &fields).await;
        let code = page.find("#authorization_code").unwrap();
        let exchange = [
            fields[0],
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
        ];
        let token = lab.exchange(&exchange).await.json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        tokens.push(token);
    }
    browser.authorize(MAYA, &fields).await;
    let page = browser.get("/oauth/authorized_applications").await;
    let rows = page.all("tbody tr");
    assert_eq!(rows.len(), 2, "the application and the ready token");
    let row = rows
        .iter()
        .position(|row| row.contains("Ready application"))
        .unwrap()
        + 1;
    browser
        .submit(&page, &format!("tbody tr:nth-child({row}) form"), &[])
        .await;
    assert_eq!(lab.get("/api/3/ping/auth", &tokens[0]).await.status, 401);
    assert_eq!(
        lab.get("/api/3/ping/auth", &tokens[1]).await.status,
        200,
        "another person's stays"
    );
    assert_eq!(
        browser
            .get("/oauth/authorized_applications")
            .await
            .all("tbody tr")
            .len(),
        1
    );
}

#[tokio::test]
async fn section_2_a_personal_access_token_has_the_scopes_that_were_ticked() {
    let lab = Lab::start().await;
    let mut browser = Browser::signed_in(&lab, MAYA).await;
    let account = browser.get("/account").await;
    let form = "form[action='/personal_tokens']";
    let made = browser
        .submit(&account, form, &[("name", "CI"), ("scopes", "public")])
        .await;
    let token = made.find("#personal_token").unwrap();
    assert_eq!(lab.get("/api/3/stacks", &token).await.status, 200);
    assert_eq!(lab.get("/api/3/users", &token).await.status, 403);
    let bare = browser
        .submit(&account, form, &[("name", "nothing ticked")])
        .await;
    let bare = bare.find("#personal_token").unwrap();
    assert_eq!(
        lab.get("/api/3/stacks", &bare).await.status,
        403,
        "with no box ticked it is of no use"
    );
    assert!(
        browser
            .get("/oauth/authorized_applications")
            .await
            .text
            .contains("CI")
    );
}

#[tokio::test]
async fn the_start_page_lists_people_applications_tokens_and_lines_that_work() {
    let lab = Lab::start().await;
    let page = Browser::new(&lab).get("/").await;
    for person in lab.world().people() {
        assert!(page.text.contains(&person.email), "{}", person.email);
    }
    assert!(page.text.contains(lab.sandbox.client_id()) && page.text.contains(lab.sandbox.client_secret()));
    assert!(!page.text.contains("<b>Bobby</b>"));
    let lines = page.all("pre").pop().unwrap();
    let token = lines
        .lines()
        .find_map(|line| line.strip_prefix("TOKEN="))
        .unwrap();
    let path = lines
        .split_whitespace()
        .find(|word| word.ends_with("/deployments.json"))
        .unwrap();
    let path = path.strip_prefix(lab.sandbox.url()).unwrap();
    assert_eq!(
        lab.post(path, token, &[("user_reference", "my-first")])
            .await
            .response()["ok"],
        true
    );
    let page = Browser::new(&lab).get("/no/such/page").await;
    assert_eq!(page.status, 404);
}
