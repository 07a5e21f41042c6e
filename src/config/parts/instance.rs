//! `[[instance]]`: one ServiceNow instance.

use std::time::Duration;

use crate::config::connections::{InstanceConnection, SignIn};
use crate::config::raw::{RawAuth, RawInstance, RawSecret};
use crate::config::secret::Secret;
use crate::config::tree::Path;
use crate::model::InstanceKey;
use crate::model::settings::{InstanceSettings, Pass};

use super::{Resolver, domain};

const DAY: u64 = 24 * 3600 * 1000;

/// Resolves every instance.
pub fn instances(r: &mut Resolver<'_>, raw: Vec<RawInstance>) -> Vec<(InstanceSettings, InstanceConnection)> {
    let section = Path::default().key("instance");
    let mut out: Vec<(InstanceSettings, InstanceConnection)> = Vec::new();
    for (i, raw) in raw.into_iter().enumerate() {
        let at = section.index(i);
        let one = instance(r, &at, raw);
        let (settings, to) = &one;
        if !settings.key.as_str().is_empty() && out.iter().any(|(s, _)| s.key == settings.key) {
            r.error(&at.key("key"), format!("{} stands twice", settings.key), "each key names one instance");
        }
        if out.iter().any(|(_, t)| t.url == to.url) {
            r.warning(&at.key("url"), "two instances have this address", "routes can share one instance");
        }
        out.push(one);
    }
    out
}

fn instance(r: &mut Resolver<'_>, at: &Path, mut raw: RawInstance) -> (InstanceSettings, InstanceConnection) {
    let text = r.need(&at.key("key"), raw.key.take());
    let key = InstanceKey::new(&text).unwrap_or_else(|reason| {
        if !text.is_empty() {
            r.error(&at.key("key"), reason, "");
        }
        InstanceKey::default()
    });
    let address = r.need(&at.key("url"), raw.url.take());
    let url =
        r.address(&at.key("url"), if address.is_empty() { "https://invalid.invalid" } else { &address });
    let own_user =
        raw.own_user.take().filter(|u| !u.is_empty()).or_else(|| raw.user.clone()).unwrap_or_default();
    let own = RawSignIn {
        auth: raw.auth,
        user: raw.user.take(),
        password: raw.password.take(),
        client_id: raw.client_id.take(),
        client_secret: raw.client_secret.take(),
        second_secret: raw.second_secret.take(),
    };
    let (domain_users, domains) = domain::domains(r, at, std::mem::take(&mut raw.domain), &own);
    let deep = at.key("deep");
    let pass = raw.deep.take().unwrap_or_default();
    let settings = InstanceSettings {
        key: key.clone(),
        url: url.to_string(),
        settle: r.span(&at.key("settle"), raw.settle, (1, DAY)),
        in_flight: r.number(&at.key("in_flight"), raw.in_flight, (1, 64)),
        overlap: r.span(&at.key("overlap"), raw.overlap, (0, DAY)),
        deep: Pass {
            back: r.span(&deep.key("back"), pass.back, (0, 7 * DAY)),
            every: r.span(&deep.key("every"), pass.every, (1000, DAY)),
        },
        sweep_every: r.span(&at.key("sweep_every"), raw.sweep_every, (60_000, 30 * DAY)),
        own_user,
        domain_users,
    };
    if settings.settle < Duration::from_secs(90) && !is_local(&url) {
        r.warning(
            &at.key("settle"),
            "is shorter than a transaction of a real instance may run",
            "leave it at 390s unless the instance's limit is known",
        );
    }
    let connection = InstanceConnection {
        key,
        url,
        page_size: r.number(&at.key("page_size"), raw.page_size, (1, 10_000)),
        ca_file: r.existing(&at.key("ca_file"), raw.ca_file.take()),
        sign_in: sign_in(r, at, own),
        domains,
    };
    (settings, connection)
}

fn is_local(url: &url::Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// How somebody signs in, as it is written.
#[derive(Clone, Default)]
pub struct RawSignIn {
    pub auth: Option<RawAuth>,
    pub user: Option<String>,
    pub password: Option<RawSecret>,
    pub client_id: Option<String>,
    pub client_secret: Option<RawSecret>,
    pub second_secret: Option<RawSecret>,
}

/// Resolves it.
pub fn sign_in(r: &mut Resolver<'_>, at: &Path, raw: RawSignIn) -> SignIn {
    let auth = raw.auth.unwrap_or(RawAuth::Basic);
    let second = r.secret(&at.key("second_secret"), raw.second_secret);
    let with_second = |first: Secret| -> Vec<Secret> { std::iter::once(first).chain(second).collect() };
    match auth {
        RawAuth::Basic => SignIn::Basic {
            user: r.need(&at.key("user"), raw.user),
            passwords: with_second(r.need_secret(&at.key("password"), raw.password)),
        },
        RawAuth::OauthClient => SignIn::OAuthClient {
            client_id: r.need(&at.key("client_id"), raw.client_id),
            client_secrets: with_second(r.need_secret(&at.key("client_secret"), raw.client_secret)),
        },
        RawAuth::OauthPassword => SignIn::OAuthPassword {
            client_id: r.need(&at.key("client_id"), raw.client_id),
            client_secrets: with_second(r.need_secret(&at.key("client_secret"), raw.client_secret)),
            user: r.need(&at.key("user"), raw.user),
            password: r.need_secret(&at.key("password"), raw.password),
        },
    }
}
