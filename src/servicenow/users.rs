//! Users of the instance.

use super::client::DeskClient;
use super::paging::field;
use super::query::{Atom, Query};
use super::row::Row;
use super::table::{ListAsk, hidden, ignored};
use crate::model::call::{Answer, UserKey, UserQuery};
use crate::model::{CallError, FaultKind, User};
use crate::text::clip;

const TABLE: &str = "sys_user";
const MOST_KEYS: usize = 200;

fn fields() -> [String; 5] {
    ["sys_id", "user_name", "name", "email", "active"].map(str::to_owned)
}

fn user(row: &Row) -> Result<User, CallError> {
    Ok(User {
        sys_id: row.sys_id()?,
        user_name: row.text("user_name"),
        name: row.text("name").into(),
        email: row.text("email"),
        active: matches!(row.text("active").as_str(), "true" | "1"),
    })
}

impl DeskClient {
    /// Users by key, or the next page of active ones.
    pub(super) async fn users(&self, query: &UserQuery) -> Result<Answer<Vec<User>>, CallError> {
        let fields = fields();
        let (id, limit) = (field("sys_id")?, self.settings.page_limit);
        match query {
            UserQuery::Keys(keys) => self.users_by_keys(keys).await,
            UserQuery::Active(after) => {
                let mut query = Query::new().is(&field("active")?, &Atom::word("true")?);
                if let Some(after) = after {
                    query = query.above(&id, &Atom::id(after)?);
                }
                let ask =
                    ListAsk { table: TABLE, query: query.order(&id), fields: &fields, limit, offset: 0 };
                let (page, _) = self.list_visible(ask).await?;
                let users = page.rows.iter().map(user).collect::<Result<Vec<_>, _>>()?;
                let stray = users.iter().find(|u| {
                    !u.active || after.as_ref().is_some_and(|a| u.sys_id.is_plain() && u.sys_id <= *a)
                });
                if let Some(u) = stray {
                    return Err(ignored(format!("user {} was not asked for", clip(u.sys_id.as_str(), 40))));
                }
                Ok(Answer { value: users, date: page.date, calls_left: None })
            }
        }
    }

    async fn users_by_keys(&self, keys: &[UserKey]) -> Result<Answer<Vec<User>>, CallError> {
        if keys.len() > MOST_KEYS {
            return Err(CallError::new(FaultKind::Guard, format!("{} users in one query", keys.len())));
        }
        let Some(query) = key_query(keys)? else { return Ok(Answer::default()) };
        let fields = fields();
        let limit = self.settings.page_limit;
        let page = self.list_all(ListAsk { table: TABLE, query, fields: &fields, limit, offset: 0 }).await?;
        let mut users = Vec::new();
        for row in &page.rows {
            let user = user(row)?;
            if !keys.iter().any(|k| fits(k, &user)) {
                // Perhaps it was found by an address that may not be read.
                if keys.iter().any(|k| matches!(k, UserKey::Email(_))) {
                    row.need("email")?;
                }
                if keys.iter().any(|k| matches!(k, UserKey::UserName(_))) {
                    row.need("user_name")?;
                }
                return Err(ignored(format!("user {} was not asked for", clip(user.sys_id.as_str(), 40))));
            }
            users.push(user);
        }
        Ok(Answer { value: users, date: page.date, calls_left: None })
    }

    /// The user that we are.
    pub(super) async fn me(&self) -> Result<Answer<Vec<User>>, CallError> {
        let fields = fields();
        let ask = ListAsk { table: TABLE, query: Query::me(), fields: &fields, limit: 2, offset: 0 };
        let page = self.list(&ask).await?;
        if page.total > 1 {
            return Err(ignored("the question who we are gave more than one user".into()));
        }
        let users = page.rows.iter().map(user).collect::<Result<Vec<_>, _>>()?;
        if users.iter().all(|u| u.user_name.is_empty()) {
            return Err(hidden(TABLE));
        }
        Ok(Answer { value: users, date: page.date, calls_left: None })
    }
}

fn fits(key: &UserKey, user: &User) -> bool {
    match key {
        UserKey::SysId(id) => user.sys_id == *id,
        UserKey::Email(text) => user.email.trim_end().eq_ignore_ascii_case(text),
        UserKey::UserName(text) => user.user_name.trim_end().eq_ignore_ascii_case(text),
    }
}

/// The keys as a query. A key that cannot be asked for safely matches nobody and is left out: an
/// owner's odd address must not stop the look-up of all others. `None` when nothing is left.
fn key_query(keys: &[UserKey]) -> Result<Option<Query>, CallError> {
    let (mut ids, mut emails, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        match key {
            UserKey::SysId(id) => ids.extend(Atom::id(id)),
            UserKey::Email(text) => emails.extend(Atom::email(text)),
            UserKey::UserName(text) => names.extend(Atom::user_name(text)),
        }
    }
    let mut query: Option<Query> = None;
    for (name, atoms) in [("sys_id", ids), ("email", emails), ("user_name", names)] {
        if !atoms.is_empty() {
            let next = query.map_or_else(Query::new, Query::or_else);
            query = Some(next.any(&field(name)?, &atoms));
        }
    }
    let id = field("sys_id")?;
    Ok(query.map(|q| q.order(&id)))
}
