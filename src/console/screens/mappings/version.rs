//! Versions: what a draft changes, applying it with a reason, undoing, history.

use super::check;
use crate::console::field_input::Input;
use crate::console::model::Model;
use crate::console::msg::TableVersion;
use crate::console::overlays::Overlay;
use crate::console::overlays::plan::{Act, Confirms, Plan, Write};
use crate::console::overlays::reading::Reading;
use crate::console::overlays::writing::{Asking, Question};
use crate::console::theme::Role;
use crate::mapping::{self, LintLevel, RowDiff, TableSet, Tables};
use crate::model::view::Level;
use crate::text;

/// Takes the versions as the store has them, newest first. A draft stays as it is; it is a
/// warning when somebody else's version came in after the one that the draft is made from.
pub(crate) fn take_versions(model: &mut Model, versions: Vec<TableVersion>) {
    let was_draft = model.mappings.is_draft();
    let before = model.mappings.current.as_ref().map(|v| v.number);
    model.mappings.history = versions;
    let current = model.mappings.history.first().cloned();
    let changed = current.as_ref().map(|v| v.number) != before;
    if let Some(version) = &current {
        match &version.tables {
            Ok(tables) => model.tables = Tables::compile(tables),
            Err(why) => {
                let text = format!("Mapping version {} cannot be read: {why}", version.number);
                model.say(Level::Error, text);
            }
        }
    }
    model.mappings.current = current;
    if !was_draft {
        super::discard(model);
    } else if !model.mappings.is_draft() {
        // What was applied here comes back from the store.
        model.mappings.based_on = model.mappings.current.as_ref().map_or(0, |v| v.number);
    } else if changed
        && let Some(version) = model.mappings.current.clone()
        && version.number != model.mappings.based_on
    {
        let text = format!(
            "{} applied mapping version {} meanwhile; your draft is made from version {}.",
            text::escape_line(&version.author),
            version.number,
            model.mappings.based_on
        );
        model.say(Level::Warning, text);
    }
    check(model);
    crate::console::command::refresh_fields(model);
}

fn writes(diff: &[RowDiff]) -> Vec<Write> {
    diff.iter()
        .map(|d| Write {
            side: None,
            what: d.table.label().to_owned(),
            before: d.before.clone().unwrap_or_else(|| "(new row)".into()),
            after: d.after.clone().unwrap_or_else(|| "(row deleted)".into()),
        })
        .collect()
}

pub(super) fn show_diff(model: &mut Model) {
    let Some(now) = model.mappings.in_force() else { return };
    let mut lines = Vec::new();
    for d in mapping::diff(now, &model.mappings.draft) {
        lines.push(vec![(Role::Heading, d.table.label().to_owned())]);
        if let Some(before) = d.before {
            lines.push(vec![(Role::Error, "  - ".into()), (Role::Before, before)]);
        }
        if let Some(after) = d.after {
            lines.push(vec![(Role::Good, "  + ".into()), (Role::Changed, after)]);
        }
    }
    let title = format!("Draft against version {}", model.mappings.based_on);
    model.overlays.push(Overlay::Reading(Reading { title, lines, top: 0 }));
}

pub(super) fn show_history(model: &mut Model) {
    let mut lines = Vec::new();
    for v in &model.mappings.history {
        lines.push(vec![
            (Role::Key, format!("{:>4}  ", v.number)),
            (Role::Muted, format!("{}  ", v.at.short())),
            (Role::Text, text::pad(&text::escape_line(&v.author), 18)),
            (Role::Text, format!("  {}", text::escape_line(&v.reason))),
        ]);
    }
    if lines.is_empty() {
        lines.push(vec![(Role::Muted, "No version was applied yet.".into())]);
    }
    model.overlays.push(Overlay::Reading(Reading { title: "Mapping versions".into(), lines, top: 0 }));
}

pub(super) fn ask_discard(model: &mut Model) {
    let diff = model.mappings.in_force().map(|t| mapping::diff(&model.mappings.draft, t)).unwrap_or_default();
    model.overlays.push(Overlay::Plan(Plan {
        title: "Discard the draft".into(),
        place: vec!["Only this console's draft goes; nothing that was applied changes.".into()],
        writes: writes(&diff),
        notes: Vec::new(),
        word: "Discard",
        act: Some(Act::DiscardTables),
        confirms: Confirms::Once,
        on_confirm: false,
    }));
}

pub(super) fn ask_reason(model: &mut Model, question: Question) {
    let title = match question {
        Question::WhyApply => "Why is this changed?",
        Question::WhyUndo => "Why is it undone?",
    };
    let input = Input::line("");
    model.overlays.push(Overlay::Asking(Asking { question, title: title.into(), input }));
}

/// Shows what a new version would change, and what is doubtful about it.
pub(crate) fn offer(model: &mut Model, question: Question, reason: &str) {
    let Some(now) = model.mappings.in_force().cloned() else { return };
    let parent = model.mappings.current.as_ref().map_or(0, |v| v.number);
    let (tables, title): (TableSet, String) = match question {
        Question::WhyApply => (model.mappings.draft.clone(), "Apply the draft as a new version".into()),
        Question::WhyUndo => {
            let Some(before) = model.mappings.parent() else { return };
            let Ok(tables) = before.tables.clone() else { return };
            (tables, format!("Undo: apply version {} again as a new version", before.number))
        }
    };
    let body = match tables.to_json() {
        Ok(body) => body,
        Err(why) => {
            model.say(Level::Error, format!("The tables cannot be written: {why}"));
            return;
        }
    };
    let lints = mapping::lint(&tables, &super::context(model));
    let warnings: Vec<_> = lints.iter().filter(|l| l.level == LintLevel::Warning).collect();
    let mut notes: Vec<(Role, String)> =
        warnings.iter().map(|l| (Role::Warning, format!("{}: {}", l.message, l.consequence))).collect();
    notes.push((Role::Text, format!("Reason: {}", text::escape_line(reason))));
    notes.push((
        Role::Muted,
        "The running sync uses it from its next pass on, for new changes and held values; agreed fields stay.".into(),
    ));
    let base = if question == Question::WhyApply { model.mappings.based_on } else { parent };
    model.overlays.push(Overlay::Plan(Plan {
        title,
        place: vec![model.named(format!("mapping version {parent} is in force"))],
        writes: writes(&mapping::diff(&now, &tables)),
        notes,
        word: "Apply",
        act: Some(Act::ApplyTables { body, reason: reason.to_owned(), parent: base }),
        confirms: if warnings.is_empty() { Confirms::Once } else { Confirms::Twice },
        on_confirm: false,
    }));
}

/// Says what came of applying.
pub(crate) fn applied(model: &mut Model, result: Result<Result<i64, i64>, String>) {
    match result {
        Ok(Ok(version)) => {
            model.mappings.based_on = version;
            // What was applied is the draft until the store's own reading of it arrives.
            model.say(Level::Change, format!("Mapping version {version} is in force from the next pass on."));
        }
        Ok(Err(now)) => {
            model.mappings.based_on = now;
            let text = format!(
                "Nothing was applied: version {now} came in between. The difference now shows your draft against it; apply again when it is right."
            );
            model.say(Level::Warning, text);
        }
        Err(why) => model.say(Level::Error, format!("The tables were not applied: {why}")),
    }
}
