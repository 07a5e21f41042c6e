//! Single look-ups for simulated people, who should not copy a whole workspace for each act.

use super::SentinelWorld;
use super::desk::lens;
use super::facts::IncidentFacts;
use super::incident::Shown;
use super::workspace::Workspace;

impl SentinelWorld {
    /// GUIDs of a workspace's incidents in order of their numbers; none if there is no such
    /// workspace.
    pub fn guids(&self, workspace: &str) -> Vec<String> {
        let shop = self.shop(workspace);
        shop.map_or_else(Vec::new, |s| s.incidents.values().map(|i| i.name.clone()).collect())
    }

    /// One incident as it is now, found by its GUID in any case.
    pub fn fact(&self, workspace: &str, guid: &str) -> Option<IncidentFacts> {
        let shop = self.shop(workspace)?;
        let incident = shop.get(guid)?;
        let lens = lens(&self.switches, shop, &self.options.tenant, "");
        Some(IncidentFacts::of(&Shown { incident, face: &incident.face, lens }))
    }

    fn shop(&self, workspace: &str) -> Option<&Workspace> {
        self.workspaces.iter().find(|w| w.name.eq_ignore_ascii_case(workspace))
    }
}
