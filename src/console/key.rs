//! One key press, with a name that reads back: `Ctrl-K`, `Shift-Tab`, `Space`, `g`.
//!
//! Own type, so that the pure console does not depend on a terminal library.

use std::fmt;
use std::str::FromStr;

/// Which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A printable character, as typed (`G` is Shift and g).
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key.
    F(u8),
}

const NAMED: &[(Code, &str)] = &[
    (Code::Char(' '), "Space"),
    (Code::Enter, "Enter"),
    (Code::Esc, "Esc"),
    (Code::Tab, "Tab"),
    (Code::Backspace, "Backspace"),
    (Code::Delete, "Delete"),
    (Code::Insert, "Insert"),
    (Code::Up, "Up"),
    (Code::Down, "Down"),
    (Code::Left, "Left"),
    (Code::Right, "Right"),
    (Code::Home, "Home"),
    (Code::End, "End"),
    (Code::PageUp, "PgUp"),
    (Code::PageDown, "PgDn"),
];

/// One key press with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which key.
    pub code: Code,
    /// Control was held.
    pub ctrl: bool,
    /// Alt was held.
    pub alt: bool,
    /// Shift was held; always false for characters, whose case says it.
    pub shift: bool,
}

impl Key {
    /// A key without modifiers.
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// A character without modifiers.
    pub const fn char(c: char) -> Self {
        Self::plain(Code::Char(c))
    }

    /// Control and a lower-case character.
    pub const fn ctrl(c: char) -> Self {
        Self { code: Code::Char(c), ctrl: true, alt: false, shift: false }
    }

    /// Shift and a named key.
    pub const fn shift(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: true }
    }

    /// The character that a text field takes from this key, if any.
    pub fn text(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "Ctrl-"), (self.alt, "Alt-"), (self.shift, "Shift-")] {
            if held {
                f.write_str(name)?;
            }
        }
        if let Some((_, name)) = NAMED.iter().find(|(c, _)| *c == self.code) {
            return f.write_str(name);
        }
        match self.code {
            Code::Char(c) if self.ctrl => write!(f, "{}", c.to_uppercase()),
            Code::Char(c) => write!(f, "{c}"),
            Code::F(n) => write!(f, "F{n}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Key {
    type Err = String;

    /// Reads what `Display` writes; gives the reason otherwise.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut key = Self::char('\0');
        let mut rest = text;
        loop {
            if let Some(r) = rest.strip_prefix("Ctrl-") {
                key.ctrl = true;
                rest = r;
            } else if let Some(r) = rest.strip_prefix("Alt-") {
                key.alt = true;
                rest = r;
            } else if let Some(r) = rest.strip_prefix("Shift-") {
                key.shift = true;
                rest = r;
            } else {
                break;
            }
        }
        key.code = if let Some((code, _)) = NAMED.iter().find(|(_, n)| *n == rest) {
            *code
        } else if let Some(n) = rest.strip_prefix('F').and_then(|n| n.parse::<u8>().ok()) {
            Code::F(n)
        } else {
            let mut chars = rest.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if key.ctrl => Code::Char(c.to_lowercase().next().unwrap_or(c)),
                (Some(c), None) => Code::Char(c),
                _ => return Err(format!("{:?} is no key", crate::text::escape_line(text))),
            }
        };
        if matches!(key.code, Code::Char(_)) {
            key.shift = false;
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        let mut keys: Vec<Key> = NAMED.iter().map(|(c, _)| Key::plain(*c)).collect();
        keys.extend(('!'..='~').map(Key::char));
        keys.extend(('a'..='z').map(Key::ctrl));
        keys.extend([Key::shift(Code::Tab), Key::plain(Code::F(12)), Key { alt: true, ..Key::char('x') }]);
        for key in keys {
            assert_eq!(key.to_string().parse::<Key>(), Ok(key), "{key}");
        }
        assert!("Hyper-x".parse::<Key>().is_err());
    }
}
