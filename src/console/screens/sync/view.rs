//! How the sync is drawn: one card per workspace with a lane per side, the log below.

use std::time::Duration;

use ratatui::layout::Rect;

use crate::console::canvas::{Bit, Canvas, inset, split_top, width_of};
use crate::console::glyphs::{lane_role, level_role};
use crate::console::health::{holder, stale};
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::model::Side;
use crate::model::view::{LaneState, LaneView, SurgeView, WorkspaceView};
use crate::text::{self, Stamp, format_span};

fn span(micros: i64) -> String {
    format_span(Duration::from_micros(micros.max(0).unsigned_abs()))
}

/// A span without parts below a second once it has whole ones.
fn coarse(micros: i64) -> String {
    if micros < 1_000_000 { "0s".into() } else { span(micros) }
}

fn ago(model: &Model, then: Option<Stamp>) -> String {
    match then {
        Some(t) => format!("{} ago", coarse(model.now.0.saturating_sub(t.0))),
        None => "never".into(),
    }
}

fn until(model: &Model, then: Option<Stamp>) -> String {
    match then {
        Some(t) if t > model.now => {
            format!("in {}", coarse(t.0.saturating_sub(model.now.0).saturating_add(999_999)))
        }
        Some(_) => "now".into(),
        None => "not planned".into(),
    }
}

pub(crate) fn draw(model: &Model, canvas: &mut Canvas<'_>, body: Rect) {
    let body = inset(body, 1, 0);
    if model.workspaces.is_empty() && model.lanes.is_empty() {
        let style = canvas.style(Role::Muted);
        canvas.put(
            body.x,
            body.y,
            body.width,
            "Nothing is published yet: no process has synced into this store.",
            style,
        );
        draw_log(model, canvas, split_top(body, 2).1);
        return;
    }
    let narrow = body.width < 76;
    let failing = model.lanes.iter().any(|l| l.error.is_some());
    let card = card_rows(narrow, body.height, failing);
    let log =
        if body.height >= 20 { (body.height / 3).max(6) } else { body.height.saturating_sub(card).min(6) };
    let room = body.height.saturating_sub(log);
    let fit = (room / card.max(1)).max(1) as usize;
    let top = (model.sync.at + 1).saturating_sub(fit);
    let mut y = body.y;
    for (i, workspace) in model.workspaces.iter().enumerate().skip(top).take(fit) {
        let area = Rect { y, height: card.min(body.bottom().saturating_sub(y)), ..body };
        draw_card(model, canvas, area, workspace, i == model.sync.at, narrow);
        y = y.saturating_add(card);
    }
    let y = y.min(body.bottom());
    draw_log(model, canvas, Rect { y, height: body.bottom() - y, ..body });
}

/// Rows of one card; an error gets rows of its own where there is room for them.
fn card_rows(narrow: bool, height: u16, failing: bool) -> u16 {
    match (narrow, height) {
        (true, _) => 7,
        (false, 0..=15) => 8,
        (false, 30..) if failing => 14,
        (false, _) => 11,
    }
}

fn draw_card(
    model: &Model,
    canvas: &mut Canvas<'_>,
    area: Rect,
    workspace: &WorkspaceView,
    selected: bool,
    narrow: bool,
) {
    let (head, rest) = split_top(area, 2);
    draw_head(model, canvas, head, workspace, selected);
    let lanes: Vec<&LaneView> = [Side::Sentinel, Side::ServiceNow]
        .into_iter()
        .filter_map(|s| model.lanes.iter().find(|l| l.workspace == workspace.workspace && l.side == s))
        .collect();
    if narrow {
        for (i, lane) in lanes.into_iter().enumerate() {
            let (_, area) = split_top(rest, 2 * i as u16);
            draw_lane_low(model, canvas, split_top(area, 2).0, lane);
        }
        return;
    }
    let box_height = rest.height.saturating_sub(1);
    let half = rest.width.saturating_sub(2) / 2;
    for (i, lane) in lanes.into_iter().enumerate() {
        let area = Rect { x: rest.x + (half + 2) * i as u16, width: half, height: box_height, ..rest };
        draw_lane(model, canvas, area, lane);
    }
}

fn draw_head(model: &Model, canvas: &mut Canvas<'_>, area: Rect, w: &WorkspaceView, selected: bool) {
    let look = canvas.look;
    let bar = if selected { look.glyphs.bar() } else { " " };
    let mut bits = vec![
        look.bit(Role::Key, format!("{bar} ")),
        look.bit(Role::Brand, w.workspace.to_string()),
        look.bit(Role::Muted, format!("  {}  ", text::escape_line(&w.name))),
        look.bit(Role::Text, format!("{} {} {}", look.glyphs.both(), w.instance, w.table)),
    ];
    if w.paused {
        bits.push(look.bit(Role::Text, "  "));
        bits.push(look.bit(Role::Badge, " PAUSED "));
    }
    canvas.bits(area.x, area.y, area.width, &bits);
    if area.height < 2 {
        return;
    }
    let (role, who) = match holder(model, w) {
        Some(h) if h == model.setup.settings.holder => (Role::Good, "synced by this process".to_owned()),
        Some(h) => (Role::Good, format!("synced by {}", text::escape_line(&h))),
        None => (Role::Warning, "nobody holds the lease".into()),
    };
    let mut bits = vec![look.bit(role, format!("  {who}"))];
    if let Some((create, change, conflicts)) = w.waiting_plan {
        bits.push(look.bit(
            Role::Warning,
            format!("  first plan waits: {create} to create, {change} to change, {conflicts} conflicts"),
        ));
    }
    if !w.surges.is_empty() {
        let all = w.surges.iter().map(SurgeView::waits).collect::<Vec<_>>().join(", ");
        bits.push(look.bit(Role::Warning, format!("  {all}")));
    }
    // What needs a person comes first: it is the end of the line that a narrow terminal cuts.
    bits.push(look.bit(
        Role::Muted,
        format!(
            "  epoch {}  mapping version {}  every {}",
            w.epoch,
            w.mapping_version,
            format_span(Duration::from_micros(w.poll.max(0).unsigned_abs()))
        ),
    ));
    canvas.bits(area.x, area.y + 1, area.width, &bits);
}

fn state_bits(model: &Model, lane: &LaneView) -> Vec<Bit> {
    let look = &model.look;
    let mut bits = vec![
        look.bit(lane_role(lane.state), format!("{} {}", look.glyphs.lane(lane.state), lane.state.word())),
    ];
    if let Some(age) = stale(model, lane) {
        bits.push(look.bit(Role::Warning, format!("  stale for {}", coarse(age))));
    }
    bits
}

fn title(side: Side) -> (Role, &'static str) {
    match side {
        Side::Sentinel => (Role::Sentinel, "Sentinel"),
        Side::ServiceNow => (Role::Servicenow, "ServiceNow"),
    }
}

/// Label and value pairs of a lane, the most wanted first.
fn facts(model: &Model, lane: &LaneView) -> Vec<(&'static str, String)> {
    let next = match lane.state {
        LaneState::Paused => "when resumed".into(),
        _ => until(model, lane.next_pass),
    };
    let rows = format!("{} rows, {} new, {}", lane.rows.0, lane.rows.1, span(lane.took));
    vec![
        ("next pass", next),
        ("last pass", format!("{}  {rows}", ago(model, lane.last_pass))),
        ("lag", lane.lag.map_or_else(|| "no change yet".into(), |l| format!("{} median", span(l)))),
        ("queue", format!("{} waiting, {} in flight", lane.queue, lane.in_flight)),
        (
            "calls",
            format!(
                "{} reads, {} writes{}",
                lane.reads,
                lane.writes,
                lane.calls_left.map(|n| format!(", {n} left")).unwrap_or_default()
            ),
        ),
        (
            "cursor",
            lane.cursor.map_or_else(|| "at the beginning".into(), |c| format!("{} UTC", c.servicenow())),
        ),
    ]
}

fn draw_lane(model: &Model, canvas: &mut Canvas<'_>, area: Rect, lane: &LaneView) {
    let (role, name) = title(lane.side);
    let line = canvas.style(role);
    let mut head = vec![canvas.look.bit(role, name), canvas.look.bit(Role::Text, "  ")];
    head.extend(state_bits(model, lane));
    let inside = canvas.frame(area, &head, line);
    let error = error_lines(model, lane, inside.width as usize);
    let facts = facts(model, lane);
    // An error takes the place of the facts that matter least.
    let room = (inside.height as usize).saturating_sub(error.len().min(3));
    let mut y = inside.y;
    for (label, value) in facts.into_iter().take(room) {
        let bits = [canvas.look.bit(Role::Muted, text::pad(label, 11)), canvas.look.bit(Role::Text, value)];
        canvas.bits(inside.x, y, inside.width, &bits);
        y += 1;
    }
    for (role, line) in error.into_iter().take(inside.bottom().saturating_sub(y) as usize) {
        let style = canvas.style(role);
        canvas.put(inside.x, y, inside.width, &line, style);
        y += 1;
    }
}

fn error_lines(model: &Model, lane: &LaneView, width: usize) -> Vec<(Role, String)> {
    let Some(e) = &lane.error else { return Vec::new() };
    let class = e.error.kind.word();
    let status = e.error.status.map(|s| format!(" {s}")).unwrap_or_default();
    let since = coarse(model.now.0.saturating_sub(e.since.0));
    let first = format!(
        "{class}{status}, {} in a row for {since}, next try {}",
        e.failures,
        match e.retry_at {
            Some(_) => until(model, e.retry_at),
            None => "when cured".into(),
        }
    );
    let mut out = vec![(Role::Error, first)];
    let said = text::escape_line(&e.error.message);
    out.extend(text::wrap(&said, width.max(1)).into_iter().take(1).map(|l| (Role::Text, l)));
    if !e.error.hint.is_empty() {
        let hint = text::escape_line(&e.error.hint);
        out.extend(text::wrap(&hint, width.max(1)).into_iter().take(2).map(|l| (Role::Warning, l)));
    }
    out
}

fn draw_lane_low(model: &Model, canvas: &mut Canvas<'_>, area: Rect, lane: &LaneView) {
    if area.height == 0 {
        return;
    }
    let (role, name) = title(lane.side);
    let mut bits = vec![canvas.look.bit(role, text::pad(name, 12))];
    bits.extend(state_bits(model, lane));
    bits.push(canvas.look.bit(Role::Muted, format!("  next {}", until(model, lane.next_pass))));
    canvas.bits(area.x + 2, area.y, area.width.saturating_sub(2), &bits);
    if area.height > 1 {
        let second = match error_lines(model, lane, area.width as usize).into_iter().next() {
            Some((role, line)) => vec![canvas.look.bit(role, line)],
            None => vec![
                canvas
                    .look
                    .bit(Role::Muted, format!("last {}  queue {}", ago(model, lane.last_pass), lane.queue)),
            ],
        };
        canvas.bits(area.x + 4, area.y + 1, area.width.saturating_sub(4), &second);
    }
}

/// The newest happenings, newest at the bottom.
fn draw_log(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height < 2 {
        return;
    }
    let look = canvas.look;
    canvas.hline(area.x, area.y, area.width);
    let title = [look.bit(Role::Heading, " LOG ")];
    canvas.bits(area.x + 1, area.y, area.width.saturating_sub(2), &title);
    if model.sync.back > 0 {
        let back = [look.bit(Role::Muted, format!(" {} newer below ", model.sync.back))];
        canvas.bits_right(area.x, area.y, area.width.saturating_sub(2), &back);
    }
    let rows = (area.height - 1) as usize;
    let end = model.events.len().saturating_sub(model.sync.back);
    let start = end.saturating_sub(rows);
    for (row, (_, event)) in model.events.iter().skip(start).take(end - start).enumerate() {
        let role = level_role(event.level);
        let said = if event.level >= crate::model::view::Level::Warning { role } else { Role::Text };
        let mut bits = vec![
            look.bit(Role::Muted, format!("{} ", event.at.clock())),
            look.bit(role, format!("{} ", look.glyphs.level(event.level))),
        ];
        if !event.subject.is_empty() {
            bits.push(look.bit(Role::Muted, format!("{}  ", text::escape_line(&event.subject))));
        }
        let room = area.width.saturating_sub(width_of(&bits)) as usize;
        bits.push(look.bit(said, text::fit(&text::escape_line(&event.text), room)));
        canvas.bits(area.x, area.y + 1 + row as u16, area.width, &bits);
    }
    if model.events.is_empty() {
        let style = canvas.style(Role::Muted);
        canvas.put(area.x, area.y + 1, area.width, "Nothing happened yet.", style);
    }
}
