//! The options of a redeploy, checked before anything is written down or sent (fact sheet 7).

use thiserror::Error;

use super::show_stack::StackView;
use super::{App, Error, SignedIn};
use crate::domain::{RedeployOptions, Service, Stack, StackUid};

const LONGEST_REF: usize = 255;
const LONGEST_TAG: usize = 128;
const LONGEST_PROFILE: usize = 100;
const LONGEST_NOTE: usize = 300;

/// What is wrong with an option, named so that the page can say what to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Mistake {
    /// A Git ref for a Docker stack, which would ignore it.
    #[error("a Git ref for a Docker stack")]
    RefOnDocker,
    /// Not a Git ref.
    #[error("not a Git ref")]
    RefShape,
    /// Not an image tag, or not a service of the stack.
    #[error("not a tag, or not a service of the stack")]
    TagShape,
    /// Not a deployment profile's name.
    #[error("not a profile's name")]
    ProfileShape,
    /// Options, for a version of the API that takes none (fact sheet 7).
    #[error("options that this version of the API does not take")]
    NotInThisVersion,
    /// The note is too long.
    #[error("the note is too long")]
    NoteTooLong,
}

/// What the confirm page shows.
#[derive(Debug)]
pub struct Prepared {
    /// The stack, asked for now.
    pub stack: StackView,
    /// A Docker stack's services; none for other stacks, and where Cloud 66 does not say.
    pub services: Option<Vec<Service>>,
    /// Whether pushes are deployed by themselves, so that an older commit would soon be replaced. Asked only
    /// where a ref is chosen.
    pub continuous: Option<bool>,
    /// Names of deployment profiles that this person has used on the stack.
    pub profiles: Vec<String>,
}

impl App {
    /// Everything that the confirm page needs, asked for now and at once.
    pub async fn prepare_redeploy(
        &self,
        who: &SignedIn,
        uid: StackUid,
        options: &RedeployOptions,
    ) -> Result<Prepared, Error> {
        let stack = self.show_stack(who, uid).await?;
        let api = self.api(who);
        let services = async {
            if stack.stack.is_docker() {
                api.services(uid).await.ok()
            } else {
                None
            }
        };
        let continuous = async {
            if options.git_ref.is_some() {
                api.continuous_deploy(uid).await.ok().flatten()
            } else {
                None
            }
        };
        let (services, continuous, profiles) = tokio::join!(services, continuous, self.profiles(who, uid));
        Ok(Prepared {
            services,
            continuous,
            profiles: profiles?,
            stack,
        })
    }

    /// The deployment profiles that this person named in earlier redeploys of the stack.
    async fn profiles(&self, who: &SignedIn, uid: StackUid) -> Result<Vec<String>, Error> {
        let rows = self.store().ledger().of_person(who.person.id, 100, None).await?;
        let mut names: Vec<String> = rows
            .into_iter()
            .filter(|row| row.stack == uid)
            .filter_map(|row| row.options.deployment_profile)
            .collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Checks what a form asked for. Asks Cloud 66 for the services only where some were chosen.
    pub async fn check_options(
        &self,
        who: &SignedIn,
        uid: StackUid,
        options: &RedeployOptions,
    ) -> Result<Result<(), Mistake>, Error> {
        if *options == RedeployOptions::default() {
            return Ok(Ok(()));
        }
        let sent = RedeployOptions {
            note: None,
            ..options.clone()
        };
        if self.is_old_api() && sent != RedeployOptions::default() {
            return Ok(Err(Mistake::NotInThisVersion));
        }
        let (stack, _) = self.reachable(who, uid).await?;
        if let Err(mistake) = check(&stack, options) {
            return Ok(Err(mistake));
        }
        if options.services.is_empty() {
            return Ok(Ok(()));
        }
        let known = self.api(who).services(uid).await?;
        let all_known = options
            .services
            .iter()
            .all(|text| known.iter().any(|service| service.name == name_of(text)));
        Ok(if all_known { Ok(()) } else { Err(Mistake::TagShape) })
    }
}

fn name_of(service: &str) -> &str {
    service.split_once(':').map_or(service, |(name, _)| name)
}

fn check(stack: &Stack, options: &RedeployOptions) -> Result<(), Mistake> {
    let too_long =
        |text: &Option<String>, most: usize| text.as_ref().is_some_and(|text| text.chars().count() > most);
    match &options.git_ref {
        Some(_) if stack.is_docker() => return Err(Mistake::RefOnDocker),
        Some(git_ref) if !is_git_ref(git_ref) => return Err(Mistake::RefShape),
        _ => {}
    }
    if !options.services.is_empty()
        && (!stack.is_docker() || !options.services.iter().all(|text| is_service(text)))
    {
        return Err(Mistake::TagShape);
    }
    let profile_is_odd = options
        .deployment_profile
        .as_ref()
        .is_some_and(|name| name.chars().any(char::is_control));
    if profile_is_odd || too_long(&options.deployment_profile, LONGEST_PROFILE) {
        return Err(Mistake::ProfileShape);
    }
    if too_long(&options.note, LONGEST_NOTE) {
        Err(Mistake::NoteTooLong)
    } else {
        Ok(())
    }
}

/// Whether Git would take the text as a branch, tag or commit (git-check-ref-format), and it cannot be taken
/// for an option.
fn is_git_ref(text: &str) -> bool {
    let forbidden = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    text.len() <= LONGEST_REF
        && !text.starts_with(['-', '/'])
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && !text.contains("//")
        && !text.contains("@{")
        && text != "@"
        && !text.contains(forbidden)
        && text
            .split('/')
            .all(|part| !part.starts_with('.') && part.strip_suffix(".lock").is_none())
}

/// `name` or `name:tag`.
fn is_service(text: &str) -> bool {
    let plain = |text: &str| {
        !text.is_empty()
            && text.len() <= LONGEST_TAG
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    match text.split_once(':') {
        Some((name, tag)) => plain(name) && plain(tag),
        None => plain(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stack::sample;

    #[test]
    fn refs_that_git_takes_are_taken() {
        for good in [
            "main",
            "feature/new-cart",
            "v1.2.3",
            "9c1185a5c5e9fc54612808977ee8f548b2258d31",
            "übung",
            "a+b",
            "fix#12",
        ] {
            assert!(is_git_ref(good), "{good}");
        }
        for bad in [
            "",
            "-f",
            "a..b",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "[a",
            "a\\b",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.",
            "@",
            "a@{1}",
            "a\nb",
            &"a".repeat(256),
        ] {
            assert!(bad.is_empty() || !is_git_ref(bad), "{bad}");
        }
    }

    #[test]
    fn each_kind_of_stack_has_its_own_options() {
        let with = |change: fn(&mut RedeployOptions)| {
            let mut options = RedeployOptions::default();
            change(&mut options);
            options
        };
        let rails = sample(|_| {});
        let docker = sample(|stack| stack.framework = Some("docker".into()));
        let by_ref = with(|options| options.git_ref = Some("main".into()));
        let by_service = with(|options| options.services = vec!["web:v14".into(), "worker".into()]);
        assert_eq!(check(&rails, &by_ref), Ok(()));
        assert_eq!(check(&docker, &by_ref), Err(Mistake::RefOnDocker));
        assert_eq!(check(&docker, &by_service), Ok(()));
        assert_eq!(check(&rails, &by_service), Err(Mistake::TagShape));
        for services in [
            vec![String::new()],
            vec!["web:".into()],
            vec!["web:a b".into()],
            vec!["a/b".into()],
            vec!["web:v1:v2".into()],
        ] {
            let options = RedeployOptions {
                services,
                ..RedeployOptions::default()
            };
            assert_eq!(check(&docker, &options), Err(Mistake::TagShape), "{options:?}");
        }
        let long = with(|options| options.note = Some("x".repeat(301)));
        assert_eq!(check(&rails, &long), Err(Mistake::NoteTooLong));
    }
}
