//! What should happen: a pure three-way plan from what both sides show, what they last agreed
//! on, the tables and the policies.

use crate::mapping::{Directory, Tables};
use crate::model::settings::WorkspaceSettings;
use crate::model::view::FieldView;
use crate::model::{LinkState, Shown, Verb};

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

/// The fields of a link, in the order of the panels, ready to be shown side by side.
pub fn field_views(_state: &LinkState, _ctx: &PlanContext<'_>) -> Vec<FieldView> {
    Vec::new()
}

/// Which writes a command would make now, or why it is refused, in one safe line.
pub fn preview(_state: &LinkState, _ctx: &PlanContext<'_>, _verb: &Verb) -> Result<Vec<Shown>, String> {
    Ok(Vec::new())
}
