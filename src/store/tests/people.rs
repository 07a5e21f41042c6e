//! What people write: commands, orders, mapping versions,
//! acts on the store itself.

use super::*;
use crate::model::ledger::{AuditDraft, CommandUpdate, LinkOrderUpdate};
use crate::model::{
    Command, CommandId, CommandState, Compared, Control, ControlVerb, Field, Likeness, LinkOrder, LinkVerb,
    Shown, Side, Verb,
};

fn command(link: LinkId) -> Command {
    Command {
        id: CommandId(0),
        workspace: ws("prod"),
        link,
        verb: Verb::Comment { text: "hello".into() },
        shown: vec![Shown {
            side: Side::Sentinel,
            what: "note".into(),
            from: String::new(),
            to: "hello".into(),
        }],
        who: "ana".into(),
        at: Stamp(1),
        state: CommandState::Pending,
        result: String::new(),
    }
}

#[tokio::test]
async fn orders_are_picked_up_oldest_first_and_then_are_done() {
    let (_dir, store, ids) = linked(1).await;
    let a = store.give_command(command(ids[0])).await.unwrap();
    let b = store.give_command(Command { state: CommandState::Done, ..command(ids[0]) }).await.unwrap();
    let pause =
        Control { id: 0, workspace: ws("prod"), verb: ControlVerb::Pause, who: "op".into(), at: Stamp(2) };
    let order = store.give_control(pause.clone()).await.unwrap();
    let Told::Orders(commands, controls, _) = store.ask(Ask::Orders(ws("prod"))).await.unwrap() else {
        panic!()
    };
    assert_eq!(commands, vec![Command { id: a, ..command(ids[0]) }, Command { id: b, ..command(ids[0]) }]);
    assert_eq!(controls, vec![Control { id: order, ..pause }]);

    let stale = CommandUpdate { id: a, state: CommandState::Stale, result: "severity moved".into() };
    let c = Commit { commands: vec![stale], controls_done: vec![order], ..prod() };
    commit(&store, c).await.unwrap();
    let Told::Orders(commands, controls, _) = store.ask(Ask::Orders(ws("prod"))).await.unwrap() else {
        panic!()
    };
    assert_eq!((commands.len(), controls.len()), (1, 0));
    let got = store.command(a).await.unwrap().unwrap();
    assert_eq!((got.state, got.result.as_str()), (CommandState::Stale, "severity moved"));
    let all = store.commands(ids[0], 9).await.unwrap();
    assert_eq!(all.iter().map(|c| c.id).collect::<Vec<_>>(), vec![b, a]);
    let astray = Command { workspace: ws("test"), ..command(ids[0]) };
    says(&store.give_command(astray).await.unwrap_err(), "not in test");
}

#[tokio::test]
async fn of_two_drafts_on_one_version_the_second_is_told_so() {
    let (_dir, store) = fresh().await;
    assert_eq!(store.ask(Ask::Mapping).await.unwrap(), Told::Mapping(None));
    store.seed_mapping("{}", Stamp(1)).await.unwrap();
    store.seed_mapping("{\"other\":1}", Stamp(1)).await.unwrap();
    assert_eq!(store.ask(Ask::Mapping).await.unwrap(), Told::Mapping(Some((1, "{}".into()))));
    assert_eq!(store.apply_mapping("{\"a\":1}", "ana", "P1", 1, Stamp(2)).await.unwrap(), Ok(2));
    assert_eq!(store.apply_mapping("{\"b\":1}", "bob", "P2", 1, Stamp(3)).await.unwrap(), Err(2));
    let history = store.mapping_history(9).await.unwrap();
    assert_eq!(history.iter().map(|m| (m.number, m.parent)).collect::<Vec<_>>(), vec![(2, 1), (1, 0)]);
    assert_eq!((history[0].author.as_str(), history[0].body.as_str()), ("ana", "{\"a\":1}"));
    let audit = store.audit_rows("store", 0, 9).await.unwrap();
    assert_eq!(audit.iter().map(|r| r.draft.who.as_str()).collect::<Vec<_>>(), vec!["diptych", "ana"]);
}

#[tokio::test]
async fn acts_on_the_store_have_a_chain_of_their_own() {
    let (_dir, store) = fresh().await;
    let draft = AuditDraft { who: "op".into(), act: "restore".into(), ..AuditDraft::default() };
    store.append_store_audit(draft.clone()).await.unwrap();
    let rows = store.audit_rows("store", 0, 9).await.unwrap();
    assert_eq!((rows[0].seq, &rows[0].draft), (1, &draft));
    let ask = Ask::TakeLease {
        workspace: ws("store"),
        holder: "me".into(),
        life_ms: 1,
        section_hash: String::new(),
        idle: None,
    };
    says(&store.ask(ask).await.unwrap_err(), "audit chain");
}

#[tokio::test]
async fn an_order_about_a_link_waits_until_its_outcome_is_committed() {
    let (_dir, store, ids) = linked(1).await;
    let Told::Links(links) = store.ask(Ask::ById(ids.clone())).await.unwrap() else { panic!() };
    let link = links[0].link.clone();
    let compared = Compared {
        field: Field::Title,
        sentinel: "a".into(),
        servicenow: "b".into(),
        likeness: Likeness::Conflict,
    };
    let order = LinkOrder {
        id: 0,
        workspace: ws("prod"),
        incident: link.incident.clone(),
        instance: link.instance.clone(),
        table: link.table.clone(),
        sys_id: link.sys_id.clone(),
        verb: LinkVerb::Adopt,
        shown: vec![compared],
        who: "ann".into(),
        at: Stamp(3),
        state: CommandState::Done,
        result: "ignored".into(),
    };
    let id = store.give_link_order(order.clone()).await.unwrap();
    let kept = LinkOrder { id, state: CommandState::Pending, result: String::new(), ..order };
    let pending = async || match store.ask(Ask::Orders(ws("prod"))).await.unwrap() {
        Told::Orders(_, _, links) => links,
        other => panic!("{other:?}"),
    };
    assert_eq!(pending().await, vec![kept.clone()]);
    let update = |id| LinkOrderUpdate { id, state: CommandState::Refused, result: "it has one".into() };
    let foreign = Commit { link_orders: vec![update(id + 1)], ..prod() };
    says(&commit(&store, foreign).await.unwrap_err(), "not its own");
    commit(&store, Commit { link_orders: vec![update(id)], ..prod() }).await.unwrap();
    assert_eq!(pending().await, vec![]);
    let got = store.link_order(id).await.unwrap().unwrap();
    assert_eq!((got.state, got.result.as_str()), (CommandState::Refused, "it has one"));
    assert_eq!(store.link_order(id + 1).await.unwrap(), None);
    let about = Ask::AboutRecord(link.instance, link.table, link.sys_id);
    assert_eq!(store.ask(about).await.unwrap(), Told::Links(links));
}
