//! Logs: to stderr for `run`, to a file for the console, redacted and escaped on the way.
//!
//! Every event is formatted into memory first; [`redact`] takes out what looks like a
//! credential, hostile characters are escaped, and only then the line is written, whole. While
//! the console is up nothing is printed: its log goes to a file, and a panic of a background
//! task goes there too.

mod panics;
mod redact;
mod writer;

use std::path::PathBuf;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogLevel, LogSettings};

pub use panics::{guard_panics, is_quiet, keep_quiet};
pub use redact::redact;

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To stderr.
    Stderr,
    /// To the end of a file, made with mode 0600.
    File(PathBuf),
}

/// Starts logging. `verbose` raises the level by one or two steps; the variable `DIPTYCH_LOG`
/// replaces it by a filter such as `diptych::http=trace`. A second call changes nothing.
///
/// # Errors
/// Says why the file or the filter cannot be used.
pub fn start(settings: &LogSettings, target: &Target, verbose: u8) -> Result<(), String> {
    let filter = filter(settings.level, verbose)?;
    let writer = writer::Lines::open(target)?;
    let layer =
        tracing_subscriber::fmt::layer().with_ansi(false).with_span_events(FmtSpan::NONE).with_writer(writer);
    let registry = tracing_subscriber::registry().with(filter);
    // a second subscriber is refused: tests start several commands in one process
    if settings.json {
        drop(registry.with(layer.json().flatten_event(true)).try_init());
    } else {
        drop(registry.with(layer.with_target(false)).try_init());
    }
    Ok(())
}

fn filter(level: LogLevel, verbose: u8) -> Result<Targets, String> {
    if let Ok(text) = std::env::var("DIPTYCH_LOG") {
        return text.parse().map_err(|e| format!("DIPTYCH_LOG is not a filter: {e}"));
    }
    let own = match (verbose, level) {
        (0, level) => level.word(),
        (1, _) => "debug",
        _ => "trace",
    };
    // other crates say little of use below a warning, and some of it quotes requests
    format!("warn,diptych={own}").parse().map_err(|e| format!("{e}"))
}
