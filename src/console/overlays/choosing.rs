//! A list to choose from; typing narrows it. The palette is one of them.

use ratatui::layout::Rect;

use super::Overlay;
use crate::console::action::{ACTIONS, ActionId, Group, Scope};
use crate::console::canvas::{Bit, Canvas, middle};
use crate::console::effect::Effects;
use crate::console::field_input::Input;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::{command, screens, update};
use crate::model::{Field, LinkId, Severity, Side, Status, SysId, Verb};
use crate::text;

/// What a line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Severity(Severity),
    Status(Status),
    Owner(SysId),
    Resolve(Field, Side),
    Action(ActionId),
    Cell(String),
}

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub label: String,
    pub note: String,
    pub disabled: Option<String>,
    pub value: Value,
}

impl Item {
    pub fn new(label: impl Into<String>, note: impl Into<String>, value: Value) -> Self {
        Self { label: label.into(), note: note.into(), disabled: None, value }
    }
}

/// The list.
pub(crate) struct Choosing {
    pub title: String,
    pub items: Vec<Item>,
    pub filter: Input,
    pub at: usize,
    /// The link it is about, if it is about one.
    pub link: Option<LinkId>,
    /// Set when a text of one's own may be chosen too: what is said behind it.
    pub open: Option<&'static str>,
    /// The text that was typed, as the last line, while no line stands for it.
    own: Option<Item>,
}

impl Choosing {
    pub fn new(title: impl Into<String>, link: Option<LinkId>, items: Vec<Item>) -> Self {
        Self { title: title.into(), items, filter: Input::line(""), at: 0, link, open: None, own: None }
    }

    /// Takes note that the filter changed.
    pub fn typed(&mut self) {
        self.at = 0;
        let text = self.filter.text().trim();
        let listed = |i: &Item| matches!(&i.value, Value::Cell(word) if word == text);
        self.own = match self.open {
            Some(note) if !text.is_empty() && !self.items.iter().any(listed) => {
                let label = format!("use \"{}\"", text::escape_line(text));
                Some(Item::new(label, note, Value::Cell(text.to_owned())))
            }
            _ => None,
        };
    }

    /// The lines that pass the filter, and then the text that was typed where it may be chosen.
    pub fn visible(&self) -> Vec<&Item> {
        let words: Vec<String> = self.filter.text().split_whitespace().map(str::to_lowercase).collect();
        self.items
            .iter()
            .filter(|i| {
                let hay = format!("{} {}", i.label, i.note).to_lowercase();
                words.iter().all(|w| hay.contains(w))
            })
            .chain(&self.own)
            .collect()
    }

    pub fn step(&mut self, by: i32) {
        self.at = super::moved(self.at, by, self.visible().len().saturating_sub(1));
    }
}

/// Every action by name, those that cannot run now with their reason.
pub(crate) fn palette(model: &Model) -> Choosing {
    let scopes = model.scopes();
    let listed = ACTIONS.iter().filter(|a| {
        !matches!(a.group, Group::Dialog | Group::Move) && a.scopes.iter().any(|s| scopes.contains(s))
    });
    Choosing::new("Actions", None, listed.map(|a| item(model, a)).collect())
}

/// What can be done with one incident.
pub(crate) fn menu(model: &Model) -> Choosing {
    let listed = ACTIONS.iter().filter(|a| a.scopes.contains(&Scope::Link) && a.id != ActionId::Menu);
    let title = model.target().map_or_else(String::new, command::subject);
    Choosing::new(title, None, listed.map(|a| item(model, a)).collect())
}

fn item(model: &Model, a: &'static crate::console::action::Action) -> Item {
    let key = a.keys.first().map(ToString::to_string).unwrap_or_default();
    let mut item = Item::new(format!("{key:<7} {}", a.title), a.name, Value::Action(a.id));
    item.disabled = (a.enabled)(model).err();
    item
}

/// Takes the marked line.
pub(super) fn choose(model: &mut Model, fx: &mut Effects) {
    let Some(Overlay::Choosing(list)) = model.overlays.last() else { return };
    let Some(item) = list.visible().get(list.at).map(|i| (*i).clone()) else { return };
    let link = list.link;
    if let Some(why) = item.disabled {
        model.say(crate::model::view::Level::Info, why);
        return;
    }
    model.overlays.pop();
    match (item.value, link) {
        (Value::Action(id), _) => update::run(model, id, fx),
        (Value::Cell(text), _) => screens::mappings::set_cell(model, &text),
        (Value::Severity(severity), Some(link)) => command::offer(model, link, Verb::Severity { severity }),
        (Value::Status(Status::Closed), Some(_)) => update::run(model, ActionId::Close, fx),
        (Value::Status(status), Some(link)) => command::offer(model, link, Verb::Status { status }),
        (Value::Owner(user), Some(link)) => command::offer(model, link, Verb::Owner { user }),
        (Value::Resolve(field, take), Some(link)) => {
            command::offer(model, link, Verb::Resolve { field, take });
        }
        _ => {}
    }
}

pub(super) fn draw(list: &Choosing, canvas: &mut Canvas<'_>, area: Rect) {
    let visible = list.visible();
    let widest = list
        .items
        .iter()
        .chain(&list.own)
        .map(|i| text::width(&i.label) + text::width(i.disabled.as_deref().unwrap_or(&i.note)) + 2)
        .max()
        .unwrap_or(0);
    let width = ((widest + 2).clamp(34, 76) + 4).min(u16::MAX as usize) as u16;
    let height = (list.items.len().max(visible.len()).min(16) + 4) as u16;
    let rect = middle(area, width, height);
    canvas.clear(rect, Role::Overlay);
    let line = canvas.style(Role::OverlayLine);
    let title = [canvas.look.bit(Role::Brand, list.title.clone())];
    let inside = canvas.frame(rect, &title, line);
    if inside.height < 2 {
        return;
    }
    draw_filter(list, visible.len() - usize::from(list.own.is_some()), canvas, inside);
    let rows = inside.height.saturating_sub(2);
    let top = (list.at + 1).saturating_sub(rows as usize);
    for (row, item) in visible.iter().skip(top).take(rows as usize).enumerate() {
        let y = inside.y + 2 + row as u16;
        let selected = top + row == list.at;
        let role = if item.disabled.is_some() { Role::Muted } else { Role::Text };
        let label = [Bit { text: item.label.clone(), style: canvas.style(role) }];
        let end = canvas.bits(inside.x + 1, y, inside.width.saturating_sub(2), &label);
        let note = item.disabled.as_deref().unwrap_or(&item.note);
        let room = (inside.right().saturating_sub(1)).saturating_sub(end + 2);
        let note = [canvas.look.bit(Role::Muted, note)];
        canvas.bits_right(end + 2, y, room, &note);
        if selected {
            let style = canvas.style(Role::Selected);
            canvas.restyle(Rect { y, height: 1, ..inside }, style);
            canvas.put(inside.x, y, 1, canvas.look.glyphs.bar(), style);
        }
    }
    if visible.is_empty() {
        let style = canvas.style(Role::Muted);
        canvas.put(inside.x + 1, inside.y + 2, inside.width, "nothing matches", style);
    }
}

fn draw_filter(list: &Choosing, hits: usize, canvas: &mut Canvas<'_>, inside: Rect) {
    let field = Rect { height: 1, width: inside.width.saturating_sub(8), ..inside };
    let hint = if list.open.is_some() { "type to filter, or another value" } else { "type to filter" };
    crate::console::widgets::input::draw_line(&list.filter, hint, canvas, field);
    let count = [canvas.look.bit(Role::Muted, format!("{hits}/{}", list.items.len()))];
    canvas.bits_right(inside.x, inside.y, inside.width, &count);
}
