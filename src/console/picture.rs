//! A buffer as SVG: what the README shows and what a person can look at without a terminal.
//!
//! Lines and meters of the chrome are drawn as shapes, so that they join whatever the font; all
//! other text is set on the cell grid.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::theme::Theme;
use crate::text;

const CELL_W: f32 = 8.43;
const CELL_H: f32 = 18.0;
const MARGIN: f32 = 14.0;

/// The buffer as the text of an SVG file, in the colours of a theme.
pub fn svg(buf: &Buffer, theme: &Theme) -> String {
    let (w, h) = (f32::from(buf.area.width) * CELL_W, f32::from(buf.area.height) * CELL_H);
    let (width, height) = (w + 2.0 * MARGIN, h + 2.0 * MARGIN);
    let background = rgb(theme.picture_background, (16, 16, 16));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.1} {height:.1}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{background}\"/>\n\
         <g font-family=\"'DejaVu Sans Mono','JetBrains Mono','SF Mono',Menlo,Consolas,monospace\" font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for y in 0..buf.area.height {
        let row: Vec<&Cell> =
            (0..buf.area.width).filter_map(|x| buf.cell((buf.area.x + x, buf.area.y + y))).collect();
        backgrounds(&mut out, &row, y, theme);
        foregrounds(&mut out, &row, y, theme);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// The buffer as lines of text, without styles.
pub fn lines(buf: &Buffer) -> Vec<String> {
    let line = |y: u16| {
        let mut out = String::new();
        let mut covered = 0;
        for x in 0..buf.area.width {
            let Some(cell) = buf.cell((buf.area.x + x, buf.area.y + y)) else { continue };
            if covered > 0 {
                covered -= 1;
                continue;
            }
            out.push_str(cell.symbol());
            covered = text::width(cell.symbol()).saturating_sub(1);
        }
        out.trim_end().to_owned()
    };
    (0..buf.area.height).map(line).collect()
}

fn at(x: usize, y: u16) -> (f32, f32) {
    (MARGIN + x as f32 * CELL_W, MARGIN + f32::from(y) * CELL_H)
}

/// Foreground and background as they are seen, reverse video carried out.
fn colors(cell: &Cell, theme: &Theme) -> (String, String) {
    let fg = rgb(cell.fg, default_of(theme.picture_foreground));
    let bg = rgb(cell.bg, default_of(theme.picture_background));
    if cell.modifier.contains(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) }
}

fn backgrounds(out: &mut String, row: &[&Cell], y: u16, theme: &Theme) {
    let plain = rgb(theme.picture_background, (16, 16, 16));
    let mut x = 0;
    while x < row.len() {
        let bg = colors(row[x], theme).1;
        let start = x;
        while x < row.len() && colors(row[x], theme).1 == bg {
            x += 1;
        }
        if bg != plain {
            let (px, py) = at(start, y);
            let w = (x - start) as f32 * CELL_W;
            out.push_str(&format!(
                "<rect x=\"{px:.2}\" y=\"{py:.2}\" width=\"{w:.2}\" height=\"{CELL_H}\" fill=\"{bg}\"/>\n"
            ));
        }
    }
}

fn foregrounds(out: &mut String, row: &[&Cell], y: u16, theme: &Theme) {
    let mut x = 0;
    while x < row.len() {
        let cell = row[x];
        let symbol = cell.symbol();
        if symbol == " " {
            x += 1;
            continue;
        }
        if shape(out, symbol, x, y, cell, theme) {
            x += 1;
            continue;
        }
        if !symbol.is_ascii() {
            run(out, symbol, x, y, cell, theme);
            x += text::width(symbol).max(1);
            continue;
        }
        // ASCII in one style is one piece of text: its advance is the cell's by construction.
        let start = x;
        let mut piece = String::new();
        while x < row.len() && row[x].symbol().is_ascii() && same(row[x], cell) {
            piece.push_str(row[x].symbol());
            x += 1;
        }
        run(out, piece.trim_end(), start, y, cell, theme);
    }
}

fn same(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier
}

fn run(out: &mut String, piece: &str, x: usize, y: u16, cell: &Cell, theme: &Theme) {
    let (px, py) = at(x, y);
    let (fg, _) = colors(cell, theme);
    let mut attributes = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::CROSSED_OUT, " text-decoration=\"line-through\""),
        (Modifier::DIM, " opacity=\"0.6\""),
    ] {
        if cell.modifier.contains(modifier) {
            attributes.push_str(attribute);
        }
    }
    out.push_str(&format!(
        "<text x=\"{px:.2}\" y=\"{:.2}\" fill=\"{fg}\"{attributes}>{}</text>\n",
        py + 13.4,
        escape_xml(piece)
    ));
}

/// Draws a piece of the chrome as a shape; false when it is text.
fn shape(out: &mut String, symbol: &str, x: usize, y: u16, cell: &Cell, theme: &Theme) -> bool {
    let (l, t) = at(x, y);
    let (r, b) = (l + CELL_W, t + CELL_H);
    let (mx, my) = (l + CELL_W / 2.0, t + CELL_H / 2.0);
    let path = match symbol {
        "─" => format!("M{l:.2} {my:.2}H{r:.2}"),
        "│" => format!("M{mx:.2} {t:.2}V{b:.2}"),
        "╭" => format!("M{mx:.2} {b:.2}V{:.2}Q{mx:.2} {my:.2} {:.2} {my:.2}H{r:.2}", my + 3.0, mx + 3.0),
        "╮" => format!("M{mx:.2} {b:.2}V{:.2}Q{mx:.2} {my:.2} {:.2} {my:.2}H{l:.2}", my + 3.0, mx - 3.0),
        "╰" => format!("M{mx:.2} {t:.2}V{:.2}Q{mx:.2} {my:.2} {:.2} {my:.2}H{r:.2}", my - 3.0, mx + 3.0),
        "╯" => format!("M{mx:.2} {t:.2}V{:.2}Q{mx:.2} {my:.2} {:.2} {my:.2}H{l:.2}", my - 3.0, mx - 3.0),
        "▌" => {
            let (fg, _) = colors(cell, theme);
            out.push_str(&format!(
                "<rect x=\"{l:.2}\" y=\"{t:.2}\" width=\"{:.2}\" height=\"{CELL_H}\" fill=\"{fg}\"/>\n",
                CELL_W / 2.6
            ));
            return true;
        }
        "▰" | "▱" => {
            let (fg, _) = colors(cell, theme);
            let fill = if symbol == "▰" { fg.clone() } else { "none".into() };
            out.push_str(&format!(
                "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"7\" rx=\"1\" fill=\"{fill}\" stroke=\"{fg}\" stroke-width=\"0.9\"/>\n",
                l + 1.2,
                my - 3.0,
                CELL_W - 2.4
            ));
            return true;
        }
        _ => return false,
    };
    let (fg, _) = colors(cell, theme);
    let dim = if cell.modifier.contains(Modifier::DIM) { " opacity=\"0.45\"" } else { "" };
    out.push_str(&format!("<path d=\"{path}\" fill=\"none\" stroke=\"{fg}\" stroke-width=\"1.1\"{dim}/>\n"));
    true
}

fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn default_of(color: Color) -> (u8, u8, u8) {
    match color {
        Color::Rgb(r, g, b) => (r, g, b),
        _ => (16, 16, 16),
    }
}

fn rgb(color: Color, default: (u8, u8, u8)) -> String {
    let (r, g, b) = match color {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Black => (0x1c, 0x1f, 0x26),
        Color::Red => (0xe0, 0x6c, 0x75),
        Color::Green => (0x7f, 0xbf, 0x7f),
        Color::Yellow => (0xe0, 0xb8, 0x62),
        Color::Blue => (0x6c, 0xa8, 0xee),
        Color::Magenta => (0xcf, 0x8e, 0xe8),
        Color::Cyan => (0x5c, 0xc4, 0xd0),
        Color::Gray => (0xb8, 0xbe, 0xc8),
        Color::LightRed => (0xff, 0x8a, 0x90),
        Color::LightGreen => (0x9c, 0xdc, 0x9c),
        Color::LightYellow => (0xff, 0xd8, 0x80),
        Color::LightBlue => (0x8c, 0xc0, 0xff),
        Color::LightMagenta => (0xe4, 0xac, 0xf8),
        Color::LightCyan => (0x84, 0xe0, 0xea),
        _ => default,
    };
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn styles_and_markup_survive() {
        let theme = Theme::named("dark").unwrap();
        let mut buf = Buffer::empty(Rect::new(0, 0, 12, 1));
        buf.set_string(0, 0, "<b>&│", Style::new().add_modifier(Modifier::BOLD));
        buf.set_string(6, 0, "x", Style::new().add_modifier(Modifier::REVERSED | Modifier::UNDERLINED));
        let svg = svg(&buf, &theme);
        for part in ["&lt;b&gt;&amp;", "font-weight=\"bold\"", "<path d=\"M", "text-decoration=\"underline\""]
        {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        let fg = rgb(theme.picture_foreground, (0, 0, 0));
        assert!(svg.contains(&format!("height=\"18\" fill=\"{fg}\"")), "reverse video is a background");
    }
}
