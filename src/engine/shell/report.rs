//! What one pass has to say when it is over.

use std::collections::BTreeMap;

use serde::Serialize;

use super::EngineError;
use crate::engine::machine::Summary;
use crate::model::view::SurgeView;
use crate::model::{FaultKind, Shown, Side, WorkspaceKey};

/// One workspace's pass.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PassReport {
    /// The workspace.
    pub workspace: WorkspaceKey,
    /// True when both sides were read and nothing is left undone.
    pub ok: bool,
    /// Incidents and records that were new or changed.
    pub read: u64,
    /// Writes that were confirmed.
    pub written: u64,
    /// Links that still have something to do.
    pub open: u64,
    /// Why it is not ok, one safe line.
    pub note: String,
    /// Kind of the first failure, if a service failed.
    pub cause: Option<FaultKind>,
}

/// Every workspace's pass.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnceReport {
    /// Workspaces, by key.
    pub passes: Vec<PassReport>,
    /// True when all are.
    pub ok: bool,
}

/// One write that a pass would make.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedWrite {
    /// The workspace.
    pub workspace: WorkspaceKey,
    /// Incident and record, one safe line.
    pub subject: String,
    /// Side, field, before and after.
    pub shown: Shown,
    /// Why, or what a person must decide.
    pub why: String,
}

/// The report of `Once`.
pub(super) fn once(summaries: BTreeMap<WorkspaceKey, Summary>) -> OnceReport {
    let passes: Vec<PassReport> = summaries
        .into_iter()
        .map(|(workspace, s)| {
            let mut notes: Vec<String> = s.failures.iter().map(ToString::to_string).collect();
            if !s.refused.is_empty() {
                notes.push(s.refused.clone());
            }
            notes.extend(s.waiting.iter().map(SurgeView::waits));
            if s.unfinished > 0 {
                notes.push(format!("{} links are not finished", s.unfinished));
            }
            let ok = notes.is_empty();
            if s.alerts_later {
                notes.push("alerts of some incidents are told by a later pass".into());
            }
            PassReport {
                cause: s.failures.first().map(|e| e.kind),
                workspace,
                ok,
                read: u64::from(s.incidents + s.records),
                written: u64::from(s.writes),
                open: u64::from(s.unfinished),
                note: notes.join("; "),
            }
        })
        .collect();
    let ok = passes.iter().all(|p| p.ok);
    OnceReport { passes, ok }
}

/// The writes of `Plan`, or the first failure.
pub(super) fn plan(summaries: BTreeMap<WorkspaceKey, Summary>) -> Result<Vec<PlannedWrite>, EngineError> {
    let mut writes = Vec::new();
    for (workspace, summary) in summaries {
        if let Some(error) = summary.failures.into_iter().next() {
            return Err(EngineError::Call(error));
        }
        if !summary.refused.is_empty() {
            return Err(EngineError::Refused(format!("workspace {workspace}: {}", summary.refused)));
        }
        for planned in summary.planned {
            let record = if planned.record.is_empty() { "new record" } else { &planned.record };
            let subject =
                crate::text::escape_line(&format!("{}/{} {record}", workspace.as_str(), planned.number));
            let mut line = |shown, why: &str| {
                writes.push(PlannedWrite {
                    workspace: workspace.clone(),
                    subject: subject.clone(),
                    shown,
                    why: why.to_owned(),
                });
            };
            if planned.creates {
                let shown = Shown {
                    side: Side::ServiceNow,
                    what: "record".into(),
                    from: String::new(),
                    to: planned.title.raw().to_owned(),
                };
                line(shown, "matches the filter and has no record");
            }
            for shown in planned.writes {
                line(shown, "");
            }
            for open in planned.open {
                let shown = Shown {
                    side: Side::ServiceNow,
                    what: "decision".into(),
                    from: String::new(),
                    to: String::new(),
                };
                line(shown, &open);
            }
        }
    }
    Ok(writes)
}
