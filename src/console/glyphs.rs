//! The signs of the chrome, each one cell wide, each with an ASCII twin.
//!
//! A sign always stands beside its word; it never says something alone.

use crate::model::Severity;
use crate::model::view::{LaneState, Level, Step};

use super::theme::Role;

/// Unicode or ASCII signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glyphs {
    /// True for ASCII only.
    pub ascii: bool,
}

impl Glyphs {
    fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { unicode }
    }

    /// The sign of a step.
    pub fn step(self, step: Step) -> &'static str {
        match step {
            Step::InStep => self.pick("✓", "="),
            Step::Watched => self.pick("◦", "o"),
            Step::Merged => self.pick("⋈", "&"),
            Step::Unlinked => self.pick("⊖", "x"),
            Step::Gone => self.pick("∅", "-"),
            Step::Pending => self.pick("↻", "~"),
            Step::Held => self.pick("⊘", "?"),
            Step::Conflict => self.pick("≠", "#"),
            Step::Error => self.pick("✗", "!"),
        }
    }

    /// The meter of a severity, three cells.
    pub fn severity(self, severity: Option<Severity>) -> &'static str {
        match severity {
            Some(Severity::High) => self.pick("▰▰▰", "***"),
            Some(Severity::Medium) => self.pick("▰▰▱", "**."),
            Some(Severity::Low) => self.pick("▰▱▱", "*.."),
            Some(Severity::Informational) => self.pick("▱▱▱", "..."),
            None => self.pick("···", "---"),
        }
    }

    /// The sign of a lane's state.
    pub fn lane(self, state: LaneState) -> &'static str {
        match state {
            LaneState::Starting => self.pick("◌", "."),
            LaneState::Idle => self.pick("✓", "="),
            LaneState::Reading => self.pick("↓", "<"),
            LaneState::Writing => self.pick("↑", ">"),
            LaneState::BackingOff => self.pick("↻", "~"),
            LaneState::Paused => self.pick("‖", "|"),
            LaneState::Stopped => self.pick("✗", "!"),
        }
    }

    /// The sign of a level.
    pub fn level(self, level: Level) -> &'static str {
        match level {
            Level::Change => self.pick("⇄", "="),
            Level::Info => self.pick("·", "."),
            Level::Warning => self.pick("▲", "!"),
            Level::Error => self.pick("✗", "X"),
        }
    }

    /// Horizontal line.
    pub fn h(self) -> &'static str {
        self.pick("─", "-")
    }

    /// Vertical line.
    pub fn v(self) -> &'static str {
        self.pick("│", "|")
    }

    /// Corners: top left, top right, bottom left, bottom right.
    pub fn corners(self) -> [&'static str; 4] {
        if self.ascii { ["+", "+", "+", "+"] } else { ["╭", "╮", "╰", "╯"] }
    }

    /// Between a value before and a value after.
    pub fn arrow(self) -> &'static str {
        self.pick("→", "->")
    }

    /// Between the two sides of a link.
    pub fn both(self) -> &'static str {
        self.pick("↔", "<->")
    }

    /// The bar in front of the selected row.
    pub fn bar(self) -> &'static str {
        self.pick("▌", ">")
    }

    /// The mark of a row with a command under way.
    pub fn waiting(self) -> &'static str {
        self.pick("◌", "*")
    }

    /// Sorted upwards or downwards.
    pub fn sorted(self, descending: bool) -> &'static str {
        if descending { self.pick("▼", "v") } else { self.pick("▲", "^") }
    }

    /// A box that is ticked or not.
    pub fn tick(self, on: bool) -> &'static str {
        if on { self.pick("◉", "(x)") } else { self.pick("○", "( )") }
    }

    /// Text goes on.
    pub fn more(self) -> &'static str {
        self.pick("…", "~")
    }
}

/// The role of a step.
pub(crate) fn step_role(step: Step) -> Role {
    match step {
        Step::InStep => Role::Good,
        Step::Watched | Step::Merged | Step::Unlinked | Step::Gone => Role::Muted,
        Step::Pending => Role::Pending,
        Step::Held => Role::Warning,
        Step::Conflict => Role::Conflict,
        Step::Error => Role::Error,
    }
}

/// The role of a severity; an unknown one looks like a warning, because no row maps it.
pub(crate) fn severity_role(severity: Option<Severity>) -> Role {
    match severity {
        Some(Severity::High) => Role::High,
        Some(Severity::Medium) => Role::Medium,
        Some(Severity::Low) => Role::Low,
        Some(Severity::Informational) => Role::Informational,
        None => Role::Warning,
    }
}

/// The role of a lane's state.
pub(crate) fn lane_role(state: LaneState) -> Role {
    match state {
        LaneState::Starting => Role::Muted,
        LaneState::Idle => Role::Good,
        LaneState::Reading | LaneState::Writing => Role::Pending,
        LaneState::BackingOff | LaneState::Paused => Role::Warning,
        LaneState::Stopped => Role::Error,
    }
}

/// The role of a level.
pub(crate) fn level_role(level: Level) -> Role {
    match level {
        Level::Change => Role::Good,
        Level::Info => Role::Muted,
        Level::Warning => Role::Warning,
        Level::Error => Role::Error,
    }
}
