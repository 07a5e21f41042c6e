//! What people do, key by key, and what comes of it.

use std::time::Duration;

use super::pictures::plan;
use super::sample::{self, keys, resize, typed, with_detail};
use crate::console::action::{ACTIONS, ActionId, action, hints};
use crate::console::model::Screen;
use crate::console::overlays::Overlay;
use crate::console::{Dirty, Effect, Effects, Model, Msg, TableVersion, render, update};
use crate::mapping::TableSet;
use crate::model::view::{LaneState, Level, LinkView, Step, SurgeView};
use crate::model::{CommandId, CommandState, ControlVerb, Field, LinkId, Side};
use crate::text::Stamp;

fn send(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut fx = Effects::default();
    update(model, msg, &mut fx);
    fx.take()
}

fn last_toast(model: &Model) -> String {
    model.toasts.last(1).first().map(|t| t.text.clone()).unwrap_or_default()
}

fn text(model: &Model) -> String {
    crate::console::picture::lines(&render(model, model.size.0, model.size.1)).join("\n")
}

#[test]
fn a_plan_is_cancelled_by_default_and_confirmed_by_another_key() {
    for (script, gives) in [("Enter", false), ("Esc", false), ("S", false), ("y", true), ("Tab Enter", true)]
    {
        let mut model = sample::model("terminal");
        plan(&mut model);
        let fx = keys(&mut model, script);
        let given = fx.iter().any(|e| matches!(e, Effect::GiveCommand { .. }));
        assert_eq!(given, gives, "{script}");
    }
}

#[test]
fn a_command_is_followed_until_it_is_settled() {
    let mut model = sample::model("terminal");
    plan(&mut model);
    let fx = keys(&mut model, "y");
    let Some(Effect::GiveCommand { ticket, command }) = fx.first() else { panic!("{fx:?}") };
    assert_eq!((command.link, command.shown.len(), command.who.as_str()), (LinkId(3), 3, "noor"));
    assert!(text(&model).contains("◌"), "the row shows that something is under way");
    let fx = send(&mut model, Msg::CommandGiven { ticket: *ticket, result: Ok(CommandId(9)) });
    assert_eq!(fx, [Effect::Follow(CommandId(9))]);
    let mut now = (**command).clone();
    now.id = CommandId(9);
    for (state, said) in [(CommandState::Taken, "waits"), (CommandState::Stale, "Stale, nothing was written")]
    {
        now.state = state;
        now.result = "severity moved to High".into();
        send(&mut model, Msg::CommandNow(Box::new(now.clone())));
        assert!(last_toast(&model).contains(said), "{}", last_toast(&model));
    }
    assert!(model.tracked.is_empty());
    assert!(
        model.toasts.deadline().is_some_and(|_| model.toasts.last(1)[0].until.is_none()),
        "a warning stays"
    );
}

#[test]
fn the_selection_stays_on_its_link_and_its_line() {
    let mut rng = fastrand::Rng::with_seed(5);
    let mut model = sample::model("terminal");
    resize(&mut model, 80, 24);
    keys(&mut model, "j j j j j j");
    let id = model.incidents.selected.unwrap();
    for round in 0..300i64 {
        let line = model.links.place(id).unwrap() as i64 - model.incidents.top as i64;
        let mut rows: Vec<LinkView> = Vec::new();
        for _ in 0..rng.usize(1..4) {
            let mut row = sample::rows()[rng.usize(0..14)].clone();
            if row.id != id && rng.bool() {
                row.id = LinkId(100 + round);
            }
            if row.id != id {
                row.changed = sample::before(rng.u64(0..5000));
            }
            rows.push(row);
        }
        send(&mut model, Msg::Links { rows, more: false });
        assert_eq!(model.incidents.selected, Some(id));
        let after = model.links.place(id).unwrap() as i64 - model.incidents.top as i64;
        let clamped = model.incidents.top == 0 || model.incidents.top + 10 >= model.links.len();
        assert!(after == line || clamped || (after - line).abs() <= 2, "round {round}: {line} {after}");
    }
    assert!(text(&model).contains("new above"));
    keys(&mut model, "g");
    assert!(!text(&model).contains("new above"));
}

#[test]
fn the_filter_narrows_while_typing_and_escape_drops_it() {
    let mut model = sample::model("terminal");
    keys(&mut model, "/");
    typed(&mut model, "sev:high !ransom");
    assert!(text(&model).contains(" of 14"), "{}", text(&model));
    let with = model.links.len();
    keys(&mut model, "Enter");
    assert_eq!(model.links.len(), with);
    keys(&mut model, "Esc");
    assert_eq!(model.links.len(), 14);
    keys(&mut model, "/");
    typed(&mut model, "q?:1");
    assert_eq!(model.screen, Screen::Incidents, "letters are text here");
    assert!(model.overlays.is_empty());
}

#[test]
fn every_disabled_action_says_why() {
    let model = sample::model_with(|s| s.readonly = true);
    let mut empty = Model::new(sample::setup("terminal")).unwrap();
    for a in ACTIONS {
        for model in [&model, &empty] {
            if let Err(why) = (a.enabled)(model) {
                assert!(why.ends_with('.') && why.len() > 10, "{}: {why}", a.name);
            }
        }
    }
    for id in [ActionId::Severity, ActionId::Comment, ActionId::Close, ActionId::AddRow, ActionId::Pause] {
        let why = (action(id).enabled)(&model).unwrap_err();
        assert!(why.contains("read-only"), "{why}");
    }
    assert!(text(&model).contains("READ-ONLY"));
    keys(&mut empty, "S");
    assert!(last_toast(&empty).contains("Select an incident first"));
    for (place, id, reason) in [
        (0, ActionId::Reopen, "not closed"),
        (0, ActionId::Resolve, "No field"),
        (0, ActionId::Retry, "Nothing"),
        (3, ActionId::Severity, "does not exist yet"),
        (7, ActionId::Severity, "reopen it first"),
        (12, ActionId::Comment, "merged"),
    ] {
        let mut model = sample::model("terminal");
        keys(&mut model, &"j ".repeat(place));
        let why = (action(id).enabled)(&model).unwrap_err();
        assert!(why.contains(reason), "{id:?}: {why}");
    }
}

#[test]
fn read_only_holds_at_the_last_gate_too() {
    let mut model = sample::model("terminal");
    plan(&mut model);
    model.setup.readonly = true;
    let fx = keys(&mut model, "y");
    assert!(fx.is_empty(), "{fx:?}");
}

#[test]
fn the_footer_shows_nothing_that_does_nothing() {
    for script in ["", "j j Enter", "2", "3", "j x", "?"] {
        let mut model = sample::model("terminal");
        with_detail(&mut model, 3);
        keys(&mut model, script);
        for (key, word) in hints(&model) {
            let found = crate::console::action::lookup(&model, key).unwrap();
            assert!((found.enabled)(&model).is_ok() && found.hint.1 == word, "{key} {word}");
        }
    }
    for width in [40, 80, 120] {
        let mut model = sample::model("terminal");
        resize(&mut model, width, 24);
        let last = text(&model).lines().last().unwrap().to_owned();
        assert!(last.contains("? help") && last.contains(": actions"), "{last}");
    }
}

#[test]
fn tables_are_edited_checked_and_applied_with_a_reason() {
    let mut model = sample::model("terminal");
    keys(&mut model, "2 l l");
    assert!(!model.mappings.is_draft());
    keys(&mut model, "e");
    typed(&mut model, "9/9");
    assert!(model.mappings.editing.is_some());
    keys(&mut model, "Enter");
    assert!(model.mappings.is_draft() && text(&model).contains("DRAFT"));
    model.mappings.lints.clear();
    keys(&mut model, "W");
    typed(&mut model, "P1 is 9/9 here");
    keys(&mut model, "Enter");
    assert!(matches!(model.overlays.last(), Some(Overlay::Plan(_))));
    let mut fx = keys(&mut model, "y");
    if fx.is_empty() {
        // Warnings ask a second time.
        fx = keys(&mut model, "y");
    }
    let Some(Effect::ApplyTables { body, reason, parent }) = fx.first() else { panic!("{fx:?}") };
    assert!(TableSet::from_json(body).unwrap() == model.mappings.draft);
    assert_eq!((reason.as_str(), *parent), ("P1 is 9/9 here", 3));
    send(&mut model, Msg::TablesApplied(Ok(Err(4))));
    assert!(last_toast(&model).contains("version 4 came in between"), "{}", last_toast(&model));
    assert!(model.mappings.is_draft(), "the draft is not lost");
}

#[test]
fn errors_of_the_linter_stand_in_the_way() {
    let mut model = sample::model("terminal");
    keys(&mut model, "2 d");
    model.mappings.lints = vec![crate::mapping::Lint {
        table: crate::mapping::TableKind::Severity,
        row: None,
        level: crate::mapping::LintLevel::Error,
        code: "missing-row",
        message: "High has no row".into(),
        consequence: "High incidents are held.".into(),
    }];
    assert!((action(ActionId::ApplyTables).enabled)(&model).unwrap_err().contains("One error"));
    assert!(text(&model).contains("High has no row. High incidents are held."));
}

#[test]
fn a_newer_version_does_not_take_the_draft_away() {
    let mut model = sample::model("terminal");
    keys(&mut model, "2 d");
    let draft = model.mappings.draft.clone();
    let version = TableVersion {
        number: 4,
        parent: 3,
        author: "beth".into(),
        reason: "r".into(),
        at: sample::now(),
        tables: Ok(TableSet::default_tables()),
    };
    send(&mut model, Msg::Tables(vec![version]));
    assert!(model.mappings.draft == draft && last_toast(&model).contains("beth applied mapping version 4"));
    let fx = keys(&mut model, "Esc q");
    assert!(fx.is_empty(), "a draft is not left without a question");
    assert_eq!(keys(&mut model, "y"), [Effect::Quit]);
}

#[test]
fn pausing_asks_and_resuming_does_not() {
    let mut model = sample::model("terminal");
    assert!(keys(&mut model, "3 P").is_empty());
    let fx = keys(&mut model, "y");
    assert!(matches!(&fx[..], [Effect::GiveControl(c)] if c.verb == ControlVerb::Pause));
    model.workspaces[0].paused = true;
    let fx = keys(&mut model, "R");
    assert!(matches!(&fx[..], [Effect::GiveControl(c)] if c.verb == ControlVerb::Resume));
    assert!(keys(&mut model, "N").is_empty() && last_toast(&model).contains("resume it first"));
}

#[test]
fn a_mass_change_is_let_through_after_a_question_that_says_what_it_is() {
    let mut model = sample::model("terminal");
    resize(&mut model, 80, 24);
    assert!(
        keys(&mut model, "3 F").is_empty()
            && last_toast(&model).contains("No first plan, mass change or write waits")
    );
    let surge = |field, side, count| SurgeView { field: Some(field), side, count };
    model.workspaces[0].surges =
        vec![surge(Field::Status, Side::ServiceNow, 120), surge(Field::Owner, Side::Sentinel, 61)];
    let screen = text(&model);
    assert!(screen.contains("mass change waits: 120 × status in ServiceNow"), "{screen}");
    assert!(keys(&mut model, "F").is_empty());
    let asked = text(&model);
    assert!(asked.contains("Let through what waits") && asked.contains("61 × owner in Sentinel"), "{asked}");
    let fx = keys(&mut model, "y");
    assert!(matches!(&fx[..], [Effect::GiveControl(c)] if c.verb == ControlVerb::LetThrough));
}

#[test]
fn a_verb_waits_for_the_link_to_be_read() {
    let mut model = sample::model("terminal");
    let fx = keys(&mut model, "j A");
    assert!(fx.contains(&Effect::LoadDetail(LinkId(2))) && model.overlays.is_empty());
    with_detail(&mut model, 2);
    let Some(Overlay::Choosing(list)) = model.overlays.last() else { panic!("no list") };
    let labels: Vec<&str> = list.items.iter().map(|i| i.label.as_str()).collect();
    assert_eq!(
        labels,
        ["Beth Anglin", "Kenji 佐藤", "Noor Haddad", "Zoë Lindqvist", "Nobody"],
        "only active users"
    );
}

#[test]
fn a_comment_is_kept_when_its_dialog_is_left() {
    let mut model = sample::model("terminal");
    with_detail(&mut model, 1);
    keys(&mut model, "C");
    typed(&mut model, "half a thought");
    keys(&mut model, "Esc C");
    let Some(Overlay::Writing(w)) = model.overlays.last() else { panic!() };
    assert_eq!(w.input.text(), "half a thought");
}

#[test]
fn addresses_are_opened_only_when_they_are_web_pages() {
    let mut model = sample::model("terminal");
    assert!(matches!(&keys(&mut model, "o")[..], [Effect::OpenUrl(u)] if u.contains("/4723")));
    let mut row = sample::rows()[0].clone();
    row.url.sentinel = "file:///etc/passwd".into();
    send(&mut model, Msg::Links { rows: vec![row], more: false });
    assert!(keys(&mut model, "o").iter().all(|e| !matches!(e, Effect::OpenUrl(_))));
}

#[test]
fn nothing_is_drawn_while_nothing_changes() {
    let mut model = sample::model("terminal");
    render(&model, 80, 24);
    model.drawn();
    let due = model.next_deadline().unwrap();
    let mut t = sample::now();
    while t < due {
        send(&mut model, Msg::Clock(t));
        assert_eq!(model.dirty(), Dirty::Clean);
        t = t.plus(Duration::from_millis(700));
    }
    send(&mut model, Msg::Clock(due));
    assert_eq!(model.dirty(), Dirty::Data);
    let mut lease = model.leases.clone();
    model.drawn();
    lease[0].ends = lease[0].ends.plus(Duration::from_secs(60));
    send(&mut model, Msg::Leases(lease));
    assert_eq!(model.dirty(), Dirty::Clean, "a prolonged lease is no news");
}

#[test]
fn old_data_is_called_stale_and_a_lease_that_ended_is_said() {
    let mut model = sample::model("terminal");
    resize(&mut model, 120, 40);
    model.lanes.iter_mut().for_each(|l| l.error = None);
    model.lanes[1].state = crate::model::view::LaneState::Idle;
    model.leases[0].ends = Stamp(i64::MAX);
    send(&mut model, Msg::Clock(sample::now().plus(Duration::from_secs(120))));
    assert!(text(&model).contains("stale 2m"), "{}", text(&model));
    model.leases[0].ends = sample::now();
    assert!(text(&model).contains("nobody syncs"));
    send(&mut model, Msg::Store(Some("the store is busy".into())));
    assert!(text(&model).contains("store lost"));
    assert!(Step::ALL.iter().map(|s| model.links.count(*s)).sum::<u32>() == 14, "what was read stays");
}

#[test]
fn the_palette_finds_every_action_of_the_screen_by_name() {
    let mut model = sample::model("terminal");
    keys(&mut model, ":");
    typed(&mut model, "sort-reverse");
    keys(&mut model, "Enter");
    assert!(!model.links.sort().descending && model.overlays.is_empty());
}

#[test]
fn the_menu_opens_on_the_incident_screen_too() {
    let mut model = sample::model("terminal");
    keys(&mut model, "j j Enter");
    with_detail(&mut model, 3);
    keys(&mut model, "x");
    assert!(matches!(model.overlays.last(), Some(Overlay::Choosing(list)) if list.title.contains("4721")));
}

#[test]
fn messages_take_one_line_of_a_low_window() {
    for (height, lines) in [(24, 1), (30, 3)] {
        let mut model = sample::model("terminal");
        resize(&mut model, 80, height);
        for said in ["first words", "second words", "third words"] {
            send(&mut model, Msg::Say(Level::Warning, format!("{said} {}", "of many ".repeat(12))));
        }
        let picture = text(&model);
        let shown = picture.lines().filter(|l| l.contains(" words ")).count();
        assert_eq!(shown, lines, "{picture}");
        let last = picture.lines().rev().nth(1).unwrap();
        assert!(lines == 3 || last.contains("third words") && last.contains("(Esc)  and 2 more"), "{last}");
    }
}

#[test]
fn a_filter_says_which_prefix_is_no_field() {
    let mut model = sample::model("terminal");
    keys(&mut model, "/");
    typed(&mut model, "nope:xyz");
    assert!(text(&model).contains("nope: is no field"), "{}", text(&model));
    keys(&mut model, "Enter");
    assert!(text(&model).contains("nope: is no field"), "{}", text(&model));
}

#[test]
fn a_stopped_lane_is_named_by_its_word() {
    let mut model = sample::model("terminal");
    model.lanes[1].state = LaneState::Stopped;
    let side = model.lanes[1].side;
    assert!(text(&model).contains(&format!("{side} {}", LaneState::Stopped.word())), "{}", text(&model));
}
