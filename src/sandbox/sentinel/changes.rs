//! The truth about what happened: every applied change, and the identifiers it hands out.

use uuid::Uuid;

use crate::sandbox::people::Person;
use crate::text::Stamp;

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An API caller, by application id.
    App(String),
    /// A person, by user principal name.
    Person(String),
    /// Sentinel or Defender itself.
    Service(&'static str),
}

/// One applied change of one field of one incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentChange {
    /// When.
    pub at: Stamp,
    /// Number of the write; all changes of one request or act share it.
    pub write: u64,
    /// Workspace name.
    pub workspace: String,
    /// Incident GUID as created.
    pub guid: String,
    /// Incident number.
    pub number: i64,
    /// Who.
    pub actor: Actor,
    /// `created`, `deleted`, `rewritten` (a PUT that changed nothing), `merged`, a property
    /// (`title`, `description`, `severity`, `status`, `classification`, `classificationReason`,
    /// `classificationComment`, `owner`, `labels`, `firstActivityTimeUtc`,
    /// `lastActivityTimeUtc`) or a part (`comment`, `alert`, `bookmark`, `task`).
    pub field: String,
    /// Id of the comment, alert, bookmark or task.
    pub item: Option<String>,
    /// Text before, none if there was nothing. An owner is a principal name, labels are joined
    /// with commas.
    pub before: Option<String>,
    /// Text after, none if there is nothing.
    pub after: Option<String>,
}

/// Hands out identifiers and keeps the history.
pub(super) struct Ledger {
    /// The only source of randomness.
    pub rng: fastrand::Rng,
    /// All changes, oldest first.
    pub changes: Vec<IncidentChange>,
    writes: u64,
    etags: u32,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(seed: u64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), changes: Vec::new(), writes: 0, etags: 0x0300_0000 }
    }

    /// A random GUID.
    pub fn guid(&mut self) -> String {
        guid_of(&mut self.rng)
    }

    /// An etag without inner quotes, in the service's shape (sentinel-api 2.2). Never twice the
    /// same.
    pub fn etag(&mut self, now: Stamp) -> String {
        self.etags = self.etags.wrapping_add(1 + self.rng.u32(0..200));
        let noise = self.rng.u16(..);
        format!("{:08x}-0000-{noise:04x}-0000-{:08x}0000", self.etags, now.0.div_euclid(1_000_000) as u32)
    }

    /// An etag with its inner quotes, as incidents and tasks have it.
    pub fn quoted_etag(&mut self, now: Stamp) -> String {
        format!("\"{}\"", self.etag(now))
    }

    /// Begins a write; its changes share the number.
    pub fn begin(&mut self) {
        self.writes += 1;
    }

    /// The current write.
    pub fn write(&self) -> u64 {
        self.writes
    }
}

/// A random GUID from any generator.
pub(super) fn guid_of(rng: &mut fastrand::Rng) -> String {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid().to_string()
}

/// A GUID that the same text always gives.
pub(super) fn guid_from(text: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).to_string()
}

/// Who writes a comment or a task, as the wire shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Author {
    /// `objectId`.
    pub object_id: String,
    /// `name`.
    pub name: String,
    /// `email`.
    pub email: Option<String>,
    /// `userPrincipalName`.
    pub upn: Option<String>,
}

impl Author {
    /// A person of the cast.
    pub fn person(person: &Person) -> Self {
        Self {
            object_id: person.object_id.into(),
            name: person.name.into(),
            email: Some(person.email.into()),
            upn: Some(person.upn.into()),
        }
    }

    /// `{objectId,email,name,userPrincipalName}`.
    pub fn wire(&self) -> serde_json::Value {
        serde_json::json!({
            "objectId": self.object_id,
            "email": self.email,
            "name": self.name,
            "userPrincipalName": self.upn,
        })
    }
}
