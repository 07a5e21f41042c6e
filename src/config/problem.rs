//! What is wrong with a config: file, line, key, message, hint.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::text::escape_line;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// The config cannot be used.
    Error,
    /// It can be used, but somebody should look.
    Warning,
}

/// One problem. Message and hint are safe to print and never hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad.
    pub weight: Weight,
    /// The key, such as `workspace.prod.poll`; empty when it is about the whole file.
    pub key: String,
    /// Line in the file, from 1; `None` for a key that is not in it.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty if the message says it.
    pub hint: String,
}

impl Problem {
    /// An error about a key.
    pub fn error(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            weight: Weight::Error,
            key: key.into(),
            line: None,
            message: message.into(),
            hint: String::new(),
        }
    }

    /// A warning about a key.
    pub fn warning(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, ..Self::error(key, message) }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// A config that cannot be used, with every problem found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, in the order of the lines.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// One line per problem: `file:line: error: key: message (hint)`.
    pub fn lines(&self) -> Vec<String> {
        self.problems.iter().map(|p| line(&self.file, p)).collect()
    }
}

/// One problem as a line: `file:line: error: key: message (hint)`.
pub fn line(file: &Path, p: &Problem) -> String {
    let mut out = escape_line(&file.display().to_string());
    if let Some(n) = p.line {
        out.push_str(&format!(":{n}"));
    }
    out.push_str(match p.weight {
        Weight::Error => ": error: ",
        Weight::Warning => ": warning: ",
    });
    if !p.key.is_empty() {
        out.push_str(&format!("{}: ", escape_line(&p.key)));
    }
    out.push_str(&escape_line(&p.message));
    if !p.hint.is_empty() {
        out.push_str(&format!(" ({})", escape_line(&p.hint)));
    }
    out
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for ConfigError {}
