//! Who may sync a workspace: one row each, timed by the database's clock (D34).

use super::Store;
use super::audit::STORE_CHAIN;
use super::pool::Tx;
use super::sql::{Row, args, broken};
use crate::model::WorkspaceKey;
use crate::model::ledger::{Lease, StoreFault};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

/// Takes a lease that is free, was given back (`ends = 0`), is our own, or ended by itself on the
/// same config section: one statement, so that two takers cannot both win. A lease that merely
/// ran out under another section is not taken, so that two hosts whose files differ cannot take
/// turns (D31). One that the taker saw unrenewed for longer than it lasts counts as run out, even
/// if a wall clock that was wrong when it was made says otherwise. The epoch stays only while the
/// same holder still has it.
const TAKE: &str = "INSERT INTO lease (workspace, holder, epoch, ends, section_hash, revision) \
     SELECT $1, $2, 1, micros + $3, $4, 0 FROM db_clock WHERE TRUE \
     ON CONFLICT (workspace) DO UPDATE SET \
       epoch = CASE WHEN lease.holder = excluded.holder AND lease.ends > (SELECT micros FROM db_clock) \
                    THEN lease.epoch ELSE lease.epoch + 1 END, \
       holder = excluded.holder, ends = excluded.ends, section_hash = excluded.section_hash \
     WHERE lease.holder = excluded.holder OR lease.ends = 0 \
        OR (lease.section_hash = excluded.section_hash \
            AND (lease.ends <= (SELECT micros FROM db_clock) OR lease.epoch = $5 AND lease.ends = $6)) \
     RETURNING workspace, holder, epoch, ends, section_hash, (SELECT micros FROM db_clock) AS read_at";

const RENEW: &str = "UPDATE lease SET ends = (SELECT micros FROM db_clock) + $3 \
     WHERE workspace = $1 AND epoch = $2 AND ends > (SELECT micros FROM db_clock) \
     RETURNING workspace, holder, epoch, ends, section_hash, (SELECT micros FROM db_clock) AS read_at";

/// First statement of every transaction: proves that the lease is ours, locks its row, and
/// sets revisions aside for the rows that will be published.
const FENCE: &str = "UPDATE lease SET revision = revision + $3 \
     WHERE workspace = $1 AND epoch = $2 AND ends > (SELECT micros FROM db_clock) RETURNING revision";

/// The same without the proof.
const UNFENCED: &str =
    "UPDATE lease SET revision = revision + $3 WHERE workspace = $1 AND $2 = $2 RETURNING revision";

/// Milliseconds to the store's microseconds.
fn micros(ms: i64) -> i64 {
    ms.saturating_mul(1000)
}

fn lease(row: &Row) -> Result<Lease, StoreFault> {
    Ok(Lease {
        workspace: row.workspace("workspace")?,
        holder: row.text("holder")?,
        epoch: row.int("epoch")?,
        ends: row.stamp("ends")?,
        read_at: row.stamp("read_at")?,
        section_hash: row.text("section_hash")?,
    })
}

/// Checks the lease inside a transaction and gives the highest revision after setting `rows` of
/// them aside.
pub(super) fn fence(tx: &mut Tx, ws: &WorkspaceKey, epoch: i64, rows: i64) -> Result<i64, StoreFault> {
    let fence = if mutant::is_on(Mutant::LeaseIgnored) { UNFENCED } else { FENCE };
    match tx.row(fence, args![ws, epoch, rows])? {
        Some(row) => row.int("revision"),
        None => Err(StoreFault::LeaseLost),
    }
}

impl Store {
    pub(super) async fn take_lease(
        &self,
        workspace: &WorkspaceKey,
        holder: &str,
        life_ms: i64,
        section_hash: &str,
        idle: Option<(i64, Stamp)>,
    ) -> Result<Option<Lease>, StoreFault> {
        if workspace.as_str() == STORE_CHAIN {
            return Err(broken("no workspace may have the key `store`: its audit chain has that name"));
        }
        let (epoch, ends) = idle.unwrap_or((-1, Stamp(-1)));
        let args = args![workspace, holder, micros(life_ms), section_hash, epoch, ends];
        self.write(|tx| tx.row(TAKE, args)?.as_ref().map(lease).transpose()).await
    }

    /// The lease of a workspace as it stands, `None` if there never was one.
    pub(super) async fn lease_of(&self, workspace: &WorkspaceKey) -> Result<Option<Lease>, StoreFault> {
        let sql = "SELECT l.workspace, l.holder, l.epoch, l.ends, l.section_hash, c.micros AS read_at \
                   FROM lease l CROSS JOIN db_clock c WHERE l.workspace = $1";
        self.rows(sql, args![workspace]).await?.first().map(lease).transpose()
    }

    pub(super) async fn renew_lease(
        &self,
        workspace: &WorkspaceKey,
        epoch: i64,
        life_ms: i64,
    ) -> Result<Option<Lease>, StoreFault> {
        let args = args![workspace, epoch, micros(life_ms)];
        self.write(|tx| tx.row(RENEW, args)?.as_ref().map(lease).transpose()).await
    }

    pub(super) async fn release_lease(&self, workspace: &WorkspaceKey, epoch: i64) -> Result<(), StoreFault> {
        // The name stays: people want to know who had it last.
        let sql = "UPDATE lease SET ends = 0 WHERE workspace = $1 AND epoch = $2";
        let args = args![workspace, epoch];
        self.write(move |tx| tx.run(sql, args)).await?;
        Ok(())
    }

    /// Every lease there ever was, by workspace. One is in force while `ends > read_at`.
    pub async fn leases(&self) -> Result<Vec<Lease>, StoreFault> {
        let sql = "SELECT l.workspace, l.holder, l.epoch, l.ends, l.section_hash, c.micros AS read_at \
                   FROM lease l CROSS JOIN db_clock c ORDER BY l.workspace";
        self.rows(sql, args![]).await?.iter().map(lease).collect()
    }
}
