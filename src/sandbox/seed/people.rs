//! The people and accounts of the default world.

use crate::sandbox::world::{Account, Membership, Person, Role};
use time::{Duration, OffsetDateTime};

/// The accounts; the catalogue names them by index. The last is one that the main person is not in.
pub(super) fn accounts(start: OffsetDateTime) -> Vec<Account> {
    let account = |id, name: &str, owner: &str, days, trial_expired| Account {
        id,
        name: name.to_owned(),
        owner: owner.to_owned(),
        created_at: start - Duration::days(days),
        trial_expired,
    };
    vec![
        account(912, "Harbour & Finch Ltd", MAIN, 1500, false),
        account(1340, "Northlight Studio", "jun@northlight.example", 900, false),
        account(2077, "Finch Labs", MAIN, 400, false),
        account(2210, "Haddad Consulting", "nadia@haddad.example", 30, false),
        account(2304, "Lindqvist", "oskar@lindqvist.example", 45, true),
    ]
}

/// The main person.
pub(super) const MAIN: &str = "maya@harbourfinch.example";

/// Somebody whose rights are on single stacks only.
pub(super) const BY_STACK: &str = "priya@harbourfinch.example";

/// Everybody who can sign in, the main person first.
pub(super) fn people(start: OffsetDateTime) -> Vec<Person> {
    use Role::{Administrator, Deployer, Viewer};
    let person = |id, email: &str, name: &str, about, memberships: &[(u64, Option<Role>)]| Person {
        id,
        email: email.to_owned(),
        name: name.to_owned(),
        about,
        primary_account: memberships.first().map_or(0, |first| first.0),
        memberships: memberships
            .iter()
            .map(|(account_id, role)| Membership {
                account_id: *account_id,
                role: *role,
            })
            .collect(),
        stack_roles: Vec::new(),
        developer: false,
        created_at: start - Duration::days(300),
        last_login: start - Duration::hours(20),
    };
    vec![
        person(
            77,
            MAIN,
            "Maya Okafor",
            "Administrator of three accounts; sees every stack",
            &[
                (912, Some(Administrator)),
                (1340, Some(Administrator)),
                (2077, Some(Administrator)),
            ],
        ),
        person(
            81,
            "tomas@harbourfinch.example",
            "Tomás Ferreira",
            "Deployer in Harbour & Finch",
            &[(912, Some(Deployer))],
        ),
        person(
            84,
            "ingrid@harbourfinch.example",
            "Ingrid Solberg",
            "Viewer in Harbour & Finch",
            &[(912, Some(Viewer))],
        ),
        person(
            90,
            "jun@northlight.example",
            "Jun Watanabe",
            "Administrator of Northlight Studio, Viewer in Harbour & Finch",
            &[(1340, Some(Administrator)), (912, Some(Viewer))],
        ),
        person(
            95,
            BY_STACK,
            "Priya Raman",
            "A few stacks only, with another role on each",
            &[(912, None)],
        ),
        person(
            101,
            "nadia@haddad.example",
            "Nadia Haddad",
            "Has an account without a stack",
            &[(2210, Some(Administrator))],
        ),
        person(
            108,
            "oskar@lindqvist.example",
            "Oskar Lindqvist",
            "The trial of his account is over",
            &[(2304, Some(Administrator))],
        ),
        person(
            113,
            "bobby@harbourfinch.example",
            "<b>Bobby</b> \"Tables\" O'Neil",
            "A name that is hostile to careless pages; Viewer in Finch Labs",
            &[(2077, Some(Viewer))],
        ),
    ]
}
