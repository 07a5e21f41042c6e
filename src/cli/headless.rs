//! The demo without a console: one line per change, and a summary.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::exit::Failure;
use super::incidents;
use super::output::{self, json_text};
use super::shapes::EventRow;
use crate::model::view::{EventView, Level, Step};
use crate::store::Store;
use crate::text::escape_line;

const PAGE: u32 = 500;

/// What crossed while it ran; the last line of `demo --headless --json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Incidents that have a link.
    pub incidents: usize,
    /// Of these, those that have a record.
    pub records: usize,
    /// Changes that crossed to the other side.
    pub changes: usize,
    /// Entries of all conversations.
    pub notes: u32,
    /// Links by step, those without one left out.
    pub steps: BTreeMap<&'static str, usize>,
    /// Warnings and errors that were reported.
    pub reported: usize,
}

/// Prints happenings as the store tells them, until `ended` is over or the reader went away.
pub struct Reader<'a> {
    store: &'a Store,
    json: bool,
    last: i64,
    changes: usize,
    reported: usize,
}

impl<'a> Reader<'a> {
    /// Starts with the first happening.
    pub fn new(store: &'a Store, json: bool) -> Self {
        Self { store, json, last: 0, changes: 0, reported: 0 }
    }

    /// Prints until `ended`.
    pub async fn until(&mut self, ended: impl Future<Output = ()>) -> Result<(), Failure> {
        let mut watcher = self.store.watch().await;
        tokio::pin!(ended);
        loop {
            self.print_new().await?;
            tokio::select! {
                () = &mut ended => return self.print_new().await,
                () = watcher.changed() => {}
                // a change that the watcher took for its own must not wait for the next
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    async fn print_new(&mut self) -> Result<(), Failure> {
        loop {
            let events = self.store.events(self.last, PAGE).await?;
            for (id, event) in &events {
                self.last = *id;
                self.changes += usize::from(event.level == Level::Change);
                self.reported += usize::from(event.level >= Level::Warning);
                let line = if self.json { json_text(&EventRow::from(event), false) } else { line(event) };
                output::print_line(&line)?;
            }
            if events.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    /// Counts what there is now.
    pub async fn summary(&self) -> Result<Summary, Failure> {
        let links = incidents::all(self.store).await?;
        let count = |s: Step| links.iter().filter(|l| l.step == s).count();
        Ok(Summary {
            incidents: links.len(),
            records: links.iter().filter(|l| !l.record_number.is_empty()).count(),
            changes: self.changes,
            notes: links.iter().map(|l| l.entries.sentinel + l.entries.servicenow).sum(),
            steps: Step::ALL.into_iter().map(|s| (s.word(), count(s))).filter(|(_, n)| *n > 0).collect(),
            reported: self.reported,
        })
    }
}

fn line(e: &EventView) -> String {
    let level = match e.level {
        Level::Change => "change",
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    format!("{} {level:<7} {}  {}", e.at.clock(), escape_line(&e.subject), escape_line(&e.text))
}

/// The summary in one line.
pub fn words(s: &Summary) -> String {
    let steps: Vec<String> = s.steps.iter().map(|(word, n)| format!("{n} {word}")).collect();
    let of = |word: &str| s.steps.get(word).copied().unwrap_or(0);
    format!(
        "{} incidents, {} records, {} changes crossed, {} notes, {} conflicts, {} held ({}); {} warnings and errors",
        s.incidents,
        s.records,
        s.changes,
        s.notes,
        of(Step::Conflict.word()),
        of(Step::Held.word()),
        steps.join(", "),
        s.reported
    )
}
