//! Text that somebody else wrote.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{escape_line, escape_lines};

/// Text from Sentinel, ServiceNow, a server's error body or a file that an outsider may have
/// shaped.
///
/// It cannot be printed raw by accident: `Display` and `Debug` give one escaped line. The raw
/// form leaves only through [`UntrustedText::raw`], which is for comparing, for storing and for
/// the bodies of API calls.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UntrustedText(String);

impl UntrustedText {
    /// Wraps raw text as it was decoded.
    pub fn new(raw: impl Into<String>) -> Self {
        Self(raw.into())
    }

    /// The raw text, for comparison, storage and API bodies; never for a terminal or a log.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// True when there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One safe line, line breaks shown as visible tokens.
    pub fn line(&self) -> String {
        escape_line(&self.0)
    }

    /// Safe lines, for a panel that shows text of several lines.
    pub fn lines(&self) -> Vec<String> {
        escape_lines(&self.0)
    }
}

impl From<String> for UntrustedText {
    fn from(raw: String) -> Self {
        Self(raw)
    }
}

impl From<&str> for UntrustedText {
    fn from(raw: &str) -> Self {
        Self(raw.to_owned())
    }
}

impl fmt::Display for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

impl fmt::Debug for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.line())
    }
}
