//! Acts on the ServiceNow side, those of people and those that happen behind everybody's back.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{announce, person};
use crate::sandbox::servicenow::{DeskAct as Act, RecordFacts};
use crate::sandbox::side::Side;
use crate::sandbox::stage::Stage;
use crate::text::Stamp;

/// Names of the acts of this module.
pub(super) const NAMES: &[&str] =
    &["set", "work_note", "caller_comment", "create", "delete", "quiet_set", "merge_records", "change_class"];

/// One act. `record` is a `sys_id` or a number, `table` is `incident` when absent, `by` a
/// `user_name` of the cast.
#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum DeskAct {
    /// Several fields in one update, rules and policies applied.
    Set {
        record: String,
        fields: Map<String, Value>,
        #[serde(default = "incident")]
        table: String,
        by: Option<String>,
    },
    WorkNote {
        record: String,
        value: String,
        #[serde(default = "incident")]
        table: String,
        by: Option<String>,
    },
    CallerComment {
        record: String,
        value: String,
        #[serde(default = "incident")]
        table: String,
        by: Option<String>,
    },
    /// A record that belongs to no incident, or a human's copy of one that does.
    Create {
        fields: Map<String, Value>,
        #[serde(default = "incident")]
        table: String,
        by: Option<String>,
    },
    /// Deletes a record as an administrator.
    Delete {
        record: String,
        #[serde(default = "incident")]
        table: String,
    },
    /// Changes values without rules, stamp or count, as a script with `autoSysFields(false)`.
    QuietSet {
        record: String,
        fields: Map<String, Value>,
        #[serde(default = "incident")]
        table: String,
    },
    /// Merges an incident record into another by hand.
    MergeRecords { record: String, into: String, by: Option<String> },
    /// Moves a record to another table under the same `sys_id`.
    ChangeClass {
        record: String,
        #[serde(default = "incident")]
        table: String,
        to: String,
    },
}

fn incident() -> String {
    "incident".into()
}

fn raw(fields: &Map<String, Value>) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    fields.iter().map(|(k, v)| (k.clone(), text(v))).collect()
}

impl DeskAct {
    /// Does it and gives table, `sys_id` and number.
    pub fn carry_out(self, stage: &Stage, now: Stamp) -> Result<Value, String> {
        match self {
            DeskAct::Set { record, fields, table, by } => {
                by_person(stage, now, &table, &record, Act::Set(raw(&fields)), by)
            }
            DeskAct::WorkNote { record, value, table, by } => {
                by_person(stage, now, &table, &record, Act::WorkNote(value), by)
            }
            DeskAct::CallerComment { record, value, table, by } => {
                by_person(stage, now, &table, &record, Act::Comment(value), by)
            }
            DeskAct::Create { fields, table, by } => {
                let who = person(by.as_deref())?;
                let id = stage.with_desk(|w| w.create(&table, &raw(&fields), who.user_name, now))?;
                told(stage, now, who.name, "created", &table, &id)
            }
            DeskAct::Delete { record, table } => {
                let facts = find(stage, &table, &record)?;
                stage.with_desk(|w| w.delete(&table, &facts.sys_id, now))?;
                announce(stage, now, "admin", Side::ServiceNow, "deleted".into(), facts.number.clone());
                Ok(json!({"table": table, "record": facts.sys_id, "number": facts.number}))
            }
            DeskAct::QuietSet { record, fields, table } => {
                let facts = find(stage, &table, &record)?;
                stage.with_desk(|w| w.set_without_stamp(&table, &facts.sys_id, &raw(&fields), now))?;
                told(stage, now, "admin", "changed without a stamp", &table, &facts.sys_id)
            }
            DeskAct::MergeRecords { record, into, by } => {
                let who = person(by.as_deref())?;
                let (loser, survivor) = (find(stage, "incident", &record)?, find(stage, "incident", &into)?);
                stage.with_desk(|w| w.merge(&loser.sys_id, &survivor.sys_id, who.user_name, now))?;
                told(stage, now, who.name, "merged", "incident", &loser.sys_id)
            }
            DeskAct::ChangeClass { record, table, to } => {
                let facts = find(stage, &table, &record)?;
                stage.with_desk(|w| w.change_class(&table, &facts.sys_id, &to, now))?;
                told(stage, now, "admin", "moved to another table", &to, &facts.sys_id)
            }
        }
    }
}

fn by_person(
    stage: &Stage,
    now: Stamp,
    table: &str,
    record: &str,
    act: Act,
    by: Option<String>,
) -> Result<Value, String> {
    let who = person(by.as_deref())?;
    let facts = find(stage, table, record)?;
    stage.with_desk(|world| world.act(table, &facts.sys_id, &act, who.user_name, now))?;
    told(stage, now, who.name, &format!("{act:?}"), table, &facts.sys_id)
}

fn told(stage: &Stage, now: Stamp, who: &str, what: &str, table: &str, id: &str) -> Result<Value, String> {
    let number = stage.with_desk(|w| w.record_facts(table, id)).map_or_else(String::new, |r| r.number);
    announce(stage, now, who, Side::ServiceNow, what.to_owned(), number.clone());
    Ok(json!({"table": table, "record": id, "number": number}))
}

fn find(stage: &Stage, table: &str, key: &str) -> Result<RecordFacts, String> {
    stage.with_desk(|world| {
        let by_id = world.record_facts(table, key);
        let found = by_id.or_else(|| world.records(table).into_iter().find(|r| r.number == key));
        found.ok_or_else(|| format!("no record {key:?} in {table}"))
    })
}
