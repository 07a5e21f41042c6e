//! What a look-up of one key gives, and which keys an owner is looked up by.

use super::OwnerRule;
use crate::mapping::directory::{Directory, form};
use crate::mapping::rows::cell;
use crate::model::call::UserKey;
use crate::model::{OwnerRef, User};
use crate::text::is_hostile;

/// Longest name that is looked up; the user fields hold 100 characters.
const LOOKUP_MAX: usize = 100;

/// True for a text that may be looked up: a name without anything that an encoded query would
/// read as its own (`^`, `,`, line breaks, `javascript:`).
fn may_look_up(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text.chars().count() <= LOOKUP_MAX
        && !text.chars().any(|c| matches!(c, '^' | ',') || is_hostile(c))
        && !text.to_ascii_lowercase().starts_with("javascript:")
}

/// What one key gives.
pub(super) enum Hit<'a> {
    /// Exactly one active user.
    One(&'a User),
    /// Nobody.
    Nobody,
    /// Somebody, but nobody who may be assigned; why.
    Refused(String),
    /// Not looked up yet.
    Unknown(UserKey),
}

/// A look-up in words, safe to print.
pub(in crate::mapping) fn key_words(key: &UserKey) -> String {
    match key {
        UserKey::SysId(id) => format!("sys_id {id}"),
        UserKey::Email(text) => format!("e-mail {}", cell(text)),
        UserKey::UserName(text) => format!("user name {}", cell(text)),
    }
}

/// What the directory knows under a key; only exactly one active user counts.
pub(super) fn hit(dir: &Directory, key: UserKey) -> Hit<'_> {
    let text = match &key {
        UserKey::Email(text) | UserKey::UserName(text) => Some(text),
        UserKey::SysId(_) => None,
    };
    if text.is_some_and(|t| !may_look_up(t)) {
        return Hit::Refused(format!("{} holds what no look-up may contain", key_words(&key)));
    }
    if !dir.is_settled(&key) {
        return Hit::Unknown(key);
    }
    let hits = dir.hits(&key);
    let mut active = hits.iter().copied().filter(|u| u.active);
    match (active.next(), active.next()) {
        (Some(user), None) => Hit::One(user),
        (Some(_), Some(_)) => {
            let count = hits.iter().filter(|u| u.active).count();
            Hit::Refused(format!("{} belongs to {count} active users", key_words(&key)))
        }
        (None, _) if hits.is_empty() => Hit::Nobody,
        (None, _) => Hit::Refused(format!("{} belongs to a user who is not active", key_words(&key))),
    }
}

/// The look-ups for an owner whom no row names, in the order they count; each text once.
pub(super) fn steps(owner: &OwnerRef) -> Vec<(UserKey, OwnerRule)> {
    // Asked for as Sentinel wrote it: whether an instance compares without case is unverified.
    let (email, upn) = (owner.email.trim(), owner.upn.trim());
    let mut steps = Vec::new();
    if !email.is_empty() {
        steps.push((UserKey::Email(email.to_owned()), OwnerRule::Email));
    }
    if !upn.is_empty() {
        steps.push((UserKey::UserName(upn.to_owned()), OwnerRule::UpnIsUserName));
        if form(upn) != form(email) {
            steps.push((UserKey::Email(upn.to_owned()), OwnerRule::UpnIsEmail));
        }
    }
    steps
}
