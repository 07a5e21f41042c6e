//! From the terminal's events to messages. Releases are dropped, or some terminals would press
//! every key twice.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};

use crate::console::{Code, Key, Mouse, MouseKind, Msg};

/// The message of an event, if it has one.
pub(super) fn translate(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => translate_key(key).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(width, height) => Some(Msg::Resize(width, height)),
        Event::Mouse(mouse) => {
            let kind = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => MouseKind::Press,
                MouseEventKind::ScrollUp => MouseKind::WheelUp,
                MouseEventKind::ScrollDown => MouseKind::WheelDown,
                _ => return None,
            };
            Some(Msg::Mouse(Mouse { kind, x: mouse.column, y: mouse.row }))
        }
        _ => None,
    }
}

fn translate_key(key: KeyEvent) -> Option<Key> {
    let held = |m| key.modifiers.contains(m);
    let mut out = Key::char(' ');
    out.ctrl = held(KeyModifiers::CONTROL);
    out.alt = held(KeyModifiers::ALT);
    out.shift = held(KeyModifiers::SHIFT);
    out.code = match key.code {
        KeyCode::Char(c) if out.ctrl => Code::Char(c.to_lowercase().next().unwrap_or(c)),
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => {
            out.shift = true;
            Code::Tab
        }
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Insert => Code::Insert,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    if matches!(out.code, Code::Char(_)) {
        out.shift = false;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presses_and_repeats_count_and_releases_do_not() {
        let event = |kind| Event::Key(KeyEvent { kind, ..KeyEvent::from(KeyCode::Char('G')) });
        for kind in [KeyEventKind::Press, KeyEventKind::Repeat] {
            assert!(matches!(translate(event(kind)), Some(Msg::Key(k)) if k == Key::char('G')));
        }
        assert!(translate(event(KeyEventKind::Release)).is_none());
    }

    #[test]
    fn modified_keys_have_one_form() {
        let ctrl = KeyEvent::new(KeyCode::Char('K'), KeyModifiers::CONTROL | KeyModifiers::SHIFT);
        assert_eq!(translate_key(ctrl), Some(Key::ctrl('k')));
        let back = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(translate_key(back), Some(Key::shift(Code::Tab)));
    }
}
