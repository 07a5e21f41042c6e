//! How we sign in: Basic, or one of three OAuth grants at the instance's own token endpoint.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use serde_json::Value;

use super::faults::{self, About};
use crate::http::{
    Ask, Base, Clock, FixedToken, FreshToken, HttpResponse, Method, Secret, Sender, Token, TokenCache,
    TokenGrant, TokenSource, Transport, decode_json,
};
use crate::model::{CallError, FaultKind};
use crate::text::clip;

/// A login at an instance. None of it prints itself.
#[derive(Clone)]
pub enum DeskLogin {
    /// User and password with every call.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// OAuth, the application's own user (a property of the instance must allow the grant).
    ClientCredentials {
        /// Client id.
        id: String,
        /// Client secret.
        secret: Secret,
    },
    /// OAuth, user and password.
    Password {
        /// Client id.
        id: String,
        /// Client secret.
        secret: Secret,
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// OAuth, a refresh token that was given once (100 days by default).
    Refresh {
        /// Client id.
        id: String,
        /// Client secret.
        secret: Secret,
        /// Refresh token.
        refresh: Secret,
    },
}

impl DeskLogin {
    /// True for Basic.
    pub fn is_basic(&self) -> bool {
        matches!(self, Self::Basic { .. })
    }
}

/// The tokens of a login, bound to the instance: neither the credential nor the token is sent
/// anywhere else. Gives the reason when the login cannot be used.
pub fn desk_tokens(
    base: &Base,
    login: DeskLogin,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn TokenSource<CallError>>, String> {
    let base = Arc::new(base.clone());
    if let DeskLogin::Basic { user, password } = &login {
        if user.is_empty() || user.contains(':') {
            return Err("the user name is empty or holds a colon, which Basic cannot carry".into());
        }
        let pair = Secret::new(format!("{user}:{}", password.expose()));
        let text = Secret::new(base64::engine::general_purpose::STANDARD.encode(pair.expose()));
        let token = Token::new(base, &format!("Basic {}", text.expose())).map_err(|e| e.to_string())?;
        return Ok(Arc::new(FixedToken::new(token)));
    }
    let refresh = match &login {
        DeskLogin::Refresh { refresh, .. } => Some(refresh.clone()),
        _ => None,
    };
    let sender = Sender::new(base.clone(), transport, clock.clone(), Duration::ZERO);
    let grant = OauthGrant { base, login, sender, refresh: Mutex::new(refresh) };
    Ok(Arc::new(TokenCache::new(grant, clock)))
}

struct OauthGrant {
    base: Arc<Base>,
    login: DeskLogin,
    sender: Sender,
    /// The newest refresh token: an instance may hand out another with each use.
    refresh: Mutex<Option<Secret>>,
}

impl OauthGrant {
    fn form(&self) -> Vec<(&'static str, Secret)> {
        let plain = |t: &str| Secret::new(t);
        match &self.login {
            DeskLogin::Basic { .. } => Vec::new(),
            DeskLogin::ClientCredentials { id, secret } => vec![
                ("grant_type", plain("client_credentials")),
                ("client_id", plain(id)),
                ("client_secret", secret.clone()),
            ],
            DeskLogin::Password { id, secret, user, password } => vec![
                ("grant_type", plain("password")),
                ("client_id", plain(id)),
                ("client_secret", secret.clone()),
                ("username", plain(user)),
                ("password", password.clone()),
            ],
            DeskLogin::Refresh { id, secret, refresh } => {
                let newest = self.refresh.lock().unwrap_or_else(PoisonError::into_inner).clone();
                vec![
                    ("grant_type", plain("refresh_token")),
                    ("client_id", plain(id)),
                    ("client_secret", secret.clone()),
                    ("refresh_token", newest.unwrap_or_else(|| refresh.clone())),
                ]
            }
        }
    }

    fn body(&self) -> Vec<u8> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.form() {
            form.append_pair(name, value.expose());
        }
        form.finish().into_bytes()
    }

    fn refused(&self, response: &HttpResponse) -> CallError {
        let status = response.status;
        match decode_json(response) {
            Ok(body) if matches!(status, 400 | 401 | 403) => {
                let part = |k: &str| body.get(k).and_then(Value::as_str).unwrap_or_default();
                let said = clip(&format!("{} {}", part("error"), part("error_description")), 200);
                CallError::new(FaultKind::SignIn, format!("{status} {said}")).status(status).hint(self.hint())
            }
            _ => faults::refused(response, self.sender.pause_asked(response), About::default(), false),
        }
    }

    fn read(&self, body: &Value) -> Result<FreshToken, CallError> {
        let text = body.get("access_token").and_then(Value::as_str).unwrap_or_default();
        let lives =
            body.get("expires_in").and_then(|v| v.as_u64().or_else(|| v.as_str()?.trim().parse().ok()));
        let (Some(lives @ 1..), false) = (lives, text.is_empty()) else {
            return Err(
                CallError::new(FaultKind::Garbled, "the token answer holds no usable token").status(200)
            );
        };
        if let Some(next) = body.get("refresh_token").and_then(Value::as_str).filter(|t| !t.is_empty()) {
            *self.refresh.lock().unwrap_or_else(PoisonError::into_inner) = Some(Secret::new(next));
        }
        let token = Token::new(self.base.clone(), &format!("Bearer {text}"))
            .map_err(|e| faults::unsent_or_lost(&e, false))?;
        Ok(FreshToken { token, lives: Duration::from_secs(lives.min(7 * 86_400)) })
    }

    fn hint(&self) -> &'static str {
        match &self.login {
            DeskLogin::ClientCredentials { .. } => {
                "the instance names no cause: check client id and secret, that the property \
                 glide.oauth.inbound.client.credential.grant_type.enabled is true and that the application has a user"
            }
            DeskLogin::Refresh { .. } => {
                "the instance names no cause: the refresh token may have ended; make a new one"
            }
            _ => {
                "the instance names no cause: check client id and secret, user and password, and that the user \
                 is active and need not change the password"
            }
        }
    }
}

#[async_trait]
impl TokenGrant for OauthGrant {
    type Error = CallError;

    async fn fetch(&self) -> Result<FreshToken, CallError> {
        let url = self.base.at(&["oauth_token.do"], "").map_err(|e| faults::unsent_or_lost(&e, false))?;
        let mut ask = Ask::new(Method::Post, url);
        ask.body = Some(("application/x-www-form-urlencoded", self.body()));
        ask.limit = 1 << 20;
        let response = self.sender.send(ask, None).await.map_err(|e| faults::unsent_or_lost(&e, false))?;
        let status = response.status;
        if status == 200 {
            let body = decode_json(&response).map_err(|f| faults::garbled(&f, status, false))?;
            return self.read(&body);
        }
        let mut e = self.refused(&response);
        for (name, secret) in self.form() {
            if name != "grant_type" {
                e.message = secret.scrub(&e.message);
            }
        }
        e.message = format!("sign-in: {}", e.message);
        Err(e)
    }
}
