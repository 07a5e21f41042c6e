//! Everything that is needed to build the clients: addresses, ids, and where the secrets lie.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use url::Url;

use super::Secret;
use crate::model::{DeskKey, InstanceKey, WorkspaceKey};

/// Which Azure a workspace is in (sentinel-api 1.1). The scope of US Gov names another host
/// than its API; whether its API host is accepted too is unverified, so each can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The worldwide one.
    Public,
    /// US Government.
    UsGov,
    /// China, run by 21Vianet.
    China,
    /// Any other: a sandbox, a stack of one's own.
    Custom,
}

impl Cloud {
    /// Entra's authority, Azure Resource Manager's address, and the scope of its tokens; empty
    /// for a custom cloud.
    pub fn addresses(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Public => (
                "https://login.microsoftonline.com",
                "https://management.azure.com",
                "https://management.azure.com/.default",
            ),
            Self::UsGov => (
                "https://login.microsoftonline.us",
                "https://management.usgovcloudapi.net",
                "https://management.core.usgovcloudapi.net/.default",
            ),
            Self::China => (
                "https://login.partner.microsoftonline.cn",
                "https://management.chinacloudapi.cn",
                "https://management.chinacloudapi.cn/.default",
            ),
            Self::Custom => ("", "", ""),
        }
    }
}

/// How to reach one workspace.
#[derive(Clone, Debug)]
pub struct WorkspaceConnection {
    /// Its key.
    pub key: WorkspaceKey,
    /// Its name in Azure.
    pub name: String,
    /// Which Azure.
    pub cloud: Cloud,
    /// Entra tenant, an id or a domain.
    pub tenant: String,
    /// Subscription id.
    pub subscription: String,
    /// Resource group.
    pub resource_group: String,
    /// Entra's authority.
    pub authority: Url,
    /// Azure Resource Manager's address.
    pub url: Url,
    /// Scope of the tokens.
    pub scope: String,
    /// `api-version` (D18).
    pub api_version: String,
    /// `api-version` under which a merged incident tells its survivor (D18).
    pub merge_api_version: String,
    /// Rows per page, at most 1000.
    pub page_size: u32,
    /// Application id.
    pub client_id: String,
    /// Its secrets: the second is tried when the first is refused, for rotation.
    pub secrets: Vec<Secret>,
}

/// How to sign in to an instance.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// User and password with each call.
    Basic {
        /// User.
        user: String,
        /// Password, and the one to try when it is refused.
        passwords: Vec<Secret>,
    },
    /// OAuth client credentials.
    OAuthClient {
        /// Client.
        client_id: String,
        /// Its secret, and the one to try when it is refused.
        client_secrets: Vec<Secret>,
    },
    /// OAuth with user and password.
    OAuthPassword {
        /// Client.
        client_id: String,
        /// Its secret, and the one to try when it is refused.
        client_secrets: Vec<Secret>,
        /// User.
        user: String,
        /// Password.
        password: Secret,
    },
}

impl SignIn {
    /// Every secret that it may take.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Basic { passwords, .. } => passwords.iter().collect(),
            Self::OAuthClient { client_secrets, .. } => client_secrets.iter().collect(),
            Self::OAuthPassword { client_secrets, password, .. } => {
                client_secrets.iter().chain([password]).collect()
            }
        }
    }
}

/// How to reach one instance.
#[derive(Clone, Debug)]
pub struct InstanceConnection {
    /// Its key.
    pub key: InstanceKey,
    /// Its address.
    pub url: Url,
    /// How to sign in.
    pub sign_in: SignIn,
    /// How to sign in for the records of a domain, where that takes another user.
    pub domains: BTreeMap<String, SignIn>,
    /// Rows per page.
    pub page_size: u32,
    /// Certificates to trust besides the system's, for this instance only.
    pub ca_file: Option<PathBuf>,
}

impl InstanceConnection {
    /// How to sign in at a desk of this instance.
    pub fn sign_in_of(&self, desk: &DeskKey) -> Option<&SignIn> {
        if desk.domain.is_empty() { Some(&self.sign_in) } else { self.domains.get(&desk.domain) }
    }
}

/// What all connections share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportSettings {
    /// Certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time for a whole call.
    pub timeout: Duration,
    /// Proxy; without one the system's variables count.
    pub proxy: Option<Url>,
}

/// Every connection.
#[derive(Clone, Debug)]
pub struct Connections {
    /// Workspaces.
    pub workspaces: Vec<WorkspaceConnection>,
    /// Instances.
    pub instances: Vec<InstanceConnection>,
    /// What they share.
    pub transport: TransportSettings,
}

impl Connections {
    /// The connection of a workspace.
    pub fn workspace(&self, key: &WorkspaceKey) -> Option<&WorkspaceConnection> {
        self.workspaces.iter().find(|w| w.key == *key)
    }

    /// The connection of an instance.
    pub fn instance(&self, key: &InstanceKey) -> Option<&InstanceConnection> {
        self.instances.iter().find(|i| i.key == *key)
    }

    /// Every secret with what it is for, for a check before the first sign-in.
    pub fn secrets(&self) -> Vec<(String, &Secret)> {
        let mut out: Vec<(String, &Secret)> = Vec::new();
        for w in &self.workspaces {
            out.extend(w.secrets.iter().map(|s| (format!("workspace.{}", w.key), s)));
        }
        for i in &self.instances {
            let who = format!("instance.{}", i.key);
            out.extend(i.sign_in.secrets().into_iter().map(|s| (who.clone(), s)));
            for (domain, sign_in) in &i.domains {
                let who = format!("{who}.domain.{domain}");
                out.extend(sign_in.secrets().into_iter().map(|s| (who.clone(), s)));
            }
        }
        out
    }
}
