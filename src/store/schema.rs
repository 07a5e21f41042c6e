//! The schema: migrations that are part of the program, and who may open whose store.

use super::pool::{Db, Tx};
use super::sql::{args, broken};
use crate::model::ledger::StoreFault;
use crate::text::Stamp;

/// Marks a file as ours in SQLite's header: `dipt`.
const OURS: i64 = 0x6469_7074;

macro_rules! migrations {
    ($($name:literal),* $(,)?) => { [$(include_str!(concat!("../../assets/migrations/sqlite/", $name, ".sql"))),*] };
}

/// What brings a file from each schema to the next, from none to the first on. SQLite keeps the
/// number of a file's schema in its header.
pub(super) const MIGRATIONS: [&str; 11] = migrations![
    "0001_first_light",
    "0002_last_change",
    "0003_evidence",
    "0004_crossings",
    "0005_gone",
    "0006_merges",
    "0007_related",
    "0008_merged",
    "0009_state_walk",
    "0010_link_order",
    "0011_aggregation",
];

/// The newest schema that this program knows.
const NEWEST: i64 = MIGRATIONS.len() as i64;

/// The schema of the file, 0 for an empty one. Anything else that is not ours is refused before a
/// table of ours gets into it.
fn found(tx: &mut Tx) -> Result<i64, StoreFault> {
    let header = "SELECT user_version, application_id, \
                    (SELECT COUNT(*) FROM sqlite_master WHERE type = 'table') AS tables, \
                    EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations') AS early \
                  FROM pragma_user_version, pragma_application_id";
    let row = tx.row(header, args![])?.ok_or_else(|| broken("it has no header"))?;
    if row.flag("early")? {
        // Up to schema 10 the number was kept in a table.
        let row = tx.row("SELECT COALESCE(MAX(version), 0) AS version FROM _sqlx_migrations", args![])?;
        return row.map_or(Ok(0), |r| r.int("version"));
    }
    match (row.int("application_id")?, row.int("tables")?) {
        (OURS, _) => row.int("user_version"),
        (_, 0) => Ok(0),
        _ => Err(broken("it is a database of another program; cure: name another file")),
    }
}

/// Refuses a store that this program does not understand. With a writer, brings an older one up
/// to date; without, says who can.
pub(super) fn settle(db: &Db) -> Result<(), StoreFault> {
    match understood(&mut db.read()?)? {
        NEWEST => return Ok(()),
        _ if db.is_writable() => {}
        _ => {
            return Err(broken(
                "it was made by an older version of diptych; cure: open it once without the read-only mode",
            ));
        }
    }
    let mut tx = db.write()?;
    // Another process may have done it since.
    let at = understood(&mut tx)?;
    for step in MIGRATIONS.iter().skip(usize::try_from(at).unwrap_or_default()) {
        tx.script(step)?;
    }
    tx.script(&format!(
        "DROP TABLE IF EXISTS _sqlx_migrations; PRAGMA application_id = {OURS}; PRAGMA user_version = {NEWEST};"
    ))?;
    tx.commit()
}

/// The schema of the file, if this program knows it.
fn understood(tx: &mut Tx) -> Result<i64, StoreFault> {
    match found(tx)? {
        v if v > NEWEST => Err(broken(format!(
            "it was made by a newer version of diptych (schema {v}, this one knows {NEWEST}); cure: update diptych"
        ))),
        v => Ok(v),
    }
}

/// Puts a clock that only [`turn_clock`] moves in the place of the database's own.
pub(super) fn simulate_clock(db: &Db) -> Result<(), StoreFault> {
    let mut tx = db.write()?;
    tx.script(
        "CREATE TABLE IF NOT EXISTS simulated_clock (one BIGINT NOT NULL PRIMARY KEY, micros BIGINT NOT NULL);
         INSERT INTO simulated_clock (one, micros) VALUES (1, 0) ON CONFLICT (one) DO NOTHING;
         DROP VIEW IF EXISTS db_clock;
         CREATE VIEW db_clock AS SELECT micros FROM simulated_clock;",
    )?;
    tx.commit()
}

/// Sets the simulated clock.
pub(super) fn turn_clock(db: &Db, to: Stamp) -> Result<(), StoreFault> {
    let mut tx = db.write()?;
    tx.run("UPDATE simulated_clock SET micros = $1", args![to])?;
    tx.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_is_in_the_program_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/migrations/sqlite");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        let texts: Vec<String> = files.iter().map(|f| std::fs::read_to_string(f).unwrap()).collect();
        assert_eq!(texts, MIGRATIONS);
    }
}
