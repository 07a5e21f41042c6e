//! Everything that is known about one link.

use serde::{Deserialize, Serialize};

use crate::model::{Base, Beside, Entry, Field, Incident, Intent, Link, LinkId, Member, Record, Role};
use crate::text::Stamp;

/// Everything known about one link: both observations, the bases, the conversation and the
/// intents that are not settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkState {
    /// The link.
    pub link: Link,
    /// The incident as last observed.
    pub incident: Option<Incident>,
    /// When it was observed.
    pub incident_seen: Stamp,
    /// The record as last observed.
    pub record: Option<Record>,
    /// When it was observed.
    pub record_seen: Stamp,
    /// One base per field that has one.
    pub bases: Vec<Base>,
    /// The conversation, oldest first.
    pub entries: Vec<Entry>,
    /// Open and parked intents, oldest first.
    pub intents: Vec<Intent>,
    /// The other incidents of the same record.
    #[serde(default)]
    pub members: Vec<Member>,
    /// All other links of the same record, whatever became of them.
    #[serde(default)]
    pub beside: Vec<Beside>,
}

impl LinkState {
    /// A link of which neither side was observed yet.
    pub fn new(link: Link) -> Self {
        Self {
            link,
            incident: None,
            incident_seen: Stamp(0),
            record: None,
            record_seen: Stamp(0),
            bases: Vec::new(),
            entries: Vec::new(),
            intents: Vec::new(),
            members: Vec::new(),
            beside: Vec::new(),
        }
    }

    /// True while its record has other incidents.
    pub fn is_shared(&self) -> bool {
        !self.members.is_empty()
    }

    /// The link that stands for the record among all that share it: the host's, or the first guest's.
    pub fn host(&self) -> LinkId {
        let own = (self.link.role != Role::Primary, self.link.id);
        let others = self.members.iter().map(|m| (m.role != Role::Primary, m.link));
        others.fold(own, std::cmp::min).1
    }

    /// The link that acts for the record where no single incident does: one that waits for a person only if all do.
    pub fn lead(&self) -> LinkId {
        let link = &self.link;
        let own = (!link.frozen.is_empty(), link.role != Role::Primary, link.id);
        let others = self.members.iter().map(|m| (m.frozen, m.role != Role::Primary, m.link));
        others.fold(own, std::cmp::min).2
    }

    /// The base of a field.
    pub fn base(&self, field: Field) -> Option<&Base> {
        self.bases.iter().find(|b| b.field == field)
    }

    /// The latest moment of the steady clock that is noted in it.
    pub fn last_noted(&self) -> Stamp {
        let marks = self.bases.iter().flat_map(|b| [b.sentinel_seen, b.servicenow_seen]);
        let noted = marks.map(|s| s.same.max(s.last).max(s.differs.unwrap_or_default())).max();
        noted.unwrap_or_default().max(self.incident_seen).max(self.record_seen)
    }

    /// The first open intent, which blocks every other write of the link.
    pub fn open_intent(&self) -> Option<&Intent> {
        self.intents.iter().find(|i| i.state.is_open())
    }
}
