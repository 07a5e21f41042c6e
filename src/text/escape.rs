//! Makes hostile characters visible and harmless.
//!
//! A title, a comment or an error body may hold terminal escapes, bidirectional overrides,
//! zero-width characters or storms of combining marks. Each is replaced by a visible token, so
//! that a reader sees that something was there and nothing is done by it.

/// Marks that one base character may carry before the rest is cut.
const MAX_MARKS: usize = 4;

/// True for a character that must never reach a terminal as it is.
///
/// Covers C0, DEL and C1 controls, line and paragraph separators, bidirectional controls,
/// zero-width and filler characters, soft hyphen, tags, interlinear annotations and
/// noncharacters.
pub fn is_hostile(c: char) -> bool {
    let u = c as u32;
    c.is_control()
        || matches!(
            u,
            0x00AD
                | 0x034F
                | 0x061C
                | 0x070F
                | 0x115F
                | 0x1160
                | 0x17B4
                | 0x17B5
                | 0x180B..=0x180F
                | 0x200B..=0x200F
                | 0x2028..=0x202E
                | 0x2060..=0x206F
                | 0x3164
                | 0xFEFF
                | 0xFFA0
                | 0xFFF0..=0xFFFB
                | 0x110BD
                | 0x110CD
                | 0x13430..=0x13455
                | 0x1BCA0..=0x1BCA3
                | 0x1D173..=0x1D17A
                | 0xE0000..=0xE0FFF
        )
        || (0xFDD0..=0xFDEF).contains(&u)
        || (u & 0xFFFE) == 0xFFFE
}

/// Variation selectors change how wide terminals draw the character before them, and no two
/// terminals agree; they carry no meaning of their own, so they are dropped.
fn is_selector(c: char) -> bool {
    matches!(c as u32, 0xFE00..=0xFE0F)
}

fn push_token(out: &mut String, c: char) {
    let u = c as u32;
    match u {
        0x00..=0x1F => out.push(char::from_u32(0x2400 + u).unwrap_or('\u{2426}')),
        0x7F => out.push('\u{2421}'),
        _ => {
            let name = match u {
                0x00AD => "SHY",
                0x061C => "ALM",
                0x200B => "ZWSP",
                0x200C => "ZWNJ",
                0x200D => "ZWJ",
                0x200E => "LRM",
                0x200F => "RLM",
                0x2028 => "LS",
                0x2029 => "PS",
                0x202A => "LRE",
                0x202B => "RLE",
                0x202C => "PDF",
                0x202D => "LRO",
                0x202E => "RLO",
                0x2060 => "WJ",
                0x2066 => "LRI",
                0x2067 => "RLI",
                0x2068 => "FSI",
                0x2069 => "PDI",
                0xFEFF => "BOM",
                _ => "",
            };
            out.push('\u{27E8}');
            if name.is_empty() {
                out.push_str(&format!("U+{u:04X}"));
            } else {
                out.push_str(name);
            }
            out.push('\u{27E9}');
        }
    }
}

fn is_mark(c: char) -> bool {
    !is_hostile(c) && !is_selector(c) && unicode_width::UnicodeWidthChar::width(c) == Some(0)
}

/// One line of safe text: every hostile character, line breaks and tabs included, becomes a
/// visible token.
pub fn escape_line(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut marks = 0usize;
    for c in raw.chars() {
        if is_selector(c) {
            continue;
        }
        if is_mark(c) {
            marks += 1;
            if marks <= MAX_MARKS && !out.is_empty() {
                out.push(c);
            } else if marks == MAX_MARKS + 1 {
                out.push('\u{2026}');
            }
            continue;
        }
        marks = 0;
        if is_hostile(c) {
            push_token(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out
}

/// Safe text that keeps its lines: splits at `\n`, `\r\n` and `\r`, turns a tab into spaces up
/// to the next multiple of four, and escapes the rest as [`escape_line`] does.
pub fn escape_lines(raw: &str) -> Vec<String> {
    let unified = raw.replace("\r\n", "\n").replace('\r', "\n");
    unified
        .split('\n')
        .map(|line| {
            if !line.contains('\t') {
                return escape_line(line);
            }
            let mut out = String::new();
            for (i, part) in line.split('\t').enumerate() {
                if i > 0 {
                    let at = super::width(&out);
                    out.push_str(&" ".repeat(4 - at % 4));
                }
                out.push_str(&escape_line(part));
            }
            out
        })
        .collect()
}

/// One safe line of at most `most` characters, an ellipsis last where it was longer.
pub fn clip(raw: &str, most: usize) -> String {
    let line = escape_line(raw.trim());
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_become_pictures_and_overrides_become_names() {
        assert_eq!(escape_line("a\u{1b}[31mb\n"), "a\u{241b}[31mb\u{240a}");
        assert_eq!(escape_line("x\u{202e}y\u{9b}z"), "x⟨RLO⟩y⟨U+009B⟩z");
        assert_eq!(escape_line("\u{7f}"), "\u{2421}");
    }

    #[test]
    fn combining_storms_are_cut() {
        let storm = format!("e{}", "\u{0301}".repeat(40));
        let safe = escape_line(&storm);
        assert_eq!(safe.chars().filter(|c| *c == '\u{0301}').count(), MAX_MARKS);
        assert!(safe.ends_with('…'));
    }

    #[test]
    fn a_clip_is_one_safe_line_of_bounded_length() {
        assert_eq!(clip("  short ", 5), "short");
        assert_eq!(clip("longer", 5), "long…");
        assert_eq!(clip("a\nb\u{1b}", 40), escape_line("a\nb\u{1b}"));
        assert!(!clip("a\nb\u{1b}[2J", 40).chars().any(is_hostile));
    }

    #[test]
    fn lines_and_tabs_survive_as_lines_and_spaces() {
        assert_eq!(escape_lines("a\tb\r\nc\rd"), ["a   b", "c", "d"]);
    }

    #[test]
    fn every_hostile_code_point_is_escaped_away() {
        for u in 0..=0x10FFFFu32 {
            let Some(c) = char::from_u32(u) else { continue };
            if is_hostile(c) {
                assert!(!escape_line(&format!("a{c}b")).chars().any(is_hostile), "U+{u:04X}");
            }
        }
    }
}
