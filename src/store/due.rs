//! What there is to do: due links, held links, orders, cursors.

use super::Store;
use super::sql::{Row, args};
use crate::model::ledger::{Capability, Cursor, StoreFault};
use crate::model::{Command, Control, LinkId, LinkOrder, WorkspaceKey};
use crate::text::Stamp;

/// Each part is answered from a partial index that holds nothing when all is calm. `CROSS JOIN`
/// keeps SQLite from walking every link of the workspace instead (measured). Of an incident that was merged,
/// what can go nowhere any more is held, so that it waits for nobody.
pub(super) const DUE: &str = "SELECT l.id FROM intent i CROSS JOIN link l WHERE i.link = l.id \
       AND i.workspace = $1 AND i.state IN ('planned', 'in_flight', 'unknown') \
       AND l.life IN ('creating', 'live') \
     UNION SELECT l.id FROM entry e CROSS JOIN link l WHERE e.link = l.id \
       AND (e.to_sentinel IN ('waiting', 'sending') OR e.to_servicenow IN ('waiting', 'sending')) \
       AND l.workspace = $1 AND l.life IN ('creating', 'live') \
       AND (l.role IN ('primary', 'attached') OR l.role = 'merged' AND l.life = 'live' AND l.frozen = '') \
     UNION SELECT id FROM link WHERE workspace = $1 AND life = 'creating' AND role = 'primary' \
     UNION SELECT id FROM link WHERE workspace = $1 AND pending \
     UNION SELECT id FROM link WHERE workspace = $1 AND error <> '' AND not_before <= $2 \
       AND life IN ('creating', 'live') \
     ORDER BY 1";

pub(super) const RESTING: &str =
    "SELECT id FROM link WHERE workspace = $1 AND error <> '' AND not_before > $2 ORDER BY 1";

pub(super) const HELD: &str = "SELECT DISTINCT l.id FROM base b CROSS JOIN link l \
     WHERE b.link = l.id AND b.held <> '' AND l.workspace = $1 AND l.life <> 'unlinked' ORDER BY 1";

impl Store {
    pub(super) async fn due(&self, ws: &WorkspaceKey, now: Stamp) -> Result<Vec<LinkId>, StoreFault> {
        self.rows(DUE, args![ws, now]).await?.iter().map(number).collect()
    }

    pub(super) async fn resting(&self, ws: &WorkspaceKey, now: Stamp) -> Result<Vec<LinkId>, StoreFault> {
        self.rows(RESTING, args![ws, now]).await?.iter().map(number).collect()
    }

    pub(super) async fn held_links(&self, ws: &WorkspaceKey) -> Result<Vec<LinkId>, StoreFault> {
        self.rows(HELD, args![ws]).await?.iter().map(number).collect()
    }

    /// Links whose comments are to be read again.
    pub(super) async fn unsure_links(&self, ws: &WorkspaceKey) -> Result<Vec<LinkId>, StoreFault> {
        let sql = "SELECT id FROM link WHERE workspace = $1 AND comments_unsure AND role IN ('primary', 'attached') \
                     AND life IN ('creating', 'live') AND frozen = '' ORDER BY id";
        self.rows(sql, args![ws]).await?.iter().map(number).collect()
    }

    /// Links that are watched.
    pub(super) async fn watched_links(&self, ws: &WorkspaceKey) -> Result<Vec<LinkId>, StoreFault> {
        let sql = "SELECT id FROM link WHERE workspace = $1 AND role = 'watched' \
                     AND life IN ('creating', 'live') ORDER BY id";
        self.rows(sql, args![ws]).await?.iter().map(number).collect()
    }

    /// Links whose alerts are to be read, the newest first.
    pub(super) async fn unread_alerts(
        &self,
        ws: &WorkspaceKey,
        most: u32,
    ) -> Result<Vec<LinkId>, StoreFault> {
        let sql = "SELECT id FROM link WHERE workspace = $1 AND alerts_unread AND life = 'live' \
                     AND role IN ('primary', 'attached') AND frozen = '' ORDER BY id DESC LIMIT $2";
        self.rows(sql, args![ws, most]).await?.iter().map(number).collect()
    }

    /// Links with related rows still to be found or made, the newest first.
    pub(super) async fn waiting_rows(&self, ws: &WorkspaceKey, most: u32) -> Result<Vec<LinkId>, StoreFault> {
        let sql = "SELECT id FROM link WHERE workspace = $1 AND related_waiting AND life = 'live' \
                     AND role IN ('primary', 'attached') AND frozen = '' ORDER BY id DESC LIMIT $2";
        self.rows(sql, args![ws, most]).await?.iter().map(number).collect()
    }

    pub(super) async fn orders(
        &self,
        ws: &WorkspaceKey,
    ) -> Result<(Vec<Command>, Vec<Control>, Vec<LinkOrder>), StoreFault> {
        let ws = ws.clone();
        self.read(move |tx| {
            let sql =
                "SELECT * FROM command WHERE workspace = $1 AND state IN ('pending', 'taken') ORDER BY id";
            let commands = tx.rows(sql, args![&ws])?;
            let sql = "SELECT * FROM control WHERE workspace = $1 AND NOT done ORDER BY id";
            let controls = tx.rows(sql, args![&ws])?;
            let links = super::link_orders::pending(tx, &ws)?;
            let commands = commands.iter().map(super::orders::command).collect::<Result<_, _>>()?;
            let controls = controls.iter().map(super::orders::control).collect::<Result<_, _>>()?;
            Ok((commands, controls, links))
        })
        .await
    }

    /// The facts are those of every owner: they are few, and which instances belong to a
    /// workspace is the config's knowledge.
    pub(super) async fn memory(
        &self,
        ws: &WorkspaceKey,
    ) -> Result<(Vec<Cursor>, Vec<Capability>), StoreFault> {
        let ws = args![ws];
        self.read(|tx| {
            let cursors = tx.rows("SELECT * FROM cursor WHERE workspace = $1 ORDER BY name", ws)?;
            let facts = tx.rows("SELECT * FROM capability ORDER BY owner, name", args![])?;
            let cursors = cursors.iter().map(cursor).collect::<Result<_, _>>()?;
            let facts = facts.iter().map(capability).collect::<Result<_, _>>()?;
            Ok((cursors, facts))
        })
        .await
    }
}

fn number(row: &Row) -> Result<LinkId, StoreFault> {
    row.int("id").map(LinkId)
}

fn cursor(row: &Row) -> Result<Cursor, StoreFault> {
    Ok(Cursor {
        workspace: row.workspace("workspace")?,
        name: row.text("name")?,
        position: row.stamp("position")?,
        moved: row.stamp("moved")?,
    })
}

fn capability(row: &Row) -> Result<Capability, StoreFault> {
    Ok(Capability {
        owner: row.text("owner")?,
        name: row.text("name")?,
        value: row.text("value")?,
        at: row.stamp("at")?,
    })
}
