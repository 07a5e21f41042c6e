//! Every screen at four sizes, and the dialogs.

use super::sample::{self, keys, resize, typed, with_detail};
use super::snapshot;
use crate::console::{Model, render};
use crate::model::{LinkId, Severity, Shown, Side, Verb};

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 50)];

/// A name and how to get there.
type Scene = (&'static str, fn(&mut Model));

/// Every screen.
fn scenes() -> Vec<Scene> {
    vec![
        ("incidents", |m| {
            keys(m, "j j");
            with_detail(m, 3);
        }),
        ("fields", |m| {
            keys(m, "j j Enter");
            with_detail(m, 3);
            keys(m, "j");
        }),
        ("conversation", |m| {
            keys(m, "j j Enter Tab");
            with_detail(m, 3);
        }),
        ("history", |m| {
            keys(m, "j j Enter Tab Tab");
            with_detail(m, 3);
        }),
        ("mappings", |m| {
            keys(m, "2 Tab j j");
        }),
        ("sync", |m| {
            keys(m, "3");
        }),
    ]
}

fn dialogs() -> Vec<Scene> {
    vec![
        ("plan", plan),
        ("close", |m| {
            keys(m, "j j");
            with_detail(m, 3);
            keys(m, "X Down Enter");
            typed(m, "Expected: the pay run of November.");
        }),
        ("menu", |m| {
            keys(m, "j j");
            with_detail(m, 3);
            keys(m, "x");
        }),
        ("help", |m| {
            keys(m, "?");
        }),
        ("owner", |m| {
            with_detail(m, 1);
            keys(m, "A");
            typed(m, "zoe");
        }),
        ("comment", |m| {
            with_detail(m, 1);
            keys(m, "C");
            typed(m, "Called the user: ");
            keys(m, "Enter");
            typed(m, "not travelling.");
        }),
    ]
}

pub fn plan(m: &mut Model) {
    keys(m, "j j");
    with_detail(m, 3);
    let shown = |side, what: &str, from: &str, to: &str| Shown {
        side,
        what: what.into(),
        from: from.into(),
        to: to.into(),
    };
    let preview = Ok(vec![
        shown(Side::Sentinel, "severity", "Medium", "High"),
        shown(Side::ServiceNow, "impact", "2", "1"),
        shown(Side::ServiceNow, "urgency", "2", "1"),
    ]);
    let verb = Verb::Severity { severity: Severity::High };
    crate::console::command::show_plan(m, LinkId(3), sample::soc(), verb, preview);
}

#[test]
fn every_screen_at_every_size() {
    for (name, go) in scenes() {
        for (width, height) in SIZES {
            let mut model = sample::model("terminal");
            resize(&mut model, width, height);
            go(&mut model);
            snapshot::check(&format!("{name}-{width}x{height}"), &render(&model, width, height));
        }
    }
}

#[test]
fn every_dialog() {
    for (name, go) in dialogs() {
        let mut model = sample::model("terminal");
        go(&mut model);
        snapshot::check(&format!("{name}-80x24"), &render(&model, 80, 24));
    }
}

#[test]
fn without_colour_and_without_unicode() {
    let mut model = sample::model_with(|s| {
        s.theme = "mono".into();
        s.ascii = true;
        s.readonly = true;
    });
    keys(&mut model, "j");
    let buf = render(&model, 80, 24);
    snapshot::check("ascii-80x24", &buf);
    let selected = buf.cell((4, 6)).unwrap();
    assert!(selected.modifier.contains(ratatui::style::Modifier::REVERSED), "the selected row is reversed");
}

/// Writes every scene as SVG into the folder that `PICTURES` names, to look at.
#[test]
fn pictures_to_look_at() {
    let Some(dir) = std::env::var_os("PICTURES").map(std::path::PathBuf::from) else { return };
    for theme in ["dark", "terminal", "light", "high-contrast"] {
        for (name, go) in scenes().into_iter().chain(dialogs()) {
            for (width, height) in [(80, 24), (120, 36), (200, 50)] {
                let mut model = sample::model(theme);
                resize(&mut model, width, height);
                go(&mut model);
                let svg = crate::console::picture::svg(&render(&model, width, height), &model.look.theme);
                std::fs::write(dir.join(format!("{theme}-{name}-{width}.svg")), svg).unwrap();
            }
        }
    }
}
