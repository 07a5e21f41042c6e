//! Resolving the sections that come several times: credentials, instances, workspaces.

mod aggregate;
mod domain;
mod instance;
mod resolver;
mod workspace;

use std::collections::BTreeMap;

pub use domain::unused as unused_domains;
pub use instance::instances;
pub use resolver::Resolver;
pub use workspace::workspaces;

use super::raw::{CredentialKind, RawCredential};
use super::secret::Secret;
use super::tree::Path;

/// A resolved credential: application id and its secrets.
pub struct Credential {
    /// Application id.
    pub client_id: String,
    /// Its secrets, the current one first.
    pub secrets: Vec<Secret>,
}

/// Resolves `[credential.<name>]`.
pub fn credentials(
    r: &mut Resolver<'_>,
    raw: BTreeMap<String, RawCredential>,
) -> BTreeMap<String, Credential> {
    let section = Path::default().key("credential");
    raw.into_iter()
        .map(|(name, raw)| {
            let at = section.key(&name);
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
                r.error(&at, "is not a plain name", "use letters, digits, - and _");
            }
            // the one kind so far; a new one must be dealt with here
            let CredentialKind::ClientSecret = raw.kind.unwrap_or(CredentialKind::ClientSecret);
            let client_id = r.need(&at.key("client_id"), raw.client_id);
            let mut secrets = vec![r.need_secret(&at.key("secret"), raw.secret)];
            secrets.extend(r.secret(&at.key("second_secret"), raw.second_secret));
            (name, Credential { client_id, secrets })
        })
        .collect()
}
