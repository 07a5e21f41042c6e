//! What is wrong with the owner table.

use super::super::directory::form;
use super::super::rows::{OwnerRow, RowRef, TableKind, cell};
use super::{Check, LintLevel};
use crate::model::{Side, WorkspaceKey};
use crate::text::{escape_line, is_hostile};

pub(super) fn check(check: &mut Check<'_>) {
    let rows = &check.set.owner;
    for (index, owner) in rows.iter().enumerate() {
        let row = RowRef { table: TableKind::Owner, row: index };
        if !owner.workspace.trim().is_empty()
            && let Err(why) = WorkspaceKey::new(owner.workspace.trim())
        {
            check.row(row, LintLevel::Error, "bad-workspace", why, "The row never fires.".to_owned());
        }
        if owner.servicenow.trim().is_empty() || owner.sentinel.trim().is_empty() {
            let side = if owner.sentinel.trim().is_empty() { Side::Sentinel } else { Side::ServiceNow };
            let message = format!("the {side} value is empty");
            check.row(row, LintLevel::Error, "empty-cell", message, "The row never fires.".to_owned());
            continue;
        }
        if !is_upn(&owner.sentinel) {
            check.row(
                row,
                LintLevel::Error,
                "not-a-upn",
                format!("{} is not a user principal name", cell(&owner.sentinel)),
                format!(
                    "Sentinel refuses {} as an owner, and no incident there is ever owned by it.",
                    cell(&owner.sentinel)
                ),
            );
        }
        shadow(check, row, owner, rows.get(..index).unwrap_or_default());
        user(check, row, owner);
    }
}

/// True for text that has the form of a UPN: a name, one `@`, a domain.
fn is_upn(text: &str) -> bool {
    let text = text.trim();
    let plain = !text.chars().any(|c| c.is_whitespace() || is_hostile(c));
    plain
        && text
            .split_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'))
}

fn shadow(check: &mut Check<'_>, row: RowRef, owner: &OwnerRow, earlier: &[OwnerRow]) {
    let (user, upn) = (form(&owner.servicenow), form(&owner.sentinel));
    let first = |fits: &dyn Fn(&OwnerRow) -> bool| {
        earlier.iter().enumerate().find(|(_, e)| {
            e.workspace.trim() == owner.workspace.trim()
                && !e.servicenow.trim().is_empty()
                && !e.sentinel.trim().is_empty()
                && fits(e)
        })
    };
    let by_user = first(&|e| form(&e.servicenow) == user);
    let by_upn = first(&|e| form(&e.sentinel) == upn);
    let place = match owner.workspace.trim() {
        "" => "for every workspace".to_owned(),
        key => format!("for {}", escape_line(key)),
    };
    if let (Some((i, a)), Some((_, b))) = (by_user, by_upn)
        && form(&a.sentinel) == upn
        && form(&b.servicenow) == user
    {
        let message = format!("it says the same as row {}", i + 1);
        let consequence = "It never fires; nothing changes when it is taken out.".to_owned();
        check.row(row, LintLevel::Warning, "duplicate-row", message, consequence);
        return;
    }
    if let Some((i, e)) = by_user {
        let (user, other) = (cell(&owner.servicenow), cell(&e.sentinel));
        check.row(
            row,
            LintLevel::Warning,
            "duplicate-user",
            format!("the user {user} is in row {} already, {place}", i + 1),
            format!("Toward Sentinel {user} becomes {other}, never {}.", cell(&owner.sentinel)),
        );
    }
    if let Some((i, e)) = by_upn {
        let (upn, other) = (cell(&owner.sentinel), cell(&e.servicenow));
        check.row(
            row,
            LintLevel::Warning,
            "duplicate-upn",
            format!("{upn} is in row {} already, {place}", i + 1),
            format!("Toward ServiceNow {upn} becomes {other}, never {}.", cell(&owner.servicenow)),
        );
    }
    if by_user.is_some() && by_upn.is_some() {
        let message = "both its user and its UPN are in rows before it".to_owned();
        check.row(row, LintLevel::Warning, "unreachable-row", message, "It never fires.".to_owned());
    }
}

fn user(check: &mut Check<'_>, row: RowRef, owner: &OwnerRow) {
    let users = &check.ctx.users;
    if users.is_empty() {
        return;
    }
    let name = form(&owner.servicenow);
    let active: Vec<bool> = users.iter().filter(|u| form(&u.user_name) == name).map(|u| u.active).collect();
    let shown = cell(&owner.servicenow);
    let consequence = format!(
        "An incident owned by {} keeps its record's assignee: the owner is held.",
        cell(&owner.sentinel)
    );
    if active.is_empty() {
        // The list may hold only those whom we may read, so this is no more than a warning.
        let message = format!("no user that we can see is called {shown}");
        check.row(row, LintLevel::Warning, "unknown-user", message, consequence);
    } else if !active.contains(&true) {
        let message = format!("the user {shown} is not active");
        check.row(row, LintLevel::Error, "inactive-user", message, consequence);
    }
}
