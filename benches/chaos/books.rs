//! The facts of a run, read where they are: the ledger's table as it lies in the database, and the sandbox's own
//! books. Neither is read with the app's code, which may be what is wrong.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use stackdeck::sandbox::{Action, Stack, World};

use crate::Fallible;
use crate::judge::{End, Executed};

/// The action of a redeploy, by the sandbox's name for it.
const DEPLOYMENT: &str = "application_deployment";

/// Where the app keeps its ledger.
#[derive(Debug, Clone)]
pub(crate) enum Books {
    Sqlite(PathBuf),
    Postgres {
        /// The server and its database, without the schema.
        server: String,
        /// The run's own schema.
        schema: String,
    },
}

/// One row of the ledger's table.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) asked_by: i64,
    pub(crate) stack: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) action: Option<i64>,
    pub(crate) sent_at_ms: Option<i64>,
    /// Not at an end, and with a token: somebody still works at it.
    pub(crate) open: bool,
    pub(crate) ended: bool,
    pub(crate) holds_token: bool,
}

const LINES: &str = "SELECT id, asked_by, stack, state, reason, message, action, sent_at_ms, \
    (finished_at_ms IS NULL AND sealed_token IS NOT NULL) AS open, finished_at_ms IS NOT NULL AS ended, \
    sealed_token IS NOT NULL AS holds_token FROM redeploys ORDER BY number";

impl Line {
    /// What a finding about it is looked into with.
    pub(crate) fn words(&self) -> String {
        format!(
            "{} ({}) of stack {}, sent at {:?}, action {:?}: {}",
            self.state,
            self.reason.as_deref().unwrap_or("no reason"),
            self.stack,
            self.sent_at_ms,
            self.action,
            self.message.as_deref().unwrap_or("no words")
        )
    }
}

impl Books {
    /// The address as the app is told it.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres { server, schema } => format!("{server}?options[search_path]={schema}"),
        }
    }

    /// Every row, as it lies there.
    pub(crate) async fn lines(&self) -> Fallible<Vec<Line>> {
        Ok(match self {
            Self::Sqlite(path) => {
                let mut connection = sqlite(path).await?;
                let lines = sqlx::query_as(LINES).fetch_all(&mut connection).await?;
                connection.close().await?;
                lines
            }
            Self::Postgres { .. } => {
                let mut connection = self.postgres().await?;
                let lines = sqlx::query_as(LINES).fetch_all(&mut connection).await?;
                connection.close().await?;
                lines
            }
        })
    }

    /// The ids of all rows.
    pub(crate) async fn ids(&self) -> Fallible<BTreeSet<String>> {
        Ok(self.lines().await?.into_iter().map(|line| line.id).collect())
    }

    /// A connection to the run's own schema, whose own commits are durable whatever the server is set to.
    pub(crate) async fn postgres(&self) -> Fallible<PgConnection> {
        let options: PgConnectOptions = self.address().parse()?;
        let options = options.options([("synchronous_commit", "on")]);
        Ok(options.disable_statement_logging().connect().await?)
    }
}

/// A connection to a SQLite file that another process may have open.
pub(crate) async fn sqlite(path: &std::path::Path) -> Fallible<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(std::time::Duration::from_secs(20));
    Ok(options.disable_statement_logging().connect().await?)
}

/// What the sandbox carried out under a reference.
pub(crate) fn executed(world: &World) -> Vec<Executed> {
    world.stacks().iter().flat_map(executed_on).collect()
}

fn executed_on(stack: &Stack) -> Vec<Executed> {
    // An action that has ended and began nothing was planted by a fault: no work belongs to it.
    let is_real = |action: &&Action| action.finished.is_none() || action.deployment.is_some();
    let actions = stack
        .actions
        .iter()
        .filter(|action| action.action == DEPLOYMENT)
        .filter(is_real);
    let executed = actions.filter_map(|action| {
        let end = action
            .finished
            .as_ref()
            .map(|end| match (end.success, &end.message) {
                (true, _) => End::Succeeded,
                (false, words) if words.starts_with("Cancelled") => End::Cancelled,
                (false, _) => End::Failed,
            });
        Some(Executed {
            reference: action.user_reference.clone()?,
            end,
            deployment: action.deployment,
        })
    });
    executed.collect()
}
