//! What should happen: a pure three-way plan from what both sides show, what they last agreed
//! on, the tables and the policies.
//!
//! | file | question it answers |
//! |---|---|
//! | `values` | what is a field's raw value on either side? |
//! | `cross` | what does a value become on the other side? |
//! | `decide` | one field: who changed, who wins, what is written? |
//! | `custom` | and a column that a template fills? |
//! | `closing` | status and closing fields, which travel together |
//! | `state_path` | and a state that a record takes only phase by phase? |
//! | `closed_partner` | and a record that stays closed although its incident was reopened |
//! | `plan` | one link: all verdicts, and what each side is to get |
//! | `write` | what does a PATCH or a PUT then say? |
//! | `surge`, `write_rate` | is it more than anybody would do? |
//! | `sighting` | when did a side leave its base? |
//! | `conversation`, `marker` | which comments are new, and which are ours? |
//! | `markup` | how does each read on the other side? |
//! | `customer` | and what the customer of a record may see? |
//! | `journal_text` | and where journals are read from their records' text? |
//! | `duplicates` | which records of one incident are too many, and which may be closed? |
//! | `hand_over` | which records did the store app make, and what was said before? |
//! | `tie` | and an incident and a record that are to be tied by hand? |
//! | `number_label` | and the label that shows the record's number? |
//! | `shared_comment` | where do words go when an incident has no room for a comment each? |
//! | `aggregation` | which incidents share a record, and what is it to show of them? |
//! | `merge` | what is said when one incident was merged into another? |
//! | `evidence` | which alerts and entities was the record not told of yet? |
//! | `related` | and which rows beside the record do entities want? |
//! | `admission`, `identity` | which incidents get a record, and which one? |
//! | `cursor` | where does the next read start? |
//! | `act` | what would a person's command write? |
//! | `fields` | how do people see it? |

pub mod act;
pub mod admission;
pub mod aggregation;
pub mod closed_partner;
pub mod closing;
pub mod conversation;
pub mod cross;
pub mod cursor;
pub mod custom;
pub mod customer;
pub mod decide;
pub mod duplicates;
pub mod evidence;
pub mod fields;
pub mod hand_over;
pub mod identity;
pub mod journal_text;
pub mod marker;
pub mod markup;
pub mod merge;
pub mod number_label;
pub mod plan;
#[cfg(test)]
mod plan_tests;
pub mod related;
pub mod shared_comment;
pub mod sighting;
pub mod state_path;
pub mod surge;
pub mod tie;
pub mod values;
pub mod write;
pub mod write_rate;

pub use act::preview;
pub use fields::{field_views, link_step, readable};
pub use plan::{Plan, plan};

use crate::mapping::{CustomField, Directory, Tables};
use crate::model::settings::WorkspaceSettings;
use crate::model::{Field, Incident};

/// Everything a plan depends on besides the link itself.
#[derive(Clone, Copy, Debug)]
pub struct PlanContext<'a> {
    /// The workspace's settings: policies, route, names of fields.
    pub workspace: &'a WorkspaceSettings,
    /// The mapping version in force.
    pub tables: &'a Tables,
    /// Users known of the route's instance.
    pub directory: &'a Directory,
}

impl PlanContext<'_> {
    /// Sentinel's raw value of a field: of a custom one, what its row makes of the incident; empty when
    /// that fails.
    pub fn sentinel_value(&self, incident: &Incident, field: Field) -> String {
        let Field::Custom(_) = field else { return values::sentinel_value(incident, field) };
        let row = custom::custom_field(self, field);
        row.and_then(|row| self.custom_value(row, incident).ok()).unwrap_or_default()
    }

    /// What a row of the field table makes of an incident.
    ///
    /// # Errors
    /// One safe line: the row's template gives nothing.
    pub fn custom_value(&self, row: &CustomField, incident: &Incident) -> Result<String, String> {
        row.value(&number_label::without_ours(incident, &self.workspace.number_label))
    }
}
