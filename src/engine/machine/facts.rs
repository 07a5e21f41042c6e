//! Facts about a workspace or an instance that outlive the process: how they are looked up, and how they are
//! kept.

use crate::model::ledger::Capability;
use crate::model::{InstanceKey, TableName};

use super::ctx::Ws;

/// What is known about client-chosen keys on an (instance, table).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnKey {
    Untested,
    Honoured,
    Ignored,
}

impl Ws {
    /// The value of a fact, if it is known.
    pub fn fact(&self, owner: &str, name: &str) -> Option<String> {
        let key = (owner.to_owned(), name.to_owned());
        self.memory(|m| m.capabilities.get(&key).map(|f| f.value.clone()))
    }

    /// A fact as it is stored.
    pub fn new_fact(&self, owner: &str, name: &str, value: impl Into<String>) -> Capability {
        Capability { owner: owner.to_owned(), name: name.to_owned(), value: value.into(), at: self.now().utc }
    }

    /// A fact that holds from now on; its transaction is the caller's.
    pub fn learn(&self, owner: &str, name: &str, value: &str) -> Capability {
        let fact = self.new_fact(owner, name, value);
        self.memory(|m| m.capabilities.insert((fact.owner.clone(), fact.name.clone()), fact.clone()));
        fact
    }

    /// Whether a table keeps the keys that we choose (D7).
    pub fn own_key(&self, instance: &InstanceKey, table: &TableName) -> OwnKey {
        match self.fact(instance.as_str(), &key_fact(table)).as_deref() {
            Some("honoured") => OwnKey::Honoured,
            Some("ignored") => OwnKey::Ignored,
            _ => OwnKey::Untested,
        }
    }

    /// Keeps whether it does.
    pub fn learn_own_key(&self, instance: &InstanceKey, table: &TableName, honoured: bool) -> Capability {
        let value = if honoured { "honoured" } else { "ignored" };
        self.learn(instance.as_str(), &key_fact(table), value)
    }
}

fn key_fact(table: &TableName) -> String {
    format!("client_sys_id:{}", table.as_str())
}
