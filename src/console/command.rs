//! From an analyst's wish to its plan, and from the plan to the durable command.

use super::action::ActionId;
use super::field_input::Input;
use super::model::Model;
use super::overlays::Overlay;
use super::overlays::choosing::{Choosing, Item, Value};
use super::overlays::closing::Closing;
use super::overlays::plan::{Act, Confirms, Plan, Write};
use super::overlays::writing::Writing;
use super::theme::Role;
use crate::mapping::{Directory, Tables};
use crate::model::settings::WorkspaceSettings;
use crate::model::view::{LinkView, Step};
use crate::model::{
    Closure, Command, CommandId, CommandState, Field, LinkId, LinkState, Severity, Shown, Side, Status,
    SysId, Verb, WorkspaceKey,
};
use crate::sync::{self, PlanContext};

/// `soc/4711 ↔ INC0010023`, safe to print.
pub(crate) fn subject(view: &LinkView) -> String {
    let record = if view.record_number.is_empty() {
        "no record yet".to_owned()
    } else {
        crate::text::escape_line(&view.record_number)
    };
    format!("{}/{} ↔ {record}", view.workspace, view.incident_number)
}

/// What a command wants, in words: `severity High for INC0010023`.
pub(crate) fn in_words(model: &Model, command: &Command) -> String {
    let what = match &command.verb {
        Verb::Severity { severity } => format!("severity {severity}"),
        Verb::Status { status } => format!("status {status}"),
        Verb::Owner { user } if user.is_empty() => "owner nobody".to_owned(),
        Verb::Owner { user } => format!("owner {}", user_name(model, command.link, user)),
        Verb::Comment { .. } => "comment".to_owned(),
        Verb::Close { closure, .. } => format!("close as {closure}"),
        Verb::Reopen => "reopen".to_owned(),
        Verb::Resolve { field, take } => format!("{} of {take}", field.label().to_lowercase()),
        Verb::Retry => "retry".to_owned(),
        Verb::Unlink => "unlink".to_owned(),
        Verb::Split => "split".to_owned(),
    };
    let on = model.links.get(command.link).map_or_else(|| format!("link {}", command.link), subject);
    format!("{what} for {on}")
}

fn user_name(model: &Model, link: LinkId, user: &SysId) -> String {
    let instance = model.links.get(link).map(|v| &v.instance);
    let users = instance.and_then(|i| model.users.get(i));
    let hit = users.and_then(|u| u.iter().find(|u| u.sys_id == *user));
    hit.map_or_else(|| user.to_string(), |u| u.name.line())
}

/// Everything a plan needs: settings, tables, directory and the link's state.
fn with_context<T>(
    model: &Model,
    link: LinkId,
    f: impl FnOnce(&LinkState, &PlanContext<'_>) -> T,
) -> Option<T> {
    let state = model.detail_of(link)?.state.as_ref()?;
    let workspace = workspace_of(model, state)?;
    let empty = Directory::default();
    let directory = model.directories.get(&state.link.instance).unwrap_or(&empty);
    let tables: &Tables = &model.tables;
    Some(f(state, &PlanContext { workspace, tables, directory }))
}

fn workspace_of<'a>(model: &'a Model, state: &LinkState) -> Option<&'a WorkspaceSettings> {
    model.setup.settings.workspace(&state.link.workspace)
}

/// Fills in the fields of the link that is known in full.
pub(crate) fn refresh_fields(model: &mut Model) {
    let id = model.detail.as_ref().map(|d| d.id);
    let fields = id.and_then(|id| with_context(model, id, sync::field_views));
    model.fields = fields.unwrap_or_default();
}

/// Starts one of the actions that end in a command. The link must be known in full.
pub(crate) fn start(model: &mut Model, link: LinkId, action: ActionId) {
    match action {
        ActionId::Severity => {
            let now = model.links.get(link).map(|v| v.severity.sentinel.line()).unwrap_or_default();
            let items = Severity::ALL.map(|s| {
                let note = if s.word().eq_ignore_ascii_case(&now) { "now" } else { "" };
                Item::new(s.word(), note, Value::Severity(s))
            });
            choose(model, link, "Severity", items.to_vec());
        }
        ActionId::Status => {
            let now = model.links.get(link).map(|v| v.status.sentinel.line()).unwrap_or_default();
            let items = Status::ALL.map(|s| {
                let note = match s {
                    Status::Closed => "asks for a classification",
                    s if s.word().eq_ignore_ascii_case(&now) => "now",
                    _ => "",
                };
                Item::new(s.word(), note, Value::Status(s))
            });
            choose(model, link, "Status", items.to_vec());
        }
        ActionId::Owner => choose_owner(model, link),
        ActionId::Resolve => choose_resolution(model, link),
        ActionId::Comment => {
            let text = model.drafts.get(&link).cloned().unwrap_or_default();
            let subject = model.links.get(link).map(subject).unwrap_or_default();
            model.overlays.push(Overlay::Writing(Writing { link, subject, input: Input::lines(&text) }));
        }
        ActionId::Close => open_closing(model, link),
        ActionId::Reopen => offer(model, link, Verb::Reopen),
        ActionId::Retry => offer(model, link, Verb::Retry),
        _ => {}
    }
}

fn choose(model: &mut Model, link: LinkId, title: &str, items: Vec<Item>) {
    let on = model.links.get(link).map(subject).unwrap_or_default();
    model.overlays.push(Overlay::Choosing(Choosing::new(format!("{title} of {on}"), Some(link), items)));
}

fn choose_owner(model: &mut Model, link: LinkId) {
    let instance = model.links.get(link).map(|v| v.instance.clone()).unwrap_or_default();
    let mut users: Vec<_> = model.users.get(&instance).into_iter().flatten().filter(|u| u.active).collect();
    users.sort_by_key(|u| u.name.raw().to_lowercase());
    let mut items: Vec<Item> = users
        .into_iter()
        .map(|u| {
            let address = if u.email.is_empty() { &u.user_name } else { &u.email };
            Item::new(u.name.line(), crate::text::escape_line(address), Value::Owner(u.sys_id.clone()))
        })
        .collect();
    items.push(Item::new("Nobody", "unassigns both sides", Value::Owner(SysId::default())));
    choose(model, link, "Owner", items);
}

fn choose_resolution(model: &mut Model, link: LinkId) {
    let mut items = Vec::new();
    for field in model.fields.iter().filter(|f| f.step == Step::Conflict) {
        for side in [Side::Sentinel, Side::ServiceNow] {
            let value = crate::text::fit(&field.shown.of(side).line(), 44);
            let value = if value.is_empty() { "(empty)".to_owned() } else { value };
            items.push(Item::new(
                format!("{}: take {side}'s", field.field.label()),
                value,
                Value::Resolve(field.field, side),
            ));
        }
    }
    if items.is_empty() {
        model.say(crate::model::view::Level::Info, "No field of it is in conflict any more.");
        return;
    }
    choose(model, link, "Conflict", items);
}

fn open_closing(model: &mut Model, link: LinkId) {
    let table = model.links.get(link).map(|v| v.table.clone()).unwrap_or_default();
    let codes = Closure::ALL
        .into_iter()
        .map(|closure| {
            let code = model.tables.closure_to_servicenow(&table, closure.word());
            let code = code.map_err(|_| "no row in the closure table".to_owned())?.value;
            let label = model.tables.closure_label(&table, &code).filter(|l| !l.is_empty() && *l != code);
            Ok(crate::text::escape_line(&label.map_or_else(|| code.clone(), |l| format!("{l} ({code})"))))
        })
        .collect();
    let subject = model.links.get(link).map(subject).unwrap_or_default();
    model.overlays.push(Overlay::Closing(Closing {
        link,
        subject,
        at: 0,
        notes: Input::lines(""),
        in_notes: false,
        codes,
    }));
}

/// Shows the plan of a verb, or why it is refused.
pub(crate) fn offer(model: &mut Model, link: LinkId, verb: Verb) {
    let planned = with_context(model, link, |state, ctx| {
        (state.link.workspace.clone(), sync::preview(state, ctx, &verb))
    });
    match planned {
        Some((workspace, preview)) => show_plan(model, link, workspace, verb, preview),
        None => {
            let text = "It cannot be planned here: this console's config does not name its workspace.";
            model.say(crate::model::view::Level::Warning, text);
        }
    }
}

/// Shows what a verb would write, or why it is refused.
pub(crate) fn show_plan(
    model: &mut Model,
    link: LinkId,
    workspace: WorkspaceKey,
    verb: Verb,
    preview: Result<Vec<Shown>, String>,
) {
    let command = |shown: Vec<Shown>| Command {
        id: CommandId::default(),
        workspace,
        link,
        verb: verb.clone(),
        shown,
        who: model.setup.who.clone(),
        at: model.now,
        state: CommandState::Pending,
        result: String::new(),
    };
    let place = place(model, link);
    let (writes, notes, act) = match preview {
        Err(why) => (Vec::new(), vec![(Role::Error, format!("Refused: {why}"))], None),
        Ok(shown) if shown.is_empty() && !matches!(verb, Verb::Retry | Verb::Resolve { .. }) => (
            Vec::new(),
            vec![(Role::Good, "Both sides have it so already; nothing would be written.".into())],
            None,
        ),
        Ok(shown) => {
            let writes = shown.iter().map(|s| write(model, link, s)).collect();
            let note = match (&verb, shown.is_empty()) {
                (Verb::Unlink, _) => {
                    "Nothing is deleted on either side; nothing crosses any more, and no new record is made."
                }
                (Verb::Split, _) => "It gets a record of its own; what was said stays where it was said.",
                (Verb::Retry, _) => "Failures and parked writes are forgotten; the next pass plans anew.",
                (_, true) => "Nothing is written; the value becomes the agreed one.",
                _ => "If a side changes before it is taken up, it comes back as stale and writes nothing.",
            };
            (writes, vec![(Role::Muted, note.into())], Some(Act::Command(Box::new(command(shown)))))
        }
    };
    let title = format!("Plan: {}", title(&verb));
    let plan = Plan {
        title,
        place,
        writes,
        notes,
        word: "Confirm",
        act,
        confirms: Confirms::Once,
        on_confirm: false,
    };
    model.overlays.push(Overlay::Plan(plan));
}

fn write(model: &Model, link: LinkId, shown: &Shown) -> Write {
    Write {
        side: Some(shown.side),
        what: Field::from_word(&shown.what).map_or_else(|| shown.what.clone(), |f| f.label().to_owned()),
        before: in_people_words(model, link, shown, &shown.from),
        after: in_people_words(model, link, shown, &shown.to),
    }
}

/// A raw value with the label or name that people know it by.
fn in_people_words(model: &Model, link: LinkId, shown: &Shown, raw: &str) -> String {
    let Some(view) = model.links.get(link).filter(|_| shown.side == Side::ServiceNow && !raw.is_empty())
    else {
        return raw.to_owned();
    };
    let label = match Field::from_word(&shown.what) {
        Some(Field::Owner) => Some(user_name(model, link, &SysId::new(raw))),
        Some(Field::Status) => model.tables.status_label(&view.table, raw).map(str::to_owned),
        Some(Field::Closure) => model.tables.closure_label(&view.table, raw).map(str::to_owned),
        _ => None,
    };
    match label {
        Some(label) if !label.is_empty() && label != raw && shown.what == Field::Owner.word() => label,
        Some(label) if !label.is_empty() && label != raw => format!("{label} ({raw})"),
        _ => raw.to_owned(),
    }
}

/// Where a plan happens: link, title, environment.
fn place(model: &Model, link: LinkId) -> Vec<String> {
    let Some(view) = model.links.get(link) else { return Vec::new() };
    let mut out = vec![subject(view), crate::text::fit(&view.title.line(), 120)];
    out.push(model.where_to(&view.workspace, &view.instance));
    out
}

fn title(verb: &Verb) -> String {
    match verb {
        Verb::Severity { severity } => format!("set severity to {severity}"),
        Verb::Status { status } => format!("set status to {status}"),
        Verb::Owner { user } if user.is_empty() => "unassign".into(),
        Verb::Owner { .. } => "assign".into(),
        Verb::Comment { .. } => "comment".into(),
        Verb::Close { closure, .. } => format!("close as {closure}"),
        Verb::Reopen => "reopen".into(),
        Verb::Resolve { field, take } => format!("take {take}'s {}", field.label().to_lowercase()),
        Verb::Retry => "retry".into(),
        Verb::Unlink => "unlink".into(),
        Verb::Split => "split off".into(),
    }
}
