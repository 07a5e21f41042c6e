//! What a run is made of: sizes, paces, limits.

use std::collections::BTreeMap;
use std::time::Duration;

use diptych::model::aggregation::Aggregation;
use diptych::model::settings::*;
use diptych::model::{InstanceKey, RecordShape, StatePath, TableName, WorkspaceKey};

use super::wire::DESK;

pub const TENANT: &str = "11111111-1111-1111-1111-111111111111";
pub const SUBSCRIPTION: &str = "22222222-2222-2222-2222-222222222222";

/// First line of a comment that is for the customer.
pub const CUSTOMER_WORD: &str = "[customer]";
/// What labels begin with that show a record's number, in runs that have such.
pub const NUMBER_LABEL: &str = "snow:";

/// Name of the only workspace.
pub const WORKSPACE: &str = "soc-prod";
/// Key of the only workspace.
pub const KEY: &str = "prod";
/// Login of the sync in ServiceNow.
pub const USER: &str = "diptych.sync";

/// What a simulation is made of.
#[derive(Clone, Debug)]
pub struct Setting {
    pub seed: u64,
    /// Incidents that are there when the sync begins.
    pub incidents: usize,
    /// Acts of people per second, drawn by the sandbox's own analysts.
    pub rate: f64,
    /// Fault profile.
    pub faults: String,
    /// Pause between passes.
    pub poll: Duration,
    /// How long a transaction of ServiceNow may go on after its client gave up.
    pub transaction: Duration,
    /// How long an unknown write may still land, as the engine is told.
    pub settle: Duration,
    /// How long a time-out takes.
    pub hang: Duration,
    /// How late an answer may come.
    pub late: Duration,
    /// How long the servers take over their calls, as [`Latency`] reads it.
    ///
    /// [`Latency`]: diptych::sandbox::latency::Latency
    pub latency: &'static str,
    /// Life of a lease.
    pub lease: Duration,
    /// Rows per page, of incidents and of records.
    pub page: (u32, u32),
    /// Pause between full sweeps.
    pub sweep: Duration,
    /// Servers say what time it is.
    pub dated: bool,
    /// What becomes of alerts.
    pub alerts: AlertNotes,
    /// Sentinel's provider grants no more calls than its documentation promises.
    pub throttle: bool,
    /// What becomes of incidents that were closed before they were first seen.
    pub born_closed: BornClosed,
    /// Whether the first contact waits for a person.
    pub first_contact: FirstContact,
    /// What becomes of records that the store app made.
    pub store_app: StoreApp,
    /// What becomes of records closed in ServiceNow whose incident is reopened.
    pub closed_partner: ClosedPartner,
    /// What becomes of what customers see; to write there is confirmed.
    pub customer_comments: CustomerComments,
    /// What the label begins with that shows a record's number; empty for none.
    pub number_label: &'static str,
    /// Incidents for which the store app made a record before the sync began.
    pub made_before: usize,
    /// How old an incident has to be before it gets a record.
    pub create_after: Duration,
    /// Incidents that may change in the same way within a while before a person is asked.
    pub mass_change: usize,
    /// Writes that one side may get within a minute before a person is asked.
    pub write_rate: usize,
    /// Comments that one incident has from the beginning, if not as many as it happens to have.
    pub crowded: usize,
    /// The tables fill columns of the records, as [`super::custom`] says.
    pub custom: bool,
    /// Whether entities become rows beside the records; a few incidents more have some that do.
    pub related_rows: RelatedRows,
    /// When incidents share a record.
    pub aggregate: Aggregation,
    /// The domain that new records are to get; empty for the instance's choice.
    pub domain: &'static str,
    /// Who signs in for that domain; empty for [`USER`].
    pub domain_user: &'static str,
    /// The records' table.
    pub table: &'static str,
    /// Switches of the ServiceNow world, set before the run.
    pub switches: Vec<(&'static str, serde_json::Value)>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            seed: 1,
            incidents: 12,
            rate: 0.4,
            faults: "default".into(),
            poll: Duration::from_secs(10),
            transaction: Duration::from_secs(1),
            settle: Duration::from_secs(20),
            hang: Duration::from_secs(3),
            late: Duration::from_secs(6),
            lease: Duration::from_secs(15),
            page: (1000, 1000),
            sweep: Duration::from_secs(86_400),
            dated: true,
            table: "incident",
            switches: Vec::new(),
            alerts: AlertNotes::Off,
            throttle: false,
            born_closed: BornClosed::Create,
            first_contact: FirstContact::Go,
            store_app: StoreApp::Ignore,
            closed_partner: ClosedPartner::Reopen,
            customer_comments: CustomerComments::Off,
            number_label: "",
            made_before: 0,
            create_after: Duration::ZERO,
            mass_change: 50,
            write_rate: 300,
            crowded: 0,
            custom: false,
            related_rows: RelatedRows::Off,
            aggregate: Aggregation::default(),
            domain: "",
            domain_user: "",
            latency: "",
        }
    }
}

impl Setting {
    /// Who writes to ServiceNow.
    pub fn user(&self) -> &'static str {
        if self.domain_user.is_empty() { USER } else { self.domain_user }
    }
}

/// What every created record gets of that domain.
fn placed(domain: &str) -> BTreeMap<String, String> {
    let domain = Some(domain).filter(|d| !d.is_empty());
    domain.map(|d| ("sys_domain".to_owned(), d.to_owned())).into_iter().collect()
}

/// Who signs in for a domain; its name is for the instance to say.
fn domain_users(setting: &Setting) -> Vec<DomainUser> {
    let user = DomainUser { domain: setting.domain.to_owned(), own_user: String::new() };
    Some(user).filter(|_| !setting.domain_user.is_empty()).into_iter().collect()
}

/// The engine's settings for a process that calls itself `holder`.
pub fn engine_settings(setting: &Setting, holder: String) -> EngineSettings {
    let table = TableName::new(setting.table).unwrap();
    EngineSettings {
        workspaces: vec![WorkspaceSettings {
            key: WorkspaceKey::new(KEY).unwrap(),
            name: WORKSPACE.into(),
            enabled: true,
            route: Route {
                instance: InstanceKey::new("sn").unwrap(),
                shape: RecordShape::for_table(&table),
                state_path: StatePath::usual(&table),
                table,
                on_create: placed(setting.domain),
                caller: String::new(),
                related_rows: setting.related_rows,
                affected_users: UserRows::default(),
                aggregate: setting.aggregate.clone(),
            },
            filter: Filter { labels: vec!["snow".into()], ..Filter::default() },
            max_age: Duration::from_secs(30 * 86_400),
            poll: setting.poll,
            overlap: Duration::from_secs(300),
            policies: Policies::default(),
            first_contact: setting.first_contact,
            born_closed: setting.born_closed,
            store_app: setting.store_app,
            closed_partner: setting.closed_partner,
            customer_comments: setting.customer_comments,
            customer_word: CUSTOMER_WORD.into(),
            leak_guard: match setting.customer_comments {
                CustomerComments::Both => LeakGuard::Confirmed,
                _ => LeakGuard::On,
            },
            number_label: setting.number_label.into(),
            create_after: setting.create_after,
            alerts: setting.alerts,
            alert_reads: 80,
            mass_change: setting.mass_change,
            write_rate: setting.write_rate,
            in_flight: 4,
        }],
        instances: vec![InstanceSettings {
            key: InstanceKey::new("sn").unwrap(),
            url: DESK.into(),
            settle: setting.settle,
            in_flight: 2,
            overlap: Duration::from_secs(120),
            deep: Pass { back: Duration::from_secs(900), every: Duration::from_secs(300) },
            sweep_every: setting.sweep,
            own_user: String::new(),
            domain_users: domain_users(setting),
        }],
        lease: setting.lease,
        lease_margin: setting.lease / 3,
        holder,
        seed: 7,
    }
}
