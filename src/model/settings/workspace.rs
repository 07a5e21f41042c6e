//! One workspace: which incidents enter, and how they are kept in step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    AlertNotes, BornClosed, ClosedPartner, CustomerComments, FirstContact, LeakGuard, Policies, Route,
    StoreApp,
};
use crate::model::WorkspaceKey;

/// One workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceSettings {
    /// Its key.
    pub key: WorkspaceKey,
    /// Its name in Azure.
    pub name: String,
    /// Off: nothing is read, cursors stand still.
    pub enabled: bool,
    /// Where its records live.
    pub route: Route,
    /// Which incidents enter.
    pub filter: Filter,
    /// Oldest incident that still gets a record, by creation; links live on.
    pub max_age: Duration,
    /// Pause between passes.
    pub poll: Duration,
    /// Overlap of reads toward Sentinel: 5 min, 15 min when Defender is onboarded (D15).
    pub overlap: Duration,
    /// One policy per field.
    pub policies: Policies,
    /// First contact.
    pub first_contact: FirstContact,
    /// Already closed incidents.
    pub born_closed: BornClosed,
    /// Records of the store app.
    pub store_app: StoreApp,
    /// Records closed in ServiceNow whose incident is reopened.
    pub closed_partner: ClosedPartner,
    /// What customers see.
    pub customer_comments: CustomerComments,
    /// The first line by which a comment of Sentinel goes to the customer.
    pub customer_word: String,
    /// The second word on that.
    pub leak_guard: LeakGuard,
    /// What the label begins with by which an incident shows its record's number; empty for no label.
    pub number_label: String,
    /// How old an incident has to be before it gets a record, so that what automation closes by then
    /// counts as born closed.
    pub create_after: Duration,
    /// Alerts and entities.
    pub alerts: AlertNotes,
    /// Incidents whose alerts are read in five minutes.
    pub alert_reads: usize,
    /// Incidents of which the severity, the status or the owner may change on one side within two
    /// minutes; more wait for a person. As much more after a longer pause. 0: any number.
    pub mass_change: usize,
    /// Writes that one side may get within a minute, beyond what follows from new records; more wait for a
    /// person. As much more after a longer pause. 0: any number.
    pub write_rate: usize,
    /// Writes in flight to Sentinel.
    pub in_flight: usize,
}

impl WorkspaceSettings {
    /// The first line by which a comment of Sentinel goes to the customer; `None` unless that was asked for
    /// and confirmed.
    pub fn customer_word(&self) -> Option<&str> {
        let asked = self.customer_comments == CustomerComments::Both;
        let confirmed = self.leak_guard == LeakGuard::Confirmed;
        (asked && confirmed && !self.customer_word.is_empty()).then_some(self.customer_word.as_str())
    }

    /// How far each read of Sentinel reaches back: over what may have become visible late, and over
    /// incidents that were too young for a record so far.
    pub fn reach(&self) -> Duration {
        self.overlap + self.create_after
    }
}

/// How a workspace's incidents enter: decides creation only (D13).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Any of these labels, with case; empty means all.
    pub labels: Vec<String>,
    /// Any of these severities; empty means all.
    pub severities: Vec<String>,
    /// All of these words in the title, without case; empty means all.
    pub title_contains: Vec<String>,
    /// Any of these product names; empty means all.
    pub products: Vec<String>,
}
