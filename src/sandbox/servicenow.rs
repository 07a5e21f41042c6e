//! The ServiceNow half: OAuth, Table API, journals, batch and attachments.
//!
//! A request goes through `api` (who, what resource, which refusals), a read through `query` and
//! `render`, a write through `write` and `rules`. `switches` holds everything that a real
//! instance may do one way or the other; `acts` is the door for simulated people and tests.

mod acl;
mod acts;
mod answer;
mod api;
mod auth;
mod choices;
mod history;
mod journal;
mod lookup;
mod made;
mod params;
mod query;
mod render;
mod rules;
mod schema;
mod seed;
mod store;
mod switches;
mod traffic;
mod write;
mod zone;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

pub use acts::{DeskAct, JournalFacts, RecordFacts};
pub use history::{Actor, RecordChange};

use self::auth::Logins;
use self::choices::Choices;
use self::store::Store;
use self::switches::Switches;
use self::traffic::Traffic;
use super::wire::{Request, Response, World};
use crate::text::Stamp;

/// What a fresh instance is made with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeskOptions {
    /// Decides every `sys_id` and every random delay.
    pub seed: u64,
    /// `user_name` of the integration user.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Client id of the OAuth registry record.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// A REST API key bound to the integration user; empty for none.
    pub api_key: String,
}

/// One ServiceNow instance without a network.
pub struct DeskWorld {
    switches: Switches,
    store: Store,
    choices: Choices,
    logins: Logins,
    traffic: Traffic,
    /// Contents of attachments by their `sys_id`.
    files: BTreeMap<String, Vec<u8>>,
    /// Shortened queries by their id.
    tiny: BTreeMap<String, String>,
    /// Answers to import rows by the row's `sys_id`.
    imported: BTreeMap<String, Value>,
    history: Vec<RecordChange>,
    /// Security incidents whose calculator has still to run.
    deferred: Vec<String>,
}

impl DeskWorld {
    /// A fresh instance with the cast, the integration user, `admin` (password `admin-pw`) and
    /// no task records. People sign in with their user name followed by `-pw`.
    pub fn new(options: DeskOptions) -> Self {
        let mut store = Store::new(options.seed);
        seed::plant(&mut store, &options);
        Self {
            switches: Switches::default(),
            choices: Choices::read(&store),
            logins: Logins::new(&options),
            traffic: Traffic::default(),
            files: BTreeMap::new(),
            tiny: BTreeMap::new(),
            imported: BTreeMap::new(),
            history: Vec::new(),
            deferred: Vec::new(),
            store,
        }
    }

    /// Takes over changed rows of `sys_choice`.
    fn reread_choices(&mut self) {
        self.choices = Choices::read(&self.store);
    }
}

impl World for DeskWorld {
    fn handle(&mut self, request: &Request, now: Stamp) -> Response {
        let response = self.answer(request, now);
        answer::dress(response, request, &mut self.store)
    }

    fn switches(&self) -> Value {
        self.switches.to_value()
    }

    fn set_switch(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let next = self.switches.replaced(name, value)?;
        self.store.schema.declare_custom(&next)?;
        if next.close_code_preset != self.switches.close_code_preset {
            seed::replant_close_codes(&mut self.store, next.close_code_preset);
            self.reread_choices();
        }
        self.switches = next;
        Ok(())
    }
}
