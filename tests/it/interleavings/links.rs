//! Links that a person makes or ends: what is tied is tied once, what is ended stays ended, and neither writes
//! anything by itself.

use std::time::Duration;

use diptych::model::ledger::{Ask, Told};
use diptych::model::settings::StoreApp;
use diptych::model::{
    Command, CommandId, CommandState, Compared, Delivery, Field, IncidentId, InstanceKey, Life, Likeness,
    LinkOrder, LinkState, LinkVerb, Role, Shown, SysId, TableName, Verb,
};
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{IncidentAct, IncidentDraft, IncidentFacts};
use diptych::sandbox::servicenow::{DeskAct, RecordFacts};
use diptych::sandbox::side::Side;

use super::guards::key;
use super::{other_severity, quiet};
use crate::simulation::{Boundary, Setting, Simulation, WORKSPACE, store_app};

const MINUTE: Duration = Duration::from_secs(60);
/// Severities with impact and urgency, as the built-in table has them.
const WORDS: [(&str, [&str; 2]); 4] =
    [("High", ["1", "1"]), ("Medium", ["2", "2"]), ("Low", ["3", "2"]), ("Informational", ["3", "3"])];

fn writes(sim: &Simulation) -> (u64, u64) {
    (sim.writes(Side::Sentinel), sim.writes(Side::ServiceNow))
}

fn incident(sim: &Simulation, guid: &str) -> IncidentFacts {
    sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap()
}

fn record(sim: &Simulation, sys_id: &str) -> RecordFacts {
    sim.worlds().records.into_iter().find(|r| r.sys_id == sys_id).unwrap()
}

/// An incident that the filter keeps out, so that nothing is made for it.
fn raise(sim: &Simulation) -> String {
    let now = sim.world_time();
    let (title, severity) = ("Port scan".to_owned(), "Low".to_owned());
    let draft = IncidentDraft { title, severity, ..IncidentDraft::default() };
    sim.stage.with_sentinel(|s| s.raise(WORKSPACE, draft, now))
}

/// A record that somebody made by hand.
fn make(sim: &Simulation, title: &str, severity: &str) -> String {
    let [impact, urgency] = WORDS.iter().find(|(word, _)| *word == severity).unwrap().1;
    let fields = [
        ("short_description", title),
        ("impact", impact),
        ("urgency", urgency),
        ("state", "1"),
        ("caller_id", CAST[0].sys_id),
    ];
    let fields: Vec<(String, String)> = fields.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
    let now = sim.world_time();
    sim.stage.with_desk(|d| d.create("incident", &fields, CAST[0].user_name, now)).unwrap()
}

/// What a person is shown of an open pair, worked out from the worlds.
fn compare(sim: &Simulation, guid: &str, sys_id: &str, verb: LinkVerb) -> Vec<Compared> {
    let (i, r) = (incident(sim, guid), record(sim, sys_id));
    let field = |name: &str| r.fields[name].clone();
    let worded = |same: bool| match (same, verb) {
        (true, _) => Likeness::Equal,
        (false, LinkVerb::Adopt) => Likeness::Apart,
        (false, LinkVerb::Link) => Likeness::Conflict,
    };
    let ours = WORDS.iter().find(|(word, _)| *word == i.severity).unwrap().1.join("/");
    let severity = format!("{}/{}", field("impact"), field("urgency"));
    let plain = |same: bool| if same { Likeness::Equal } else { Likeness::Conflict };
    let line = |f: Field, sentinel: &str, servicenow: String, likeness: Likeness| Compared {
        field: f,
        sentinel: sentinel.to_owned(),
        servicenow,
        likeness,
    };
    let (title, text) = (field("short_description"), field("description"));
    assert_eq!((i.status.as_str(), field("state").as_str(), i.owner_upn.clone()), ("New", "1", None));
    let mut all = vec![
        line(Field::Title, &i.title, title.clone(), worded(title == i.title)),
        line(Field::Description, &i.description, text.clone(), worded(text == i.description)),
        line(Field::Severity, &i.severity, severity.clone(), plain(severity == ours)),
        line(Field::Status, "New", field("state"), Likeness::Equal),
        line(Field::Owner, "", String::new(), Likeness::Equal),
    ];
    all.sort_by_key(|c| c.field);
    all
}

fn order(sim: &Simulation, verb: LinkVerb, guid: &str, sys_id: &str) -> i64 {
    let order = LinkOrder {
        id: 0,
        workspace: key(),
        incident: IncidentId::new(guid),
        instance: InstanceKey::new("sn").unwrap(),
        table: TableName::new("incident").unwrap(),
        sys_id: SysId::new(sys_id),
        verb,
        shown: compare(sim, guid, sys_id, verb),
        who: "noor".into(),
        at: sim.world_time(),
        state: CommandState::Pending,
        result: String::new(),
    };
    sim.with_store(async |s| s.give_link_order(order).await).unwrap()
}

fn outcome(sim: &Simulation, id: i64) -> LinkOrder {
    sim.with_store(async |s| s.link_order(id).await).unwrap().unwrap()
}

fn links(sim: &Simulation, guid: &str) -> Vec<LinkState> {
    match sim.with_store(async |s| s.ask(Ask::ByIncident(key(), vec![IncidentId::new(guid)])).await) {
        Ok(Told::Links(links)) => links,
        other => panic!("{other:?}"),
    }
}

fn live(sim: &Simulation, guid: &str) -> LinkState {
    let mut all = links(sim, guid);
    all.retain(|s| s.link.life == Life::Live);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn unlink(sim: &Simulation, guid: &str) -> CommandId {
    let state = live(sim, guid);
    let from = state.record.as_ref().unwrap().number.clone();
    let side = diptych::model::Side::ServiceNow;
    let command = Command {
        id: CommandId(0),
        workspace: key(),
        link: state.link.id,
        verb: Verb::Unlink,
        shown: vec![Shown { side, what: "link".into(), from, to: "unlinked".into() }],
        who: "noor".into(),
        at: sim.world_time(),
        state: CommandState::Pending,
        result: String::new(),
    };
    sim.with_store(async |s| s.give_command(command).await).unwrap()
}

fn audit_of(sim: &Simulation, act: &str) -> usize {
    let chain = key().as_str().to_owned();
    let rows = sim.with_store(async |s| s.audit_rows(&chain, 0, 10_000).await).unwrap();
    rows.iter().filter(|r| r.draft.act == act && r.draft.who == "noor").count()
}

fn comment(sim: &Simulation, guid: &str, words: &str) {
    sim.act_in_sentinel(guid, &IncidentAct::Comment(format!("<p>{words}</p>")), &CAST[1]);
}

fn note(sim: &Simulation, sys_id: &str, words: &str) {
    sim.act_in_servicenow(sys_id, &DeskAct::WorkNote(words.into()), CAST[1].user_name);
}

fn is_noted(sim: &Simulation, sys_id: &str, words: &str) -> usize {
    record(sim, sys_id).journal.iter().filter(|j| j.value.contains(words)).count()
}

fn is_commented(sim: &Simulation, guid: &str, words: &str) -> usize {
    incident(sim, guid).comments.iter().filter(|c| c.message.contains(words)).count()
}

/// The boundaries at which a process is killed: before and after each of its first effects.
fn boundaries(most: u32) -> impl Iterator<Item = Boundary> {
    (0..most).flat_map(|effects| [false, true].map(|applied| Boundary { effects, applied }))
}

#[test]
fn a_pair_that_is_equal_is_tied_once_wherever_it_is_killed_and_nothing_is_written() {
    for boundary in boundaries(24).step_by(3) {
        let mut sim = quiet(2);
        let guid = raise(&sim);
        let sys_id = make(&sim, "Port scan", "Low");
        comment(&sim, &guid, "said before");
        note(&sim, &sys_id, "noted before");
        sim.run_for(MINUTE);
        assert_eq!(links(&sim, &guid), []);
        let before = writes(&sim);
        let id = order(&sim, LinkVerb::Link, &guid, &sys_id);
        sim.kill_at(0, boundary, Duration::from_secs(5));
        sim.run_for(MINUTE * 2);
        let done = outcome(&sim, id);
        assert_eq!(done.state, CommandState::Done, "{boundary:?}: {}", done.result);
        assert_eq!(writes(&sim), before, "{boundary:?}");
        let state = live(&sim, &guid);
        assert_eq!((links(&sim, &guid).len(), state.link.role), (1, Role::Primary));
        assert!(state.bases.iter().all(|b| b.conflict.is_none() && b.held.is_empty()), "{state:?}");
        assert_eq!(audit_of(&sim, "link"), 1, "{boundary:?}");
        // From then on it is a link as any other.
        sim.act_in_sentinel(&guid, &IncidentAct::Severity("High".into()), &CAST[0]);
        comment(&sim, &guid, "said after");
        note(&sim, &sys_id, "noted after");
        sim.run_for(MINUTE * 2);
        assert_eq!(record(&sim, &sys_id).fields["urgency"], "1");
        assert_eq!((is_noted(&sim, &sys_id, "said after"), is_commented(&sim, &guid, "noted after")), (1, 1));
        let crossed = (is_noted(&sim, &sys_id, "said before"), is_commented(&sim, &guid, "noted before"));
        assert_eq!(crossed, (0, 0), "{boundary:?}");
        sim.assert_idle(5);
    }
}

#[test]
fn what_differs_is_for_a_person_to_decide() {
    let mut sim = quiet(2);
    let guid = raise(&sim);
    let sys_id = make(&sim, "Somebody scans us", "High");
    sim.run_for(MINUTE);
    let before = writes(&sim);
    let id = order(&sim, LinkVerb::Link, &guid, &sys_id);
    sim.run_for(MINUTE * 5);
    let done = outcome(&sim, id);
    assert_eq!(done.state, CommandState::Done, "{}", done.result);
    assert!(done.result.contains("2 are to be decided"), "{}", done.result);
    assert_eq!(writes(&sim), before);
    let state = live(&sim, &guid);
    let open =
        |f: Field| state.base(f).is_some_and(|b| b.conflict.as_ref().is_some_and(|c| c.taken.is_none()));
    assert!(open(Field::Title) && open(Field::Severity), "{:?}", state.bases);
    assert!(!open(Field::Status) && !open(Field::Owner) && !open(Field::Description));
    // A later change of another field crosses.
    sim.act_in_sentinel(&guid, &IncidentAct::Status("Active".into()), &CAST[0]);
    sim.run_for(MINUTE * 2);
    assert_eq!(record(&sim, &sys_id).fields["state"], "2");
    assert_eq!(record(&sim, &sys_id).fields["short_description"], "Somebody scans us");
    sim.assert_idle(5);
}

#[test]
fn what_moved_since_it_was_shown_comes_back_as_stale() {
    let mut sim = quiet(2);
    let guid = raise(&sim);
    let sys_id = make(&sim, "Port scan", "Low");
    sim.run_for(MINUTE);
    let id = order(&sim, LinkVerb::Link, &guid, &sys_id);
    sim.act_in_sentinel(&guid, &IncidentAct::Severity("High".into()), &CAST[0]);
    sim.run_for(MINUTE);
    let stale = outcome(&sim, id);
    assert_eq!(
        (stale.state, stale.result.starts_with("severity moved")),
        (CommandState::Stale, true),
        "{stale:?}"
    );
    assert_eq!(links(&sim, &guid), []);
}

#[test]
fn nobody_gets_a_second_record_or_a_record_a_second_incident() {
    let mut sim = quiet(4);
    let linked: Vec<IncidentFacts> =
        sim.worlds().incidents.into_iter().filter(|i| i.status == "New" && i.owner_upn.is_none()).collect();
    let linked = linked.iter().find(|i| i.labels.iter().any(|l| l == "snow")).expect("an open one").clone();
    let (guid, sys_id) = (raise(&sim), make(&sim, "Port scan", "Low"));
    let theirs = sim.record_of(&linked.guid);
    sim.run_for(MINUTE);
    let link = live(&sim, &linked.guid).link.id;
    let before = writes(&sim);
    let taken = order(&sim, LinkVerb::Link, &guid, &theirs.sys_id);
    let bound = order(&sim, LinkVerb::Link, &linked.guid, &sys_id);
    let first = order(&sim, LinkVerb::Link, &guid, &sys_id);
    let second = order(&sim, LinkVerb::Link, &guid, &sys_id);
    sim.run_for(MINUTE);
    for (id, says) in [(taken, "belongs to incident"), (bound, "has link"), (second, "are tied already")] {
        let order = outcome(&sim, id);
        assert_eq!(order.state, CommandState::Refused);
        assert!(order.result.contains(says), "{}", order.result);
    }
    let ends = format!("links unlink {link}");
    assert!(outcome(&sim, taken).result.contains(&ends) && outcome(&sim, bound).result.contains(&ends));
    assert_eq!(outcome(&sim, first).state, CommandState::Done);
    assert_eq!(writes(&sim), before);
}

#[test]
fn what_was_unlinked_is_left_alone_wherever_it_is_killed() {
    for boundary in boundaries(16).step_by(3) {
        let mut sim = quiet(4);
        let all = sim.worlds().incidents;
        let guid = all.iter().find(|i| i.status == "New" && i.owner_upn.is_none()).unwrap().guid.clone();
        let sys_id = sim.record_of(&guid).sys_id;
        let id = unlink(&sim, &guid);
        sim.kill_at(0, boundary, Duration::from_secs(5));
        sim.run_for(MINUTE);
        let done = sim.with_store(async |s| s.command(id).await).unwrap().unwrap();
        assert_eq!(done.state, CommandState::Done, "{boundary:?}: {}", done.result);
        assert_eq!(audit_of(&sim, "unlink"), 1, "{boundary:?}");
        let before = writes(&sim);
        let records = sim.worlds().records.len();
        let severity = other_severity(&incident(&sim, &guid).severity);
        sim.act_in_sentinel(&guid, &IncidentAct::Severity(severity), &CAST[0]);
        comment(&sim, &guid, "said after");
        note(&sim, &sys_id, "noted after");
        sim.run_for(MINUTE * 2);
        sim.kill();
        sim.run_for(MINUTE * 5);
        assert_eq!(writes(&sim), before, "{boundary:?}");
        assert_eq!(sim.worlds().records.len(), records, "nothing is made or deleted");
        assert_eq!((is_noted(&sim, &sys_id, "said after"), is_commented(&sim, &guid, "noted after")), (0, 0));
        let all = links(&sim, &guid);
        assert_eq!((all.len(), all[0].link.life), (1, Life::Unlinked));
        sim.assert_idle(5);

        // A person may tie them again.
        let id = order(&sim, LinkVerb::Link, &guid, &sys_id);
        sim.run_for(MINUTE * 2);
        let done = outcome(&sim, id);
        assert_eq!(done.state, CommandState::Done, "{}", done.result);
        assert_eq!(writes(&sim), before);
        assert_eq!(live(&sim, &guid).link.ordinal, 1);
        comment(&sim, &guid, "said once more");
        sim.run_for(MINUTE * 2);
        assert_eq!(is_noted(&sim, &sys_id, "said once more"), 1);
        assert_eq!(is_noted(&sim, &sys_id, "said after"), 0);
        sim.assert_idle(5);
    }
}

#[test]
fn a_command_under_way_ends_with_its_link() {
    let mut sim = quiet(4);
    let all = sim.worlds().incidents;
    let guid = all.iter().find(|i| i.status == "New").unwrap().guid.clone();
    sim.cut_off(Side::Sentinel, MINUTE * 30);
    sim.run_for(MINUTE);
    let text = "said by command".to_owned();
    let shown = |side| Shown { side, what: "note".into(), from: String::new(), to: text.clone() };
    let said = Command {
        id: CommandId(0),
        workspace: key(),
        link: live(&sim, &guid).link.id,
        shown: [diptych::model::Side::Sentinel, diptych::model::Side::ServiceNow].map(shown).to_vec(),
        verb: Verb::Comment { text: text.clone() },
        who: "noor".into(),
        at: sim.world_time(),
        state: CommandState::Pending,
        result: String::new(),
    };
    let said = sim.with_store(async |s| s.give_command(said).await).unwrap();
    sim.run_for(MINUTE);
    let unlinked = unlink(&sim, &guid);
    sim.run_for(MINUTE);
    sim.kill();
    sim.run_for(MINUTE * 2);
    let state = |id| sim.with_store(async |s| s.command(id).await).unwrap().unwrap();
    let (said, unlinked) = (state(said), state(unlinked));
    assert_eq!(unlinked.state, CommandState::Done, "{}", unlinked.result);
    assert_eq!(said.state, CommandState::Refused, "it is not called done: {}", said.result);
}

#[test]
fn words_that_waited_are_not_sent_once_the_link_is_ended() {
    let mut sim = quiet(4);
    let all = sim.worlds().incidents;
    let guid = all.iter().find(|i| i.status == "New").unwrap().guid.clone();
    let sys_id = sim.record_of(&guid).sys_id;
    // Both come in the same pass; the command is looked at first.
    let id = unlink(&sim, &guid);
    comment(&sim, &guid, "said at the same moment");
    note(&sim, &sys_id, "noted at the same moment");
    sim.run_for(MINUTE * 3);
    assert_eq!(sim.with_store(async |s| s.command(id).await).unwrap().unwrap().state, CommandState::Done);
    let moment = "at the same moment";
    assert_eq!(
        (is_noted(&sim, &sys_id, &format!("said {moment}")), is_commented(&sim, &guid, moment)),
        (0, 1)
    );
    let state = links(&sim, &guid).remove(0);
    let waits = |d: Delivery| matches!(d, Delivery::Waiting | Delivery::Sending);
    assert!(state.entries.iter().all(|e| !waits(e.to_sentinel) && !waits(e.to_servicenow)));
    sim.assert_idle(5);
}

#[test]
fn a_record_of_the_store_app_is_adopted_by_order_and_nothing_is_doubled() {
    for (mode, role) in [(StoreApp::Ignore, Role::Primary), (StoreApp::Watch, Role::Watched)] {
        let faults = "none".into();
        let setting =
            Setting { seed: 21, incidents: 2, rate: 0.0, faults, store_app: mode, ..Setting::default() };
        let mut sim = Simulation::new(setting);
        sim.run_for(MINUTE * 2);
        let guid = raise(&sim);
        let now = sim.world_time();
        let facts = incident(&sim, &guid);
        let sys_id = sim.stage.with_desk(|d| store_app::make(d, &facts, 1, now));
        let missed = "said after the last pass of the app";
        sim.stage.with_sentinel(|s| {
            sim.stage.with_desk(|d| store_app::talk(s, d, (&guid, &sys_id), missed, now));
        });
        sim.run_for(MINUTE);
        assert_eq!(links(&sim, &guid), [], "the filter keeps it out");
        let before = writes(&sim);
        let id = order(&sim, LinkVerb::Adopt, &guid, &sys_id);
        sim.run_for(MINUTE * 3);
        let done = outcome(&sim, id);
        assert_eq!(done.state, CommandState::Done, "{}", done.result);
        assert_eq!(live(&sim, &guid).link.role, role);
        let heard = usize::from(role == Role::Primary);
        assert_eq!(is_commented(&sim, &guid, missed), heard, "{mode:?}");
        assert_eq!(is_noted(&sim, &sys_id, store_app::FROM_SENTINEL), 1);
        assert_eq!(is_commented(&sim, &guid, store_app::FROM_SERVICENOW), 1);
        assert_eq!(writes(&sim) == before, role == Role::Watched);
        // One that a person ended is not adopted again.
        unlink(&sim, &guid);
        sim.run_for(MINUTE);
        let id = order(&sim, LinkVerb::Adopt, &guid, &sys_id);
        sim.run_for(MINUTE);
        let again = outcome(&sim, id);
        assert_eq!(again.state, CommandState::Refused);
        assert!(again.result.contains("ended link"), "{}", again.result);
        sim.assert_idle(5);
    }
}
