//! Mapping versions: what people change while it runs (D31). Each is whole, and none changes.

use super::Store;
use super::audit::{STORE_CHAIN, append};
use super::load::body_hash;
use super::pool::Tx;
use super::sql::{Row, args};
use crate::model::ledger::{AuditDraft, StoreFault};
use crate::text::Stamp;

/// One version of the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingVersion {
    /// Its number, from 1 without gaps.
    pub number: i64,
    /// The version it was made from; 0 for the first.
    pub parent: i64,
    /// Who made it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Stamp,
    /// The tables as JSON.
    pub body: String,
}

const NEWEST_FIRST: &str = "SELECT * FROM mapping_version ORDER BY number DESC LIMIT $1";

impl Store {
    /// The version in force, `None` before the first.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn mapping_current(&self) -> Result<Option<MappingVersion>, StoreFault> {
        Ok(self.mapping_history(1).await?.into_iter().next())
    }

    /// The newest versions, newest first.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn mapping_history(&self, limit: u32) -> Result<Vec<MappingVersion>, StoreFault> {
        self.rows(NEWEST_FIRST, args![limit]).await?.iter().map(version).collect()
    }

    /// Makes `body` (JSON of the tables) the version in force if `parent` still is it, and says
    /// so in the store's audit chain. Gives the new number, or the number in force when it moved.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn apply_mapping(
        &self,
        body: &str,
        author: &str,
        reason: &str,
        parent: i64,
        at: Stamp,
    ) -> Result<Result<i64, i64>, StoreFault> {
        let made = MappingVersion {
            number: parent + 1,
            parent,
            author: author.into(),
            reason: reason.into(),
            at,
            body: body.into(),
        };
        self.write(move |tx| {
            let current = current(tx)?;
            if current != parent {
                return Ok(Err(current));
            }
            keep(tx, &made)?;
            Ok(Ok(made.number))
        })
        .await
    }

    /// Makes `body` version 1 if there is no version yet; otherwise changes nothing.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn seed_mapping(&self, body: &str, at: Stamp) -> Result<(), StoreFault> {
        let seeded = self.apply_mapping(body, "diptych", "the preset tables", 0, at).await?;
        // A version that is there already is not an error: the first process seeded it.
        let (Ok(_) | Err(_)) = seeded;
        Ok(())
    }
}

fn current(tx: &mut Tx) -> Result<i64, StoreFault> {
    let rows = tx.rows(NEWEST_FIRST, args![1_u32])?;
    rows.first().map_or(Ok(0), |r| r.int("number"))
}

fn keep(tx: &mut Tx, m: &MappingVersion) -> Result<(), StoreFault> {
    let sql = "INSERT INTO mapping_version (number, parent, author, reason, at, body) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    tx.run(sql, args![m.number, m.parent, &m.author, &m.reason, m.at, &m.body])?;
    let draft = AuditDraft {
        at: m.at,
        who: m.author.clone(),
        act: "mapping".into(),
        subject: format!("mapping version {}", m.number),
        what: "version".into(),
        before: m.parent.to_string(),
        // The hash, so that a version that is changed later no longer fits its audit row.
        after: format!("{} sha256:{}", m.number, body_hash(&m.body)),
        why: m.reason.clone(),
        ..AuditDraft::default()
    };
    append(tx, STORE_CHAIN, &[draft])
}

fn version(row: &Row) -> Result<MappingVersion, StoreFault> {
    Ok(MappingVersion {
        number: row.int("number")?,
        parent: row.int("parent")?,
        author: row.text("author")?,
        reason: row.text("reason")?,
        at: row.stamp("at")?,
        body: row.text("body")?,
    })
}
