//! Tokens by client secret from Entra ID's v2 endpoint (documented), on our own clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::aadsts;
use super::faults;
use crate::http::{
    Ask, Base, Clock, FreshToken, HttpResponse, Method, Secret, Sender, Token, TokenGrant, Transport,
    decode_json,
};
use crate::model::{CallError, FaultKind};
use crate::text::clip;

/// An application in a tenant. Clones share nothing but the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraSettings {
    /// Root of the sign-in service; the client secret goes nowhere else.
    pub authority: Base,
    /// Root of the API that the token is for; the token goes nowhere else.
    pub audience: Base,
    /// Tenant, a GUID or a domain.
    pub tenant: String,
    /// Client id of the application.
    pub client_id: String,
    /// Scope, ending with `/.default`.
    pub scope: String,
}

/// The client-credentials grant with one secret, or two while they are being rotated.
pub struct EntraGrant {
    settings: EntraSettings,
    audience: Arc<Base>,
    secrets: Vec<Secret>,
    current: AtomicUsize,
    sender: Sender,
}

impl EntraGrant {
    /// A grant. Gives the reason when there is no secret or the tenant cannot be one.
    pub fn new(
        settings: EntraSettings,
        secrets: Vec<Secret>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        if secrets.is_empty() || secrets.iter().any(Secret::is_empty) {
            return Err("the client secret is empty".into());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if settings.tenant.is_empty() || !settings.tenant.chars().all(plain) {
            return Err("the tenant must be a GUID or a domain name".into());
        }
        let authority = Arc::new(settings.authority.clone());
        let audience = Arc::new(settings.audience.clone());
        let sender = Sender::new(authority, transport, clock, Duration::ZERO);
        Ok(Self { settings, audience, secrets, current: AtomicUsize::new(0), sender })
    }

    async fn ask(&self, secret: &Secret) -> Result<FreshToken, CallError> {
        let s = &self.settings;
        let url = s
            .authority
            .at(&[&s.tenant, "oauth2", "v2.0", "token"], "")
            .map_err(|e| faults::unsent_or_lost(&e, false))?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &s.client_id)
            .append_pair("client_secret", secret.expose())
            .append_pair("scope", &s.scope)
            .finish();
        let mut ask = Ask::new(Method::Post, url);
        ask.body = Some(("application/x-www-form-urlencoded", form.into_bytes()));
        ask.limit = 1 << 20;
        let response = self.sender.send(ask, None).await.map_err(|e| faults::unsent_or_lost(&e, false))?;
        if response.status != 200 {
            return Err(self.refused(&response, secret));
        }
        let body = decode_json(&response).map_err(|e| faults::garbled(&e, 200, false))?;
        self.read(&body)
    }

    fn read(&self, body: &Value) -> Result<FreshToken, CallError> {
        let text = body.get("access_token").and_then(Value::as_str).unwrap_or_default();
        let kind = body.get("token_type").and_then(Value::as_str).unwrap_or("Bearer");
        let lives = body.get("expires_in").and_then(seconds);
        match lives {
            Some(lives) if !text.is_empty() && kind.eq_ignore_ascii_case("bearer") => {
                let token = Token::new(self.audience.clone(), &format!("Bearer {text}"))
                    .map_err(|e| faults::unsent_or_lost(&e, false))?;
                Ok(FreshToken { token, lives })
            }
            _ => Err(CallError::new(FaultKind::Garbled, "the token answer holds no usable bearer token")
                .status(200)),
        }
    }

    fn refused(&self, response: &HttpResponse, secret: &Secret) -> CallError {
        let status = response.status;
        let body = decode_json(response).unwrap_or_default();
        let word = body.get("error").and_then(Value::as_str).unwrap_or_default();
        let text = body.get("error_description").and_then(Value::as_str).unwrap_or_default();
        let number = body
            .pointer("/error_codes/0")
            .map(|n| n.to_string().trim_matches('"').to_owned())
            .or_else(|| text.strip_prefix("AADSTS")?.split(':').next().map(str::to_owned))
            .filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            .unwrap_or_default();
        if status == 429 || status >= 500 || (word.is_empty() && status >= 300) {
            return faults::by_status(response, self.sender.pause_asked(response), false);
        }
        let (kind, hint) = aadsts::advice(&number, word);
        let said = text.split(" Trace ID:").next().unwrap_or_default();
        let ids: Vec<String> = [("trace", "trace_id"), ("correlation", "correlation_id")]
            .iter()
            .filter_map(|(name, key)| Some(format!("{name} {}", clip(body.get(key)?.as_str()?, 60))))
            .collect();
        let mut message = format!("{status} {}", clip(if said.is_empty() { word } else { said }, 300));
        if !ids.is_empty() {
            message.push_str(&format!(" [{}]", ids.join(", ")));
        }
        let code = if number.is_empty() { clip(word, 60) } else { format!("AADSTS{number}") };
        CallError::new(kind, secret.scrub(&message)).status(status).code(code).hint(hint)
    }
}

#[async_trait]
impl TokenGrant for EntraGrant {
    type Error = CallError;

    async fn fetch(&self) -> Result<FreshToken, CallError> {
        let first = self.current.load(Ordering::SeqCst);
        let mut refusal = None;
        for step in 0..self.secrets.len() {
            let at = (first + step) % self.secrets.len();
            let Some(secret) = self.secrets.get(at) else { continue };
            match self.ask(secret).await {
                Ok(fresh) => {
                    self.current.store(at, Ordering::SeqCst);
                    return Ok(fresh);
                }
                Err(e) if e.code.as_deref().is_some_and(aadsts::another_secret_may_help) => {
                    refusal = Some(refusal.unwrap_or(e));
                }
                Err(e) => return Err(self.signed(e)),
            }
        }
        let refusal =
            refusal.unwrap_or_else(|| CallError::new(FaultKind::SignIn, "there is no client secret"));
        Err(self.signed(refusal))
    }
}

impl EntraGrant {
    /// Says whose sign-in failed.
    fn signed(&self, mut e: CallError) -> CallError {
        e.message = format!(
            "sign-in of app {} in tenant {}: {}",
            clip(&self.settings.client_id, 60),
            self.settings.tenant,
            e.message
        );
        e
    }
}

/// Seconds as a number (v2) or as text (v1, managed identity).
fn seconds(value: &Value) -> Option<Duration> {
    let n = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (n > 0).then(|| Duration::from_secs(n.min(7 * 86_400)))
}
