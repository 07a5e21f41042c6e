//! The token service's refusals: number, status, `error` word and text (sentinel-api 1.3).
//!
//! Statuses and words of 7000215 and 7000222 come from captured bodies, the others are the
//! customary ones. Only `error` is stable.

use serde_json::{Value, json};

use crate::sandbox::wire::Response;

/// Number, status, `error`, text. `{app}`, `{tenant}` and `{0}` are filled in.
const TABLE: &[(u32, u16, &str, &str)] = &[
    (
        7_000_215,
        401,
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{app}'.",
    ),
    (
        7_000_222,
        401,
        "invalid_client",
        "The provided client secret keys for app '{app}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
    ),
    (
        7_000_218,
        401,
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    (
        700_016,
        400,
        "unauthorized_client",
        "Application with identifier '{0}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    (
        90_002,
        400,
        "invalid_request",
        "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
    ),
    (
        700_027,
        401,
        "invalid_client",
        "The certificate with identifier used to sign the client assertion is not registered on application. Client app ID: {app}.",
    ),
    (
        700_021,
        401,
        "invalid_client",
        "Client assertion application identifier doesn't match 'client_id' parameter.",
    ),
    (700_023, 401, "invalid_client", "Client assertion audience claim does not match Realm issuer."),
    (700_024, 401, "invalid_client", "Client assertion is not within its valid time range."),
    (70_021, 400, "invalid_request", "No matching federated identity record found for presented assertion."),
    (
        700_211,
        401,
        "invalid_client",
        "No matching federated identity record found for presented assertion issuer.",
    ),
    (
        700_213,
        401,
        "invalid_client",
        "No matching federated identity record found for presented assertion subject.",
    ),
    (
        70_011,
        400,
        "invalid_scope",
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {0} is not valid.",
    ),
    (70_003, 400, "unsupported_grant_type", "The app requested an unsupported grant type '{0}'."),
    (
        500_011,
        400,
        "invalid_resource",
        "The resource principal named {0} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
    ),
    (900_144, 400, "invalid_request", "The request body must contain the following parameter: '{0}'."),
    (900_561, 400, "invalid_request", "The endpoint only accepts POST requests. Received a GET request."),
    (
        90_055,
        429,
        "temporarily_unavailable",
        "The tenant has exceeded its request rate. Please try again later.",
    ),
    (
        50_196,
        429,
        "temporarily_unavailable",
        "The server terminated an operation because it encountered a client request loop.",
    ),
    (90_033, 503, "temporarily_unavailable", "A transient error has occurred. Please try again."),
];

/// Whether a number can be answered.
pub(in super::super) fn knows(code: u32) -> bool {
    TABLE.iter().any(|(known, ..)| *known == code)
}

/// One refusal.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    code: u32,
    about: String,
}

impl Fault {
    /// A refusal by number.
    pub fn new(code: u32) -> Self {
        Self { code, about: String::new() }
    }

    /// Names what the text is about.
    pub fn about(mut self, what: &str) -> Self {
        self.about = what.into();
        self
    }

    /// The documented body.
    pub fn response(&self, app: &str, tenant: &str, trace: &str, correlation: &str, time: &str) -> Response {
        let fallback = (self.code, 400, "invalid_request", "The request is not valid.");
        let found = TABLE.iter().find(|(code, ..)| *code == self.code).copied();
        let (code, status, error, text) = found.unwrap_or(fallback);
        let text = text.replace("{app}", app).replace("{tenant}", tenant).replace("{0}", &self.about);
        let body: Value = json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}"
            ),
            "error_codes": [code],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        let response = Response::json(status, "application/json; charset=utf-8", &body);
        if status == 429 { response.with("retry-after", "10") } else { response }
    }
}
