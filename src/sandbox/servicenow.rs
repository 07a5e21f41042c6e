//! The ServiceNow half: OAuth, Table API, journals, batch and attachments.
#![allow(missing_docs)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::wire::{Request, Response, World};
use crate::text::Stamp;

#[derive(Clone, Debug)]
pub struct DeskOptions {
    pub seed: u64,
    pub user: String,
    pub password: String,
    pub client_id: String,
    pub client_secret: String,
    pub api_key: String,
}
#[derive(Clone, Debug)]
pub enum DeskAct {
    Set(Vec<(String, String)>),
    WorkNote(String),
    Comment(String),
}
#[derive(Clone, Debug)]
pub struct JournalFacts {
    pub sys_id: String,
    pub element: String,
    pub value: String,
    pub created_on: Stamp,
    pub created_by: String,
}
#[derive(Clone, Debug)]
pub struct RecordFacts {
    pub sys_id: String,
    pub number: String,
    pub fields: BTreeMap<String, String>,
    pub journal: Vec<JournalFacts>,
}
#[derive(Clone, Debug)]
pub struct RecordChange {}
pub struct DeskWorld {
    records: Vec<RecordFacts>,
}
impl DeskWorld {
    pub fn new(_options: DeskOptions) -> Self {
        Self { records: vec![] }
    }
    pub fn act(
        &mut self,
        _table: &str,
        sys_id: &str,
        act: &DeskAct,
        _user_name: &str,
        _now: Stamp,
    ) -> Result<(), String> {
        let r = self.records.iter_mut().find(|r| r.sys_id == sys_id).ok_or("no such record")?;
        if let DeskAct::Set(fields) = act {
            for (k, v) in fields {
                r.fields.insert(k.clone(), v.clone());
            }
        }
        Ok(())
    }
    pub fn create(
        &mut self,
        _table: &str,
        fields: &[(String, String)],
        _user_name: &str,
        _now: Stamp,
    ) -> Result<String, String> {
        let id = format!("{:032x}", self.records.len() + 1);
        self.records.push(RecordFacts {
            sys_id: id.clone(),
            number: format!("INC{:07}", self.records.len() + 1),
            fields: fields.iter().cloned().collect(),
            journal: vec![],
        });
        Ok(id)
    }
    pub fn records(&self, _table: &str) -> Vec<RecordFacts> {
        self.records.clone()
    }
    pub fn linked(&self, table: &str) -> Vec<String> {
        if table != "incident" {
            return vec![];
        }
        self.records
            .iter()
            .filter(|r| r.fields.contains_key("correlation_id"))
            .map(|r| r.sys_id.clone())
            .collect()
    }
    pub fn record(&self, _table: &str, id: &str) -> Option<RecordFacts> {
        self.records.iter().find(|r| r.sys_id == id).cloned()
    }
    pub fn choice_value(&self, _table: &str, _element: &str, label: &str) -> Option<String> {
        Some(label.to_owned())
    }
    pub fn history(&self) -> &[RecordChange] {
        &[]
    }
}
impl World for DeskWorld {
    fn handle(&mut self, _request: &Request, _now: Stamp) -> Response {
        Response::json(200, "application/json;charset=UTF-8", &json!({"result": []}))
    }
    fn switches(&self) -> Value {
        json!({})
    }
    fn set_switch(&mut self, name: &str, _value: &Value) -> Result<(), String> {
        Err(format!("no switch {name}"))
    }
}
