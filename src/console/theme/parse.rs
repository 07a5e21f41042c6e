//! Theme files: `role = "foreground on background bold reverse"`.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::{Role, Theme};

/// Why a theme cannot be used, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ThemeError(pub String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    picture: Picture,
    roles: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Picture {
    foreground: String,
    background: String,
}

pub(super) fn parse(name: &str, text: &str) -> Result<Theme, ThemeError> {
    let file: File =
        toml::from_str(text).map_err(|e| ThemeError(format!("theme {name}: {}", e.message())))?;
    let mut theme = Theme::plain();
    theme.name = name.to_owned();
    theme.picture_foreground = color(&file.picture.foreground).map_err(|e| in_theme(name, &e))?;
    theme.picture_background = color(&file.picture.background).map_err(|e| in_theme(name, &e))?;
    for (word, value) in &file.roles {
        let role = Role::ALL
            .into_iter()
            .find(|r| r.word() == word)
            .ok_or_else(|| in_theme(name, &format!("{word:?} is no role")))?;
        theme.set(role, style(value).map_err(|e| in_theme(name, &format!("{word}: {e}")))?);
    }
    Ok(theme)
}

fn in_theme(name: &str, what: &str) -> ThemeError {
    ThemeError(format!("theme {name}: {what}"))
}

fn style(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        style = match word {
            "bold" => style.add_modifier(Modifier::BOLD),
            "dim" => style.add_modifier(Modifier::DIM),
            "italic" => style.add_modifier(Modifier::ITALIC),
            "underline" => style.add_modifier(Modifier::UNDERLINED),
            "reverse" => style.add_modifier(Modifier::REVERSED),
            "strike" => style.add_modifier(Modifier::CROSSED_OUT),
            "plain" => style,
            "on" => style.bg(color(words.next().ok_or("a colour is missing behind \"on\"")?)?),
            _ => style.fg(color(word)?),
        };
    }
    Ok(style)
}

fn color(word: &str) -> Result<Color, String> {
    let named = match word {
        "default" => Color::Reset,
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "gray" => Color::Gray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        _ => {
            let hex = word.strip_prefix('#').filter(|h| h.len() == 6);
            let value = hex.and_then(|h| u32::from_str_radix(h, 16).ok());
            let value = value.ok_or_else(|| format!("{word:?} is no colour"))?;
            let [_, r, g, b] = value.to_be_bytes();
            return Ok(Color::Rgb(r, g, b));
        }
    };
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_word_is_named() {
        assert!(style("mauve").unwrap_err().contains("mauve"));
        assert!(style("red on").is_err());
        assert_eq!(style("red on #010203 bold").unwrap().bg, Some(Color::Rgb(1, 2, 3)));
    }
}
