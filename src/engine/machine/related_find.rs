//! What is looked for before a related row is made. Items and users are found and never created.

use std::collections::BTreeMap;

use crate::model::call::{DeskCall, DeskReply, DeskRow, RowQuery, UserKey, UserQuery};
use crate::model::{CallError, FaultKind, ObservableKind, RecordWrite, RowList, SysId, TableName};

use super::ctx::Ws;

/// Tables that related rows stand in (servicenow-api 5).
pub(super) struct Tables {
    pub observables: TableName,
    pub observable_types: TableName,
    pub observable_ties: TableName,
    pub items: TableName,
    pub item_list: TableName,
}

/// The tables. Each name is a literal that fits.
pub(super) fn tables() -> Tables {
    let name = |text| TableName::new(text).unwrap_or_default();
    Tables {
        observables: name("sn_ti_observable"),
        observable_types: name("sn_ti_observable_type"),
        observable_ties: name("sn_ti_m2m_task_observable"),
        items: name("task_ci"),
        item_list: name("cmdb_ci"),
    }
}

/// What came of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    One(SysId),
    NoneOrSeveral,
}

fn one(mut ids: Vec<SysId>) -> Found {
    ids.sort();
    ids.dedup();
    match ids.as_slice() {
        [id] => Found::One(id.clone()),
        _ => Found::NoneOrSeveral,
    }
}

async fn rows(
    ws: &Ws,
    table: TableName,
    fields: &[&str],
    query: RowQuery,
) -> Result<Vec<DeskRow>, CallError> {
    let fields = fields.iter().map(|f| (*f).to_owned()).collect();
    match ws.read_record_desk(DeskCall::Rows { table, fields, query }).await?.value {
        DeskReply::Rows(rows) => Ok(rows),
        _ => Err(CallError::new(FaultKind::Garbled, "ServiceNow gave an answer of another kind")),
    }
}

/// A row that says all of this already: the very same before one that differs in case, then the oldest.
pub(super) async fn find_row(
    ws: &Ws,
    table: &TableName,
    write: &RecordWrite,
) -> Result<Option<SysId>, CallError> {
    let terms: Vec<(String, String)> = write.values.clone().into_iter().collect();
    let names: Vec<&str> = write.values.keys().map(String::as_str).collect();
    let found = rows(ws, table.clone(), &names, RowQuery::All(terms)).await?;
    let same = |r: &&DeskRow| write.values.iter().all(|(name, value)| r.values.get(name) == Some(value));
    Ok(found.iter().find(same).or(found.first()).map(|r| r.sys_id.clone()))
}

/// The key of a kind's type, or of `Unknown` where the instance has none of that name.
pub(super) async fn observable_type(ws: &Ws, kind: ObservableKind) -> Result<SysId, CallError> {
    let now = ws.now().mono;
    let types = match ws.memory(|m| m.rows.known_types(now)) {
        Some(types) => types,
        None => {
            let names = ObservableKind::ALL.map(ObservableKind::type_name).to_vec();
            let query = RowQuery::Named("name".into(), names);
            let found = rows(ws, tables().observable_types, &["name"], query).await.map_err(of_the_table)?;
            let mut types = BTreeMap::new();
            for row in found {
                let name = row.values.get("name").map(|n| n.trim().to_lowercase()).unwrap_or_default();
                // The oldest, should there be several.
                types.entry(name).or_insert(row.sys_id);
            }
            ws.memory(|m| m.rows.learn_types(types.clone(), now));
            types
        }
    };
    let of = |kind: ObservableKind| types.get(&kind.type_name().to_lowercase()).cloned();
    let Some(id) = of(kind).or_else(|| of(ObservableKind::Unknown)) else {
        let name = kind.type_name();
        ws.memory(|m| m.rows.forget_types());
        let text = format!("sn_ti_observable_type shows no type {name:?}, and no \"Unknown\" either");
        return Err(CallError::new(FaultKind::Forbidden, text).hint("let the integration user read it"));
    };
    Ok(id)
}

/// Hidden rows that are a matter of their table, and not of the one row that was looked for.
fn of_the_table(error: CallError) -> CallError {
    let hidden = error.code.as_deref() == Some(CallError::HIDDEN_ROWS);
    CallError { code: error.code.filter(|_| !hidden), ..error }
}

/// The one item that these names are, as far as the instance knows. One that has another domain is
/// another host.
pub(super) async fn find_item(ws: &Ws, name: &str, fqdn: &str) -> Result<Found, CallError> {
    let mut terms = vec![("name".to_owned(), name.to_owned())];
    if !fqdn.is_empty() {
        terms.push(("fqdn".to_owned(), fqdn.to_owned()));
    }
    let found = match rows(ws, tables().item_list, &["name", "fqdn"], RowQuery::Any(terms)).await {
        Ok(found) => found,
        // That there is one which we may not see tells nothing of those that we may, if there are such.
        Err(error)
            if error.code.as_deref() == Some(CallError::HIDDEN_ROWS)
                && ws.memory(|m| m.rows.has_worked(RowList::Items)) =>
        {
            return Ok(Found::NoneOrSeveral);
        }
        Err(error) => return Err(of_the_table(error)),
    };
    let has = |row: &DeskRow, field: &str, wanted: &str| {
        row.values.get(field).is_some_and(|v| v.trim().eq_ignore_ascii_case(wanted))
    };
    let ids = |fits: &dyn Fn(&DeskRow) -> bool| {
        found.iter().filter(|r| fits(r)).map(|r| r.sys_id.clone()).collect::<Vec<_>>()
    };
    let whole = ids(&|r| !fqdn.is_empty() && has(r, "fqdn", fqdn));
    if !whole.is_empty() {
        return Ok(one(whole));
    }
    Ok(one(ids(&|r| {
        has(r, "name", name) && (fqdn.is_empty() || !r.values.contains_key("fqdn") || has(r, "fqdn", ""))
    })))
}

/// The one active user of that mail address or login.
pub(super) async fn find_user(ws: &Ws, upn: &str) -> Result<Found, CallError> {
    let keys = vec![UserKey::Email(upn.to_owned()), UserKey::UserName(upn.to_owned())];
    match ws.read_record_desk(DeskCall::Users(UserQuery::Keys(keys))).await?.value {
        DeskReply::Users(users) => {
            Ok(one(users.into_iter().filter(|u| u.active).map(|u| u.sys_id).collect()))
        }
        _ => Err(CallError::new(FaultKind::Garbled, "ServiceNow gave an answer of another kind")),
    }
}
