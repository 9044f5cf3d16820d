//! A client that was written elsewhere: Ruby's `oauth2` gem, as Cloud 66 recommends it (fact sheet 3).

use stackdeck::sandbox::{Options, Sandbox, Strictness};
use std::process::Stdio;
use std::time::Duration;

#[tokio::test]
#[ignore = "needs ruby-oauth2"]
async fn the_documented_flow_of_the_ruby_gem_works_in_both_modes() {
    for strictness in [Strictness::Document2013, Strictness::Doorkeeper] {
        let options = Options {
            strictness,
            stacks: Some(65),
            deploy_time: Duration::from_millis(500),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ruby/cloud66_flow.rb");
        let script = std::process::Command::new("ruby")
            .arg(script)
            .args([sandbox.url(), sandbox.client_id(), sandbox.client_secret()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = tokio::task::spawn_blocking(move || script.wait_with_output())
            .await
            .unwrap()
            .unwrap();
        let (told, complained) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{strictness}\n{told}\n{complained}");
        assert!(told.contains("65 stacks over 3 pages"), "{strictness}\n{told}");
        assert!(
            told.contains("deployed by callback") && told.contains("signed in out of band"),
            "{told}"
        );
        assert_eq!(sandbox.world().journal().count("redeploy"), 1);
        assert_eq!(
            sandbox.world().journal().count("token"),
            3,
            "two sign-ins and a code sent twice"
        );
    }
}
