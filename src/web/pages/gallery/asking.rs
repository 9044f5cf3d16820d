//! The pages that ask.

use super::Sample;
use super::world::{self, HOSTILE, production};
use crate::domain::service::Service;
use crate::domain::{Command, Outcome, RedeployOptions, RedeployState, Stack, UserId};
use crate::web::pages::confirm::ConfirmPage;
use crate::web::pages::redeploy::{RedeployInput, RedeployMistake, RedeployPage};
use crate::web::pages::stack_taken::{StackTakenInput, StackTakenPage};

pub(super) fn asking(prefix: &str) -> Vec<Sample> {
    let checkout = world::stack(0, "checkout", "production");
    let version = world::version(None);
    let services = [
        service("web", Some("v41")),
        service("worker", Some("v41")),
        service(HOSTILE, None),
    ];
    let profiles = ["blue-green".to_owned(), HOSTILE.to_owned()];
    let plain = RedeployOptions::default();
    let ask = |name: &str, stack: &Stack, options: &RedeployOptions, mistake, old_api| {
        let page = RedeployPage::new(
            world::frame(prefix),
            &RedeployInput {
                stack,
                version: Some(&version),
                production: production(stack),
                services: stack.is_docker().then_some(&services),
                options,
                profiles: &profiles,
                continuous: Some(true),
                old_api,
                op: "b3BlcmF0aW9uLWlk",
                mistake,
            },
        );
        Sample::new(name, page)
    };
    let busy = Stack {
        busy: true,
        maintenance: true,
        ..world::stack(1, "checkout", "staging")
    };
    let back = RedeployOptions {
        git_ref: Some("0512bd1f00112233445566778899aabbccddeeff".into()),
        ..RedeployOptions::default()
    };
    let chosen = RedeployOptions {
        services: vec!["web:v42".into()],
        deployment_profile: Some("blue-green".into()),
        note: Some(HOSTILE.into()),
        ..RedeployOptions::default()
    };
    let odd = RedeployOptions {
        git_ref: Some(HOSTILE.into()),
        ..RedeployOptions::default()
    };
    let running = world::history(Some(Outcome::Pending));
    let mut all = vec![
        ask("redeploy", &checkout, &plain, None, false),
        ask("redeploy-busy", &busy, &plain, None, false),
        ask("redeploy-back", &checkout, &back, None, false),
        ask("redeploy-docker", &world::docker(), &chosen, None, false),
        ask(
            "redeploy-mistake",
            &checkout,
            &odd,
            Some(RedeployMistake::RefShape),
            false,
        ),
        ask(
            "redeploy-docker-ref",
            &world::docker(),
            &odd,
            Some(RedeployMistake::RefOnDocker),
            false,
        ),
        ask("redeploy-hostile", &world::hostile(), &plain, None, false),
        ask("redeploy-v2", &checkout, &plain, None, true),
    ];
    for command in Command::ALL
        .into_iter()
        .filter(|command| *command != Command::Redeploy)
    {
        let page = ConfirmPage::command(world::frame(prefix), &checkout, true, command, "b3BlcmF0aW9uLWlk");
        all.push(Sample::new(format!("confirm-{}", command.as_str()), page));
    }
    all.extend(stack_taken(prefix));
    if let Some(running) = running.first() {
        let page = ConfirmPage::cancel(world::frame(prefix), &checkout, true, running);
        all.push(Sample::new("confirm-cancel", page));
    }
    all
}

fn stack_taken(prefix: &str) -> Vec<Sample> {
    let plain = RedeployOptions::default();
    let mut all = Vec::new();
    let mut taken = world::redeploy(RedeployState::Unknown);
    taken.asked_by_name = HOSTILE.into();
    let v2 = RedeployOptions {
        git_ref: Some(HOSTILE.into()),
        ..RedeployOptions::default()
    };
    for (name, person, command, options) in [
        ("stack-taken-own", taken.asked_by, Command::Redeploy, &v2),
        ("stack-taken", UserId(0), Command::MaintenanceOn, &plain),
    ] {
        let input = StackTakenInput {
            taken: &taken,
            person,
            command,
            options,
            production: true,
        };
        all.push(Sample::new(
            name,
            StackTakenPage::new(world::frame(prefix), &input),
        ));
    }
    all
}

fn service(name: &str, image_tag: Option<&str>) -> Service {
    Service {
        name: name.to_owned(),
        image_tag: image_tag.map(str::to_owned),
        git_ref: None,
        source: Some("image".into()),
    }
}
