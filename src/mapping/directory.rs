//! Users known of one ServiceNow instance, the look-ups that were tried, and owners observed in
//! Sentinel.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::call::UserKey;
use crate::model::{OwnerRef, SysId, User};

/// Users known of one instance. E-mail addresses are not unique there, so an e-mail counts as
/// looked up only after [`Directory::answer`] was told of it, or once the directory is marked
/// complete; a user name is unique and counts as soon as its user is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    users: BTreeMap<SysId, User>,
    by_email: BTreeMap<String, BTreeSet<SysId>>,
    by_user_name: BTreeMap<String, BTreeSet<SysId>>,
    tried: BTreeSet<UserKey>,
    observed: BTreeMap<String, OwnerRef>,
    complete: bool,
}

/// An address or name in the form that is compared.
pub(super) fn form(text: &str) -> String {
    text.trim().to_lowercase()
}

fn key_form(key: &UserKey) -> UserKey {
    match key {
        UserKey::SysId(id) => UserKey::SysId(id.clone()),
        UserKey::Email(text) => UserKey::Email(form(text)),
        UserKey::UserName(text) => UserKey::UserName(form(text)),
    }
}

impl Directory {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a user. A user without `sys_id` is passed over.
    pub fn insert(&mut self, user: User) {
        if user.sys_id.is_empty() {
            return;
        }
        if let Some(old) = self.users.remove(&user.sys_id) {
            drop_index(&mut self.by_email, &form(&old.email), &old.sys_id);
            drop_index(&mut self.by_user_name, &form(&old.user_name), &old.sys_id);
        }
        for (index, text) in
            [(&mut self.by_email, form(&user.email)), (&mut self.by_user_name, form(&user.user_name))]
        {
            if !text.is_empty() {
                index.entry(text).or_default().insert(user.sys_id.clone());
            }
        }
        self.users.insert(user.sys_id.clone(), user);
    }

    /// Takes the answer of a look-up: the users that came, and that these keys were tried, hit
    /// or not. Call it after every look-up, or [`super::OwnerToServicenow::Lookup`] comes again.
    pub fn answer(&mut self, keys: &[UserKey], users: Vec<User>) {
        for user in users {
            self.insert(user);
        }
        self.tried.extend(keys.iter().map(key_form));
    }

    /// Says that every user of interest is known, so that nothing is looked up any more: after
    /// reading all active users, or where looking up is not possible.
    pub fn mark_complete(&mut self) {
        self.complete = true;
    }

    /// Forgets which look-ups were tried without a hit, so that somebody who was created since
    /// is found.
    pub fn forget_misses(&mut self) {
        let hit: BTreeSet<UserKey> =
            self.tried.iter().filter(|k| !self.hits(k).is_empty()).cloned().collect();
        self.tried = hit;
    }

    /// Keeps an owner as observed in Sentinel, by UPN, for its object id (D28). One without UPN
    /// or object id is passed over.
    pub fn observe(&mut self, owner: &OwnerRef) {
        let upn = form(&owner.upn);
        if !upn.is_empty() && !owner.object_id.trim().is_empty() {
            self.observed.insert(upn, owner.clone());
        }
    }

    /// Takes everything that another directory knows; its users and owners replace ours.
    pub fn merge(&mut self, other: &Self) {
        for user in other.users.values() {
            self.insert(user.clone());
        }
        self.tried.extend(other.tried.iter().cloned());
        self.observed.extend(other.observed.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.complete |= other.complete;
    }

    /// The user of that key.
    pub fn user(&self, sys_id: &SysId) -> Option<&User> {
        self.users.get(sys_id)
    }

    /// Every user with that e-mail, without regard to case, by `sys_id`.
    pub fn by_email(&self, email: &str) -> Vec<&User> {
        self.indexed(&self.by_email, email)
    }

    /// Every user with that user name, without regard to case, by `sys_id`.
    pub fn by_user_name(&self, user_name: &str) -> Vec<&User> {
        self.indexed(&self.by_user_name, user_name)
    }

    /// Every user, by `sys_id`.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// The owner observed under that UPN.
    pub fn observed(&self, upn: &str) -> Option<&OwnerRef> {
        self.observed.get(&form(upn))
    }

    /// The owner observed with that e-mail, if exactly one was.
    pub fn observed_email(&self, email: &str) -> Option<&OwnerRef> {
        let email = form(email);
        let mut hits = self.observed.values().filter(|o| !email.is_empty() && form(&o.email) == email);
        let first = hits.next()?;
        hits.next().is_none().then_some(first)
    }

    /// The owner observed with that object id.
    pub fn observed_object(&self, object_id: &str) -> Option<&OwnerRef> {
        let id = form(object_id);
        self.observed.values().find(|o| !id.is_empty() && form(&o.object_id) == id)
    }

    /// True when a key needs no look-up: it was tried, its answer is known, or the directory is
    /// complete.
    pub fn is_settled(&self, key: &UserKey) -> bool {
        self.complete
            || self.tried.contains(&key_form(key))
            || match key {
                UserKey::SysId(id) => self.users.contains_key(id),
                UserKey::UserName(name) => self.by_user_name.contains_key(&form(name)),
                UserKey::Email(_) => false,
            }
    }

    /// Users known under a key, active or not.
    pub fn hits(&self, key: &UserKey) -> Vec<&User> {
        match key {
            UserKey::SysId(id) => self.user(id).into_iter().collect(),
            UserKey::Email(text) => self.by_email(text),
            UserKey::UserName(text) => self.by_user_name(text),
        }
    }

    fn indexed(&self, index: &BTreeMap<String, BTreeSet<SysId>>, text: &str) -> Vec<&User> {
        index.get(&form(text)).into_iter().flatten().filter_map(|id| self.users.get(id)).collect()
    }
}

fn drop_index(index: &mut BTreeMap<String, BTreeSet<SysId>>, text: &str, id: &SysId) {
    if let Some(ids) = index.get_mut(text) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(text);
        }
    }
}
