//! What an instance told us about its people and its choice lists.

use super::Store;
use super::sql::{Row, args, last_of};
use crate::model::ledger::StoreFault;
use crate::model::{Choice, InstanceKey, SysId, TableName, User};

impl Store {
    /// Users of an instance as last read, by `sys_id`.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn users(&self, instance: &InstanceKey) -> Result<Vec<User>, StoreFault> {
        let sql = "SELECT * FROM desk_user WHERE instance = $1 ORDER BY sys_id";
        self.rows(sql, args![instance]).await?.iter().map(user).collect()
    }

    /// Choices of a table of an instance, in the order in which they were read.
    ///
    /// # Errors
    /// See [`StoreFault`].
    pub async fn choices(
        &self,
        instance: &InstanceKey,
        table: &TableName,
    ) -> Result<Vec<Choice>, StoreFault> {
        let sql = "SELECT * FROM choice WHERE instance = $1 AND table_name = $2 ORDER BY place";
        self.rows(sql, args![instance, table]).await?.iter().map(choice).collect()
    }

    pub(super) async fn save_users(&self, instance: &InstanceKey, users: &[User]) -> Result<(), StoreFault> {
        let rows = last_of(users, |u| &u.sys_id)
            .into_iter()
            .map(|u| args![instance, &u.sys_id, &u.user_name, &u.name, &u.email, u.active])
            .collect();
        let head = "INSERT INTO desk_user (instance, sys_id, user_name, name, email, active)";
        let tail = "ON CONFLICT (instance, sys_id) DO UPDATE SET user_name = excluded.user_name, \
                    name = excluded.name, email = excluded.email, active = excluded.active";
        self.write(move |tx| tx.insert(head, rows, tail)).await
    }

    pub(super) async fn save_choices(
        &self,
        instance: &InstanceKey,
        table: &TableName,
        choices: &[Choice],
    ) -> Result<(), StoreFault> {
        let rows = (0_i64..)
            .zip(choices)
            .map(|(place, c)| args![instance, table, place, &c.element, &c.value, &c.label, c.inactive])
            .collect();
        let list = args![instance, table];
        self.write(move |tx| {
            tx.run("DELETE FROM choice WHERE instance = $1 AND table_name = $2", list)?;
            let head = "INSERT INTO choice (instance, table_name, place, element, value, label, inactive)";
            tx.insert(head, rows, "")
        })
        .await
    }
}

fn user(row: &Row) -> Result<User, StoreFault> {
    Ok(User {
        sys_id: SysId::new(row.text("sys_id")?),
        user_name: row.text("user_name")?,
        name: row.text("name")?.into(),
        email: row.text("email")?,
        active: row.flag("active")?,
    })
}

fn choice(row: &Row) -> Result<Choice, StoreFault> {
    Ok(Choice {
        element: row.text("element")?,
        value: row.text("value")?,
        label: row.text("label")?.into(),
        inactive: row.flag("inactive")?,
    })
}
