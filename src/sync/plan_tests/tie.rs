//! Ties made by hand: what speaks against one, and what both sides agree on by it.

use super::settings;
use crate::mapping::{Directory, TableSet, Tables};
use crate::model::settings::Policies;
use crate::model::{
    CommentOrigin, Delivery, Entry, EntryId, Field, Incident, IncidentId, InstanceKey, Life, Likeness, Link,
    LinkId, LinkState, LinkVerb, Record, SysId, TableName, Verb, WorkspaceKey,
};
use crate::sync::tie::{Pairing, compared, first_bases, refusal, said_until_now};
use crate::sync::{PlanContext, plan, preview};
use crate::text::Stamp;

const GUID: &str = "11111111-2222-3333-4444-555555555555";
const OTHER: &str = "99999999-2222-3333-4444-555555555555";

fn incident() -> Incident {
    Incident {
        id: IncidentId::new(GUID),
        number: 7,
        title: "Port scan".into(),
        severity: "Low".into(),
        status: "New".into(),
        ..Incident::default()
    }
}

fn record(correlation: Option<&str>) -> Record {
    let values = [("short_description", "Port scan"), ("description", ""), ("impact", "3"), ("urgency", "2")];
    let mut values: Vec<(&str, &str)> = values.to_vec();
    values.extend([("state", "1"), ("assigned_to", "")]);
    values.extend(correlation.map(|c| ("correlation_id", c)));
    Record {
        table: TableName::new("incident").unwrap(),
        sys_id: SysId::new("a".repeat(32)),
        number: "INC0010001".into(),
        values: values.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        ..Record::default()
    }
}

fn tied(id: i64, guid: &str, sys_id: &str, life: Life) -> LinkState {
    let key =
        (InstanceKey::new("sn").unwrap(), TableName::new("incident").unwrap(), SysId::new(sys_id.repeat(32)));
    let link = Link::new(WorkspaceKey::new("prod").unwrap(), IncidentId::new(guid), key, Stamp(0));
    let mut state = LinkState::new(Link { id: LinkId(id), life, ..link });
    state.record = Some(record(Some("")));
    state
}

fn context<T>(use_it: impl FnOnce(&PlanContext<'_>) -> T) -> T {
    let tables = Tables::compile(&TableSet::default_tables());
    let mut directory = Directory::new();
    directory.mark_complete();
    let workspace = settings(Policies::default());
    use_it(&PlanContext { workspace: &workspace, tables: &tables, directory: &directory })
}

fn why(verb: LinkVerb, record: &Record, of: [&[LinkState]; 2]) -> String {
    let incident = incident();
    let pair = Pairing { verb, incident: &incident, record, of_incident: of[0], of_record: of[1] };
    context(|ctx| refusal(&pair, ctx)).unwrap_or_default()
}

#[test]
fn one_incident_has_one_link_and_one_record_one_incident() {
    let free = record(Some(""));
    assert_eq!(why(LinkVerb::Link, &free, [&[], &[]]), "");
    for life in [Life::Creating, Life::Live, Life::Gone] {
        let bound = why(LinkVerb::Link, &free, [&[tied(3, GUID, "b", life)], &[]]);
        assert!(bound.contains("links unlink 3"), "{bound}");
        let taken = why(LinkVerb::Link, &free, [&[], &[tied(4, OTHER, "a", life)]]);
        assert!(taken.contains("INC0010001 belongs to") && taken.contains("links unlink 4"), "{taken}");
    }
    let ended = [tied(3, GUID, "a", Life::Unlinked)];
    assert_eq!(why(LinkVerb::Link, &free, [&ended, &ended]), "");
    let apps = record(Some(&format!("Sentinel-{GUID}")));
    assert!(why(LinkVerb::Adopt, &apps, [&ended, &ended]).contains("links link"));
    assert_eq!(why(LinkVerb::Adopt, &apps, [&[], &[]]), "");
}

#[test]
fn a_record_that_names_another_incident_is_not_tied() {
    let says = |correlation: &str| why(LinkVerb::Link, &record(Some(correlation)), [&[], &[]]);
    let key = context(|ctx| ctx.workspace.key.as_str().to_owned());
    assert_eq!(says(&format!("diptych:{key}:{GUID}")), "");
    assert_eq!(says(GUID), "");
    assert_eq!(says("of some other tool"), "");
    assert!(says(&format!("diptych:other:{GUID}")).contains("workspace other"));
    assert!(says(&format!("Sentinel-elsewhere-{GUID}")).contains("workspace elsewhere"));
    for other in [format!("diptych:{key}:{OTHER}"), OTHER.to_owned(), format!("Sentinel-{OTHER}")] {
        assert!(says(&other).contains(OTHER), "{other}");
    }
    // Whose link to it a person ended has let go of it.
    let freed = record(Some(&format!("diptych:{key}:{OTHER}")));
    assert_eq!(why(LinkVerb::Link, &freed, [&[], &[tied(4, OTHER, "a", Life::Unlinked)]]), "");
    assert!(why(LinkVerb::Link, &record(None), [&[], &[]]).contains("may not read"));
    assert!(why(LinkVerb::Adopt, &record(Some("")), [&[], &[]]).contains("no id of the store app"));
}

#[test]
fn what_is_equal_is_agreed_on_and_what_differs_is_a_conflict() {
    let likeness = |incident: Incident, record: Record, verb: LinkVerb| {
        let mut state = tied(0, GUID, "a", Life::Live);
        (state.incident, state.record) = (Some(incident), Some(record));
        context(|ctx| {
            let bases = first_bases(&state, ctx, verb, Stamp(5)).unwrap();
            let settled = LinkState { bases: bases.clone(), ..state.clone() };
            let next = plan(&settled, ctx, Stamp(6));
            assert!(next.writes_nothing(), "{next:?}");
            compared(&state, ctx, &bases).into_iter().map(|c| (c.field, c.likeness)).collect::<Vec<_>>()
        })
    };
    let of = |all: &[(Field, Likeness)], field: Field| all.iter().find(|(f, _)| *f == field).unwrap().1;
    let equal = likeness(incident(), record(Some("")), LinkVerb::Link);
    assert!(equal.iter().all(|(_, l)| *l == Likeness::Equal), "{equal:?}");
    let closed = Incident {
        title: "Another".into(),
        severity: "High".into(),
        status: "Closed".into(),
        classification: "Undetermined".into(),
        ..incident()
    };
    let differ = likeness(closed.clone(), record(Some("")), LinkVerb::Link);
    for field in [Field::Title, Field::Severity, Field::Status] {
        assert_eq!(of(&differ, field), Likeness::Conflict, "{field}");
    }
    assert_eq!(of(&differ, Field::Description), Likeness::Equal);
    let apps = likeness(closed, record(Some(GUID)), LinkVerb::Adopt);
    assert_eq!((of(&apps, Field::Title), of(&apps, Field::Status)), (Likeness::Apart, Likeness::Conflict));
}

#[test]
fn what_was_said_before_a_link_stays_where_it_was_said() {
    let mut state = tied(0, GUID, "a", Life::Live);
    let entry = |n: i64, to_sentinel, to_servicenow| Entry {
        id: EntryId(n),
        link: LinkId(-1),
        origin: CommentOrigin::ServiceNow,
        origin_id: n.to_string(),
        author: "ada".into(),
        at: Stamp(n),
        text: "x".into(),
        sentinel_id: String::new(),
        to_sentinel,
        marker: String::new(),
        journal_id: String::new(),
        to_servicenow,
        reason: String::new(),
    };
    state.entries =
        vec![entry(1, Delivery::Waiting, Delivery::None), entry(2, Delivery::Held, Delivery::Delivered)];
    let quiet = said_until_now(&state, LinkVerb::Link, &Directory::new());
    assert!(quiet.iter().all(|e| e.to_sentinel == Delivery::None), "{quiet:?}");
    assert_eq!(quiet[1].to_servicenow, Delivery::Delivered);
}

#[test]
fn an_ended_link_takes_no_command() {
    let mut state = tied(3, GUID, "a", Life::Live);
    (state.incident, state.record) = (Some(incident()), Some(record(Some(""))));
    let shown = context(|ctx| preview(&state, ctx, &Verb::Unlink)).unwrap();
    assert_eq!((shown[0].what.as_str(), shown[0].from.as_str()), ("link", "INC0010001"));
    for life in [Life::Creating, Life::Gone] {
        let other = tied(3, GUID, "a", life);
        assert!(context(|ctx| preview(&other, ctx, &Verb::Unlink)).is_ok(), "{life:?}");
    }
    state.link.life = Life::Unlinked;
    for verb in [Verb::Unlink, Verb::Retry, Verb::Reopen, Verb::Comment { text: "x".into() }] {
        let why = context(|ctx| preview(&state, ctx, &verb)).unwrap_err();
        assert!(why.contains("ended this link"), "{why}");
    }
}
