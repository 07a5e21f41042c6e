//! Golden pictures: text, and below it the runs of styles, because a lost highlight is invisible
//! in text alone. `UPDATE_SNAPSHOTS=1 cargo test` writes them anew.

use std::path::PathBuf;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

/// Text lines, then per line the runs `from+length style`.
pub fn dump(buf: &Buffer) -> String {
    let mut out = String::new();
    let mut styles = String::new();
    for y in 0..buf.area.height {
        let mut line = String::new();
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        let mut skip = 0;
        for x in 0..buf.area.width {
            let cell = buf.cell((x, y)).unwrap();
            if skip == 0 {
                line.push_str(cell.symbol());
                skip = crate::text::width(cell.symbol()).saturating_sub(1);
            } else {
                skip -= 1;
            }
            let style = style(cell.fg, cell.bg, cell.modifier);
            match runs.last_mut() {
                Some((_, n, s)) if *s == style => *n += 1,
                _ => runs.push((x, 1, style)),
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
        let runs: Vec<String> = runs
            .into_iter()
            .filter(|(_, _, s)| !s.is_empty())
            .map(|(x, n, s)| format!("{x}+{n} {s}"))
            .collect();
        styles.push_str(&format!("{y:>2}: {}\n", runs.join(", ")));
    }
    format!("{out}-- styles\n{styles}")
}

fn style(fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut out = Vec::new();
    if fg != Color::Reset {
        out.push(fg.to_string().to_lowercase());
    }
    if bg != Color::Reset {
        out.push(format!("on {}", bg.to_string().to_lowercase()));
    }
    if !modifier.is_empty() {
        out.push(format!("{modifier:?}").to_lowercase().replace(" | ", "+"));
    }
    out.join(" ")
}

/// Compares with the stored picture, or stores it when asked to.
pub fn check(name: &str, buf: &Buffer) {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "src/console/snapshots", &format!("{name}.txt")].iter().collect();
    let got = dump(buf);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &got).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    if wanted != got {
        let first = wanted.lines().zip(got.lines()).find(|(w, g)| w != g);
        panic!("{name} looks different (UPDATE_SNAPSHOTS=1 stores it anew): {first:#?}\n{got}");
    }
}
