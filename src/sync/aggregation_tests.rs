use super::*;
use crate::model::Life;

fn by(criteria: &[&[Part]]) -> Aggregation {
    Aggregation { by: criteria.iter().map(|c| c.to_vec()).collect(), ..Aggregation::default() }
}

fn incident(title: &str, severity: &str, rules: &[&str]) -> Incident {
    Incident {
        id: IncidentId::new(title),
        title: title.into(),
        severity: severity.into(),
        rules: rules.iter().map(|r| (*r).to_owned()).collect(),
        ..Incident::default()
    }
}

fn meet(a: &Incident, b: &Incident, aggregation: &Aggregation) -> bool {
    let keys = |i: &Incident| group_keys(i, aggregation, "");
    // Each has one of its own, whatever else it is.
    keys(a).intersection(&keys(b)).any(|key| !key.starts_with("own-"))
}

#[test]
fn all_fields_of_a_criterion_count_and_any_criterion() {
    let (a, b) = (incident("Port scan", "High", &["r1"]), incident("port  SCAN ", "Low", &["r1"]));
    assert!(meet(&a, &b, &by(&[&[Part::Title]])), "without case and blanks");
    assert!(!meet(&a, &b, &by(&[&[Part::Title, Part::Severity]])), "the second one counts, too");
    assert!(meet(&a, &b, &by(&[&[Part::Title, Part::Severity], &[Part::Rules, Part::Title]])));
    assert!(meet(&a, &b, &by(&[&[Part::Title, Part::Rules]])), "in any order");
    assert!(!meet(&a, &b, &by(&[])) && group_keys(&a, &by(&[]), "").is_empty());
}

#[test]
fn a_list_is_the_same_as_a_whole_and_nothing_is_the_same_as_nothing() {
    let rules = by(&[&[Part::Rules]]);
    let of = |r: &[&str]| incident("x", "High", r);
    assert!(meet(&of(&["r1", "r2"]), &of(&["r2", "r1"]), &rules));
    assert!(!meet(&of(&["r1", "r2"]), &of(&["r1"]), &rules), "a part of it is none of it");
    assert!(!meet(&of(&[]), &of(&[]), &rules));
    assert!(!meet(&of(&["r1 r2"]), &of(&["r1", "r2"]), &rules), "no two lists are spelt alike");
}

#[test]
fn the_comment_of_a_guest_leads_back_to_its_record_and_no_other_comment_does() {
    let keys = MarkerKeys::new([b"key".to_vec()]);
    let id = IncidentId::new("11111111-2222-3333-4444-555555555555");
    let record =
        Record { sys_id: SysId::new("a".repeat(32)), number: "INC0010001".into(), ..Record::default() };
    let text = joined_text(&id, &record, 7, &keys);
    assert_eq!(joined_record(&id, &text, &keys), Some(record.sys_id.clone()));
    assert_eq!(joined_record(&id, &format!("{text} and more"), &keys), None);
    assert_eq!(joined_record(&id, &text.replace("aaaa", "bbbb"), &keys), None, "another record");
    assert_eq!(joined_record(&IncidentId::new("other"), &text, &keys), None, "copied elsewhere");
}

fn link(id: i64, role: Role) -> LinkState {
    use crate::model::{InstanceKey, Link, LinkId, TableName, WorkspaceKey};
    let place =
        (InstanceKey::new("sn").unwrap(), TableName::new("incident").unwrap(), SysId::new("a".repeat(32)));
    let incident = IncidentId::new("11111111-2222-3333-4444-555555555555");
    let mut link = Link::new(WorkspaceKey::new("prod").unwrap(), incident, place, Stamp(0));
    (link.id, link.role, link.life) = (LinkId(id), role, Life::Live);
    LinkState::new(link)
}

fn beside(id: i64, role: Role, life: Life) -> Beside {
    Beside {
        link: crate::model::LinkId(id),
        incident: IncidentId::new("other"),
        role,
        life,
        frozen: false,
        sent: None,
        planned: false,
        markers: BTreeSet::new(),
    }
}

#[test]
fn a_guest_takes_no_place_that_a_primary_has_or_is_about_to_have() {
    let mut guest = link(2, Role::Attached);
    assert!(takes_over(&guest));
    for (life, takes) in
        [(Life::Creating, false), (Life::Live, false), (Life::Gone, true), (Life::Unlinked, true)]
    {
        guest.beside = vec![beside(1, Role::Primary, life)];
        assert_eq!(takes_over(&guest), takes, "{life:?}");
    }
}

#[test]
fn a_write_of_ours_settles_no_change_that_another_incident_has_not_taken() {
    let mut sibling = link(2, Role::Attached);
    let severity = Base::agreed(Field::Severity, "High", "1/1", Stamp(1));
    assert!(settles(&sibling, &severity, "1/1", false));
    assert!(
        !settles(&sibling, &severity, "2/2", false),
        "it was 2/2 before: somebody's change, not taken yet"
    );
    let status = |word: &str| Base::agreed(Field::Status, word, "2", Stamp(1));
    let mut incident = incident("x", "High", &[]);
    for (now, base, settled) in [
        ("Closed", "Closed", true),
        ("Closed", "Active", false),
        ("Active", "Closed", false),
        ("Active", "Active", false),
    ] {
        incident.status = now.into();
        (sibling.incident, sibling.bases) = (Some(incident.clone()), vec![status(base)]);
        assert_eq!(settles(&sibling, &sibling.bases[0], "2", true), settled, "{now} over {base}");
        assert!(settles(&sibling, &sibling.bases[0], "2", false), "what closes nothing");
    }
}

#[test]
fn words_of_a_link_that_ended_are_known_for_ours() {
    let keys = MarkerKeys::new([b"key".to_vec()]);
    let mut state = link(2, Role::Primary);
    let mark = keys.make(&IncidentId::new("other"), CommentOrigin::Sentinel.word(), "c1");
    let own = super::super::conversation::own_entry(
        &state,
        CommentOrigin::Sync,
        "x",
        "diptych",
        "said",
        Stamp(1),
        &keys,
    );
    let entry =
        Entry { origin: CommentOrigin::ServiceNow, to_sentinel: Delivery::Held, marker: mark.clone(), ..own };
    assert!(siblings_words(&state, std::slice::from_ref(&entry), &keys).is_empty(), "nobody's");
    let ended = Beside { markers: BTreeSet::from([mark]), ..beside(1, Role::Merged, Life::Unlinked) };
    state.beside = vec![ended];
    assert_eq!(siblings_words(&state, &[entry], &keys)[0].to_sentinel, Delivery::None);
}
