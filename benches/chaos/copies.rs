//! Copies of the app's database, made while it is used and put back later, as from a back-up.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::Fallible;
use crate::books::{self, Books};

/// A copy, as it was when it was made.
#[derive(Debug)]
pub(crate) enum Copy {
    File(PathBuf),
    /// Tables of the same names in another schema.
    Schema(String),
}

impl Books {
    /// Makes a copy while the app goes on.
    pub(crate) async fn copy(&self, folder: &Path, number: usize) -> Fallible<Copy> {
        match self {
            Self::Sqlite(path) => {
                let copy = folder.join(format!("copy-{number}.db"));
                let mut connection = books::sqlite(path).await?;
                sqlx::query("VACUUM INTO $1")
                    .bind(copy.display().to_string())
                    .execute(&mut connection)
                    .await?;
                connection.close().await?;
                Ok(Copy::File(copy))
            }
            Self::Postgres { schema, .. } => {
                let name = format!("{schema}_{number}");
                let mut connection = self.postgres().await?;
                let mut copying = connection.begin().await?;
                sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    .execute(&mut *copying)
                    .await?;
                run(&mut copying, format!("CREATE SCHEMA {name}")).await?;
                for table in tables(&mut copying, schema).await? {
                    run(
                        &mut copying,
                        format!("CREATE TABLE {name}.{table} AS TABLE {schema}.{table}"),
                    )
                    .await?;
                }
                copying.commit().await?;
                connection.close().await?;
                Ok(Copy::Schema(name))
            }
        }
    }

    /// Puts a copy in place of what is there. No app may run.
    pub(crate) async fn restore(&self, copy: &Copy) -> Fallible<()> {
        match (self, copy) {
            (Self::Sqlite(path), Copy::File(copy)) => {
                for end in ["-wal", "-shm"] {
                    let beside = PathBuf::from(format!("{}{end}", path.display()));
                    if beside.exists() {
                        std::fs::remove_file(beside)?;
                    }
                }
                // Its owner alone may read it, as the app insists.
                std::fs::set_permissions(copy, std::fs::metadata(path)?.permissions())?;
                std::fs::rename(copy, path)?;
            }
            (Self::Postgres { schema, .. }, Copy::Schema(name)) => {
                let mut connection = self.postgres().await?;
                let mut restoring = connection.begin().await?;
                run(
                    &mut restoring,
                    "SET LOCAL session_replication_role = replica".to_owned(),
                )
                .await?;
                for table in tables(&mut restoring, schema).await? {
                    run(&mut restoring, format!("DELETE FROM {schema}.{table}")).await?;
                    run(
                        &mut restoring,
                        format!(
                            "INSERT INTO {schema}.{table} OVERRIDING SYSTEM VALUE SELECT * FROM {name}.{table}"
                        ),
                    )
                    .await?;
                }
                run(&mut restoring, format!("DROP SCHEMA {name} CASCADE")).await?;
                restoring.commit().await?;
                connection.close().await?;
            }
            _ => return Err("a copy of another kind of database".into()),
        }
        Ok(())
    }
}

async fn tables(connection: &mut PgConnection, schema: &str) -> Fallible<Vec<String>> {
    let tables = sqlx::query_scalar("SELECT tablename::TEXT FROM pg_tables WHERE schemaname = $1")
        .bind(schema)
        .fetch_all(connection)
        .await?;
    Ok(tables)
}

async fn run(connection: &mut PgConnection, statement: String) -> Fallible<()> {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
