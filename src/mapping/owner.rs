//! Owners, who are people and not words: by the owner table, else by e-mail, else by UPN, and
//! only on exactly one active hit.

mod search;

use super::directory::{Directory, form};
use super::rows::{OwnerRow, RowRef, TableKind, cell};
use super::tables::{Tables, Unmapped};
use crate::model::call::UserKey;
use crate::model::{OwnerRef, SysId, User, WorkspaceKey};
use crate::text::escape_line;

pub(super) use search::key_words;
use search::{Hit, hit, steps};

/// How an owner was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerRule {
    /// A row of the owner table.
    Row(RowRef),
    /// The e-mail is the same.
    Email,
    /// The UPN is the user name.
    UpnIsUserName,
    /// The UPN is the e-mail.
    UpnIsEmail,
}

impl OwnerRule {
    /// The rule in words: `owner row 2`, `same e-mail`.
    pub fn describe(self) -> String {
        match self {
            Self::Row(row) => row.to_string(),
            Self::Email => "same e-mail".to_owned(),
            Self::UpnIsUserName => "UPN is the user name".to_owned(),
            Self::UpnIsEmail => "UPN is the e-mail".to_owned(),
        }
    }

    /// The row of the owner table, if one fired.
    pub fn row(self) -> Option<RowRef> {
        match self {
            Self::Row(row) => Some(row),
            Self::Email | Self::UpnIsUserName | Self::UpnIsEmail => None,
        }
    }
}

/// Who a Sentinel owner is in ServiceNow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerToServicenow {
    /// Nobody.
    Unassigned,
    /// This user.
    User(SysId, OwnerRule),
    /// Not known before these are looked up; hand the answer to [`Directory::answer`].
    Lookup(Vec<UserKey>),
    /// Nobody who may be assigned; the reason in words.
    Unmapped(Unmapped),
}

/// Who a ServiceNow user is in Sentinel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerToSentinel {
    /// Nobody.
    Unassigned,
    /// This owner; `object_id` is set only when it was observed (D28).
    Owner(OwnerRef, OwnerRule),
    /// Not known before these are looked up; hand the answer to [`Directory::answer`].
    Lookup(Vec<UserKey>),
    /// Nobody who may be assigned; the reason in words.
    Unmapped(Unmapped),
}

/// The owner's name as the owner table has it: the UPN, else the e-mail.
fn table_name(owner: &OwnerRef) -> String {
    let upn = form(&owner.upn);
    if upn.is_empty() { form(&owner.email) } else { upn }
}

fn person(owner: &OwnerRef) -> String {
    escape_line(&owner.key())
}

impl Tables {
    /// The ServiceNow user of a Sentinel owner: a row of the owner table (a row for the
    /// workspace before a row for every workspace), else e-mail, else UPN as user name or
    /// e-mail. A step counts only with exactly one active hit.
    pub fn owner_to_servicenow(
        &self,
        workspace: &WorkspaceKey,
        owner: &OwnerRef,
        dir: &Directory,
    ) -> OwnerToServicenow {
        if owner.is_unassigned() {
            return OwnerToServicenow::Unassigned;
        }
        let owner = known(owner, dir);
        if let Some((row, user_name)) = self.owner_row(workspace, |r| form(&r.sentinel) == table_name(owner))
        {
            return by_row(row, user_name, owner, dir);
        }
        let mut unknown = Vec::new();
        let mut refused = None;
        for (key, rule) in steps(owner) {
            match hit(dir, key) {
                Hit::One(user) if unknown.is_empty() => {
                    return OwnerToServicenow::User(user.sys_id.clone(), rule);
                }
                Hit::Unknown(key) => unknown.push(key),
                Hit::Refused(why) => refused = refused.or(Some(why)),
                Hit::One(_) | Hit::Nobody => {}
            }
        }
        if !unknown.is_empty() {
            return OwnerToServicenow::Lookup(unknown);
        }
        let what = format!("Sentinel's owner {} is no user who may be assigned in ServiceNow", person(owner));
        let why = refused.unwrap_or_else(|| match (owner.upn.trim(), owner.email.trim()) {
            ("", "") => "the owner has neither UPN nor e-mail".to_owned(),
            _ => "no user has that e-mail or user name".to_owned(),
        });
        OwnerToServicenow::Unmapped(Unmapped { what: format!("{what}: {why}"), hint: ROW_HINT.to_owned() })
    }

    /// The Sentinel owner of a ServiceNow user: a row of the owner table, else the user's e-mail
    /// as UPN and e-mail, else a user name that looks like a UPN. An owner that was observed in
    /// Sentinel is given back as observed.
    pub fn owner_to_sentinel(
        &self,
        workspace: &WorkspaceKey,
        sys_id: &SysId,
        dir: &Directory,
    ) -> OwnerToSentinel {
        if sys_id.is_empty() {
            return OwnerToSentinel::Unassigned;
        }
        let refuse = |why: &str| {
            let what = format!("ServiceNow's user {sys_id} is nobody who may own an incident: {why}");
            OwnerToSentinel::Unmapped(Unmapped { what, hint: ROW_HINT.to_owned() })
        };
        let key = UserKey::SysId(sys_id.clone());
        let Some(user) = dir.user(sys_id) else {
            return match dir.is_settled(&key) {
                true => refuse("there is no such user, or access rules hide it"),
                false if !sys_id.is_plain() => refuse("that is not a sys_id that can be looked up"),
                false => OwnerToSentinel::Lookup(vec![key]),
            };
        };
        if !user.active {
            return refuse(&format!("{} is not active", cell(&user.user_name)));
        }
        if let Some((row, upn)) = self.owner_row_of(workspace, user) {
            return OwnerToSentinel::Owner(owner_for(upn, user, dir), OwnerRule::Row(row));
        }
        if !user.email.trim().is_empty() {
            let owner = observed(user, dir).cloned().unwrap_or_else(|| owner_for(&user.email, user, dir));
            return OwnerToSentinel::Owner(owner, OwnerRule::Email);
        }
        if user.user_name.contains('@') {
            return OwnerToSentinel::Owner(owner_for(&user.user_name, user, dir), OwnerRule::UpnIsUserName);
        }
        refuse(&format!("{} has no e-mail that we may read", cell(&user.user_name)))
    }

    /// True when either direction says that both are the same person, or when both are nobody.
    /// Whether somebody is active does not matter for that. `None` when the user must be looked
    /// up first.
    pub fn same_owner(
        &self,
        workspace: &WorkspaceKey,
        owner: &OwnerRef,
        sys_id: &SysId,
        dir: &Directory,
    ) -> Option<bool> {
        if owner.is_unassigned() || sys_id.is_empty() {
            return Some(owner.is_unassigned() && sys_id.is_empty());
        }
        let owner = known(owner, dir);
        let Some(user) = dir.user(sys_id) else {
            let settled = dir.is_settled(&UserKey::SysId(sys_id.clone())) || !sys_id.is_plain();
            return settled.then_some(false);
        };
        let to_servicenow = match self.owner_row(workspace, |r| form(&r.sentinel) == table_name(owner)) {
            Some((_, user_name)) => form(user_name) == form(&user.user_name),
            None => is_person(user, &owner.email) || is_person(user, &owner.upn),
        };
        let to_sentinel = || match self.owner_row_of(workspace, user) {
            Some((_, upn)) => form(upn) == table_name(owner),
            None => {
                is_person(user, &table_name(owner))
                    || is_person(user, &owner.email)
                    || observed(user, dir).is_some_and(|o| o.key() == owner.key() || same_object(o, owner))
            }
        };
        Some(to_servicenow || to_sentinel())
    }

    /// What each step found for a Sentinel owner, one safe line each.
    pub(super) fn owner_story(
        &self,
        workspace: &WorkspaceKey,
        owner: &OwnerRef,
        dir: &Directory,
    ) -> Vec<String> {
        if owner.is_unassigned() {
            return Vec::new();
        }
        let owner = known(owner, dir);
        let say = |key: UserKey| {
            let words = key_words(&key);
            match hit(dir, key) {
                Hit::One(user) => format!("{words}: the active user {}", cell(&user.user_name)),
                Hit::Nobody => format!("{words}: nobody"),
                Hit::Refused(why) => why,
                Hit::Unknown(_) => format!("{words}: not looked up yet"),
            }
        };
        if let Some((row, user_name)) = self.owner_row(workspace, |r| form(&r.sentinel) == table_name(owner))
        {
            return vec![
                format!("{row}, {}", self.rows().describe(row).unwrap_or_default()),
                say(UserKey::UserName(user_name.to_owned())),
            ];
        }
        let mut story = vec![format!("no owner row names {}", cell(&table_name(owner)))];
        story.extend(steps(owner).into_iter().map(|(key, _)| say(key)));
        story
    }

    /// The first row for the workspace that fits, else the first for every workspace.
    fn owner_row(
        &self,
        workspace: &WorkspaceKey,
        fits: impl Fn(&OwnerRow) -> bool,
    ) -> Option<(RowRef, &str)> {
        self.find_owner_row(workspace, fits).map(|(row, r)| (row, r.servicenow.trim()))
    }

    fn owner_row_of(&self, workspace: &WorkspaceKey, user: &User) -> Option<(RowRef, &str)> {
        let name = form(&user.user_name);
        self.find_owner_row(workspace, |r| form(&r.servicenow) == name)
            .map(|(row, r)| (row, r.sentinel.trim()))
    }

    fn find_owner_row(
        &self,
        workspace: &WorkspaceKey,
        fits: impl Fn(&OwnerRow) -> bool,
    ) -> Option<(RowRef, &OwnerRow)> {
        let find = |scope: &str| {
            self.rows().owner.iter().enumerate().find(|(_, r)| {
                r.workspace.trim() == scope
                    && !r.servicenow.trim().is_empty()
                    && !r.sentinel.trim().is_empty()
                    && fits(r)
            })
        };
        find(workspace.as_str())
            .or_else(|| find(""))
            .map(|(row, r)| (RowRef { table: TableKind::Owner, row }, r))
    }
}

const ROW_HINT: &str = "add a row to the owner table, or mend the user in ServiceNow";

/// A row is an instruction: when its user cannot be assigned, nothing else is tried.
fn by_row(row: RowRef, user_name: &str, owner: &OwnerRef, dir: &Directory) -> OwnerToServicenow {
    let why = match hit(dir, UserKey::UserName(user_name.to_owned())) {
        Hit::One(user) => return OwnerToServicenow::User(user.sys_id.clone(), OwnerRule::Row(row)),
        Hit::Unknown(key) => return OwnerToServicenow::Lookup(vec![key]),
        Hit::Nobody => format!("{row} names the user {}, who does not exist", cell(user_name)),
        Hit::Refused(why) => format!("{row}: {why}"),
    };
    let what = format!("Sentinel's owner {} is no user who may be assigned: {why}", person(owner));
    OwnerToServicenow::Unmapped(Unmapped { what, hint: "mend that row of the owner table".to_owned() })
}

fn is_person(user: &User, name: &str) -> bool {
    let name = form(name);
    !name.is_empty() && (form(&user.email) == name || form(&user.user_name) == name)
}

/// The owner with the names that were observed for its object id, when it carries no other.
fn known<'a>(owner: &'a OwnerRef, dir: &'a Directory) -> &'a OwnerRef {
    if owner.upn.trim().is_empty() && owner.email.trim().is_empty() {
        dir.observed_object(&owner.object_id).unwrap_or(owner)
    } else {
        owner
    }
}

/// The owner observed in Sentinel under the user's e-mail.
fn observed<'a>(user: &User, dir: &'a Directory) -> Option<&'a OwnerRef> {
    dir.observed(&user.email).or_else(|| dir.observed_email(&user.email))
}

fn same_object(a: &OwnerRef, b: &OwnerRef) -> bool {
    !form(&a.object_id).is_empty() && form(&a.object_id) == form(&b.object_id)
}

/// The owner of a UPN: as observed, else with the user's own e-mail and name.
fn owner_for(upn: &str, user: &User, dir: &Directory) -> OwnerRef {
    dir.observed(upn).cloned().unwrap_or_else(|| OwnerRef {
        object_id: String::new(),
        email: user.email.trim().to_owned(),
        upn: upn.trim().to_owned(),
        name: user.name.raw().to_owned(),
    })
}
