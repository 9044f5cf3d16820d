//! Signing in and giving access, as a person does it.

use crate::browser::Browser;
use crate::support::{INGRID, LOOPBACK_CALLBACK, Lab, MAYA};

const ASK: [(&str, &str); 4] = [
    ("response_type", "code"),
    ("redirect_uri", LOOPBACK_CALLBACK),
    ("scope", "public redeploy"),
    ("state", "xyz & co"),
];

#[tokio::test]
async fn the_sign_in_page_offers_each_person_and_names_the_application() {
    let lab = Lab::start().await;
    let mut browser = Browser::new(&lab);
    let page = browser.get(&lab.authorize_path(&ASK)).await;
    assert!(page.at.starts_with("/users/sign_in?return_to="), "{}", page.at);
    assert_eq!(page.all("ul.people button").len(), lab.world().people().len());
    assert!(page.text.contains("Ready application"));
    assert!(!page.text.contains("<b>Bobby</b>"), "names are escaped");
}

#[tokio::test]
async fn section_3_1_consent_lists_the_scopes_in_words_and_3_2_the_code_comes_back_with_the_state() {
    let lab = Lab::start().await;
    let mut browser = Browser::signed_in(&lab, MAYA).await;
    let page = browser.get(&lab.authorize_path(&ASK)).await;
    assert_eq!(page.find("h1").unwrap(), "Authorize Ready application?");
    let scopes = page.all("ul.scopes li");
    assert_eq!(scopes.len(), 2);
    assert!(scopes[0].contains("See your stacks") && scopes[1].contains("Redeploy your stacks"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        !policy.contains("form-action"),
        "it would stop the redirect to the application"
    );

    let back = browser.submit(&page, "#authorize", &[]).await;
    assert!(back.at.starts_with(LOOPBACK_CALLBACK), "{}", back.at);
    assert_eq!(back.query("state").unwrap(), "xyz & co");
    assert_eq!(back.query("code").unwrap().len(), 43);
}

#[tokio::test]
async fn section_3_9_a_refusal_goes_back_as_access_denied_with_the_state() {
    let lab = Lab::start().await;
    let mut browser = Browser::signed_in(&lab, MAYA).await;
    let page = browser.get(&lab.authorize_path(&ASK)).await;
    let back = browser.submit(&page, "#deny", &[]).await;
    assert!(back.at.starts_with(LOOPBACK_CALLBACK));
    assert_eq!(back.query("error").unwrap(), "access_denied");
    assert!(back.query("error_description").is_some());
    assert_eq!(back.query("state").unwrap(), "xyz & co");
    assert_eq!(back.query("code"), None);
}

#[tokio::test]
async fn section_3_9_a_query_in_the_redirect_uri_stays() {
    let lab = Lab::start().await;
    let mut browser = Browser::new(&lab);
    let callback = format!("{LOOPBACK_CALLBACK}?tenant=7");
    let back = browser
        .authorize(MAYA, &[("response_type", "code"), ("redirect_uri", &callback)])
        .await;
    assert_eq!(back.query("tenant").unwrap(), "7");
    assert!(back.query("code").is_some());
    assert_eq!(back.query("state"), None, "none was given");
}

#[tokio::test]
async fn section_3_9_consent_is_skipped_where_the_same_access_was_given() {
    let lab = Lab::start().await;
    let mut browser = Browser::new(&lab);
    let back = browser.authorize(MAYA, &ASK).await;
    let code = back.query("code").unwrap();
    // A code alone is no access yet.
    let again = browser.get(&lab.authorize_path(&ASK)).await;
    assert!(!again.left());
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", LOOPBACK_CALLBACK),
    ];
    assert_eq!(lab.exchange(&fields).await.status, 200);
    let again = browser.get(&lab.authorize_path(&ASK)).await;
    assert!(again.left() && again.query("code").is_some());
    // Other scopes are asked for anew, and so is another person.
    let wider = lab.authorize_path(&[("response_type", "code"), ("redirect_uri", LOOPBACK_CALLBACK)]);
    assert!(!browser.get(&wider).await.left());
    let mut other = Browser::signed_in(&lab, INGRID).await;
    assert!(!other.get(&lab.authorize_path(&ASK)).await.left());
    lab.world().revoke_all_tokens();
    assert!(!browser.get(&lab.authorize_path(&ASK)).await.left());
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let lab = Lab::start().await;
    let mut browser = Browser::signed_in(&lab, MAYA).await;
    let page = browser.get(&lab.authorize_path(&ASK)).await;
    let refused = browser
        .submit(&page, "#authorize", &[("authenticity_token", "guessed")])
        .await;
    assert_eq!(refused.status, 422);
    assert!(!refused.left());
    let refused = browser.post("/account", &[("developer", "on")]).await;
    assert_eq!(refused.status, 422);
    assert!(!lab.world().person(MAYA).unwrap().developer);
}

#[tokio::test]
async fn signing_in_changes_the_cookie_and_signing_out_ends_it() {
    let lab = Lab::start().await;
    let mut browser = Browser::new(&lab);
    let page = browser.get("/users/sign_in").await;
    let before = browser.cookies.clone();
    assert_eq!(before.keys().collect::<Vec<_>>(), ["cloud66_sandbox_session"]);
    browser.submit(&page, "main form", &[("person", MAYA)]).await;
    assert_ne!(browser.cookies, before);
    let account = browser.get("/account").await;
    assert_eq!(account.status, 200);
    let signed_in = browser.cookies.clone();
    browser.submit(&account, "nav form", &[]).await;
    browser.cookies = signed_in;
    assert!(
        browser.get("/account").await.at.starts_with("/users/sign_in"),
        "the old cookie is dead"
    );
}

#[tokio::test]
async fn sign_in_never_leads_elsewhere() {
    let lab = Lab::start().await;
    let mut browser = Browser::new(&lab);
    let page = browser
        .get("/users/sign_in?return_to=https://evil.example/")
        .await;
    let page = browser
        .submit(
            &page,
            "main form",
            &[("person", MAYA), ("return_to", "//evil.example/")],
        )
        .await;
    assert_eq!((page.at.as_str(), page.status.as_u16()), ("/", 200));
}
