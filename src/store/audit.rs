//! The audit: hash-chained rows, one chain per workspace and one for the store itself (D10).
//!
//! **Canonical form of a row**, on which its hash rests: the line `diptych-audit-1`, then one
//! line `name:length:value` for each of chain, seq, at, who, act, link, subject, side, what,
//! before, after, why, intent, in this order. The length counts the value's bytes, so no value can
//! pass for another line; numbers are decimal, times are microseconds, an absent link or intent
//! is empty. `hash` is the hex SHA-256 of `prev` (as 64 hex digits) followed by that form; the
//! first row's `prev` is 64 zeros. A change of this form needs a new first line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Store;
use super::heads::Heads;
use super::pool::Tx;
use super::sql::{Row, args};
use crate::model::ledger::{AuditDraft, AuditRow, StoreFault};
use crate::model::{IntentId, LinkId};

/// The chain for acts on the store itself.
pub(super) const STORE_CHAIN: &str = "store";

/// Rows read at a time while verifying.
const PAGE: u32 = 500;

/// What verifying a chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainVerdict {
    /// The chain.
    pub chain: String,
    /// Rows in the store.
    pub rows: i64,
    /// Number and hash of the last row, `None` when there is no row.
    pub head: Option<(i64, String)>,
    /// First number at which it is broken, and how, in one safe line.
    pub broken: Option<(i64, String)>,
    /// Number up to which a head kept outside vouches for the rows. `None` means that a cut-off
    /// tail is not checkable.
    pub vouched: Option<i64>,
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

fn first_prev() -> String {
    "0".repeat(64)
}

/// The canonical form; see the top of this file.
fn canonical(chain: &str, seq: i64, d: &AuditDraft) -> String {
    let number = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
    let fields: [(&str, &str); 13] = [
        ("chain", chain),
        ("seq", &seq.to_string()),
        ("at", &d.at.0.to_string()),
        ("who", &d.who),
        ("act", &d.act),
        ("link", &number(d.link.map(|l| l.0))),
        ("subject", &d.subject),
        ("side", &d.side),
        ("what", &d.what),
        ("before", &d.before),
        ("after", &d.after),
        ("why", &d.why),
        ("intent", &number(d.intent.map(|i| i.0))),
    ];
    let mut text = String::from("diptych-audit-1\n");
    for (name, value) in fields {
        let _ = writeln!(text, "{name}:{}:{value}", value.len());
    }
    text
}

fn row_hash(prev: &str, chain: &str, seq: i64, draft: &AuditDraft) -> String {
    let mut sha = Sha256::new();
    sha.update(prev.as_bytes());
    sha.update(canonical(chain, seq, draft).as_bytes());
    hex(&sha.finalize())
}

/// Appends rows to a chain.
pub(super) fn append(tx: &mut Tx, chain: &str, drafts: &[AuditDraft]) -> Result<(), StoreFault> {
    if drafts.is_empty() {
        return Ok(());
    }
    let (mut seq, mut prev) = head(tx, chain)?.unwrap_or_else(|| (0, first_prev()));
    let mut rows = Vec::with_capacity(drafts.len());
    for d in drafts {
        seq += 1;
        let hash = row_hash(&prev, chain, seq, d);
        rows.push(args![
            chain, seq, d.at, &d.who, &d.act, d.link, &d.subject, &d.side, &d.what, &d.before, &d.after,
            &d.why, d.intent, prev, &hash,
        ]);
        prev = hash;
    }
    let head = "INSERT INTO audit (chain, seq, at, who, act, link, subject, side, what, value_before, \
                value_after, why, intent, prev, hash)";
    tx.insert(head, rows, "")
}

/// Number and hash of a chain's last row.
fn head(tx: &mut Tx, chain: &str) -> Result<Option<(i64, String)>, StoreFault> {
    let sql = "SELECT seq, hash FROM audit WHERE chain = $1 ORDER BY seq DESC LIMIT 1";
    let row = tx.row(sql, args![chain])?;
    row.map(|r| Ok((r.int("seq")?, r.text("hash")?))).transpose()
}

fn audit_row(row: &Row) -> Result<AuditRow, StoreFault> {
    Ok(AuditRow {
        chain: row.text("chain")?,
        seq: row.int("seq")?,
        draft: AuditDraft {
            at: row.stamp("at")?,
            who: row.text("who")?,
            act: row.text("act")?,
            link: row.maybe_int("link")?.map(LinkId),
            subject: row.text("subject")?,
            side: row.text("side")?,
            what: row.text("what")?,
            before: row.text("value_before")?,
            after: row.text("value_after")?,
            why: row.text("why")?,
            intent: row.maybe_int("intent")?.map(IntentId),
        },
        prev: row.text("prev")?,
        hash: row.text("hash")?,
    })
}

const PAGE_SQL: &str = "SELECT * FROM audit WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3";

impl Store {
    /// Rows of a chain behind number `after_seq`, oldest first.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn audit_rows(
        &self,
        chain: &str,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreFault> {
        self.rows(PAGE_SQL, args![chain, after_seq, limit]).await?.iter().map(audit_row).collect()
    }

    /// The newest rows about a link, newest first.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn audit_for_link(&self, link: LinkId, limit: u32) -> Result<Vec<AuditRow>, StoreFault> {
        let sql = "SELECT * FROM audit WHERE link = $1 ORDER BY at DESC, chain, seq DESC LIMIT $2";
        self.rows(sql, args![link, limit]).await?.iter().map(audit_row).collect()
    }

    /// Names of the chains.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn audit_chains(&self) -> Result<Vec<String>, StoreFault> {
        let sql = "SELECT DISTINCT chain FROM audit ORDER BY chain";
        self.rows(sql, args![]).await?.iter().map(|r| r.text("chain")).collect()
    }

    /// Number and hash of the last row of every chain, to be kept outside the store.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn audit_heads(&self) -> Result<Heads, StoreFault> {
        let sql = "SELECT a.chain, a.seq, a.hash FROM audit a \
                   JOIN (SELECT chain, MAX(seq) AS seq FROM audit GROUP BY chain) m \
                   ON m.chain = a.chain AND m.seq = a.seq ORDER BY a.chain";
        let rows = self.rows(sql, args![]).await?;
        rows.iter().map(|r| Ok((r.text("chain")?, (r.int("seq")?, r.text("hash")?)))).collect()
    }

    /// Appends a row to the chain for acts on the store itself.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn append_store_audit(&self, draft: AuditDraft) -> Result<(), StoreFault> {
        self.write(move |tx| append(tx, STORE_CHAIN, &[draft])).await
    }

    /// Verifies every chain, those that only `heads` knows among them. `heads` are numbers and
    /// hashes kept outside; without one a chain's tail is not checkable (D10).
    ///
    /// # Errors
    /// See [`StoreFault`]; a broken chain is a verdict, not an error.
    pub async fn verify_audit(
        &self,
        heads: &BTreeMap<String, (i64, String)>,
    ) -> Result<Vec<ChainVerdict>, StoreFault> {
        let heads = heads.clone();
        self.read(move |tx| {
            let mut chains: Vec<String> = heads.keys().cloned().collect();
            for row in tx.rows("SELECT DISTINCT chain FROM audit", args![])? {
                chains.push(row.text("chain")?);
            }
            chains.sort();
            chains.dedup();
            chains
                .into_iter()
                .map(|chain| {
                    let outside = heads.get(&chain);
                    verify(tx, chain, outside)
                })
                .collect()
        })
        .await
    }
}

fn verify(tx: &mut Tx, chain: String, outside: Option<&(i64, String)>) -> Result<ChainVerdict, StoreFault> {
    let mut check = Check { next: 1, prev: first_prev(), rows: 0, head: None, broken: None, outside };
    // Numbers below one would be passed over by a search that starts at zero.
    let mut after = i64::MIN;
    loop {
        let page = tx.rows(PAGE_SQL, args![&chain, after, PAGE])?;
        for row in &page {
            let row = audit_row(row)?;
            after = row.seq;
            check.row(&row);
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    check.tail();
    let vouched = outside.map(|(seq, _)| *seq).filter(|_| check.broken.is_none());
    Ok(ChainVerdict { chain, rows: check.rows, head: check.head, broken: check.broken, vouched })
}

/// A walk along one chain; the first finding stays.
struct Check<'a> {
    next: i64,
    prev: String,
    rows: i64,
    head: Option<(i64, String)>,
    broken: Option<(i64, String)>,
    outside: Option<&'a (i64, String)>,
}

impl Check<'_> {
    fn find(&mut self, seq: i64, why: impl Into<String>) {
        self.broken.get_or_insert((seq, why.into()));
    }

    fn row(&mut self, row: &AuditRow) {
        self.rows += 1;
        if row.seq != self.next {
            self.find(self.next.min(row.seq), format!("row {} is missing", self.next));
        }
        if row.prev != self.prev {
            self.find(row.seq, "it does not follow the row before it");
        }
        if row_hash(&row.prev, &row.chain, row.seq, &row.draft) != row.hash {
            self.find(row.seq, "its content does not fit its hash");
        }
        if self.outside.is_some_and(|(seq, hash)| *seq == row.seq && *hash != row.hash) {
            self.find(row.seq, "it is not the row that the head kept outside names");
        }
        self.next = row.seq.saturating_add(1);
        self.prev.clone_from(&row.hash);
        self.head = Some((row.seq, row.hash.clone()));
    }

    fn tail(&mut self) {
        let last = self.head.as_ref().map_or(0, |(seq, _)| *seq);
        if let Some((seq, _)) = self.outside.filter(|(seq, _)| *seq > last) {
            self.find(last + 1, format!("cut off: the head kept outside names row {seq}"));
        }
    }
}
