//! Who may sync a workspace, and until when.

use serde::{Deserialize, Serialize};

use crate::model::WorkspaceKey;
use crate::text::{Stamp, escape_line};

/// Who may sync a workspace (D34).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The workspace.
    pub workspace: WorkspaceKey,
    /// Who holds it.
    pub holder: String,
    /// Counts up with each new holder; fences late writers.
    pub epoch: i64,
    /// When it ends, by the database's clock.
    pub ends: Stamp,
    /// The database's clock when this was read.
    pub read_at: Stamp,
    /// Hash of the workspace's config section that the holder runs on (D31).
    pub section_hash: String,
}

impl Lease {
    /// True while somebody has it.
    pub fn is_in_force(&self) -> bool {
        self.ends > self.read_at
    }

    /// Why nobody takes it on a config section of that hash, and the cure (D31), one safe line. `None` where
    /// nothing is in the way but a holder who lives.
    pub fn refused_for(&self, section: &str) -> Option<String> {
        let given_back = self.ends.0 == 0;
        if self.is_in_force() || given_back || self.section_hash == section {
            return None;
        }
        Some(format!(
            "its section of this config differs from the one that {} last synced it on, which ended without \
             giving its lease back: this config does not sync it. Bring the two files together, or start once \
             with `diptych run --take-over`, and this section holds from then on",
            escape_line(&self.holder)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lease_that_lapsed_under_another_section_is_refused() {
        let lease = Lease {
            workspace: WorkspaceKey::new("prod").unwrap_or_default(),
            holder: "run alice@soc-1".into(),
            epoch: 3,
            ends: Stamp(10),
            read_at: Stamp(20),
            section_hash: "theirs".into(),
        };
        let why = lease.refused_for("ours").unwrap_or_default();
        assert!(why.contains("run alice@soc-1") && why.contains("--take-over"), "{why}");
        assert_eq!(lease.refused_for("theirs"), None, "it is simply taken");
        let given_back = Lease { ends: Stamp(0), ..lease.clone() };
        assert_eq!(given_back.refused_for("ours"), None);
        let lives = Lease { read_at: Stamp(5), ..lease };
        assert_eq!((lives.refused_for("ours"), lives.is_in_force()), (None, true));
    }
}
