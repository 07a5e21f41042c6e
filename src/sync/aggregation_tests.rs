use super::*;

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
