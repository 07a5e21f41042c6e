//! A pool of worlds: table sets from faultless to careless, and users from known to ambiguous.

use std::time::Duration;

use diptych::mapping::{ClosureRow, Directory, Flow, OwnerRow, SeverityRow, StatusRow, TableSet, Tables};
use diptych::model::call::UserKey;
use diptych::model::settings::{
    AlertNotes, BornClosed, ClosedPartner, Filter, FirstContact, Policies, RelatedRows, Route, StoreApp,
    UserRows, WorkspaceSettings,
};
use diptych::model::{
    Incident, InstanceKey, Life, Link, LinkId, OwnerRef, Record, RecordShape, Side, SysId, TableName, User,
    WorkspaceKey,
};
use diptych::text::Stamp;
use fastrand::Rng;

use super::oracle::{CLOSURES, People, Rows, SEVERITIES, STATUSES};

pub const WORKSPACE: &str = "prod";
/// Worlds in the pool.
pub const WORLDS: u64 = 240;
pub const PAIRS: [&str; 8] = ["1/1", "1/2", "2/1", "2/2", "3/2", "3/3", "1/3", "2/3"];

/// Tables, people and settings that many cases share.
#[derive(Debug)]
pub struct World {
    pub set: TableSet,
    pub tables: Tables,
    pub rows: Rows,
    pub settings: WorkspaceSettings,
    pub directory: Directory,
    pub people: People,
}

impl World {
    pub fn draw(number: u64) -> Self {
        let rng = &mut Rng::with_seed(number);
        let table = if number.is_multiple_of(2) { "incident" } else { "sn_si_incident" };
        let set = match number {
            0 | 1 => TableSet::default_tables(),
            2 | 3 => store_app(),
            _ => table_set(rng, table),
        };
        let people = people(rng);
        let mut directory = Directory::new();
        directory.answer(&people.tried, people.users.clone());
        people.observed.iter().for_each(|o| directory.observe(o));
        if people.complete {
            directory.mark_complete();
        }
        let tables = Tables::compile(&set);
        Self { tables, rows: Rows::read(&set), set, settings: settings(table), directory, people }
    }
}

/// States of a record table: open ones, then closed ones.
pub fn states(table: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match table {
        "incident" => (&["1", "2", "3", "4"], &["6", "7", "8"]),
        _ => (&["10", "16", "18", "100"], &["3", "7"]),
    }
}

pub fn codes(table: &str) -> &'static [&'static str] {
    match table {
        "incident" => {
            &["Solution provided", "User error", "Known error", "Duplicate", "No resolution provided"]
        }
        _ => &["100", "101", "102", "103", "104", "-100"],
    }
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(..100) < percent
}

/// The store app's own severities: Low and Informational both become 3/3.
fn store_app() -> TableSet {
    let row = |sentinel: &str, pair: &str, flow| SeverityRow {
        sentinel: sentinel.into(),
        servicenow: pair.into(),
        flow,
        ..SeverityRow::default()
    };
    let severity = vec![
        row("High", "1/1", Flow::Both),
        row("Medium", "2/2", Flow::Both),
        row("Low", "3/3", Flow::Both),
        row("Informational", "3/3", Flow::ToServicenow),
    ];
    TableSet { severity, ..TableSet::default_tables() }
}

fn table_set(rng: &mut Rng, table: &str) -> TableSet {
    let defaults = TableSet::default_tables();
    TableSet {
        severity: if chance(rng, 15) { defaults.severity } else { severity_rows(rng, table) },
        status: if chance(rng, 25) { defaults.status } else { status_rows(rng, table) },
        closure: if chance(rng, 25) { defaults.closure } else { closure_rows(rng, table) },
        owner: owner_rows(rng),
        // One way only: the oracle is about what both sides may change.
        field: Vec::new(),
    }
}

fn scope(rng: &mut Rng, table: &str) -> String {
    if chance(rng, 70) { table.into() } else { String::new() }
}

fn severity_rows(rng: &mut Rng, table: &str) -> Vec<SeverityRow> {
    let mut rows = Vec::new();
    for sentinel in SEVERITIES {
        if chance(rng, 88) {
            let servicenow = pick(rng, &PAIRS).into();
            let flow = if chance(rng, 85) { Flow::Both } else { Flow::ToServicenow };
            rows.push(SeverityRow { table: scope(rng, table), sentinel: sentinel.into(), servicenow, flow });
        }
    }
    for pair in PAIRS {
        if chance(rng, 60) {
            let (table, sentinel) = (scope(rng, table), pick(rng, &SEVERITIES).into());
            rows.push(SeverityRow { table, sentinel, servicenow: pair.into(), flow: Flow::ToSentinel });
        }
    }
    if chance(rng, 25) {
        // A word that Sentinel does not know goes out only.
        let servicenow = pick(rng, &PAIRS).into();
        rows.push(SeverityRow { sentinel: "Critical".into(), servicenow, ..SeverityRow::default() });
    }
    if chance(rng, 10) {
        // Another number of values than the record has fields.
        let (sentinel, servicenow) = (pick(rng, &SEVERITIES).into(), pick(rng, &["2", "1/2/3"]).into());
        rows.insert(0, SeverityRow { table: table.into(), sentinel, servicenow, flow: Flow::Both });
    }
    rows
}

fn status_rows(rng: &mut Rng, table: &str) -> Vec<StatusRow> {
    let (open, closed) = states(table);
    let careless = chance(rng, 6);
    let mut rows = Vec::new();
    for word in STATUSES {
        if chance(rng, 92) {
            let fitting = if word == "Closed" { closed } else { open };
            let raw = if chance(rng, 50) { fitting[0] } else { pick(rng, fitting) };
            let servicenow =
                if careless { pick(rng, &[open[0], open[1], closed[0]]).into() } else { raw.into() };
            rows.push(status(scope(rng, table), word, servicenow, Flow::Both));
        }
    }
    for state in open {
        if chance(rng, 75) {
            let word = pick(rng, &["New", "Active", "Active"]);
            rows.push(status(scope(rng, table), word, (*state).into(), Flow::ToSentinel));
        }
    }
    for state in closed {
        if chance(rng, 85) {
            rows.push(status(scope(rng, table), "Closed", (*state).into(), Flow::ToSentinel));
        }
    }
    rows
}

fn status(table: String, sentinel: &str, servicenow: String, flow: Flow) -> StatusRow {
    StatusRow { table, sentinel: sentinel.into(), servicenow, label: String::new(), flow }
}

fn closure_rows(rng: &mut Rng, table: &str) -> Vec<ClosureRow> {
    let mut rows = Vec::new();
    let row = |rng: &mut Rng, sentinel: &str, source_is_sentinel| ClosureRow {
        table: scope(rng, table),
        sentinel: sentinel.into(),
        servicenow: pick(rng, codes(table)).into(),
        label: String::new(),
        source_is_sentinel,
    };
    for closure in CLOSURES {
        if chance(rng, 88) {
            rows.push(row(rng, closure, true));
        }
    }
    for _ in 0..rng.usize(..6) {
        let closure = pick(rng, &CLOSURES);
        rows.push(row(rng, closure, false));
    }
    rows
}

fn owner_rows(rng: &mut Rng) -> Vec<OwnerRow> {
    let row = |servicenow: &str, sentinel: &str, workspace: &str| OwnerRow {
        servicenow: servicenow.into(),
        sentinel: sentinel.into(),
        workspace: workspace.into(),
    };
    let mut rows = Vec::new();
    for one in [
        row("kim.k", "kim@contoso.example", ""),
        row("noor", "kim@contoso.example", WORKSPACE),
        row("nobody", "beth@contoso.example", ""),
        row("zoe", "noor@contoso.example", "other"),
        row("twin.a", "twin@contoso.example", WORKSPACE),
    ] {
        if chance(rng, 25) {
            rows.push(one);
        }
    }
    rows
}

/// Everybody whom the instance knows; `zoe` left, the twins share an address, `beth` hides hers.
pub fn everybody() -> Vec<User> {
    [
        ("noor", "noor@contoso.example", true),
        ("beth@contoso.example", "", true),
        ("zoe", "zoe@contoso.example", false),
        ("twin.a", "twin@contoso.example", true),
        ("twin.b", "twin@contoso.example", true),
        ("kim.k", "kim@partner.example", true),
        ("liz", "Liz@Contoso.Example", true),
        ("mute", "", true),
    ]
    .into_iter()
    .enumerate()
    .map(|(i, (user_name, email, active))| User {
        sys_id: SysId::new(format!("{i}").repeat(32)),
        user_name: user_name.into(),
        name: user_name.into(),
        email: email.into(),
        active,
    })
    .collect()
}

fn people(rng: &mut Rng) -> People {
    let complete = chance(rng, 55);
    let users: Vec<User> = everybody().into_iter().filter(|_| complete || chance(rng, 60)).collect();
    let tried = users
        .iter()
        .filter(|u| !u.email.is_empty() && u.user_name != "twin.b" && u.user_name != "twin.a")
        .filter(|_| chance(rng, 70))
        .map(|u| UserKey::Email(u.email.to_lowercase()))
        .collect();
    let seen = |upn: &str, email: &str, id: &str| OwnerRef {
        object_id: id.into(),
        email: email.into(),
        upn: upn.into(),
        name: String::new(),
    };
    let mut observed = Vec::new();
    if chance(rng, 50) {
        observed.push(seen("liz.a@contoso.example", "liz@contoso.example", "0b1ec7"));
    }
    if chance(rng, 50) {
        observed.push(seen("noor@contoso.example", "noor@contoso.example", "0b1ec8"));
    }
    People { users, tried, complete, observed }
}

fn settings(table: &str) -> WorkspaceSettings {
    let table = TableName::new(table).unwrap();
    WorkspaceSettings {
        key: WorkspaceKey::new(WORKSPACE).unwrap(),
        name: "soc".into(),
        enabled: true,
        route: Route {
            instance: InstanceKey::new("sn").unwrap(),
            shape: RecordShape::for_table(&table),
            table,
            on_create: Default::default(),
            caller: String::new(),
            related_rows: RelatedRows::Off,
            affected_users: UserRows::default(),
            state_path: Default::default(),
            aggregate: Default::default(),
        },
        filter: Filter::default(),
        max_age: Duration::from_secs(30 * 86_400),
        poll: Duration::from_secs(10),
        overlap: Duration::from_secs(300),
        policies: Policies::default(),
        first_contact: FirstContact::Go,
        born_closed: BornClosed::Skip,
        store_app: StoreApp::Ignore,
        closed_partner: ClosedPartner::Reopen,
        number_label: String::new(),
        customer_comments: Default::default(),
        customer_word: "[customer]".into(),
        leak_guard: Default::default(),
        create_after: Duration::ZERO,
        alerts: AlertNotes::Note,
        alert_reads: 80,
        mass_change: 50,
        write_rate: 300,
        in_flight: 4,
    }
}

/// A live link between the two.
pub fn link(incident: &Incident, record: &Record, table: &str, closer: Option<Side>) -> Link {
    Link {
        id: LinkId(1),
        life: Life::Live,
        closer,
        ..Link::new(
            WorkspaceKey::new(WORKSPACE).unwrap(),
            incident.id.clone(),
            (InstanceKey::new("sn").unwrap(), TableName::new(table).unwrap(), record.sys_id.clone()),
            Stamp(0),
        )
    }
}
