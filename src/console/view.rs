//! The picture of a model in a buffer. It changes nothing and computes nothing that grows with
//! the number of links.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::layout::{self, Room};
use super::model::{Model, Screen};
use super::theme::Role;
use super::{chrome, overlays, screens};

/// Draws the model into the whole buffer. The model's own size is what keys and mouse go by, so
/// the two should agree.
pub fn view(model: &Model, buf: &mut Buffer) {
    let area = buf.area;
    let mut canvas = Canvas::new(buf, &model.look);
    canvas.clear(area, Role::Text);
    if area.is_empty() {
        return;
    }
    if layout::room(area.width, area.height) == Room::Line {
        chrome::one_line(model, &mut canvas, area);
        return;
    }
    let parts = layout::parts(area.width, area.height);
    chrome::header(model, &mut canvas, parts.header);
    if parts.rule.height > 0 {
        canvas.hline(parts.rule.x, parts.rule.y, parts.rule.width);
    }
    match model.screen {
        Screen::Incidents => screens::incidents::view::draw(model, &mut canvas, area),
        Screen::Incident => screens::incident::view::draw(model, &mut canvas, parts.body),
        Screen::Mappings => screens::mappings::view::draw(model, &mut canvas, parts.body),
        Screen::Sync => screens::sync::view::draw(model, &mut canvas, parts.body),
    }
    chrome::footer(model, &mut canvas, parts.footer);
    overlays::draw(model, &mut canvas, parts.body);
    chrome::toasts(model, &mut canvas, parts.body);
}

/// The picture of a model at a given size, without a terminal.
pub fn render(model: &Model, width: u16, height: u16) -> Buffer {
    let mut buf = Buffer::empty(Rect { x: 0, y: 0, width, height });
    view(model, &mut buf);
    buf
}
