//! Starting, stopping and serving (the tool itself).

use crate::support::{Lab, MAYA, read};
use reqwest::Method;
use stackdeck::sandbox::{Options, Sandbox, StartError};

#[tokio::test]
async fn a_taken_address_is_said_in_words() {
    let lab = Lab::start().await;
    let again = Sandbox::start(Options {
        bind: lab.sandbox.address(),
        ..Options::default()
    })
    .await;
    let Err(error) = again else {
        panic!("two on one address")
    };
    assert!(matches!(error, StartError::AddressTaken(_)));
    assert!(error.to_string().contains("is already in use"), "{error}");
}

#[tokio::test]
async fn a_callback_that_nobody_could_register_is_refused() {
    let callbacks = vec!["javascript:alert(1)".to_owned()];
    let Err(error) = Sandbox::start(Options {
        callbacks,
        ..Options::default()
    })
    .await
    else {
        panic!("started")
    };
    assert!(error.to_string().contains("javascript:alert(1)"), "{error}");
}

#[tokio::test]
async fn the_ready_application_can_be_named_and_the_address_given() {
    let options = Options {
        client_id: Some("my-id".to_owned()),
        client_secret: Some("my-secret".to_owned()),
        api_base: Some("https://cloud66.example/".to_owned()),
        ..Options::default()
    };
    let lab = Lab::with(options).await;
    assert_eq!(
        (lab.sandbox.client_id(), lab.sandbox.client_secret()),
        ("my-id", "my-secret")
    );
    assert_eq!(lab.sandbox.url(), "https://cloud66.example");
    let uid = lab.stack("Storefront", "production").uid;
    let url = format!("http://{}/api/3/stacks/{uid}", lab.sandbox.address());
    let stack = read(crate::support::http().get(url).bearer_auth(lab.deployer(MAYA)))
        .await
        .response();
    assert!(
        stack["redeploy_hook"]
            .as_str()
            .unwrap()
            .starts_with("https://cloud66.example/stacks/redeploy/")
    );
}

#[tokio::test]
async fn stopping_frees_the_address() {
    let lab = Lab::start().await;
    let bind = lab.sandbox.address();
    lab.sandbox.stop().await;
    let again = Sandbox::start(Options {
        bind,
        ..Options::default()
    })
    .await
    .unwrap();
    again.stop().await;
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused() {
    let lab = Lab::start().await;
    let request = lab
        .request(Method::POST, "/oauth/token")
        .body("a".repeat((1 << 20) + 1));
    assert_eq!(read(request).await.status, 413);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let lab = Lab::start().await;
    let answer = read(
        lab.request(Method::HEAD, "/api/3/stacks")
            .bearer_auth(lab.deployer(MAYA)),
    )
    .await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
}

#[tokio::test]
async fn pages_may_not_be_framed_and_load_nothing_foreign() {
    let lab = Lab::start().await;
    for path in ["/", "/users/sign_in", "/nothing"] {
        let page = read(lab.request(Method::GET, path)).await;
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
    let sheet = read(lab.request(Method::GET, "/sandbox.css")).await;
    assert!(sheet.header("content-type").starts_with("text/css") && sheet.text.contains("light-dark("));
}
