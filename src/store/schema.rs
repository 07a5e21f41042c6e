//! The schema: migrations that are part of the program, and who may open whose store.

use sqlx::SqlitePool;
use sqlx::migrate::{MigrateError, Migrator};

use super::sql::{Db, args, broken, fault};
use crate::model::ledger::StoreFault;
use crate::text::Stamp;

static SQLITE: Migrator = sqlx::migrate!("assets/migrations/sqlite");

/// The newest schema that this program knows.
fn newest() -> i64 {
    SQLITE.iter().map(|m| m.version).max().unwrap_or_default()
}

/// The schema of the file: `None` for an empty one. Anything else that is not ours is refused
/// before a table of ours gets into it.
async fn found(db: &Db) -> Result<Option<i64>, StoreFault> {
    let Db::Sqlite { reader, .. } = db;
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(reader)
        .await
        .map_err(fault)?;
    if names.is_empty() {
        return Ok(None);
    }
    if !names.iter().any(|n| n == "_sqlx_migrations") {
        return Err(broken("it is a database of another program; cure: name another file"));
    }
    let version: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
        .fetch_one(reader)
        .await
        .map_err(fault)?;
    Ok(version)
}

/// Refuses a store that this program does not understand. With a writer, brings an older one up
/// to date; without, says who can.
pub(super) async fn settle(db: &Db) -> Result<(), StoreFault> {
    let known = newest();
    let at = found(db).await?;
    if let Some(v) = at.filter(|v| *v > known) {
        return Err(broken(format!(
            "it was made by a newer version of diptych (schema {v}, this one knows {known}); cure: update diptych"
        )));
    }
    if at == Some(known) {
        return Ok(());
    }
    let Db::Sqlite { writer: Some(writer), .. } = db else {
        return Err(broken(
            "it was made by an older version of diptych; cure: open it once without the read-only mode",
        ));
    };
    migrate(db, writer, known).await
}

/// Runs the migrations. Two processes may start on one new file at the same moment: the one that
/// comes second fails on what the first has made, and finds the work done.
async fn migrate(db: &Db, writer: &SqlitePool, known: i64) -> Result<(), StoreFault> {
    const TRIES: usize = 5;
    let mut last = Ok(());
    for _ in 0..TRIES {
        last = SQLITE.run(writer).await.map_err(migration);
        if last.is_ok() || found(db).await? == Some(known) {
            return Ok(());
        }
    }
    last
}

fn migration(error: MigrateError) -> StoreFault {
    match error {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => fault(e),
        MigrateError::VersionMissing(v) | MigrateError::VersionMismatch(v) => broken(format!(
            "its schema {v} is not the one of this version; cure: use the version that made it"
        )),
        other => broken(other.to_string()),
    }
}

/// Puts a clock that only [`turn_clock`] moves in the place of the database's own.
pub(super) async fn simulate_clock(db: &Db) -> Result<(), StoreFault> {
    let mut tx = db.write().await?;
    for sql in [
        "CREATE TABLE IF NOT EXISTS simulated_clock (one BIGINT NOT NULL PRIMARY KEY, micros BIGINT NOT NULL)",
        "INSERT INTO simulated_clock (one, micros) VALUES (1, 0) ON CONFLICT (one) DO NOTHING",
        "DROP VIEW IF EXISTS db_clock",
        "CREATE VIEW db_clock AS SELECT micros FROM simulated_clock",
    ] {
        tx.run(sql, args![]).await?;
    }
    tx.commit().await
}

/// Sets the simulated clock.
pub(super) async fn turn_clock(db: &Db, to: Stamp) -> Result<(), StoreFault> {
    let mut tx = db.write().await?;
    tx.run("UPDATE simulated_clock SET micros = $1", args![to]).await?;
    tx.commit().await
}
