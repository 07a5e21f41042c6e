//! Orders about incidents and records that no link ties yet.

use super::Store;
use super::commit::foreign;
use super::pool::Tx;
use super::sql::{Row, args, broken, json};
use crate::model::ledger::{LinkOrderUpdate, StoreFault};
use crate::model::{
    CommandState, IncidentId, InstanceKey, LinkId, LinkOrder, LinkState, LinkVerb, SysId, TableName,
    WorkspaceKey,
};

impl Store {
    /// Keeps an order as pending, whatever its number and state say, and gives its number.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn give_link_order(&self, o: LinkOrder) -> Result<i64, StoreFault> {
        let sql = "INSERT INTO link_order (workspace, incident, instance, table_name, sys_id, verb, shown, who, \
                     at, state, result) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', '') RETURNING id";
        let args = args![
            &o.workspace,
            &o.incident,
            &o.instance,
            &o.table,
            &o.sys_id,
            o.verb.word(),
            json(&o.shown)?,
            &o.who,
            o.at,
        ];
        self.write(move |tx| tx.row(sql, args)?.ok_or_else(|| broken("the order got no number"))?.int("id"))
            .await
    }

    /// An order as it stands.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn link_order(&self, id: i64) -> Result<Option<LinkOrder>, StoreFault> {
        let rows = self.rows("SELECT * FROM link_order WHERE id = $1", args![id]).await?;
        rows.first().map(order).transpose()
    }

    /// Links about a record, of any workspace, ended ones too.
    pub(super) async fn about_record(
        &self,
        instance: &InstanceKey,
        table: &TableName,
        sys_id: &SysId,
    ) -> Result<Vec<LinkState>, StoreFault> {
        let sql = "SELECT id FROM link WHERE instance = $1 AND table_name = $2 AND sys_id = $3 ORDER BY id";
        let rows = self.rows(sql, args![instance, table, sys_id]).await?;
        let ids = rows.iter().map(|r| r.int("id").map(LinkId)).collect::<Result<Vec<_>, _>>()?;
        self.by_id(&ids).await
    }
}

/// Orders of a workspace that wait, oldest first.
pub(super) fn pending(tx: &mut Tx, ws: &WorkspaceKey) -> Result<Vec<LinkOrder>, StoreFault> {
    let sql = "SELECT * FROM link_order WHERE workspace = $1 AND state = 'pending' ORDER BY id";
    tx.rows(sql, args![ws])?.iter().map(order).collect()
}

/// Writes changed orders.
pub(super) fn change(tx: &mut Tx, ws: &WorkspaceKey, all: &[LinkOrderUpdate]) -> Result<(), StoreFault> {
    let sql = "UPDATE link_order SET state = $3, result = $4 WHERE id = $1 AND workspace = $2";
    for o in all {
        if tx.run(sql, args![o.id, ws, o.state.word(), &o.result])? == 0 {
            return Err(foreign(ws, &format!("order {}", o.id)));
        }
    }
    Ok(())
}

fn order(row: &Row) -> Result<LinkOrder, StoreFault> {
    Ok(LinkOrder {
        id: row.int("id")?,
        workspace: row.workspace("workspace")?,
        incident: IncidentId::new(&row.text("incident")?),
        instance: row.instance("instance")?,
        table: row.table("table_name")?,
        sys_id: SysId::new(row.text("sys_id")?),
        verb: row.word("verb", LinkVerb::from_word)?,
        shown: row.json("shown")?,
        who: row.text("who")?,
        at: row.stamp("at")?,
        state: row.word("state", CommandState::from_word)?,
        result: row.text("result")?,
    })
}
