//! What the config settles for the engine: validated, resolved, without a secret in it.

mod instance;
mod policy;
mod route;
mod switches;
mod workspace;

pub use instance::{DomainUser, InstanceSettings, Pass};
pub use policy::{Policies, Policy, TIE_WINNER};
pub use route::{DOMAIN_COLUMN, Route, UserRows};
pub use switches::{
    AlertNotes, BornClosed, ClosedPartner, CustomerComments, FirstContact, LeakGuard, RelatedRows, StoreApp,
};
pub use workspace::{Filter, WorkspaceSettings};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DeskKey, InstanceKey, WorkspaceKey};

/// Everything the engine runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineSettings {
    /// Workspaces.
    pub workspaces: Vec<WorkspaceSettings>,
    /// Instances.
    pub instances: Vec<InstanceSettings>,
    /// Life of a lease; renewed at a third of it.
    pub lease: Duration,
    /// Margin before a lease's end in which nothing is sent (D34).
    pub lease_margin: Duration,
    /// Who this process is, as shown beside a lease.
    pub holder: String,
    /// Seed of back-off jitter.
    pub seed: u64,
}

impl EngineSettings {
    /// The workspace of that key.
    pub fn workspace(&self, key: &WorkspaceKey) -> Option<&WorkspaceSettings> {
        self.workspaces.iter().find(|w| w.key == *key)
    }

    /// The instance of that key.
    pub fn instance(&self, key: &InstanceKey) -> Option<&InstanceSettings> {
        self.instances.iter().find(|i| i.key == *key)
    }

    /// Where a route's records are read and written: its instance, through the user of its domain if that
    /// has one.
    pub fn desk(&self, route: &Route) -> DeskKey {
        let users = self.instance(&route.instance).map_or(&[][..], |i| &i.domain_users);
        let own = users.iter().any(|u| u.domain == route.domain());
        DeskKey {
            instance: route.instance.clone(),
            domain: if own { route.domain().to_owned() } else { String::new() },
        }
    }
}
