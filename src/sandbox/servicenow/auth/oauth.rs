//! The token endpoint `/oauth_token.do` (servicenow-api, 1.1).
//!
//! A token that is still alive is given again with its remaining seconds; nearly every failure
//! reads the same.

use std::time::Duration;

use serde_json::json;

use super::{Logins, Proof, basic_pair};
use crate::sandbox::servicenow::answer::JSON;
use crate::sandbox::servicenow::store::Store;
use crate::sandbox::servicenow::switches::Switches;
use crate::sandbox::wire::{Request, Response};
use crate::text::Stamp;

/// One issued token.
#[derive(Clone, Debug)]
pub(in crate::sandbox::servicenow) struct Token {
    pub(super) access: String,
    refresh: String,
    pub(super) user: String,
    grant: Grant,
    pub(super) expires: Stamp,
    refresh_expires: Stamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    Password,
    Client,
}

impl Logins {
    /// Answers a token request.
    pub(in crate::sandbox::servicenow) fn grant(
        &mut self,
        store: &mut Store,
        switches: &Switches,
        request: &Request,
        now: Stamp,
    ) -> Response {
        if request.method != "POST" {
            return denied();
        }
        match self.token(store, switches, request, now) {
            Some(token) => issued(&token, now),
            None => denied(),
        }
    }

    /// Ends every access token; refresh tokens too if `refresh` says so.
    pub(in crate::sandbox::servicenow) fn revoke(&mut self, refresh: bool) {
        for token in &mut self.tokens {
            token.expires = Stamp(0);
        }
        if refresh {
            self.tokens.clear();
        }
    }

    fn token(
        &mut self,
        store: &mut Store,
        switches: &Switches,
        request: &Request,
        now: Stamp,
    ) -> Option<Token> {
        let form = request.form_pairs();
        let get = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let header = request.header("authorization").and_then(|h| h.strip_prefix("Basic "));
        let from_header = header.and_then(basic_pair);
        let (id, secret) = match (get("client_id"), get("client_secret"), from_header) {
            (Some(id), Some(secret), _) => (id, secret),
            (_, _, Some(pair)) => pair,
            _ => return None,
        };
        if id != self.client_id || secret != self.client_secret {
            return None;
        }
        match get("grant_type")?.as_str() {
            "password" => {
                let caller = self.check(store, switches, &get("username")?, &get("password")?)?;
                Some(self.issue(store, switches, &caller.user_name, Grant::Password, now))
            }
            "refresh_token" => {
                let refresh = get("refresh_token").filter(|r| !r.is_empty())?;
                let known =
                    self.tokens.iter().find(|t| t.refresh == refresh && t.refresh_expires > now)?.clone();
                self.alive(store, &known.user, Proof::Bearer)?;
                Some(self.issue(store, switches, &known.user, known.grant, now))
            }
            "client_credentials" if switches.client_credentials_grant => {
                let user = self.machine.clone();
                self.alive(store, &user, Proof::Bearer)?;
                Some(self.issue(store, switches, &user, Grant::Client, now))
            }
            _ => None,
        }
    }

    fn issue(
        &mut self,
        store: &mut Store,
        switches: &Switches,
        user: &str,
        grant: Grant,
        now: Stamp,
    ) -> Token {
        self.tokens.retain(|t| t.refresh_expires > now);
        let mine = self.tokens.iter().position(|t| t.user == user && t.grant == grant);
        let life = Duration::from_secs(switches.token_seconds);
        if let Some(at) = mine {
            if self.tokens[at].expires <= now {
                let access = store.fresh_id() + &store.fresh_id();
                self.tokens[at].access = access;
                self.tokens[at].expires = now.plus(life);
            }
            return self.tokens[at].clone();
        }
        let refreshes = grant == Grant::Password || switches.client_credentials_refresh_token;
        let token = Token {
            access: store.fresh_id() + &store.fresh_id(),
            refresh: if refreshes { store.fresh_id() + &store.fresh_id() } else { String::new() },
            user: user.to_owned(),
            grant,
            expires: now.plus(life),
            refresh_expires: now.plus(Duration::from_secs(switches.refresh_seconds)),
        };
        self.tokens.push(token.clone());
        token
    }
}

fn issued(token: &Token, now: Stamp) -> Response {
    // A fresh token of 1800 s reads 1799, as captured.
    let remaining = token.expires.since(now).as_micros().saturating_sub(1) / 1_000_000;
    let remaining = u64::try_from(remaining).unwrap_or(u64::MAX);
    let mut body = json!({"access_token": token.access});
    if !token.refresh.is_empty() {
        body["refresh_token"] = json!(token.refresh);
    }
    body["scope"] = json!("useraccount");
    body["token_type"] = json!("Bearer");
    body["expires_in"] = json!(remaining);
    Response::json(200, JSON, &body)
}

fn denied() -> Response {
    Response::json(401, JSON, &json!({"error_description": "access_denied", "error": "server_error"}))
}
