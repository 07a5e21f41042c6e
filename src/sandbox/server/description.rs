//! Where a running sandbox is and who may enter.

use std::path::PathBuf;

use serde::Serialize;

use crate::sandbox::options::SandboxOptions;

/// Everything a client needs to use the sandbox; as JSON the one line of `sandbox --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// The CA certificate's PEM file; null when the sandbox speaks plain HTTP or has no folder.
    pub ca: Option<PathBuf>,
    /// The Sentinel side.
    pub sentinel: SentinelDescription,
    /// The ServiceNow side.
    pub servicenow: DeskDescription,
    /// The admin endpoint.
    pub admin: AdminDescription,
}

/// How to reach the Sentinel side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentinelDescription {
    /// Entra authority, without the tenant.
    pub authority: String,
    /// Azure Resource Manager endpoint.
    pub url: String,
    /// Tenant id.
    pub tenant: String,
    /// Application id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Subscription id.
    pub subscription: String,
    /// Resource group.
    pub resource_group: String,
    /// Workspace names.
    pub workspaces: Vec<String>,
}

/// How to reach the ServiceNow side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeskDescription {
    /// Instance URL.
    pub url: String,
    /// The integration user.
    pub user: String,
    /// Its password.
    pub password: String,
    /// OAuth client id.
    pub client_id: String,
    /// OAuth client secret.
    pub client_secret: String,
}

/// How to reach the admin endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdminDescription {
    /// Its URL.
    pub url: String,
    /// Its bearer token.
    pub token: String,
}

/// Ids follow from the seed, so that the same seed gives the same world; secrets are new in each
/// run.
pub(super) fn describe(options: &SandboxOptions, sentinel: &str, desk: &str, admin: &str) -> Description {
    let id = |what: &str| {
        let name = format!("diptych-sandbox/{}/{what}", options.seed);
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
    };
    let secret = || format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    Description {
        ca: None,
        sentinel: SentinelDescription {
            authority: sentinel.to_owned(),
            url: sentinel.to_owned(),
            tenant: id("tenant"),
            client_id: id("client"),
            client_secret: secret(),
            subscription: id("subscription"),
            resource_group: "rg-security".into(),
            workspaces: options.workspace_names(),
        },
        servicenow: DeskDescription {
            url: desk.to_owned(),
            user: "diptych.integration".into(),
            password: secret(),
            client_id: uuid::Uuid::parse_str(&id("oauth")).unwrap_or_default().simple().to_string(),
            client_secret: secret(),
        },
        admin: AdminDescription { url: admin.to_owned(), token: secret() },
    }
}
