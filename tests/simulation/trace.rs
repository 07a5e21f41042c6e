//! The event log of a run: one line for each effect, reply, act and upset. Kept only when asked
//! for, because writing it costs more than the run.

use std::time::Duration;

/// Where the lines go.
#[derive(Default)]
pub struct Trace {
    lines: Option<Vec<String>>,
    loud: bool,
}

impl Trace {
    /// Keeps the lines if `keep`; with `DIPTYCH_TRACE` set they also go to standard error.
    pub fn new(keep: bool) -> Self {
        let loud = std::env::var_os("DIPTYCH_TRACE").is_some();
        Self { lines: keep.then(Vec::new), loud }
    }

    pub fn is_on(&self) -> bool {
        self.loud || self.lines.is_some()
    }

    /// Adds a line, which is only made when somebody wants it.
    pub fn line(&mut self, at: Duration, life: u32, text: impl FnOnce() -> String) {
        if !self.is_on() {
            return;
        }
        let line = format!("{:>12.6} {life} {}", at.as_secs_f64(), text());
        if self.loud {
            eprintln!("{line}");
        }
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// The lines so far.
    pub fn take(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}
