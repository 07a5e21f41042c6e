//! What was done to this link: commands under way on top, then the audit, newest first.

use ratatui::layout::Rect;

use crate::console::canvas::{Bit, Canvas};
use crate::console::command::in_words;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::model::ledger::AuditRow;
use crate::model::{Command, CommandState, Field};
use crate::text;

fn command_line(model: &Model, command: &Command) -> Vec<Bit> {
    let look = &model.look;
    let role = match command.state {
        CommandState::Pending | CommandState::Taken => Role::Pending,
        CommandState::Done => Role::Good,
        CommandState::Stale => Role::Warning,
        CommandState::Refused => Role::Error,
    };
    vec![
        look.bit(Role::Muted, format!("{}  ", command.at.short())),
        look.bit(role, text::pad(command.state.word(), 14)),
        look.bit(Role::Key, text::pad(&text::escape_line(&command.who), 14)),
        look.bit(Role::Text, format!(" {}", in_words(model, command))),
        look.bit(Role::Muted, format!("  {}", text::escape_line(&command.result))),
    ]
}

fn audit_line(model: &Model, row: &AuditRow) -> Vec<Bit> {
    let look = &model.look;
    let d = &row.draft;
    let side = match d.side.as_str() {
        "sentinel" => look.bit(Role::Sentinel, text::pad("Sentinel", 11)),
        "servicenow" => look.bit(Role::Servicenow, text::pad("ServiceNow", 11)),
        _ => look.bit(Role::Muted, " ".repeat(11)),
    };
    let one = |t: &str| text::fit(&text::escape_line(t), 40);
    let mut bits = vec![
        look.bit(Role::Muted, format!("{}  ", d.at.short())),
        look.bit(Role::Text, text::pad(&text::escape_line(&d.act), 14)),
        look.bit(Role::Key, text::pad(&text::escape_line(&d.who), 14)),
        look.bit(Role::Text, " "),
        side,
        look.bit(Role::Text, format!("{} ", text::escape_line(Field::short(&d.what)))),
    ];
    if !d.before.is_empty() || !d.after.is_empty() {
        bits.push(look.bit(Role::Before, one(&d.before)));
        bits.push(look.bit(Role::Muted, format!(" {} ", look.glyphs.arrow())));
        bits.push(look.bit(Role::Changed, one(&d.after)));
    }
    bits.push(look.bit(Role::Muted, format!("  {}", text::escape_line(&d.why))));
    bits
}

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(detail) = model.incident.link.and_then(|id| model.detail_of(id)) else { return };
    if detail.audit.is_empty() && detail.commands.is_empty() {
        let style = canvas.style(Role::Muted);
        canvas.put(area.x, area.y, area.width, "Nothing was written for this incident yet.", style);
        return;
    }
    let rows = detail.commands.len() + detail.audit.len();
    let top = model.incident.top.min(rows.saturating_sub(1));
    for row in 0..area.height as usize {
        let i = top + row;
        let bits = match i.checked_sub(detail.commands.len()) {
            None => detail.commands.get(i).map(|c| command_line(model, c)),
            Some(i) => detail.audit.get(i).map(|a| audit_line(model, a)),
        };
        let Some(bits) = bits else { break };
        canvas.bits(area.x, area.y + row as u16, area.width, &bits);
    }
}
