//! Single acts that a test or a trainer asks for.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sandbox::analysts::AnalystEntry;
use crate::sandbox::people::{CAST, Person};
use crate::sandbox::seed_data;
use crate::sandbox::sentinel::IncidentAct;
use crate::sandbox::servicenow::DeskAct;
use crate::sandbox::side::Side;
use crate::sandbox::stage::Stage;
use crate::text::Stamp;

/// One act, as JSON `{"act": "…", …}`. `by` is a `user_name` of the cast; the first person acts
/// when it is absent. `incident` is a GUID or a number, `record` a `sys_id` or a number.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum Act {
    /// A new incident from a template; the given members replace the template's.
    Raise {
        workspace: Option<String>,
        #[serde(default)]
        seed: u64,
        title: Option<String>,
        description: Option<String>,
        severity: Option<String>,
        labels: Option<Vec<String>>,
    },
    /// Changes an incident; `value` is text, and null clears an owner.
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
    /// `value` is the `user_name` of the owner.
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
    Merge {
        incident: String,
        into: String,
        workspace: Option<String>,
        by: Option<String>,
    },
    /// Several fields of a record in one update.
    Set {
        record: String,
        fields: serde_json::Map<String, Value>,
        #[serde(default = "incident_table")]
        table: String,
        by: Option<String>,
    },
    WorkNote {
        record: String,
        value: String,
        #[serde(default = "incident_table")]
        table: String,
        by: Option<String>,
    },
    CallerComment {
        record: String,
        value: String,
        #[serde(default = "incident_table")]
        table: String,
        by: Option<String>,
    },
    /// A record that belongs to no incident.
    Create {
        fields: serde_json::Map<String, Value>,
        #[serde(default = "incident_table")]
        table: String,
        by: Option<String>,
    },
    /// One act of the simulated analysts, now.
    Any {},
}

fn incident_table() -> String {
    "incident".into()
}

fn person(by: Option<&str>) -> Result<&'static Person, String> {
    match by {
        None => CAST.first().ok_or_else(|| "nobody works here".into()),
        Some(name) => CAST.iter().find(|p| p.user_name == name).ok_or_else(|| {
            let names: Vec<&str> = CAST.iter().map(|p| p.user_name).collect();
            format!("nobody is called {name:?}; use one of {}", names.join(", "))
        }),
    }
}

fn raw_fields(fields: &serde_json::Map<String, Value>) -> Vec<(String, String)> {
    let raw = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    fields.iter().map(|(k, v)| (k.clone(), raw(v))).collect()
}

impl Act {
    /// Does it, tells subscribers, and gives what was made or changed.
    pub(crate) fn carry_out(self, stage: &Stage, now: Stamp) -> Result<Value, String> {
        use IncidentAct as I;
        match self {
            Act::Raise { workspace, seed, title, description, severity, labels } => {
                let mut draft = seed_data::draft(&mut fastrand::Rng::with_seed(seed))?;
                draft.title = title.unwrap_or(draft.title);
                draft.description = description.unwrap_or(draft.description);
                draft.severity = severity.unwrap_or(draft.severity);
                draft.labels = labels.unwrap_or(draft.labels);
                let workspace = known_workspace(stage, workspace)?;
                let what = format!("raised “{}”", draft.title);
                let guid = stage.with_sentinel(|world| world.raise(&workspace, draft, now));
                let number = stage.with_sentinel(|w| w.fact(&workspace, &guid)).map_or(0, |f| f.number);
                stage.announce(entry(now, "admin", Side::Sentinel, what, format!("{workspace}/{number}")));
                Ok(json!({"workspace": workspace, "incident": guid, "number": number}))
            }
            Act::Severity { incident, value, workspace, by } => {
                on_incident(stage, now, workspace, &incident, I::Severity(value), by)
            }
            Act::Status { incident, value, workspace, by } => {
                on_incident(stage, now, workspace, &incident, I::Status(value), by)
            }
            Act::Title { incident, value, workspace, by } => {
                on_incident(stage, now, workspace, &incident, I::Title(value), by)
            }
            Act::Description { incident, value, workspace, by } => {
                on_incident(stage, now, workspace, &incident, I::Description(value), by)
            }
            Act::Label { incident, value, workspace, by } => {
                on_incident(stage, now, workspace, &incident, I::Label(value), by)
            }
            Act::Comment { incident, value, workspace, by } => {
                on_incident(stage, now, workspace, &incident, I::Comment(value), by)
            }
            Act::Owner { incident, value, workspace, by } => {
                let owner = value.as_deref().map(|v| person(Some(v))).transpose()?;
                on_incident(stage, now, workspace, &incident, I::Owner(owner), by)
            }
            Act::Close { incident, classification, reason, comment, workspace, by } => {
                let act = I::Close { classification, reason, comment };
                on_incident(stage, now, workspace, &incident, act, by)
            }
            Act::Reopen { incident, workspace, by } => {
                on_incident(stage, now, workspace, &incident, I::Reopen, by)
            }
            Act::Merge { incident, into, workspace, by } => {
                let ws = known_workspace(stage, workspace)?;
                let survivor_guid = find_incident(stage, &ws, &into)?;
                on_incident(stage, now, Some(ws), &incident, I::MergeInto { survivor_guid }, by)
            }
            Act::Set { record, fields, table, by } => {
                on_record(stage, now, &table, &record, DeskAct::Set(raw_fields(&fields)), by)
            }
            Act::WorkNote { record, value, table, by } => {
                on_record(stage, now, &table, &record, DeskAct::WorkNote(value), by)
            }
            Act::CallerComment { record, value, table, by } => {
                on_record(stage, now, &table, &record, DeskAct::Comment(value), by)
            }
            Act::Create { fields, table, by } => create(stage, now, &table, &fields, by),
            Act::Any {} => match stage.play(now) {
                Some(entry) => serde_json::to_value(entry).map_err(|e| e.to_string()),
                None => Err("there is nothing to act on".into()),
            },
        }
    }
}

fn entry(at: Stamp, who: &str, side: Side, what: String, target: String) -> AnalystEntry {
    AnalystEntry { at, who: who.to_owned(), side, what, target, token: None }
}

fn known_workspace(stage: &Stage, workspace: Option<String>) -> Result<String, String> {
    match workspace {
        None => stage.workspaces.first().cloned().ok_or_else(|| "there is no workspace".into()),
        Some(name) if stage.workspaces.contains(&name) => Ok(name),
        Some(name) => Err(format!("{name:?} is no workspace here; there is {}", stage.workspaces.join(", "))),
    }
}

fn find_incident(stage: &Stage, workspace: &str, key: &str) -> Result<String, String> {
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

fn on_incident(
    stage: &Stage,
    now: Stamp,
    workspace: Option<String>,
    incident: &str,
    act: IncidentAct,
    by: Option<String>,
) -> Result<Value, String> {
    let workspace = known_workspace(stage, workspace)?;
    let guid = find_incident(stage, &workspace, incident)?;
    let who = person(by.as_deref())?;
    stage.with_sentinel(|world| world.act(&workspace, &guid, &act, who, now))?;
    let target = format!("{workspace}/{incident}");
    stage.announce(entry(now, who.name, Side::Sentinel, format!("{act:?}"), target));
    Ok(json!({"workspace": workspace, "incident": guid}))
}

fn on_record(
    stage: &Stage,
    now: Stamp,
    table: &str,
    record: &str,
    act: DeskAct,
    by: Option<String>,
) -> Result<Value, String> {
    let who = person(by.as_deref())?;
    let fact = stage.with_desk(|world| {
        world.record(table, record).or_else(|| world.records(table).into_iter().find(|r| r.number == record))
    });
    let fact = fact.ok_or_else(|| format!("no record {record:?} in {table}"))?;
    stage.with_desk(|world| world.act(table, &fact.sys_id, &act, who.user_name, now))?;
    stage.announce(entry(now, who.name, Side::ServiceNow, format!("{act:?}"), fact.number.clone()));
    Ok(json!({"table": table, "record": fact.sys_id, "number": fact.number}))
}

fn create(
    stage: &Stage,
    now: Stamp,
    table: &str,
    fields: &serde_json::Map<String, Value>,
    by: Option<String>,
) -> Result<Value, String> {
    let who = person(by.as_deref())?;
    let fields = raw_fields(fields);
    let sys_id = stage.with_desk(|world| world.create(table, &fields, who.user_name, now))?;
    let number = stage.with_desk(|w| w.record(table, &sys_id)).map_or_else(String::new, |r| r.number);
    stage.announce(entry(now, who.name, Side::ServiceNow, "created".into(), number.clone()));
    Ok(json!({"table": table, "record": sys_id, "number": number}))
}
