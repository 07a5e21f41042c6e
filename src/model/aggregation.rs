//! Several incidents in one record: what makes them belong together, and who they are.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Base, IncidentId, Life, LinkId, Role};
use crate::text::Stamp;

/// What of an incident may have to be the same. Entities are not among it: they would have to be read for
/// every incident before its record can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Its title.
    Title,
    /// Its severity.
    Severity,
    /// Who it is assigned to.
    Owner,
    /// All of its labels.
    Labels,
    /// The products of its alerts.
    Products,
    /// Its tactics.
    Tactics,
    /// Its techniques.
    Techniques,
    /// The analytics rules that its alerts come from.
    Rules,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Title,
        Self::Severity,
        Self::Owner,
        Self::Labels,
        Self::Products,
        Self::Tactics,
        Self::Techniques,
        Self::Rules,
    ];

    /// The word as it is written in the config.
    pub fn word(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Severity => "severity",
            Self::Owner => "owner",
            Self::Labels => "labels",
            Self::Products => "products",
            Self::Tactics => "tactics",
            Self::Techniques => "techniques",
            Self::Rules => "rules",
        }
    }

    /// The part of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.word() == word)
    }
}

/// When an incident joins the record of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregation {
    /// Criteria, any of which has to be met; all parts of one have to be the same. Empty: never.
    pub by: Vec<Vec<Part>>,
    /// Incidents in one record.
    pub most: usize,
    /// How far apart the two incidents may have been created; zero for any time.
    pub within: Duration,
}

impl Default for Aggregation {
    fn default() -> Self {
        Self { by: Vec::new(), most: 100, within: Duration::from_secs(24 * 3600) }
    }
}

/// What a link has to do with a shared record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// What its incident was, criterion by criterion, as short hashes. Empty where nothing is shared.
    pub keys: BTreeSet<String>,
    /// The incident that the record was made for and names, if that is another one.
    pub host: Option<IncidentId>,
    /// Its incident is closed, and the record stays open for others.
    pub closed_alone: bool,
}

/// Another incident of the same record, as far as a plan has to know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its link.
    pub link: LinkId,
    /// Primary for the host, attached for a guest.
    pub role: Role,
    /// True while its link waits for a person.
    pub frozen: bool,
    /// The incident.
    pub incident: IncidentId,
    /// Its number.
    pub number: i64,
    /// Its raw severity.
    pub severity: String,
    /// Its raw status.
    pub status: String,
    /// It is closed, and the record stayed open for others.
    pub closed_alone: bool,
    /// What both agreed on about its severity.
    pub severity_base: Option<Base>,
    /// What both agreed on about its status.
    pub status_base: Option<Base>,
}

/// Another link of the same record, whatever became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// The link.
    pub link: LinkId,
    /// Its incident.
    pub incident: IncidentId,
    /// What it means for the record.
    pub role: Role,
    /// Where it is in its life.
    pub life: Life,
    /// True while it waits for a person.
    pub frozen: bool,
    /// When its open write of the record, or of a note on it, was sent last; nothing while none is open.
    pub sent: Option<Stamp>,
    /// True while such a write waits to be sent.
    pub planned: bool,
    /// Marks of its words in the record's journal.
    pub markers: BTreeSet<String>,
}

impl Beside {
    /// True for a link that has the record's one place for a primary.
    pub fn holds(&self) -> bool {
        self.role == Role::Primary && matches!(self.life, Life::Creating | Life::Live)
    }
}
