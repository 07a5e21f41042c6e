//! Issued tokens and the check that the resource manager makes of them (sentinel-api 5.1).

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::clock::us_time;
use super::draft::SentinelOptions;
use super::errors::Refusal;
use super::switches::{Switches, TokenShape};
use crate::sandbox::wire::Request;
use crate::text::Stamp;

/// Expired tokens are known for so long, to be refused as expired and not as unknown.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// Audiences that the resource manager accepts, besides its own origin.
const AUDIENCES: &[&str] = &[
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net",
    "https://management.chinacloudapi.cn",
    "https://management.core.chinacloudapi.cn",
];

struct Grant {
    audience: String,
    expires: Stamp,
    epoch: u64,
}

/// All tokens that were issued and not yet forgotten.
#[derive(Default)]
pub(super) struct Tokens(BTreeMap<String, Grant>);

impl Tokens {
    /// Issues a token for an audience.
    pub fn issue(
        &mut self,
        audience: &str,
        options: &SentinelOptions,
        switches: &Switches,
        rng: &mut fastrand::Rng,
        now: Stamp,
    ) -> String {
        self.0.retain(|_, grant| now.since(grant.expires) < REMEMBERED);
        let mut noise = [0_u8; 32];
        rng.fill(&mut noise);
        let noise = URL_SAFE_NO_PAD.encode(noise);
        let life = switches.token_life_s;
        let token = match switches.token_shape {
            TokenShape::Opaque => noise,
            TokenShape::Jwt => {
                let unix = now.0.div_euclid(1_000_000);
                let head = json!({"typ": "JWT", "alg": "RS256", "kid": "sandbox"});
                let claims = json!({
                    "aud": audience,
                    "iss": format!("https://sts.windows.net/{}/", options.tenant),
                    "iat": unix,
                    "nbf": unix,
                    "exp": unix.saturating_add_unsigned(life),
                    "appid": options.client_id,
                    "appidacr": "1",
                    "oid": principal(&options.client_id),
                    "tid": options.tenant,
                    "ver": "1.0",
                });
                let part = |v: &serde_json::Value| URL_SAFE_NO_PAD.encode(v.to_string());
                format!("{}.{}.{noise}", part(&head), part(&claims))
            }
        };
        let really = life.saturating_sub(switches.token_early_s);
        let expires = now.plus(Duration::from_secs(really));
        let grant = Grant { audience: audience.into(), expires, epoch: switches.token_epoch };
        self.0.insert(token.clone(), grant);
        token
    }

    /// Checks the Authorization header of a request.
    pub fn check(
        &self,
        request: &Request,
        tenant: &str,
        switches: &Switches,
        now: Stamp,
    ) -> Result<(), Refusal> {
        self.verdict(request, tenant, switches, now).map_err(|(code, message)| {
            let challenge = format!(
                "Bearer authorization_uri=\"{}/{tenant}\", error=\"invalid_token\", error_description=\"{message}\"",
                request.origin
            );
            Refusal::gateway(401, code, message).with("www-authenticate", challenge)
        })
    }

    fn verdict(
        &self,
        request: &Request,
        tenant: &str,
        switches: &Switches,
        now: Stamp,
    ) -> Result<(), (&'static str, String)> {
        let Some(header) = request.header("authorization") else {
            let text = "Authentication failed. The 'Authorization' header is missing.";
            return Err(("AuthenticationFailed", text.into()));
        };
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
                token.trim()
            }
            _ => {
                let text =
                    "Authentication failed. The 'Authorization' header is provided in an invalid format.";
                return Err(("AuthenticationFailedInvalidHeader", text.into()));
            }
        };
        let grant = self.0.get(token).filter(|grant| grant.epoch == switches.token_epoch);
        let Some(grant) = grant else {
            return Err(("InvalidAuthenticationToken", "The access token is invalid.".into()));
        };
        if now >= grant.expires {
            let (end, now) = (us_time(grant.expires), us_time(now));
            let text =
                format!("The access token expiry UTC time '{end}' is earlier than current UTC time '{now}'.");
            return Err(("ExpiredAuthenticationToken", text));
        }
        if let Some(other) = &switches.subscription_tenant
            && !other.eq_ignore_ascii_case(tenant)
        {
            return Err(("InvalidAuthenticationTokenTenant", wrong_tenant(tenant, other)));
        }
        let audience = grant.audience.trim_end_matches('/');
        let fits = |a: &str| a.eq_ignore_ascii_case(audience);
        if fits(&request.origin) || AUDIENCES.iter().any(|a| fits(a)) {
            return Ok(());
        }
        let text = format!(
            "The access token has been obtained for wrong audience or resource '{}'. It should exactly match \
             with one of the allowed audiences '{}/'.",
            grant.audience,
            AUDIENCES.join("/','")
        );
        Err(("InvalidAuthenticationTokenAudience", text))
    }
}

fn wrong_tenant(tenant: &str, other: &str) -> String {
    format!(
        "The access token is from the wrong issuer 'https://sts.windows.net/{tenant}/'. It must match the tenant \
         'https://sts.windows.net/{other}/' associated with this subscription. Please use the authority (URL) \
         'https://login.windows.net/{other}' to get the token."
    )
}

/// Object id of the application's service principal.
pub(super) fn principal(client_id: &str) -> String {
    super::changes::guid_from(&format!("principal/{client_id}"))
}
