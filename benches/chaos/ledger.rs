//! The facts of a run, read where they are: the ledger through the store, and the sandbox's own world.

use secrecy::SecretString;
use stackdeck::domain::{Clock, DeploymentId, Random, Redeploy, UserId};
use stackdeck::sandbox::{Stack, World};
use stackdeck::store::{Database, Store, StoreOptions};

use crate::Fallible;
use crate::judge::{End, Executed, Row};

/// How many rows are read at a time.
const PAGE: u32 = 500;

/// The action of a redeploy, by the sandbox's name for it.
const DEPLOYMENT: &str = "application_deployment";

/// Opens the ledger as the app has it open.
pub(crate) async fn open(address: &str, origin: &str, secret: Vec<u8>, clock: Clock) -> Fallible<Store> {
    let database = match address.strip_prefix("sqlite:") {
        Some(path) => Database::Sqlite { path: path.into() },
        None => Database::Postgres {
            url: SecretString::from(address),
        },
    };
    let day = std::time::Duration::from_hours(24);
    let options = StoreOptions {
        database,
        origin: origin.to_owned(),
        secrets: vec![secret.into()],
        idle: day,
        lifetime: day,
    };
    Ok(Store::open(options, clock, Random::system()).await?)
}

/// Every row of these people.
pub(crate) async fn rows(store: &Store, people: &[UserId]) -> Fallible<Vec<Redeploy>> {
    let mut rows = Vec::new();
    for person in people {
        let mut before = None;
        loop {
            let page = store.ledger().of_person(*person, PAGE, before).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            rows.extend(page);
        }
    }
    Ok(rows)
}

/// The rows as the judge wants them.
pub(crate) async fn for_the_judge(store: &Store, rows: &[Redeploy]) -> Fallible<Vec<Row>> {
    let mut judged = Vec::with_capacity(rows.len());
    for row in rows {
        judged.push(Row {
            id: row.id,
            state: row.state,
            deployment: row.deployment,
            holds_token: store.ledger().token_of(row.id).await?.is_some(),
        });
    }
    Ok(judged)
}

/// What the sandbox carried out under a reference.
pub(crate) fn executed(world: &World) -> Vec<Executed> {
    world.stacks().iter().flat_map(executed_on).collect()
}

/// A stack works through its deploys in the order in which it took them, so the last action belongs to the last
/// deployment, and so on backwards. Only once nothing waits any more.
fn executed_on(stack: &Stack) -> Vec<Executed> {
    let actions = stack
        .actions
        .iter()
        .rev()
        .filter(|action| action.action == DEPLOYMENT);
    let mut deployments = stack.deployments.iter().rev();
    let mut found = Vec::new();
    for action in actions {
        let waits = action.finished.is_none();
        let deployment = if waits { None } else { deployments.next() };
        let Some(reference) = action.user_reference.clone() else {
            continue;
        };
        let end = action
            .finished
            .as_ref()
            .map(|end| match (end.success, &end.message) {
                (true, _) => End::Succeeded,
                (false, words) if words.starts_with("Cancelled") => End::Cancelled,
                (false, _) => End::Failed,
            });
        found.push(Executed {
            reference,
            end,
            deployment: deployment
                .and_then(|one| i64::try_from(one.id).ok())
                .map(DeploymentId),
        });
    }
    found
}
