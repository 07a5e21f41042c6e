//! `[[instance.domain]]`: a user of its own for the records of one domain.

use std::collections::BTreeMap;

use crate::config::connections::{InstanceConnection, SignIn};
use crate::config::raw::{RawAuth, RawDomain};
use crate::config::tree::Path;
use crate::model::settings::{DomainUser, InstanceSettings, WorkspaceSettings};

use super::Resolver;
use super::instance::{RawSignIn, sign_in};

/// Resolves the domains of the instance at `at`, whose own user signs in as `own` says.
pub fn domains(
    r: &mut Resolver<'_>,
    at: &Path,
    raw: Vec<RawDomain>,
    own: &RawSignIn,
) -> (Vec<DomainUser>, BTreeMap<String, SignIn>) {
    let list = at.key("domain");
    let (mut users, mut domains) = (Vec::new(), BTreeMap::new());
    for (i, raw) in raw.into_iter().enumerate() {
        let at = list.index(i);
        let domain = r.need(&at.key("id"), raw.id.clone());
        let own_user =
            raw.own_user.clone().filter(|u| !u.is_empty()).or_else(|| raw.user.clone()).unwrap_or_default();
        let signed = sign_in(r, &at, with(raw, own));
        if domains.insert(domain.clone(), signed).is_some() && !domain.is_empty() {
            r.error(&at.key("id"), format!("{domain} stands twice"), "each domain has one user");
            continue;
        }
        users.push(DomainUser { domain, own_user });
    }
    (users, domains)
}

/// What a domain leaves out is as for the instance: the way, and with it the application through which a
/// user of one's own signs in. A user and a password are never taken from there.
fn with(raw: RawDomain, own: &RawSignIn) -> RawSignIn {
    let auth = raw.auth.or(own.auth);
    let mut out = RawSignIn {
        auth,
        user: raw.user,
        password: raw.password,
        client_id: raw.client_id,
        client_secret: raw.client_secret,
        second_secret: raw.second_secret,
    };
    let through = auth == Some(RawAuth::OauthPassword) && own.auth == auth;
    if through && out.client_id.is_none() && out.client_secret.is_none() {
        out.client_id.clone_from(&own.client_id);
        out.client_secret.clone_from(&own.client_secret);
        out.second_secret = out.second_secret.or_else(|| own.second_secret.clone());
    }
    out
}

/// Warns of a domain that no route names: its user would never sign in.
pub fn unused(
    r: &mut Resolver<'_>,
    instances: &[(InstanceSettings, InstanceConnection)],
    workspaces: &[&WorkspaceSettings],
) {
    let list = Path::default().key("instance");
    for (i, (instance, _)) in instances.iter().enumerate() {
        for (n, user) in instance.domain_users.iter().enumerate() {
            let names =
                |w: &&&WorkspaceSettings| w.route.instance == instance.key && w.route.domain() == user.domain;
            if !user.domain.is_empty() && !workspaces.iter().any(|w| names(&w)) {
                let at = list.index(i).key("domain").index(n).key("id");
                r.warning(&at, "no route names this domain", "say domain = \"…\" under [workspace.route]");
            }
        }
    }
}
