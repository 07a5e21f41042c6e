//! One ServiceNow instance, and the users that we are there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{DeskKey, InstanceKey};

/// One ServiceNow instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSettings {
    /// Its key.
    pub key: InstanceKey,
    /// Its address, for links that people open; empty if there is none to open.
    pub url: String,
    /// How long an unknown write may still land (D8).
    pub settle: Duration,
    /// Calls in flight, 2 by default (D36).
    pub in_flight: usize,
    /// Overlap of reads (D15).
    pub overlap: Duration,
    /// Deep pass: how far back and how often (D15).
    pub deep: Pass,
    /// Key sweep: how often (D15).
    pub sweep_every: Duration,
    /// User name we sign in with, to know our own entries; empty until the instance told us.
    pub own_user: String,
    /// Domains whose records a user of their own reads and writes.
    pub domain_users: Vec<DomainUser>,
}

impl InstanceSettings {
    /// Every desk of this instance: as its own user, and as the one of each domain.
    pub fn desks(&self) -> Vec<DeskKey> {
        let domains = self.domain_users.iter().map(|u| u.domain.as_str());
        let desk = |domain: &str| DeskKey { instance: self.key.clone(), domain: domain.to_owned() };
        std::iter::once("").chain(domains).map(desk).collect()
    }

    /// Our user name at a desk of this instance; empty until the instance told us.
    pub fn own_user_of(&self, desk: &DeskKey) -> &str {
        let of_domain = self.domain_users.iter().find(|u| u.domain == desk.domain);
        of_domain.map_or(&self.own_user, |u| &u.own_user)
    }
}

/// The user that signs in for one domain of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainUser {
    /// The domain, as a route names it.
    pub domain: String,
    /// Its user name, as [`InstanceSettings::own_user`].
    pub own_user: String,
}

/// A wider read, now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// How far back.
    pub back: Duration,
    /// How often.
    pub every: Duration,
}
