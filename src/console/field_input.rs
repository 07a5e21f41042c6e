//! Text that is being typed: one line or several, edited by grapheme.

use unicode_segmentation::UnicodeSegmentation;

use super::key::{Code, Key};
use crate::text;

/// Bytes that a text takes at most; a paste beyond it is cut.
pub(crate) const MAX_BYTES: usize = 30_000;

/// A text with a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    text: String,
    at: usize,
    lines: bool,
}

impl Input {
    /// One line.
    pub fn line(text: &str) -> Self {
        Self { text: text.to_owned(), at: text.len(), lines: false }
    }

    /// Several lines.
    pub fn lines(text: &str) -> Self {
        Self { text: text.to_owned(), at: text.len(), lines: true }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Inserts what was typed or pasted. Control characters are left out; line breaks stay where
    /// several lines are allowed and become spaces where not.
    pub fn insert(&mut self, typed: &str) {
        let unified = typed.replace("\r\n", "\n").replace('\r', "\n");
        let clean: String = unified
            .chars()
            .filter_map(|c| match c {
                '\n' if self.lines => Some('\n'),
                '\n' | '\t' => Some(' '),
                c if text::is_hostile(c) => None,
                c => Some(c),
            })
            .collect();
        let room = MAX_BYTES.saturating_sub(self.text.len());
        let mut end = clean.len().min(room);
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        self.text.insert_str(self.at, &clean[..end]);
        self.at += end;
    }

    /// Takes an editing key; false when it is none.
    pub fn key(&mut self, key: Key) -> bool {
        if let Some(c) = key.text() {
            self.insert(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        match (key.code, key.ctrl) {
            (Code::Enter, false) if self.lines => self.insert("\n"),
            (Code::Backspace, false) => {
                let from = self.before();
                self.text.replace_range(from..self.at, "");
                self.at = from;
            }
            (Code::Delete, false) => {
                let to = self.after();
                self.text.replace_range(self.at..to, "");
            }
            (Code::Char('w'), true) => {
                let from = self.word_start();
                self.text.replace_range(from..self.at, "");
                self.at = from;
            }
            (Code::Char('u'), true) => {
                let from = self.line_start();
                self.text.replace_range(from..self.at, "");
                self.at = from;
            }
            (Code::Left, false) => self.at = self.before(),
            (Code::Right, false) => self.at = self.after(),
            (Code::Home, false) => self.at = self.line_start(),
            (Code::End, false) => self.at = self.line_end(),
            (Code::Up, false) if self.lines => self.vertical(true),
            (Code::Down, false) if self.lines => self.vertical(false),
            _ => return false,
        }
        true
    }

    fn before(&self) -> usize {
        self.text[..self.at].grapheme_indices(true).next_back().map_or(0, |(i, _)| i)
    }

    fn after(&self) -> usize {
        self.text[self.at..].graphemes(true).next().map_or(self.at, |g| self.at + g.len())
    }

    fn line_start(&self) -> usize {
        self.text[..self.at].rfind('\n').map_or(0, |i| i + 1)
    }

    fn line_end(&self) -> usize {
        self.text[self.at..].find('\n').map_or(self.text.len(), |i| self.at + i)
    }

    fn word_start(&self) -> usize {
        let left = self.text[..self.at].trim_end_matches(|c: char| c.is_whitespace() && c != '\n');
        let cut = left
            .rfind(char::is_whitespace)
            .map_or(0, |i| i + left[i..].chars().next().map_or(1, char::len_utf8));
        cut.max(self.line_start()).min(self.at)
    }

    fn vertical(&mut self, up: bool) {
        let start = self.line_start();
        let column = text::width(&self.text[start..self.at]);
        let (from, to) = if up {
            if start == 0 {
                self.at = 0;
                return;
            }
            let end = start - 1;
            (self.text[..end].rfind('\n').map_or(0, |i| i + 1), end)
        } else {
            let end = self.line_end();
            if end == self.text.len() {
                self.at = end;
                return;
            }
            let from = end + 1;
            (from, self.text[from..].find('\n').map_or(self.text.len(), |i| from + i))
        };
        let mut used = 0;
        self.at = to;
        for (i, g) in self.text[from..to].grapheme_indices(true) {
            if used >= column {
                self.at = from + i;
                break;
            }
            used += text::width(g);
        }
    }

    /// The lines as they are shown in `cells` columns, and the row and column of the cursor.
    pub fn layout(&self, cells: usize) -> (Vec<String>, usize, usize) {
        let cells = cells.max(2);
        let mut rows = Vec::new();
        let (mut row, mut column) = (0, 0);
        let mut offset = 0;
        for line in self.text.split('\n') {
            let mut current = String::new();
            let mut used = 0;
            for (i, g) in line.grapheme_indices(true) {
                let w = text::width(g);
                if used + w > cells - 1 {
                    rows.push(std::mem::take(&mut current));
                    used = 0;
                }
                if offset + i == self.at {
                    (row, column) = (rows.len(), used);
                }
                current.push_str(g);
                used += w;
            }
            if offset + line.len() == self.at {
                (row, column) = (rows.len(), used);
            }
            rows.push(current);
            offset += line.len() + 1;
        }
        (rows, row, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_by_grapheme_and_keeps_control_characters_out() {
        let mut i = Input::lines("");
        i.insert("a\u{1b}[31m e\u{301}x\r\nzwei\u{202e} drei");
        assert_eq!(i.text(), "a[31m e\u{301}x\nzwei drei");
        i.key(Key::ctrl('w'));
        assert_eq!(i.text(), "a[31m e\u{301}x\nzwei ");
        i.key(Key::plain(Code::Up));
        i.key(Key::plain(Code::End));
        i.key(Key::plain(Code::Backspace));
        i.key(Key::plain(Code::Backspace));
        assert_eq!(i.text(), "a[31m \nzwei ");
        let mut one = Input::line("");
        one.insert("a\nb");
        assert_eq!(one.text(), "a b");
    }

    #[test]
    fn a_paste_of_megabytes_is_cut_on_a_boundary() {
        let mut i = Input::line("");
        i.insert(&"é".repeat(2_000_000));
        assert!(i.text().len() <= MAX_BYTES);
    }

    #[test]
    fn random_keys_never_leave_a_boundary() {
        let mut rng = fastrand::Rng::with_seed(3);
        let codes = [
            Code::Left,
            Code::Right,
            Code::Up,
            Code::Down,
            Code::Home,
            Code::End,
            Code::Backspace,
            Code::Delete,
        ];
        let mut i = Input::lines("");
        for _ in 0..5000 {
            match rng.u8(0..4) {
                0 => i.insert(["a", "日本", "e\u{301}", "\n", " "][rng.usize(0..5)]),
                1 => {
                    i.key(Key::ctrl(['w', 'u'][rng.usize(0..2)]));
                }
                _ => {
                    i.key(Key::plain(codes[rng.usize(0..codes.len())]));
                }
            }
            assert!(i.text().is_char_boundary(i.at));
            i.layout(5);
        }
    }
}
