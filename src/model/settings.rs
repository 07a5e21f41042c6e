//! What the config settles for the engine: validated, resolved, without a secret in it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DeskKey, Field, InstanceKey, RecordShape, Side, StatePath, TableName, WorkspaceKey};

/// Who decides a field when both sides changed (D25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Sentinel owns the field.
    Sentinel,
    /// ServiceNow owns the field.
    Servicenow,
    /// The later change wins; overlapping intervals are a tie that Sentinel wins (D21).
    Latest,
    /// Severity only: the higher wins.
    Ratchet,
    /// The first closer that is not us owns it until an explicit reopen (D22).
    FirstCloser,
    /// A person decides each conflict.
    Manual,
    /// The field does not flow.
    Off,
}

impl Policy {
    /// The word as it is written in the config.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sentinel => "sentinel",
            Self::Servicenow => "servicenow",
            Self::Latest => "latest",
            Self::Ratchet => "ratchet",
            Self::FirstCloser => "first-closer",
            Self::Manual => "manual",
            Self::Off => "off",
        }
    }

    /// The default of a field (design, section 2).
    pub fn default_of(field: Field) -> Self {
        match field {
            Field::Title | Field::Description | Field::Custom(_) => Self::Sentinel,
            Field::Severity | Field::Status | Field::Owner => Self::Latest,
            Field::NumberLabel(_) => Self::Servicenow,
            Field::Closure | Field::CloseNotes => Self::FirstCloser,
        }
    }

    /// True when the policy can be chosen for the field.
    pub fn fits(self, field: Field) -> bool {
        match self {
            Self::Ratchet => field == Field::Severity,
            Self::FirstCloser => matches!(field, Field::Closure | Field::CloseNotes),
            Self::Off => field != Field::Status,
            _ => !matches!(field, Field::Closure | Field::CloseNotes),
        }
    }
}

/// One policy per field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies(std::collections::BTreeMap<Field, Policy>);

impl Default for Policies {
    fn default() -> Self {
        Self(Field::ALL.into_iter().map(|f| (f, Policy::default_of(f))).collect())
    }
}

impl Policies {
    /// The policy of a field.
    pub fn of(&self, field: Field) -> Policy {
        self.0.get(&field).copied().unwrap_or(Policy::default_of(field))
    }

    /// Sets the policy of a field.
    pub fn set(&mut self, field: Field, policy: Policy) {
        self.0.insert(field, policy);
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

/// What happens at the first contact of a workspace (D29).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirstContact {
    /// Show what would be written and wait.
    #[default]
    Plan,
    /// Go.
    Go,
}

/// What happens to an incident that is already closed when it is first seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BornClosed {
    /// No record is made.
    #[default]
    Skip,
    /// A record is made and closed.
    Create,
}

/// What becomes of an incident for which Microsoft's store app made a record already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreApp {
    /// That record is none of ours: the incident gets one of its own.
    #[default]
    Ignore,
    /// It is watched, and nothing at all is written: the store app still does its work.
    Watch,
    /// It is taken up, and no other one is made: the store app was switched off.
    Adopt,
}

/// What becomes of a record that was closed in ServiceNow when its incident is reopened in Sentinel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClosedPartner {
    /// It is opened again.
    #[default]
    Reopen,
    /// It stays closed, and a note tells of the reopening.
    Comment,
}

/// What becomes of the entries that the customer of a record sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CustomerComments {
    /// They are not read, and none is written.
    #[default]
    Off,
    /// They are told in Sentinel, and none is written.
    Read,
    /// And comments of Sentinel go there that say so in their first line, once the guard is off.
    Both,
}

/// Whether it was confirmed that customers see what is written for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeakGuard {
    /// Nothing is written where customers see it.
    #[default]
    On,
    /// Somebody confirmed it.
    Confirmed,
}

/// What becomes of an incident's alerts and entities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertNotes {
    /// They are not read.
    Off,
    /// Notes list them, each once.
    #[default]
    Note,
}

/// Whether an incident's entities become rows beside its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelatedRows {
    /// They stand in the note only.
    #[default]
    Off,
    /// Observables, affected items and affected users.
    On,
}

/// Where affected users stand. Both columns are unverified (servicenow-api 5), hence settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRows {
    /// The table.
    pub table: TableName,
    /// Its column for the record.
    pub task: String,
    /// Its column for the user.
    pub user: String,
}

impl Default for UserRows {
    fn default() -> Self {
        Self {
            table: TableName::new("sn_si_m2m_task_affected_user").unwrap_or_default(),
            task: "task".into(),
            user: "user".into(),
        }
    }
}

/// Where a workspace's records live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The instance.
    pub instance: InstanceKey,
    /// The table.
    pub table: TableName,
    /// What its fields are called.
    pub shape: RecordShape,
    /// Raw values that every created record gets, such as `assignment_group`, `company` and
    /// `sys_domain`.
    pub on_create: std::collections::BTreeMap<String, String>,
    /// `sys_id` or user name of the caller; empty for none.
    pub caller: String,
    /// Entities beside the records.
    pub related_rows: RelatedRows,
    /// Where affected users stand.
    pub affected_users: UserRows,
    /// States that a record goes through one by one where it does not take the wanted one at once; empty
    /// where there is no such way.
    pub state_path: StatePath,
}

/// The column that says which domain a record is in.
pub const DOMAIN_COLUMN: &str = "sys_domain";

impl Route {
    /// The domain of its records; empty when the route names none.
    pub fn domain(&self) -> &str {
        self.on_create.get(DOMAIN_COLUMN).map_or("", String::as_str)
    }
}

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

/// One ServiceNow instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSettings {
    /// Its key.
    pub key: InstanceKey,
    /// Its address, for links that people open; empty if there is none to open.
    pub url: String,
    /// How long an unknown write may still land (D8).
    pub settle: Duration,
    /// Calls in flight, 2 by default (D36).
    pub in_flight: usize,
    /// Overlap of reads (D15).
    pub overlap: Duration,
    /// Deep pass: how far back and how often (D15).
    pub deep: Pass,
    /// Key sweep: how often (D15).
    pub sweep_every: Duration,
    /// User name we sign in with, to know our own entries; empty until the instance told us.
    pub own_user: String,
    /// Domains whose records a user of their own reads and writes.
    pub domain_users: Vec<DomainUser>,
}

/// The user that signs in for one domain of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainUser {
    /// The domain, as a route names it.
    pub domain: String,
    /// Its user name, as [`InstanceSettings::own_user`].
    pub own_user: String,
}

impl InstanceSettings {
    /// Every desk of this instance: as its own user, and as the one of each domain.
    pub fn desks(&self) -> Vec<DeskKey> {
        let domains = self.domain_users.iter().map(|u| u.domain.as_str());
        let desk = |domain: &str| DeskKey { instance: self.key.clone(), domain: domain.to_owned() };
        std::iter::once("").chain(domains).map(desk).collect()
    }

    /// Our user name at a desk of this instance; empty until the instance told us.
    pub fn own_user_of(&self, desk: &DeskKey) -> &str {
        let of_domain = self.domain_users.iter().find(|u| u.domain == desk.domain);
        of_domain.map_or(&self.own_user, |u| &u.own_user)
    }
}

/// A wider read, now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// How far back.
    pub back: Duration,
    /// How often.
    pub every: Duration,
}

/// Everything the engine runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineSettings {
    /// Workspaces.
    pub workspaces: Vec<WorkspaceSettings>,
    /// Instances.
    pub instances: Vec<InstanceSettings>,
    /// Life of a lease; renewed at a third of it.
    pub lease: Duration,
    /// Margin before a lease's end in which nothing is sent (D34).
    pub lease_margin: Duration,
    /// Who this process is, as shown beside a lease.
    pub holder: String,
    /// Seed of back-off jitter.
    pub seed: u64,
}

impl EngineSettings {
    /// The workspace of that key.
    pub fn workspace(&self, key: &WorkspaceKey) -> Option<&WorkspaceSettings> {
        self.workspaces.iter().find(|w| w.key == *key)
    }

    /// The instance of that key.
    pub fn instance(&self, key: &InstanceKey) -> Option<&InstanceSettings> {
        self.instances.iter().find(|i| i.key == *key)
    }

    /// Where a route's records are read and written: its instance, through the user of its domain if that
    /// has one.
    pub fn desk(&self, route: &Route) -> DeskKey {
        let users = self.instance(&route.instance).map_or(&[][..], |i| &i.domain_users);
        let own = users.iter().any(|u| u.domain == route.domain());
        DeskKey {
            instance: route.instance.clone(),
            domain: if own { route.domain().to_owned() } else { String::new() },
        }
    }
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

/// The side that wins a tie under [`Policy::Latest`] (D21).
pub const TIE_WINNER: Side = Side::Sentinel;
