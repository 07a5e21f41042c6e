//! Commands of analysts and orders of operators: what people write and the lease holder reads.

use super::Store;
use super::sql::{Row, args, broken, json};
use crate::model::ledger::StoreFault;
use crate::model::{Command, CommandId, CommandState, Control, ControlVerb, LinkId};

impl Store {
    /// Keeps a command as pending, whatever its number and state say, and gives its number.
    ///
    /// # Errors
    /// `Broken` when the link is not one of the command's workspace.
    pub async fn give_command(&self, c: Command) -> Result<CommandId, StoreFault> {
        let sql = "INSERT INTO command (workspace, link, verb, shown, who, at, state, result) \
                   SELECT workspace, id, $3, $4, $5, $6, 'pending', '' FROM link \
                   WHERE id = $1 AND workspace = $2 RETURNING id";
        let args = args![c.link, &c.workspace, json(&c.verb)?, json(&c.shown)?, &c.who, c.at];
        self.write(move |tx| {
            let row = tx.row(sql, args)?;
            let row = row.ok_or_else(|| broken(format!("link {} is not in {}", c.link, c.workspace)))?;
            row.int("id").map(CommandId)
        })
        .await
    }

    /// A command as it stands.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn command(&self, id: CommandId) -> Result<Option<Command>, StoreFault> {
        let rows = self.rows("SELECT * FROM command WHERE id = $1", args![id]).await?;
        rows.first().map(command).transpose()
    }

    /// The newest commands of a link, newest first.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn commands(&self, link: LinkId, limit: u32) -> Result<Vec<Command>, StoreFault> {
        let sql = "SELECT * FROM command WHERE link = $1 ORDER BY id DESC LIMIT $2";
        self.rows(sql, args![link, limit]).await?.iter().map(command).collect()
    }

    /// Keeps an operator's order and gives its number.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn give_control(&self, c: Control) -> Result<i64, StoreFault> {
        let sql = "INSERT INTO control (workspace, verb, who, at, done) \
                   VALUES ($1, $2, $3, $4, FALSE) RETURNING id";
        let args = args![&c.workspace, c.verb.word(), &c.who, c.at];
        self.write(move |tx| tx.row(sql, args)?.ok_or_else(|| broken("the order got no number"))?.int("id"))
            .await
    }
}

pub(super) fn command(row: &Row) -> Result<Command, StoreFault> {
    Ok(Command {
        id: CommandId(row.int("id")?),
        workspace: row.workspace("workspace")?,
        link: LinkId(row.int("link")?),
        verb: row.json("verb")?,
        shown: row.json("shown")?,
        who: row.text("who")?,
        at: row.stamp("at")?,
        state: row.word("state", CommandState::from_word)?,
        result: row.text("result")?,
    })
}

pub(super) fn control(row: &Row) -> Result<Control, StoreFault> {
    Ok(Control {
        id: row.int("id")?,
        workspace: row.workspace("workspace")?,
        verb: row.word("verb", ControlVerb::from_word)?,
        who: row.text("who")?,
        at: row.stamp("at")?,
    })
}
