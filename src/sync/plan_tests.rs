//! The plan's promises, over random links, tables and edits.

use proptest::prelude::*;

use super::act::carry_out;
use super::plan::{Plan, plan};
use super::values::{sentinel_value, servicenow_value};
use super::write::{incident_write, record_values};
use super::{PlanContext, preview};
use crate::mapping::{Directory, Flow, SeverityRow, TableSet, Tables};
use crate::model::settings::{
    AlertNotes, BornClosed, ClosedPartner, Filter, FirstContact, Policies, Policy, RelatedRows, Route,
    StoreApp, UserRows, WorkspaceSettings,
};
use crate::model::*;
use crate::text::Stamp;

mod aggregation;
mod closed_partner;
mod custom;
mod found;
mod number_label;
mod state_path;
mod tie;

fn settings(policies: Policies) -> WorkspaceSettings {
    let table = TableName::new("incident").unwrap();
    WorkspaceSettings {
        key: WorkspaceKey::new("prod").unwrap(),
        name: "soc-prod".into(),
        enabled: true,
        route: Route {
            instance: InstanceKey::new("sn").unwrap(),
            shape: RecordShape::for_table(&table),
            table,
            on_create: Default::default(),
            caller: String::new(),
            related_rows: RelatedRows::Off,
            affected_users: UserRows::default(),
            state_path: StatePath::default(),
            aggregate: Default::default(),
        },
        filter: Filter::default(),
        max_age: std::time::Duration::from_secs(30 * 86_400),
        poll: std::time::Duration::from_secs(10),
        overlap: std::time::Duration::from_secs(300),
        policies,
        first_contact: FirstContact::Go,
        born_closed: BornClosed::Skip,
        store_app: StoreApp::Ignore,
        closed_partner: ClosedPartner::Reopen,
        number_label: String::new(),
        customer_comments: Default::default(),
        customer_word: "[customer]".into(),
        leak_guard: Default::default(),
        create_after: std::time::Duration::ZERO,
        alerts: AlertNotes::Note,
        alert_reads: 80,
        mass_change: 50,
        write_rate: 120,
        in_flight: 4,
    }
}

fn users() -> Directory {
    let mut directory = Directory::new();
    for (i, name) in ["noor", "beth", "zoe"].iter().enumerate() {
        directory.insert(User {
            sys_id: SysId::new(format!("{i}").repeat(32)),
            user_name: (*name).into(),
            name: (*name).into(),
            email: format!("{name}@contoso.example"),
            active: true,
        });
    }
    directory.mark_complete();
    directory
}

/// The store app's own lossy severity table: Informational and Low both become 3/3.
fn lossy() -> TableSet {
    let row = |sentinel: &str, servicenow: &str, flow| SeverityRow {
        sentinel: sentinel.into(),
        servicenow: servicenow.into(),
        flow,
        ..SeverityRow::default()
    };
    TableSet {
        severity: vec![
            row("High", "1/1", Flow::Both),
            row("Medium", "2/2", Flow::Both),
            row("Low", "3/3", Flow::Both),
            row("Informational", "3/3", Flow::ToServicenow),
        ],
        ..TableSet::default_tables()
    }
}

const SEVERITIES: [&str; 4] = ["High", "Medium", "Low", "Informational"];
const STATES: [&str; 6] = ["1", "2", "3", "6", "7", "8"];
const PAIRS: [&str; 5] = ["1/1", "2/2", "3/2", "3/3", "1/3"];
const CODES: [&str; 5] = ["", "Solution provided", "User error", "Duplicate", "No resolution provided"];

fn link_state(bases: Vec<Base>, incident: Incident, record: Record) -> LinkState {
    let key = (InstanceKey::new("sn").unwrap(), TableName::new("incident").unwrap(), record.sys_id.clone());
    let link = Link::new(WorkspaceKey::new("prod").unwrap(), incident.id.clone(), key, Stamp(0));
    LinkState {
        incident: Some(incident),
        incident_seen: Stamp(100),
        record: Some(record),
        record_seen: Stamp(100),
        bases,
        ..LinkState::new(Link { id: LinkId(1), life: Life::Live, ..link })
    }
}

#[derive(Clone, Debug)]
struct Face {
    severity: usize,
    status: usize,
    closure: usize,
    owner: usize,
    text: u8,
}

fn face() -> impl Strategy<Value = Face> {
    (0..5usize, 0..6usize, 0..5usize, 0..4usize, 0..3u8)
        .prop_map(|(severity, status, closure, owner, text)| Face { severity, status, closure, owner, text })
}

fn incident(f: &Face) -> Incident {
    let status = ["New", "Active", "Closed"][f.status % 3];
    let closure = Closure::ALL[f.closure % 5];
    let names = ["", "noor", "beth", "zoe"];
    let mut i = Incident {
        id: IncidentId::new("11111111-2222-3333-4444-555555555555"),
        etag: "e1".into(),
        title: format!("title {}", f.text).into(),
        description: "d".into(),
        severity: SEVERITIES[f.severity % 4].into(),
        status: status.into(),
        ..Incident::default()
    };
    if !f.owner.is_multiple_of(4) {
        i.owner.upn = format!("{}@contoso.example", names[f.owner % 4]);
    }
    if status == "Closed" {
        i.classification = closure.classification().into();
        i.reason = closure.reason().unwrap_or_default().into();
        i.classification_comment = format!("why {}", f.text).into();
    }
    i
}

fn record(f: &Face) -> Record {
    let mut r = Record { sys_id: SysId::new("f".repeat(32)), mod_count: 3, ..Record::default() };
    let pair: Vec<&str> = PAIRS[f.severity % 5].split('/').collect();
    let state = STATES[f.status % 6];
    let closed = matches!(state, "6" | "7");
    let owner =
        if f.owner.is_multiple_of(4) { String::new() } else { format!("{}", f.owner % 4 - 1).repeat(32) };
    for (k, v) in [
        ("short_description", format!("title {}", f.text)),
        ("description", "d".to_owned()),
        ("impact", pair[0].to_owned()),
        ("urgency", pair[1].to_owned()),
        ("state", state.to_owned()),
        ("assigned_to", owner),
        ("close_code", if closed { CODES[1 + f.closure % 4].to_owned() } else { String::new() }),
        ("close_notes", if closed { format!("notes {}", f.text) } else { String::new() }),
    ] {
        r.values.insert(k.into(), v);
    }
    r
}

fn agreed(s: &Incident, n: &Record, ctx: &PlanContext<'_>) -> Vec<Base> {
    let shape = &ctx.workspace.route.shape;
    Field::ALL
        .into_iter()
        .map(|f| Base::agreed(f, sentinel_value(s, f), servicenow_value(n, shape, f).unwrap(), Stamp(1)))
        .collect()
}

/// Carries a plan out as two obedient servers would, and brings the bases to what they proved.
fn apply(state: &LinkState, made: &Plan, ctx: &PlanContext<'_>) -> LinkState {
    let mut next = state.clone();
    for base in &made.bases {
        next.bases.retain(|b| b.field != base.field);
        next.bases.push(base.clone());
    }
    if let Some(closer) = made.closer {
        next.link.closer = closer;
    }
    let write =
        incident_write(state.incident.as_ref().unwrap(), state.record.as_ref(), &made.to_incident, ctx);
    carry_out(next.incident.as_mut().unwrap(), &write);
    let record = next.record.as_mut().unwrap();
    record.values.extend(record_values(&made.to_record, ctx));
    for target in made.to_incident.iter().chain(&made.to_record) {
        let s = ctx.sentinel_value(next.incident.as_ref().unwrap(), target.field);
        let shape = &ctx.workspace.route.shape;
        let n = servicenow_value(next.record.as_ref().unwrap(), shape, target.field).unwrap();
        next.bases.retain(|b| b.field != target.field);
        next.bases.push(Base::agreed(target.field, s, n, Stamp(200)));
    }
    next
}

fn go(state: &LinkState, ctx: &PlanContext<'_>) -> Plan {
    plan(state, ctx, Stamp(100))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn planning_after_applying_writes_nothing(
        base in (face(), face()), now in (face(), face()), lossy_tables in any::<bool>(), policy in 0..4usize,
    ) {
        let mut policies = Policies::default();
        policies.set(Field::Severity, [Policy::Latest, Policy::Ratchet, Policy::Sentinel, Policy::Servicenow][policy]);
        let ws = settings(policies);
        let tables = Tables::compile(&if lossy_tables { lossy() } else { TableSet::default_tables() });
        let directory = users();
        let ctx = PlanContext { workspace: &ws, tables: &tables, directory: &directory };
        let bases = agreed(&incident(&base.0), &record(&base.1), &ctx);
        let mut state = link_state(bases, incident(&now.0), record(&now.1));
        // A close and its closing fields may take two rounds; never more.
        for _ in 0..2 {
            let made = go(&state, &ctx);
            state = apply(&state, &made, &ctx);
        }
        let again = go(&state, &ctx);
        prop_assert!(again.writes_nothing(), "{again:#?}");
    }

    #[test]
    fn a_one_sided_change_never_writes_to_its_own_side(
        face_before in (face(), face()), after in face(), in_sentinel in any::<bool>(),
    ) {
        let ws = settings(Policies::default());
        let tables = Tables::compile(&TableSet::default_tables());
        let directory = users();
        let ctx = PlanContext { workspace: &ws, tables: &tables, directory: &directory };
        let (s, n) = (incident(&face_before.0), record(&face_before.1));
        let bases = agreed(&s, &n, &ctx);
        let state = if in_sentinel {
            link_state(bases, incident(&after), n)
        } else {
            link_state(bases, s, record(&after))
        };
        let made = go(&state, &ctx);
        if in_sentinel {
            prop_assert!(made.to_incident.is_empty(), "{made:#?}");
        } else {
            prop_assert!(made.to_record.is_empty(), "{made:#?}");
        }
    }

    #[test]
    fn nothing_changed_means_nothing_written(face_now in (face(), face()), lossy_tables in any::<bool>()) {
        let ws = settings(Policies::default());
        let tables = Tables::compile(&if lossy_tables { lossy() } else { TableSet::default_tables() });
        let directory = users();
        let ctx = PlanContext { workspace: &ws, tables: &tables, directory: &directory };
        let (s, n) = (incident(&face_now.0), record(&face_now.1));
        let bases = agreed(&s, &n, &ctx);
        let made = go(&link_state(bases, s, n), &ctx);
        prop_assert!(made.writes_nothing() && made.bases.is_empty(), "{made:#?}");
    }
}

struct World {
    ws: WorkspaceSettings,
    tables: Tables,
    directory: Directory,
}

impl World {
    fn new(set: TableSet) -> Self {
        Self { ws: settings(Policies::default()), tables: Tables::compile(&set), directory: users() }
    }
    fn ctx(&self) -> PlanContext<'_> {
        PlanContext { workspace: &self.ws, tables: &self.tables, directory: &self.directory }
    }
}

fn open_face() -> Face {
    Face { severity: 1, status: 1, closure: 0, owner: 0, text: 0 }
}

fn in_step(world: &World) -> LinkState {
    let mut n = record(&open_face());
    n.values.insert("state".into(), "2".into());
    let s = incident(&open_face());
    let bases = agreed(&s, &n, &world.ctx());
    link_state(bases, s, n)
}

#[test]
fn informational_never_becomes_low_by_itself() {
    let world = World::new(lossy());
    let mut state = in_step(&world);
    state.incident.as_mut().unwrap().severity = "Low".into();
    let made = go(&state, &world.ctx());
    assert_eq!(made.to_record[0].servicenow, "3/3");
    state = apply(&state, &made, &world.ctx());
    state.incident.as_mut().unwrap().severity = "Informational".into();
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "both mean 3/3: the base moves and nobody is written");
    state = apply(&state, &made, &world.ctx());
    state.record.as_mut().unwrap().values.insert("short_description".into(), "touched".into());
    let made = go(&state, &world.ctx());
    assert!(made.to_incident.iter().all(|t| t.field != Field::Severity));
}

#[test]
fn on_hold_never_closes_sentinel() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    state.record.as_mut().unwrap().values.insert("state".into(), "3".into());
    assert!(go(&state, &world.ctx()).writes_nothing());
}

#[test]
fn closing_notes_of_a_person_are_never_overwritten() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    let record = state.record.as_mut().unwrap();
    record.values.insert("close_notes".into(), "typed by Beth before closing".into());
    let incident = state.incident.as_mut().unwrap();
    incident.status = "Closed".into();
    incident.classification = "TruePositive".into();
    incident.reason = "SuspiciousActivity".into();
    let made = go(&state, &world.ctx());
    assert!(made.to_record.iter().any(|t| t.field == Field::Status));
    assert!(made.to_record.iter().any(|t| t.field == Field::Closure));
    assert!(made.to_record.iter().all(|t| t.field != Field::CloseNotes));
    assert_eq!(made.notes.len(), 1, "what Sentinel said is kept as a note");
    assert_eq!(made.closer, Some(Some(Side::Sentinel)));
}

#[test]
fn the_first_closer_owns_the_closing_fields_until_a_reopen() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    {
        let values = &mut state.record.as_mut().unwrap().values;
        values.insert("state".into(), "6".into());
        values.insert("close_code".into(), "User error".into());
        values.insert("close_notes".into(), "was the scanner".into());
    }
    let made = go(&state, &world.ctx());
    assert_eq!(made.closer, Some(Some(Side::ServiceNow)));
    state = apply(&state, &made, &world.ctx());
    assert_eq!(state.incident.as_ref().unwrap().classification_comment.raw(), "was the scanner");
    // Somebody reclassifies in Sentinel: ServiceNow closed first, so its fields stay.
    state.incident.as_mut().unwrap().classification_comment = "no, it was not".into();
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing(), "{made:#?}");
    state = apply(&state, &made, &world.ctx());
    // The owner edits: it flows, except over what a person wrote on the other side.
    state.record.as_mut().unwrap().values.insert("close_code".into(), "Solution provided".into());
    let made = go(&state, &world.ctx());
    assert_eq!(made.to_incident.len(), 1, "{made:#?}");
    assert_eq!(made.to_incident[0].field, Field::Closure);
}

#[test]
fn an_unmapped_value_is_held_and_the_rest_flows() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    let values = &mut state.record.as_mut().unwrap().values;
    values.insert("state".into(), "-5".into());
    values.insert("impact".into(), "1".into());
    values.insert("urgency".into(), "1".into());
    let made = go(&state, &world.ctx());
    assert_eq!(made.to_incident.len(), 1);
    assert_eq!(made.to_incident[0].field, Field::Severity);
    let held = made.bases.iter().find(|b| b.field == Field::Status).unwrap();
    assert!(!held.held.is_empty());
    assert_eq!(held.servicenow, "2", "the base did not move");
}

#[test]
fn a_title_edited_by_hand_stays_and_sentinels_change_becomes_a_note() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    state.record.as_mut().unwrap().values.insert("short_description".into(), "ours".into());
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing());
    state = apply(&state, &made, &world.ctx());
    state.incident.as_mut().unwrap().title = "theirs".into();
    let made = go(&state, &world.ctx());
    assert_eq!((made.notes.len(), made.to_record.len()), (1, 0));
    state = apply(&state, &made, &world.ctx());
    assert!(go(&state, &world.ctx()).writes_nothing(), "said once");
}

#[test]
fn a_tie_is_won_by_sentinel_and_put_on_record() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    state.incident.as_mut().unwrap().severity = "High".into();
    let values = &mut state.record.as_mut().unwrap().values;
    values.insert("impact".into(), "3".into());
    values.insert("urgency".into(), "3".into());
    let made = go(&state, &world.ctx());
    assert_eq!(made.to_record[0].servicenow, "1/1");
    let base = made.bases.iter().find(|b| b.field == Field::Severity).unwrap();
    assert_eq!(base.conflict.as_ref().unwrap().taken, Some(Side::Sentinel));
    assert!(made.decisions.iter().any(|d| d.needs_a_look));
}

#[test]
fn a_later_change_wins_when_the_intervals_tell() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    state.incident.as_mut().unwrap().severity = "High".into();
    let values = &mut state.record.as_mut().unwrap().values;
    values.insert("impact".into(), "3".into());
    values.insert("urgency".into(), "3".into());
    let base = state.bases.iter_mut().find(|b| b.field == Field::Severity).unwrap();
    base.sentinel_seen = base.sentinel_seen.shows_another(Stamp(40), Stamp(50));
    base.servicenow_seen = base.servicenow_seen.shows_another(Stamp(60), Stamp(100));
    let made = go(&state, &world.ctx());
    assert_eq!(made.to_incident.len(), 1, "ServiceNow surely changed after Sentinel did");
}

#[test]
fn a_change_that_may_have_come_before_what_was_agreed_since_is_a_tie() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    // Sentinel's word of today went into the base while ServiceNow could not be read.
    let base = state.bases.iter_mut().find(|b| b.field == Field::Severity).unwrap();
    base.sentinel_seen = base.sentinel_seen.shows_another(Stamp(40), Stamp(50)).settled(Stamp(50));
    base.servicenow_seen = base.servicenow_seen.shows_another(Stamp(30), Stamp(100));
    let values = &mut state.record.as_mut().unwrap().values;
    values.insert("impact".into(), "3".into());
    values.insert("urgency".into(), "3".into());
    let made = go(&state, &world.ctx());
    assert_eq!((made.to_incident.len(), made.to_record.len()), (0, 1), "Sentinel wins a tie");
    let base = state.bases.iter_mut().find(|b| b.field == Field::Severity).unwrap();
    base.servicenow_seen.same = Stamp(60);
    assert_eq!(go(&state, &world.ctx()).to_incident.len(), 1, "ServiceNow moved after that");
}

#[test]
fn without_a_base_a_difference_is_a_persons_to_decide() {
    let world = World::new(TableSet::default_tables());
    let mut state = in_step(&world);
    state.bases.clear();
    state.incident.as_mut().unwrap().severity = "High".into();
    let made = go(&state, &world.ctx());
    assert!(made.writes_nothing());
    let base = made.bases.iter().find(|b| b.field == Field::Severity).unwrap();
    assert!(base.conflict.is_some());
    state = apply(&state, &made, &world.ctx());
    assert!(go(&state, &world.ctx()).bases.is_empty(), "said once, then it waits");
    let shown =
        preview(&state, &world.ctx(), &Verb::Resolve { field: Field::Severity, take: Side::Sentinel })
            .unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].side, shown[0].to.as_str()), (Side::ServiceNow, "1/1"));
    // Whatever was seen of the other side meanwhile.
    let base = state.bases.iter_mut().find(|b| b.field == Field::Severity).unwrap();
    base.sentinel_seen = base.sentinel_seen.shows_another(Stamp(30), Stamp(100));
    state.incident_seen = Stamp(200);
    let take = Verb::Resolve { field: Field::Severity, take: Side::ServiceNow };
    let shown = preview(&state, &world.ctx(), &take).unwrap();
    assert_eq!((shown.len(), shown[0].side, shown[0].to.as_str()), (1, Side::Sentinel, "Medium"));
}

#[test]
fn a_command_shows_both_sides() {
    let world = World::new(TableSet::default_tables());
    let state = in_step(&world);
    let close = Verb::Close { closure: Closure::FalsePositiveData, notes: "noise".into() };
    let shown = preview(&state, &world.ctx(), &close).unwrap();
    assert!(shown.iter().any(|s| s.side == Side::Sentinel && s.what == "status" && s.to == "Closed"));
    assert!(shown.iter().any(|s| s.side == Side::ServiceNow && s.what == "status" && s.to == "6"));
    assert!(shown.iter().any(|s| s.side == Side::ServiceNow && s.what == "close_notes" && s.to == "noise"));
    assert!(preview(&state, &world.ctx(), &Verb::Reopen).is_err());
    let owner = Verb::Owner { user: SysId::new("1".repeat(32)) };
    let shown = preview(&state, &world.ctx(), &owner).unwrap();
    assert_eq!(shown.len(), 2, "{shown:?}");
}
