//! Acts on the Sentinel side.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{announce, person};
use crate::sandbox::seed_data;
use crate::sandbox::sentinel::IncidentAct;
use crate::sandbox::side::Side;
use crate::sandbox::stage::Stage;
use crate::text::Stamp;

/// Which incident, and who acts.
#[derive(Debug, Default)]
struct Target {
    incident: String,
    workspace: Option<String>,
    by: Option<String>,
}

/// One act. `incident` is a GUID or a number, `workspace` the first one when absent, `by` a
/// `user_name` of the cast.
#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum PortalAct {
    /// A new incident from a template; the given members replace the template's.
    Raise {
        workspace: Option<String>,
        #[serde(default)]
        seed: u64,
        title: Option<String>,
        description: Option<String>,
        severity: Option<String>,
        labels: Option<Vec<String>>,
        #[serde(default)]
        defender: bool,
    },
    Severity {
        incident: String,
        value: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    Status {
        incident: String,
        value: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    Title {
        incident: String,
        value: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    Description {
        incident: String,
        value: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    Label {
        incident: String,
        value: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    Comment {
        incident: String,
        value: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    DeleteComment {
        incident: String,
        value: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    /// `value` is the `user_name` of the owner, or null.
    Owner {
        incident: String,
        value: Option<String>,
        workspace: Option<String>,
        by: Option<String>,
    },
    Close {
        incident: String,
        classification: String,
        reason: Option<String>,
        #[serde(default)]
        comment: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    Reopen {
        incident: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    AutoClose {
        incident: String,
        workspace: Option<String>,
    },
    AutoReopen {
        incident: String,
        workspace: Option<String>,
    },
    Alert {
        incident: String,
        workspace: Option<String>,
    },
    /// Folds `incident` into the survivor `into`.
    Merge {
        incident: String,
        into: String,
        workspace: Option<String>,
        by: Option<String>,
    },
}

impl PortalAct {
    /// Does it and gives workspace, GUID and number.
    pub fn carry_out(self, stage: &Stage, now: Stamp) -> Result<Value, String> {
        if let PortalAct::Raise { .. } = self {
            return self.raise(stage, now);
        }
        let (target, act) = self.split(stage)?;
        let workspace = known_workspace(stage, target.workspace)?;
        let guid = find(stage, &workspace, &target.incident)?;
        let who = person(target.by.as_deref())?;
        stage.with_sentinel(|world| world.act(&workspace, &guid, &act, who, now))?;
        let number = stage.with_sentinel(|w| w.fact(&workspace, &guid)).map_or(0, |f| f.number);
        announce(stage, now, who.name, Side::Sentinel, format!("{act:?}"), format!("{workspace}/{number}"));
        Ok(json!({"workspace": workspace, "incident": guid, "number": number}))
    }

    fn raise(self, stage: &Stage, now: Stamp) -> Result<Value, String> {
        let PortalAct::Raise { workspace, seed, title, description, severity, labels, defender } = self
        else {
            return Err("not a new incident".into());
        };
        let workspace = known_workspace(stage, workspace)?;
        let mut draft = seed_data::draft(&mut fastrand::Rng::with_seed(seed))?;
        draft.title = title.unwrap_or(draft.title);
        draft.description = description.unwrap_or(draft.description);
        draft.severity = severity.unwrap_or(draft.severity);
        draft.labels = labels.unwrap_or(draft.labels);
        draft.defender |= defender;
        let what = format!("raised “{}”", draft.title);
        let guid = stage.with_sentinel(|world| world.raise(&workspace, draft, now));
        let number = stage.with_sentinel(|w| w.fact(&workspace, &guid)).map_or(0, |f| f.number);
        announce(stage, now, "admin", Side::Sentinel, what, format!("{workspace}/{number}"));
        Ok(json!({"workspace": workspace, "incident": guid, "number": number}))
    }

    /// The target and the world's own word for the act.
    fn split(self, stage: &Stage) -> Result<(Target, IncidentAct), String> {
        use IncidentAct as I;
        let on = |incident, workspace, by| Target { incident, workspace, by };
        let rng = &mut fastrand::Rng::with_seed(0);
        Ok(match self {
            Self::Raise { .. } => return Err("a new incident has no target".into()),
            Self::Severity { incident, value, workspace, by } => {
                (on(incident, workspace, by), I::Severity(value))
            }
            Self::Status { incident, value, workspace, by } => {
                (on(incident, workspace, by), I::Status(value))
            }
            Self::Title { incident, value, workspace, by } => (on(incident, workspace, by), I::Title(value)),
            Self::Description { incident, value, workspace, by } => {
                (on(incident, workspace, by), I::Description(value))
            }
            Self::Label { incident, value, workspace, by } => (on(incident, workspace, by), I::Label(value)),
            Self::Comment { incident, value, workspace, by } => {
                (on(incident, workspace, by), I::Comment(value))
            }
            Self::DeleteComment { incident, value, workspace, by } => {
                (on(incident, workspace, by), I::DeleteComment(value))
            }
            Self::Owner { incident, value, workspace, by } => {
                let owner = value.as_deref().map(|v| person(Some(v))).transpose()?;
                (on(incident, workspace, by), I::Owner(owner))
            }
            Self::Close { incident, classification, reason, comment, workspace, by } => {
                (on(incident, workspace, by), I::Close { classification, reason, comment })
            }
            Self::Reopen { incident, workspace, by } => (on(incident, workspace, by), I::Reopen),
            Self::AutoClose { incident, workspace } => (on(incident, workspace, None), I::AutoClose),
            Self::AutoReopen { incident, workspace } => {
                (on(incident, workspace, None), I::AutoReopen(seed_data::more_alert(rng)?))
            }
            Self::Alert { incident, workspace } => {
                (on(incident, workspace, None), I::AddAlert(seed_data::more_alert(rng)?))
            }
            Self::Merge { incident, into, workspace, by } => {
                let name = known_workspace(stage, workspace)?;
                let survivor_guid = find(stage, &name, &into)?;
                (on(incident, Some(name), by), I::MergeInto { survivor_guid })
            }
        })
    }
}

fn known_workspace(stage: &Stage, workspace: Option<String>) -> Result<String, String> {
    match workspace {
        None => stage.workspaces.first().cloned().ok_or_else(|| "there is no workspace".into()),
        Some(name) if stage.workspaces.contains(&name) => Ok(name),
        Some(name) => Err(format!("{name:?} is no workspace here; there is {}", stage.workspaces.join(", "))),
    }
}

/// The GUID behind a GUID or a number.
fn find(stage: &Stage, workspace: &str, key: &str) -> Result<String, String> {
    stage.with_sentinel(|world| {
        if let Some(fact) = world.fact(workspace, key) {
            return Ok(fact.guid);
        }
        let number: i64 = key.parse().map_err(|_| format!("no incident {key:?} in {workspace}"))?;
        let facts = world.facts(workspace);
        let found = facts.into_iter().find(|f| f.number == number);
        found.map(|f| f.guid).ok_or_else(|| format!("no incident {number} in {workspace}"))
    })
}
