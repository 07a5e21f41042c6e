//! One row as the platform wrote it with `sysparm_display_value=all`: values and display values,
//! where a missing key means "may not be read" and not "empty" (measured).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{CallError, FaultKind, SysId};
use crate::text::{Stamp, clip};

/// Raw values and display values by field name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub values: BTreeMap<String, String>,
    pub display: BTreeMap<String, String>,
}

impl Row {
    /// Reads one object; a plain text instead of a pair is its own value.
    pub fn read(value: &Value) -> Result<Self, CallError> {
        let Some(map) = value.as_object() else {
            return Err(CallError::new(FaultKind::Garbled, "a row is not an object"));
        };
        let mut row = Self::default();
        for (name, cell) in map {
            let (raw, shown) = match cell {
                Value::Object(pair) => (
                    pair.get("value").map(plain).unwrap_or_default(),
                    pair.get("display_value").map(plain).unwrap_or_default(),
                ),
                other => (plain(other), String::new()),
            };
            row.values.insert(name.clone(), raw);
            row.display.insert(name.clone(), shown);
        }
        Ok(row)
    }

    /// The raw value of a field that the call cannot do without.
    pub fn need(&self, field: &str) -> Result<&str, CallError> {
        self.values.get(field).map(String::as_str).ok_or_else(|| {
            CallError::new(
                FaultKind::Forbidden,
                format!("the field {} is hidden by an access rule", clip(field, 60)),
            )
            .hint(format!("let the integration user read {}", clip(field, 60)))
        })
    }

    /// The key; empty counts as broken.
    pub fn sys_id(&self) -> Result<SysId, CallError> {
        let id = self.need("sys_id")?;
        if id.is_empty() {
            return Err(CallError::new(FaultKind::Garbled, "a row came with an empty sys_id"));
        }
        Ok(SysId::new(id))
    }

    /// A moment that must be there and readable.
    pub fn need_stamp(&self, field: &str) -> Result<Stamp, CallError> {
        let text = self.need(field)?;
        Stamp::parse_servicenow(text).ok_or_else(|| {
            let shown = clip(text, 40);
            CallError::new(FaultKind::Garbled, format!("{field} is {shown:?}, not a UTC date and time"))
        })
    }

    /// The raw value, empty when it is empty or hidden.
    pub fn text(&self, field: &str) -> String {
        self.values.get(field).cloned().unwrap_or_default()
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
