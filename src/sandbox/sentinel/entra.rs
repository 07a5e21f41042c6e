//! The token service: discovery and client credentials, v1 and v2 (sentinel-api 1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::aadsts::{self, Fault};
use super::assertion;
use super::changes::guid_of;
use super::clock::entra_time;
use super::draft::SentinelOptions;
use super::route::{decode, segments};
use super::switches::Switches;
use super::tokens::Tokens;
use crate::sandbox::wire::{Request, Response};
use crate::text::Stamp;

pub(super) use aadsts::knows;

const JSON: &str = "application/json; charset=utf-8";

/// Resources that a token can be for besides our own origin.
const RESOURCES: &[&str] = &[
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net",
    "https://management.chinacloudapi.cn",
    "https://management.core.chinacloudapi.cn",
    "https://graph.microsoft.com",
    "https://api.loganalytics.io",
    "https://api.loganalytics.azure.com",
];

/// What the token service works with.
pub(super) struct Entra<'a> {
    /// Tenant, application, secrets.
    pub options: &'a SentinelOptions,
    /// All switches.
    pub switches: &'a Switches,
    /// Where tokens are kept.
    pub tokens: &'a mut Tokens,
    /// Trace ids and tokens come from here.
    pub rng: &'a mut fastrand::Rng,
    /// When.
    pub now: Stamp,
}

/// Which dialect of the token endpoint is spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    V1,
    V2,
}

impl Entra<'_> {
    /// Answers a request if it is for the token service.
    pub fn handle(&mut self, request: &Request) -> Option<Response> {
        let segments = segments(&request.path);
        let lower: Vec<String> = segments.iter().map(|s| s.to_ascii_lowercase()).collect();
        let words: Vec<&str> = lower.iter().map(String::as_str).collect();
        let tenant = segments.first().map(String::as_str).unwrap_or_default();
        let response = match (request.method.as_str(), words.as_slice()) {
            ("GET", ["common", "discovery", "instance"]) => Ok(instances(request)),
            ("GET", [_, ".well-known", "openid-configuration"]) => {
                self.configuration(request, tenant, Dialect::V1)
            }
            ("GET", [_, "v2.0", ".well-known", "openid-configuration"]) => {
                self.configuration(request, tenant, Dialect::V2)
            }
            ("GET", [_, "discovery", "keys"] | [_, "discovery", "v2.0", "keys"]) => Ok(json!({"keys": []})),
            ("GET", ["metadata", "identity", "oauth2", "token"]) => self.identity(request),
            ("POST", [_, "oauth2", "token"]) => self.token(request, tenant, Dialect::V1),
            ("POST", [_, "oauth2", "v2.0", "token"]) => self.token(request, tenant, Dialect::V2),
            (_, [_, "oauth2", "token"] | [_, "oauth2", "v2.0", "token"]) => Err(Fault::new(900_561)),
            _ => return None,
        };
        Some(self.respond(request, response))
    }

    fn respond(&mut self, request: &Request, result: Result<Value, Fault>) -> Response {
        let trace = guid_of(self.rng);
        let given = request.header("client-request-id").filter(|id| Uuid::parse_str(id).is_ok());
        let correlation = given.map_or_else(|| guid_of(self.rng), str::to_owned);
        let response = match result {
            Ok(body) => Response::json(200, JSON, &body),
            Err(fault) => {
                let time = entra_time(self.now);
                fault.response(&self.options.client_id, &self.options.tenant, &trace, &correlation, &time)
            }
        };
        let echo = request.header("return-client-request-id").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let response = response
            .with("cache-control", "no-store, no-cache")
            .with("pragma", "no-cache")
            .with("expires", "-1")
            .with("x-ms-request-id", trace);
        if echo { response.with("client-request-id", correlation) } else { response }
    }

    fn is_ours(&self, tenant: &str) -> Result<(), Fault> {
        if tenant.eq_ignore_ascii_case(&self.options.tenant) {
            return Ok(());
        }
        Err(Fault::new(90_002).about(tenant))
    }

    fn configuration(&self, request: &Request, tenant: &str, dialect: Dialect) -> Result<Value, Fault> {
        self.is_ours(tenant)?;
        let (origin, tenant) = (&request.origin, &self.options.tenant);
        let (oauth, keys, issuer) = match dialect {
            Dialect::V1 => ("oauth2", "discovery/keys", format!("https://sts.windows.net/{tenant}/")),
            Dialect::V2 => ("oauth2/v2.0", "discovery/v2.0/keys", format!("{origin}/{tenant}/v2.0")),
        };
        Ok(json!({
            "token_endpoint": format!("{origin}/{tenant}/{oauth}/token"),
            "token_endpoint_auth_methods_supported":
                ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{origin}/{tenant}/{keys}"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{origin}/{tenant}/{oauth}/authorize"),
            "device_authorization_endpoint": format!("{origin}/{tenant}/{oauth}/devicecode"),
            "end_session_endpoint": format!("{origin}/{tenant}/{oauth}/logout"),
            "http_logout_supported": true,
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
        }))
    }

    fn token(&mut self, request: &Request, tenant: &str, dialect: Dialect) -> Result<Value, Fault> {
        if let Some(code) = self.switches.token_error {
            return Err(Fault::new(code).about(tenant));
        }
        self.is_ours(tenant)?;
        let form = request.form_pairs();
        let get = |name: &str| {
            let value = form.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
            value.filter(|v| !v.is_empty())
        };
        match get("grant_type") {
            Some("client_credentials") => {}
            Some(other) => return Err(Fault::new(70_003).about(other)),
            None => return Err(Fault::new(900_144).about("grant_type")),
        }
        let basic = request.header("authorization").and_then(read_basic);
        let (basic_id, basic_secret) = basic.map_or((None, None), |(id, secret)| (Some(id), Some(secret)));
        let id = get("client_id").map(str::to_owned).or(basic_id);
        let id = id.ok_or_else(|| Fault::new(900_144).about("client_id"))?;
        if !id.eq_ignore_ascii_case(&self.options.client_id) {
            return Err(Fault::new(700_016).about(&id));
        }
        let secret = get("client_secret").map(str::to_owned).or(basic_secret);
        match (secret, get("client_assertion")) {
            (Some(secret), _) => self.check_secret(&secret)?,
            (None, Some(jwt)) => assertion::check(jwt, request, self.options, self.switches, self.now)?,
            (None, None) => return Err(Fault::new(7_000_218)),
        }
        let audience = match dialect {
            Dialect::V1 => resource(get("resource"), &request.origin)?,
            Dialect::V2 => scope(get("scope"), &request.origin)?,
        };
        Ok(self.grant(&audience, dialect))
    }

    /// The instance metadata service of a machine that runs as the application: v1 shape.
    fn identity(&mut self, request: &Request) -> Result<Value, Fault> {
        if request.header("metadata").is_none_or(|v| !v.eq_ignore_ascii_case("true")) {
            return Err(Fault::new(900_144).about("Metadata"));
        }
        let pairs = request.query_pairs();
        let asked = pairs.iter().find(|(k, _)| k == "resource").map(|(_, v)| v.as_str());
        let audience = resource(asked, &request.origin)?;
        Ok(self.grant(&audience, Dialect::V1))
    }

    fn check_secret(&self, secret: &str) -> Result<(), Fault> {
        let known = self.options.client_secrets.iter().filter(|s| s.value == secret);
        let mut known = known.peekable();
        if known.peek().is_none() {
            return Err(Fault::new(7_000_215));
        }
        if known.any(|s| s.expires.is_none_or(|end| self.now < end)) {
            return Ok(());
        }
        Err(Fault::new(7_000_222))
    }

    fn grant(&mut self, audience: &str, dialect: Dialect) -> Value {
        let life = self.switches.token_life_s;
        let token = self.tokens.issue(audience, self.options, self.switches, self.rng, self.now);
        let unix = self.now.0.div_euclid(1_000_000);
        match dialect {
            Dialect::V2 => json!({
                "token_type": "Bearer",
                "expires_in": life,
                "ext_expires_in": life,
                "access_token": token,
            }),
            Dialect::V1 => json!({
                "token_type": "Bearer",
                "expires_in": life.to_string(),
                "ext_expires_in": life.to_string(),
                "expires_on": unix.saturating_add_unsigned(life).to_string(),
                "not_before": (unix - 300).to_string(),
                "resource": audience,
                "access_token": token,
            }),
        }
    }
}

/// The instance discovery that libraries do unless told not to.
fn instances(request: &Request) -> Value {
    let asked = request.query_pairs().into_iter().find(|(k, _)| k == "authorization_endpoint");
    let endpoint = asked.map(|(_, v)| v).unwrap_or_default();
    let tenant = url::Url::parse(&endpoint)
        .ok()
        .and_then(|u| u.path_segments().and_then(|mut s| s.next().map(str::to_owned)))
        .unwrap_or_else(|| "common".into());
    let host = request.origin.split("://").nth(1).unwrap_or(&request.origin);
    json!({
        "tenant_discovery_endpoint": format!("{}/{tenant}/v2.0/.well-known/openid-configuration", request.origin),
        "api-version": "1.1",
        "metadata": [
            {"preferred_network": host, "preferred_cache": host, "aliases": [host]},
            {
                "preferred_network": "login.microsoftonline.com",
                "preferred_cache": "login.windows.net",
                "aliases": ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com"],
            },
        ],
    })
}

/// Id and secret of HTTP Basic, both form-encoded inside as OAuth wants.
fn read_basic(header: &str) -> Option<(String, String)> {
    let (scheme, value) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decode(id), decode(secret)))
}

fn scope(scope: Option<&str>, origin: &str) -> Result<String, Fault> {
    let scope = scope.ok_or_else(|| Fault::new(900_144).about("scope"))?;
    let Some(audience) = scope.strip_suffix("/.default") else {
        return Err(Fault::new(70_011).about(scope));
    };
    resource(Some(audience), origin)
}

fn resource(resource: Option<&str>, origin: &str) -> Result<String, Fault> {
    let asked = resource.ok_or_else(|| Fault::new(900_144).about("resource"))?;
    let plain = asked.trim_end_matches('/');
    if plain.eq_ignore_ascii_case(origin) || RESOURCES.iter().any(|r| r.eq_ignore_ascii_case(plain)) {
        return Ok(asked.to_owned());
    }
    Err(Fault::new(500_011).about(asked))
}
