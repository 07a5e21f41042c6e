//! Colours by meaning. A theme gives each role a style; nothing is said by colour alone.
//!
//! The default theme, `terminal`, uses the terminal's own foreground and background and the 16
//! ANSI colours only. All themes are TOML files in `assets/themes`, compiled in.

mod parse;

use ratatui::style::{Color, Modifier, Style};

pub use parse::ThemeError;

/// What a piece of the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Body text.
    Text,
    /// Text that matters less: labels, times.
    Muted,
    /// Lines and borders.
    Line,
    /// The product's name and the active tab.
    Brand,
    /// Column titles and section titles.
    Heading,
    /// The selected row.
    Selected,
    /// Sentinel, the left panel.
    Sentinel,
    /// ServiceNow, the right panel.
    Servicenow,
    /// In step, done, delivered.
    Good,
    /// Under way.
    Pending,
    /// Held, stale, a warning.
    Warning,
    /// Both sides changed.
    Conflict,
    /// An error.
    Error,
    /// Severity high.
    High,
    /// Severity medium.
    Medium,
    /// Severity low.
    Low,
    /// Severity informational.
    Informational,
    /// A key that can be pressed.
    Key,
    /// A badge such as READ-ONLY.
    Badge,
    /// A text field that has the focus.
    Input,
    /// A value that differs from the other side's, or that a plan would write.
    Changed,
    /// The background of an overlay.
    Overlay,
    /// The border of an overlay.
    OverlayLine,
    /// The focused button.
    Button,
    /// A value that is going away.
    Before,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 25] = [
        Self::Text,
        Self::Muted,
        Self::Line,
        Self::Brand,
        Self::Heading,
        Self::Selected,
        Self::Sentinel,
        Self::Servicenow,
        Self::Good,
        Self::Pending,
        Self::Warning,
        Self::Conflict,
        Self::Error,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Informational,
        Self::Key,
        Self::Badge,
        Self::Input,
        Self::Changed,
        Self::Overlay,
        Self::OverlayLine,
        Self::Button,
        Self::Before,
    ];

    /// The word in a theme file: `overlay-line`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Muted => "muted",
            Self::Line => "line",
            Self::Brand => "brand",
            Self::Heading => "heading",
            Self::Selected => "selected",
            Self::Sentinel => "sentinel",
            Self::Servicenow => "servicenow",
            Self::Good => "good",
            Self::Pending => "pending",
            Self::Warning => "warning",
            Self::Conflict => "conflict",
            Self::Error => "error",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Informational => "informational",
            Self::Key => "key",
            Self::Badge => "badge",
            Self::Input => "input",
            Self::Changed => "changed",
            Self::Overlay => "overlay",
            Self::OverlayLine => "overlay-line",
            Self::Button => "button",
            Self::Before => "before",
        }
    }
}

/// A style per role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: [Style; Role::ALL.len()],
    base: Style,
    /// Foreground that a picture uses for the terminal's own.
    pub picture_foreground: Color,
    /// Background that a picture uses for the terminal's own.
    pub picture_background: Color,
}

const PRESETS: &[(&str, &str)] = &[
    ("terminal", include_str!("../../assets/themes/terminal.toml")),
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("high-contrast", include_str!("../../assets/themes/high-contrast.toml")),
    ("mono", include_str!("../../assets/themes/mono.toml")),
];

impl Theme {
    /// The names of the themes that are compiled in.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|(name, _)| *name)
    }

    /// The theme of that name, or why there is none.
    pub fn named(name: &str) -> Result<Self, ThemeError> {
        match PRESETS.iter().find(|(n, _)| *n == name) {
            Some((name, text)) => Self::parse(name, text),
            None => Err(ThemeError(format!(
                "there is no theme {:?}; choose one of {}",
                crate::text::escape_line(name),
                Self::names().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// Reads a theme file. Roles that it leaves out stay plain.
    pub fn parse(name: &str, text: &str) -> Result<Self, ThemeError> {
        parse::parse(name, text)
    }

    /// A theme without any colour: attributes only, for `NO_COLOR` and as the last resort.
    pub fn plain() -> Self {
        let mut theme = Self {
            name: "mono".into(),
            styles: [Style::new(); Role::ALL.len()],
            base: Style::new(),
            picture_foreground: Color::Rgb(0xd8, 0xd8, 0xd8),
            picture_background: Color::Rgb(0x10, 0x10, 0x10),
        };
        for role in [Role::Selected, Role::Badge, Role::Button] {
            theme.set(role, Style::new().add_modifier(Modifier::REVERSED));
        }
        theme
    }

    /// The style of a role.
    pub fn of(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// What an empty cell looks like: the text role with its background.
    pub fn base(&self) -> Style {
        self.base
    }

    fn set(&mut self, role: Role, style: Style) {
        if role == Role::Text {
            // Text keeps the background it is written on, a dialog's too.
            self.base = style;
            self.styles[role as usize] = Style { bg: None, ..style };
            return;
        }
        self.styles[role as usize] = style;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(c: Color) -> Option<f64> {
        let Color::Rgb(r, g, b) = c else { return None };
        let lin = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        Some(0.2126 * lin(r) + 0.7152 * lin(g) + 0.0722 * lin(b))
    }

    #[test]
    fn every_preset_parses_and_names_every_role() {
        for name in Theme::names() {
            let theme = Theme::named(name).unwrap();
            assert_eq!(theme.name, name);
            let text = PRESETS.iter().find(|(n, _)| *n == name).unwrap().1;
            for role in Role::ALL {
                assert!(text.contains(&format!("\n{} = ", role.word())), "{name}: {}", role.word());
            }
        }
        assert!(Theme::named("neon").unwrap_err().to_string().contains("high-contrast"));
    }

    #[test]
    fn text_stands_out_from_its_background() {
        for name in ["dark", "light", "high-contrast"] {
            let theme = Theme::named(name).unwrap();
            let bg = luminance(theme.picture_background).unwrap();
            for role in Role::ALL {
                if matches!(role, Role::Line | Role::Overlay | Role::OverlayLine) {
                    continue;
                }
                let style = theme.of(role);
                let own = style.bg.and_then(luminance).unwrap_or(bg);
                let Some(fg) = style.fg.and_then(luminance) else { continue };
                let (hi, lo) = if fg > own { (fg, own) } else { (own, fg) };
                let contrast = (hi + 0.05) / (lo + 0.05);
                let wanted = if role == Role::Muted { 4.0 } else { 4.5 };
                assert!(contrast >= wanted, "{name} {}: {contrast:.1}", role.word());
            }
        }
    }

    #[test]
    fn the_default_and_mono_keep_to_their_promise() {
        let terminal = Theme::named("terminal").unwrap();
        let mono = Theme::named("mono").unwrap();
        for role in Role::ALL {
            for c in [terminal.of(role).fg, terminal.of(role).bg].into_iter().flatten() {
                assert!(!matches!(c, Color::Rgb(..) | Color::Indexed(_)), "{}", role.word());
                assert!(!matches!(c, Color::White | Color::Black | Color::DarkGray), "{}", role.word());
            }
            let m = mono.of(role);
            assert!(m.fg.is_none_or(|c| c == Color::Reset) && m.bg.is_none_or(|c| c == Color::Reset));
        }
    }
}
