//! A fingerprint of what a workspace runs on, so that two processes with different files do not
//! take turns at it (D31).

use sha2::{Digest, Sha256};

use super::connections::{InstanceConnection, WorkspaceConnection};
use crate::model::settings::{InstanceSettings, WorkspaceSettings};

/// Hex of the hash over a workspace's section, the connection it names and its instance.
///
/// Paths and secrets are left out: they may differ from host to host. The hash is over words and
/// not over the file's text, so that comments and order do not count.
pub fn section(
    workspace: &WorkspaceSettings,
    to: &WorkspaceConnection,
    instance: Option<(&InstanceSettings, &InstanceConnection)>,
) -> String {
    let value = serde_json::json!({
        "v": 1,
        "workspace": workspace,
        "tenant": to.tenant,
        "subscription": to.subscription,
        "resource_group": to.resource_group,
        "authority": to.authority.as_str(),
        "url": to.url.as_str(),
        "api_version": to.api_version,
        "merge_api_version": to.merge_api_version,
        "client_id": to.client_id,
        "instance": instance.map(|(settings, _)| settings),
        "instance_url": instance.map(|(_, to)| to.url.as_str()),
    });
    let digest = Sha256::digest(value.to_string().as_bytes());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}
