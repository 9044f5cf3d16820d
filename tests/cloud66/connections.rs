//! Where no connection comes about, nothing was sent, and that is known.

use std::time::Duration;

use stackdeck::cloud66::{Answer, ApiVersion, Error, Timeouts};
use stackdeck::domain::{Command, DeploymentId, OperationId, RedeployOptions, StackUid};

use super::fake::{Fake, api, client, full_house, json, nowhere, patient};

fn uid() -> StackUid {
    StackUid::from(0x4f6c)
}

fn id() -> OperationId {
    OperationId::from(0x2f1e)
}

/// Case E12; the measurement M13: only this proves that nothing was sent.
#[tokio::test]
async fn no_connection_is_not_sent() {
    let (api, budget) = api(&client(nowhere().await, ApiVersion::V3, patient()));
    let options = RedeployOptions::default();
    assert_eq!(
        api.send(uid(), id(), Command::Redeploy, &options).await,
        Answer::NotSent
    );
    assert_eq!(api.cancel(uid(), DeploymentId(1)).await, Err(Error::Down));
    // Each was tried once.
    assert_eq!(budget.usage().used, 2);
}

#[tokio::test]
async fn no_connection_in_time_is_not_sent_and_not_tried_again() {
    let (url, _crowd) = full_house();
    let timeouts = Timeouts {
        connect: Duration::from_millis(200),
        ..patient()
    };
    let (api, budget) = api(&client(url, ApiVersion::V3, timeouts));
    let options = RedeployOptions::default();
    assert_eq!(
        api.send(uid(), id(), Command::Redeploy, &options).await,
        Answer::NotSent
    );
    assert_eq!(api.stack(uid()).await, Err(Error::Down));
    assert_eq!(budget.usage().used, 2);
}

/// Case U02.
#[tokio::test]
async fn an_https_origin_is_never_spoken_to_in_the_clear() {
    let fake = Fake::start(|_, _| json(200, r#"{"ok":true}"#)).await;
    let mut url = fake.url.clone();
    url.set_scheme("https").unwrap();
    let (api, _) = api(&client(url, ApiVersion::V3, patient()));
    let options = RedeployOptions::default();
    assert_eq!(
        api.send(uid(), id(), Command::Redeploy, &options).await,
        Answer::NotSent
    );
    assert_eq!(fake.seen().len(), 0);
}
