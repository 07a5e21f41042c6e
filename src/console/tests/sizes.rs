//! No size, no text and no sequence of keys brings the console down or lets a control character
//! into a cell.

use super::sample::{self, keys, resize, with_detail};
use crate::console::action::{ACTIONS, ActionId};
use crate::console::{Code, Effect, Effects, Key, Model, Mouse, MouseKind, Msg, render, update};
use crate::text::{UntrustedText, is_hostile};

/// A model on every screen and in every dialog.
fn places() -> Vec<Model> {
    let scripts = [
        "",
        "j j Enter",
        "j j Enter Tab",
        "j j Enter Tab Tab",
        "2",
        "2 Tab Tab",
        "2 a e",
        "2 H",
        "3",
        "3 P",
        "?",
        ":",
        "j x",
        "S",
        "A",
        "C a b",
        "X",
        "j j V",
        "/ x",
        "j j j j S Enter",
    ];
    scripts
        .iter()
        .map(|script| {
            let mut model = sample::model("terminal");
            for id in [1, 3] {
                with_detail(&mut model, id);
            }
            keys(&mut model, script);
            model
        })
        .collect()
}

#[test]
fn every_place_at_every_small_size() {
    for mut model in places() {
        for height in 0..=14 {
            for width in 0..=44 {
                resize(&mut model, width, height);
                render(&model, width, height);
            }
        }
        for (width, height) in
            [(79, 15), (80, 16), (109, 9), (110, 24), (159, 30), (160, 12), (300, 80), (65_000, 1)]
        {
            resize(&mut model, width, height);
            render(&model, width, height);
        }
    }
}

#[test]
fn hostile_text_never_reaches_a_cell() {
    let nasty = "\u{1b}[2J\u{7}a\nb\tc\u{202e}d\u{200b}e\u{9b}31mf\u{feff}";
    let bad = || UntrustedText::from(nasty);
    let mut model = sample::model("terminal");
    let mut rows = sample::rows();
    for row in &mut rows {
        row.title = bad();
        row.why = nasty.into();
        row.record_number = nasty.into();
        for pair in [&mut row.severity, &mut row.status, &mut row.owner, &mut row.url] {
            (pair.sentinel, pair.servicenow) = (bad(), bad());
        }
    }
    let mut fx = Effects::default();
    update(&mut model, Msg::Links { rows, more: false }, &mut fx);
    update(&mut model, Msg::Say(crate::model::view::Level::Error, nasty.into()), &mut fx);
    model.setup.environment = nasty.into();
    let mut detail = sample::detail(1);
    for entry in detail.state.iter_mut().flat_map(|s| &mut s.entries) {
        (entry.author, entry.text, entry.reason) = (bad(), bad(), nasty.into());
    }
    for row in &mut detail.audit {
        (row.draft.before, row.draft.who, row.draft.why) = (nasty.into(), nasty.into(), nasty.into());
    }
    update(&mut model, Msg::Detail(Box::new(detail)), &mut fx);
    model.fields = sample::fields();
    for field in &mut model.fields {
        field.shown = crate::model::Pair::new(bad(), bad());
        field.rule = nasty.into();
    }
    for script in ["", "Enter", "Tab", "Tab", "Esc x", "Esc 3", "2", "v"] {
        keys(&mut model, script);
        for (width, height) in [(40, 12), (80, 24), (200, 50)] {
            resize(&mut model, width, height);
            let buf = render(&model, width, height);
            for cell in &buf.content {
                assert!(!cell.symbol().chars().any(is_hostile), "{script}: {:?}", cell.symbol());
            }
        }
    }
}

#[test]
fn random_keys_never_write_without_a_confirmation() {
    let mut rng = fastrand::Rng::with_seed(11);
    let confirm = crate::console::action::action(ActionId::Apply).keys[0];
    let pool: Vec<Key> = ACTIONS
        .iter()
        .flat_map(|a| a.keys.iter().copied())
        .filter(|k| *k != confirm && *k != Key::ctrl('c'))
        // Enter on a button that was moved to is a confirmation too; Resume and Sync now are
        // orders that are given at once.
        .filter(|k| !["Tab", "Left", "Right", "Shift-Tab", "3", "N"].contains(&k.to_string().as_str()))
        .collect();
    for round in 0..25 {
        let mut model = sample::model("terminal");
        with_detail(&mut model, 1);
        for press in 0..200 {
            let mut fx = Effects::default();
            let key = pool[rng.usize(0..pool.len())];
            update(&mut model, Msg::Key(key), &mut fx);
            if rng.u8(0..9) == 0 {
                let mouse = Mouse { kind: MouseKind::Press, x: rng.u16(0..90), y: rng.u16(0..30) };
                // The third tab leads to orders.
                if mouse.y > 0 {
                    update(&mut model, Msg::Mouse(mouse), &mut fx);
                }
            }
            for effect in fx.take() {
                assert!(
                    !matches!(
                        effect,
                        Effect::GiveCommand { .. } | Effect::GiveControl(_) | Effect::ApplyTables { .. }
                    ),
                    "round {round}: {key} gave {effect:?}"
                );
                if let Effect::LoadDetail(id) = effect {
                    with_detail(&mut model, id.0);
                }
            }
            if press % 10 == 0 {
                render(&model, 80, 24);
            }
        }
        for _ in 0..12 {
            keys(&mut model, "Esc");
        }
        assert!(model.overlays.is_empty() && model.screen == crate::console::model::Screen::Incidents);
    }
}

#[test]
fn a_paste_outside_a_text_field_presses_nothing() {
    let mut model = sample::model("terminal");
    let all: String = (0u8..=127).map(char::from).collect();
    let mut fx = Effects::default();
    update(&mut model, Msg::Paste(all), &mut fx);
    assert!(fx.as_slice().is_empty() && model.overlays.is_empty());
    assert!(model.toasts.last(1)[0].text.contains("Paste ignored"));
    assert_eq!(Key::plain(Code::Esc).text(), None);
}
