//! The steps that bring a database to the form that this program expects. They are written into the program,
//! one line each here, so that a binary needs no files beside it.
//!
//! Invariants: a step that has been released is never changed (its checksum is compared), only followed by
//! another; a database that knows a step which this program does not know is not touched.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::OpenError;

/// The steps for SQLite.
pub(crate) fn sqlite() -> Migrator {
    migrator(&[
        (
            1,
            "first tables",
            include_str!("../../migrations/sqlite/0001_first_tables.sql"),
        ),
        (
            2,
            "one of a batch",
            include_str!("../../migrations/sqlite/0002_one_of_a_batch.sql"),
        ),
        (
            3,
            "reason",
            include_str!("../../migrations/sqlite/0003_reason.sql"),
        ),
        (
            4,
            "origin and epoch",
            include_str!("../../migrations/sqlite/0004_origin_and_epoch.sql"),
        ),
        (
            5,
            "when cloud 66 was heard",
            include_str!("../../migrations/sqlite/0005_when_cloud_66_was_heard.sql"),
        ),
        (
            6,
            "sessions by age",
            include_str!("../../migrations/sqlite/0006_sessions_by_age.sql"),
        ),
    ])
}

/// The steps for PostgreSQL.
pub(crate) fn postgres() -> Migrator {
    migrator(&[
        (
            1,
            "first tables",
            include_str!("../../migrations/postgres/0001_first_tables.sql"),
        ),
        (
            2,
            "one of a batch",
            include_str!("../../migrations/postgres/0002_one_of_a_batch.sql"),
        ),
        (
            3,
            "reason",
            include_str!("../../migrations/postgres/0003_reason.sql"),
        ),
        (
            4,
            "origin and epoch",
            include_str!("../../migrations/postgres/0004_origin_and_epoch.sql"),
        ),
        (
            5,
            "when cloud 66 was heard",
            include_str!("../../migrations/postgres/0005_when_cloud_66_was_heard.sql"),
        ),
        (
            6,
            "sessions by age",
            include_str!("../../migrations/postgres/0006_sessions_by_age.sql"),
        ),
    ])
}

fn migrator(steps: &'static [(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = steps.iter().map(|&(version, description, sql)| {
        let description = Cow::Borrowed(description);
        Migration::new(
            version,
            description,
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

/// Why the steps could not be taken; `otherwise` reads the database's own errors.
pub(crate) fn error(error: MigrateError, otherwise: impl FnOnce(sqlx::Error) -> OpenError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::Newer(version),
        MigrateError::VersionMismatch(version) => OpenError::Changed(version),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => otherwise(error),
        other => OpenError::Other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_step_and_both_databases_take_the_same_ones() {
        for (folder, migrator) in [("sqlite", sqlite()), ("postgres", postgres())] {
            let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(path).unwrap().count();
            assert_eq!(files, migrator.iter().count(), "{folder}");
        }
        let steps = |migrator: &Migrator| -> Vec<_> {
            migrator
                .iter()
                .map(|step| (step.version, step.description.clone()))
                .collect()
        };
        assert_eq!(steps(&sqlite()), steps(&postgres()));
    }
}
