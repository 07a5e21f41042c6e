//! How a command ends: one list of exit codes for the program, `--help` and README.

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::model::ledger::StoreFault;
use crate::model::{CallError, FaultKind};
use crate::text::escape_line;

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// It worked.
    Done,
    /// It failed for a reason that no other code names.
    Failed,
    /// The command line or the config is wrong.
    Usage,
    /// What it was about has moved meanwhile, is in conflict, or the rules refuse it.
    Stale,
    /// Nothing, or more than one thing, has that address.
    NotFound,
    /// Sign-in was refused, or a permission is missing.
    Denied,
    /// A service, or the store, cannot be reached or is busy.
    Unavailable,
    /// A check found errors: the tables' lint, the audit chain, or incidents with more than one record.
    CheckFailed,
    /// A plan was not confirmed, so nothing was written.
    Unconfirmed,
    /// The time given to `--wait` was over; the command is still under way.
    StillWaiting,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Self; 10] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Stale,
        Self::NotFound,
        Self::Denied,
        Self::Unavailable,
        Self::CheckFailed,
        Self::Unconfirmed,
        Self::StillWaiting,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "it worked; also when the reader of a pipe went away",
            Self::Failed => "it failed for a reason that no other code names",
            Self::Usage => "the command line or the config is wrong",
            Self::Stale => "conflict, stale, or refused by the rules: nothing was written",
            Self::NotFound => "nothing, or more than one thing, has that address",
            Self::Denied => "sign-in was refused, or a permission is missing",
            Self::Unavailable => "a service or the store cannot be reached, or is busy",
            Self::CheckFailed => {
                "a check found errors: the tables' lint, the audit chain, or incidents with more than one record"
            }
            Self::Unconfirmed => "the plan was not confirmed: nothing was written",
            Self::StillWaiting => "the time of --wait was over; the command is still under way",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The codes as they stand under `--help`.
pub fn help() -> String {
    let lines: Vec<String> = Exit::ALL.iter().map(|e| format!("  {}  {}", e.code(), e.meaning())).collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

/// The codes as README's table.
pub fn markdown() -> String {
    let rows: Vec<String> = Exit::ALL.iter().map(|e| format!("| {} | {} |", e.code(), e.meaning())).collect();
    format!("| code | meaning |\n|---|---|\n{}", rows.join("\n"))
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// How to end.
    pub exit: Exit,
    /// What happened; several lines are several problems.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Failure {
    /// A failure.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: String::new() }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Says it on stderr and gives its exit code.
    pub fn report(&self) -> ExitCode {
        for line in self.message.lines() {
            super::output::say(&format!("diptych: {}", escape_line(line)));
        }
        if !self.hint.is_empty() {
            super::output::say(&format!("diptych: {}", escape_line(&self.hint)));
        }
        self.exit.into()
    }
}

impl From<StoreFault> for Failure {
    fn from(fault: StoreFault) -> Self {
        let exit = match &fault {
            StoreFault::Busy(_) | StoreFault::LeaseLost => Exit::Unavailable,
            StoreFault::Full(_) | StoreFault::Broken(_) => Exit::Failed,
        };
        Self::new(exit, fault.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<&CallError> for Exit {
    fn from(error: &CallError) -> Self {
        Self::from(error.kind)
    }
}

impl From<FaultKind> for Exit {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::SignIn | FaultKind::Forbidden => Self::Denied,
            FaultKind::Config => Self::Usage,
            FaultKind::NotFound => Self::NotFound,
            FaultKind::Conflict | FaultKind::Duplicate | FaultKind::Rejected => Self::Stale,
            FaultKind::Throttled | FaultKind::Unavailable | FaultKind::Asleep | FaultKind::Garbled => {
                Self::Unavailable
            }
            FaultKind::QueryIgnored | FaultKind::Guard => Self::Failed,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // `| head` closes early; that is an answer and no failure
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::new(Exit::Done, ""),
            _ => Self::new(Exit::Failed, format!("cannot write: {error}")),
        }
    }
}
