//! The Sentinel half: Entra tokens, the resource manager's gateway, incidents and their parts.
//!
//! A pure world: a request and a moment go in, a response comes out. What the sources settle is
//! code; what they leave open is a switch (`switches`). A request passes, in this order: token
//! service, bearer check, api-version, subscription, rate limits, role, scope, operation; the
//! gateway signs every answer. Acts of people, detections and Defender change the same incidents
//! through the same desk, and every applied change is in the history.

mod aadsts;
mod acts;
mod alerts;
mod assertion;
mod changes;
mod clock;
mod closing;
mod comments;
mod desk;
mod draft;
mod entities;
mod entra;
mod errors;
mod facts;
mod filter;
mod gateway;
mod incident;
mod incidents;
mod limits;
mod lookup;
mod order;
mod owner;
mod page;
mod query;
mod relations;
mod replacement;
mod route;
mod switches;
mod tasks;
mod tokens;
mod workspace;

#[cfg(test)]
mod tests;

pub use changes::{Actor, IncidentChange};
pub use draft::{AlertDraft, EntityDraft, IncidentAct, IncidentDraft, Secret, SentinelOptions};
pub use facts::{CommentFacts, IncidentFacts};

use serde_json::Value;

use self::changes::{Author, Ledger};
use self::desk::{Desk, lens};
use self::entra::Entra;
use self::incident::Shown;
use self::limits::Limits;
use self::switches::Switches;
use self::tokens::Tokens;
use self::workspace::Workspace;
use super::people::Person;
use super::wire::{Request, Response, World};
use crate::text::Stamp;

/// Name of the service principal, which is the author of what the API writes.
const APP_NAME: &str = "servicenow-connector";

/// A tenant with one application and one subscription with Sentinel workspaces.
pub struct SentinelWorld {
    options: SentinelOptions,
    switches: Switches,
    ledger: Ledger,
    /// Request ids and tokens draw from their own source, so that reading changes no incident.
    wire_rng: fastrand::Rng,
    tokens: Tokens,
    limits: Limits,
    workspaces: Vec<Workspace>,
}

impl SentinelWorld {
    /// A world without incidents.
    pub fn new(options: SentinelOptions) -> Self {
        let shop = |name: &String| Workspace::new(name, &options.subscription, &options.resource_group);
        Self {
            workspaces: options.workspaces.iter().map(shop).collect(),
            switches: Switches::default(),
            ledger: Ledger::new(options.seed),
            wire_rng: fastrand::Rng::with_seed(options.seed ^ 0x5EED),
            tokens: Tokens::default(),
            limits: Limits::default(),
            options,
        }
    }

    /// Raises an incident as a detection does and gives its GUID; empty if there is no such
    /// workspace.
    pub fn raise(&mut self, workspace: &str, draft: IncidentDraft, now: Stamp) -> String {
        let detection = if draft.defender { "Microsoft Defender XDR" } else { "Microsoft Sentinel" };
        let author = Author { object_id: String::new(), name: detection.into(), email: None, upn: None };
        let desk = self.desk(workspace, Actor::Service(detection), author, now);
        desk.map_or_else(String::new, |mut desk| desk.raise(draft))
    }

    /// Does what a person does in the portal, or a service by itself. The reason when it is not
    /// possible, as the portal would grey it out.
    pub fn act(
        &mut self,
        workspace: &str,
        guid: &str,
        act: &IncidentAct,
        actor: &Person,
        now: Stamp,
    ) -> Result<(), String> {
        let desk = self.desk(workspace, Actor::Person(actor.upn.into()), Author::person(actor), now);
        desk.ok_or_else(|| format!("no workspace '{workspace}'"))?.act(guid, act)
    }

    /// The current state of all incidents of a workspace, in order of their numbers.
    pub fn facts(&self, workspace: &str) -> Vec<IncidentFacts> {
        let Some(shop) = self.workspaces.iter().find(|w| w.name.eq_ignore_ascii_case(workspace)) else {
            return Vec::new();
        };
        let lens = lens(&self.switches, shop, &self.options.tenant, "");
        let all = shop.incidents.values();
        all.map(|incident| IncidentFacts::of(&Shown { incident, face: &incident.face, lens })).collect()
    }

    /// Every applied change since the beginning, oldest first.
    pub fn history(&self) -> &[IncidentChange] {
        &self.ledger.changes
    }

    /// Makes every token issued so far invalid.
    pub fn revoke_tokens(&mut self) {
        self.switches.token_epoch += 1;
    }

    fn desk(&mut self, workspace: &str, actor: Actor, author: Author, now: Stamp) -> Option<Desk<'_>> {
        let shop = self.workspaces.iter_mut().find(|w| w.name.eq_ignore_ascii_case(workspace))?;
        Some(Desk {
            switches: &mut self.switches,
            ledger: &mut self.ledger,
            shop,
            tenant: &self.options.tenant,
            actor,
            author,
            now,
        })
    }

    /// The desk at which the application works.
    fn app_desk(&mut self, workspace: &str, now: Stamp) -> Option<Desk<'_>> {
        let id = self.options.client_id.clone();
        let author =
            Author { object_id: tokens::principal(&id), name: APP_NAME.into(), email: None, upn: None };
        self.desk(workspace, Actor::App(id), author, now)
    }
}

impl World for SentinelWorld {
    fn handle(&mut self, request: &Request, now: Stamp) -> Response {
        let mut entra = Entra {
            options: &self.options,
            switches: &self.switches,
            tokens: &mut self.tokens,
            rng: &mut self.wire_rng,
            now,
        };
        if let Some(response) = entra.handle(request) {
            return response;
        }
        self.manage(request, now)
    }

    fn switches(&self) -> Value {
        self.switches.show()
    }

    fn set_switch(&mut self, name: &str, value: &Value) -> Result<(), String> {
        self.switches.set(name, value)
    }
}
