//! Who is calling: Basic, bearer tokens and API keys (servicenow-api, 1).

pub(super) mod oauth;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use self::oauth::Token;
use super::DeskOptions;
use super::answer::failure;
use super::schema::TableSchema;
use super::store::{Row, Store};
use super::switches::{BearerBody, Switches};
use super::zone::Clock;
use crate::sandbox::people::CAST;
use crate::sandbox::wire::{Request, Response};
use crate::text::Stamp;

/// How a caller proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// User name and password with every request.
    Basic,
    /// An access token.
    Bearer,
    /// An API key.
    Key,
    /// Not over the network: a person in the browser, or the system.
    Inside,
}

/// Someone who may act.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) user_name: String,
    pub(super) sys_id: String,
    pub(super) clock: Clock,
    pub(super) admin: bool,
    pub(super) proof: Proof,
    roles: BTreeSet<String>,
}

impl Caller {
    /// True if the caller holds that role.
    pub(super) fn has(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// True if the caller holds a role of that family.
    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.roles.iter().any(|r| r.starts_with(prefix))
    }

    /// The instance itself, as `system`.
    pub(super) fn system() -> Self {
        Self {
            user_name: "system".into(),
            sys_id: String::new(),
            clock: Clock::new("UTC", "", ""),
            admin: true,
            proof: Proof::Inside,
            roles: BTreeSet::new(),
        }
    }

    fn of(logins: &Logins, schema: &TableSchema, row: &Row, proof: Proof) -> Self {
        let get = |name| row.get(schema, name).to_owned();
        let user_name = get("user_name");
        let roles = logins.roles.get(&user_name).cloned().unwrap_or_default();
        Self {
            sys_id: row.id().to_owned(),
            clock: Clock::new(&get("time_zone"), &get("date_format"), &get("time_format")),
            admin: roles.contains("admin"),
            proof,
            roles,
            user_name,
        }
    }
}

/// Roles of an integration's user.
const INTEGRATION: [&str; 5] =
    ["itil", "sn_si.basic", "sn_si.read", "sn_ti_observable.write", "snc_platform_rest_api_access"];

/// Passwords, roles and tokens.
pub(super) struct Logins {
    passwords: BTreeMap<String, String>,
    roles: BTreeMap<String, BTreeSet<String>>,
    failures: BTreeMap<String, u32>,
    /// The user behind the API key and the client credentials grant.
    pub(super) machine: String,
    api_key: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) tokens: Vec<Token>,
}

impl Logins {
    /// The accounts of a fresh instance.
    pub(super) fn new(options: &DeskOptions) -> Self {
        let mut passwords = BTreeMap::new();
        let mut roles = BTreeMap::new();
        let set = |list: &[&str]| list.iter().map(|r| (*r).to_owned()).collect::<BTreeSet<_>>();
        for person in CAST {
            passwords.insert(person.user_name.to_owned(), format!("{}-pw", person.user_name));
            roles.insert(person.user_name.to_owned(), set(&["itil", "sn_si.analyst", "sn_si.read"]));
        }
        passwords.insert("admin".into(), "admin-pw".into());
        roles.insert("admin".into(), set(&["admin"]));
        passwords.insert(options.user.clone(), options.password.clone());
        roles.insert(options.user.clone(), set(&INTEGRATION));
        Self {
            passwords,
            roles,
            failures: BTreeMap::new(),
            machine: options.user.clone(),
            api_key: options.api_key.clone(),
            client_id: options.client_id.clone(),
            client_secret: options.client_secret.clone(),
            tokens: Vec::new(),
        }
    }

    /// Lets one more integration sign in, with the roles of the first.
    pub(super) fn add_integration(&mut self, user_name: &str, password: &str) {
        self.passwords.insert(user_name.to_owned(), password.to_owned());
        self.set_roles(user_name, &INTEGRATION);
    }

    /// Gives a user exactly these roles.
    pub(super) fn set_roles(&mut self, user_name: &str, roles: &[&str]) {
        let roles = roles.iter().map(|r| (*r).to_owned()).collect();
        self.roles.insert(user_name.to_owned(), roles);
    }

    /// The person of that user name, without any proof.
    pub(super) fn person(&self, store: &Store, user_name: &str) -> Option<Caller> {
        if user_name == "system" {
            return Some(Caller::system());
        }
        store.user(user_name).map(|(schema, row)| Caller::of(self, schema, row, Proof::Inside))
    }

    /// Checks a password; a wrong one counts against the user.
    pub(super) fn check(
        &mut self,
        store: &Store,
        switches: &Switches,
        user: &str,
        password: &str,
    ) -> Option<Caller> {
        let locked = switches.lockout_after > 0
            && self.failures.get(user).is_some_and(|n| *n >= switches.lockout_after);
        let good = self.passwords.get(user).is_some_and(|p| p == password);
        if !good {
            *self.failures.entry(user.to_owned()).or_default() += 1;
        }
        if locked || !good {
            return None;
        }
        self.failures.remove(user);
        self.alive(store, user, Proof::Basic)
    }

    /// The user if active and not locked.
    pub(super) fn alive(&self, store: &Store, user: &str, proof: Proof) -> Option<Caller> {
        let (schema, row) = store.user(user)?;
        let fit = row.get(schema, "active") == "true" && row.get(schema, "locked_out") != "true";
        fit.then(|| Caller::of(self, schema, row, proof))
    }

    /// Who sends this request, or the 401 that it gets.
    pub(super) fn authenticate(
        &mut self,
        store: &Store,
        switches: &Switches,
        request: &Request,
        now: Stamp,
    ) -> Result<Caller, Response> {
        // One client library sends its bearer in a header called `Authentication`.
        let header = request.header("authorization").or_else(|| request.header("authentication"));
        let (scheme, rest) = header.and_then(|h| h.split_once(' ')).unwrap_or(("", ""));
        let key = request.header("x-sn-apikey").map(str::to_owned).or_else(|| {
            request.query_pairs().into_iter().find(|(name, _)| name == "x-sn-apikey").map(|(_, value)| value)
        });
        let caller = if scheme.eq_ignore_ascii_case("basic") {
            let (user, password) = basic_pair(rest).ok_or_else(|| unauthenticated(switches))?;
            self.check(store, switches, &user, &password).filter(|c| passes_gate(store, switches, c))
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let user = self.bearer(rest.trim(), now).ok_or_else(|| dead_bearer(switches))?;
            self.alive(store, &user, Proof::Bearer)
        } else if key.is_some_and(|k| !self.api_key.is_empty() && k == self.api_key) {
            self.alive(store, &self.machine, Proof::Key)
        } else {
            None
        };
        let caller = caller.ok_or_else(|| unauthenticated(switches))?;
        if switches.mfa_users.contains(&caller.user_name) {
            return Err(unauthenticated(switches).with("x-mfa_token", "invalid"));
        }
        Ok(caller)
    }

    fn bearer(&self, token: &str, now: Stamp) -> Option<String> {
        self.tokens.iter().find(|t| t.access == token && t.expires > now).map(|t| t.user.clone())
    }
}

/// User and password, or client id and secret, of a Basic header's second word.
fn basic_pair(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The gate of recent releases: machines pass, people need a role.
fn passes_gate(store: &Store, switches: &Switches, caller: &Caller) -> bool {
    let machine = || {
        store
            .user(&caller.user_name)
            .is_some_and(|(schema, row)| row.get(schema, "web_service_access_only") == "true")
    };
    !switches.basic_gate || caller.has("snc_basic_auth_api_access") || machine()
}

/// The ordinary 401.
pub(super) fn unauthenticated(switches: &Switches) -> Response {
    failure(401, &switches.unauthenticated_message, Some("Required to provide Auth information"))
        .with("www-authenticate", switches.www_authenticate.clone())
        .with("x-is-logged-in", "false")
}

fn dead_bearer(switches: &Switches) -> Response {
    match switches.expired_bearer_body {
        BearerBody::Envelope => unauthenticated(switches),
        BearerBody::InvalidToken => {
            let body = json!({"error": "invalid_token", "error_description": "access_denied"});
            Response::json(401, super::answer::JSON, &body).with("x-is-logged-in", "false")
        }
    }
}
