//! One entry of a link's conversation, and how far it has come to either side.

use serde::{Deserialize, Serialize};

use super::{EntryId, LinkId, Side};
use crate::text::{Stamp, UntrustedText};

/// Where an entry was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommentOrigin {
    /// A comment in Sentinel.
    Sentinel,
    /// A journal entry in ServiceNow.
    ServiceNow,
    /// Written in this console, for both sides.
    Console,
    /// Written by the sync itself, such as a changed title that stays out of the record.
    Sync,
}

impl CommentOrigin {
    /// The word as it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sentinel => "sentinel",
            Self::ServiceNow => "servicenow",
            Self::Console => "console",
            Self::Sync => "sync",
        }
    }

    /// The origin of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Sentinel, Self::ServiceNow, Self::Console, Self::Sync].into_iter().find(|o| o.word() == word)
    }

    /// The side it was written on, if it was one of them.
    pub fn side(self) -> Option<Side> {
        match self {
            Self::Sentinel => Some(Side::Sentinel),
            Self::ServiceNow => Some(Side::ServiceNow),
            Self::Console | Self::Sync => None,
        }
    }
}

/// How far an entry has come toward one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It does not go there: it came from there, or a policy says no.
    None,
    /// To be sent.
    Waiting,
    /// Committed and perhaps sent; the outcome is not known yet.
    Sending,
    /// There, confirmed.
    Delivered,
    /// Not sent and shown: a marker that does not verify, a limit, a refusal.
    Held,
}

impl Delivery {
    /// The word as it is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Held => "held",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::Waiting, Self::Sending, Self::Delivered, Self::Held]
            .into_iter()
            .find(|d| d.word() == word)
    }
}

/// One entry of a conversation: the ledger row that makes each comment arrive exactly once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number; zero before it is stored.
    pub id: EntryId,
    /// The link it belongs to.
    pub link: LinkId,
    /// Where it was written.
    pub origin: CommentOrigin,
    /// Its id there: comment id, journal `sys_id`, command number. Unique per link and origin.
    pub origin_id: String,
    /// Author as shown.
    pub author: UntrustedText,
    /// When it was written there.
    pub at: Stamp,
    /// Plain text, HTML already turned into text.
    pub text: UntrustedText,
    /// Id of its copy in Sentinel, known before it is sent.
    pub sentinel_id: String,
    /// State toward Sentinel.
    pub to_sentinel: Delivery,
    /// Marker of its copy in ServiceNow, known before it is sent.
    pub marker: String,
    /// Journal `sys_id` of its copy in ServiceNow, once seen.
    pub journal_id: String,
    /// State toward ServiceNow.
    pub to_servicenow: Delivery,
    /// Why it is held; empty otherwise.
    pub reason: String,
}

impl Entry {
    /// State toward a side.
    pub fn delivery(&self, side: Side) -> Delivery {
        match side {
            Side::Sentinel => self.to_sentinel,
            Side::ServiceNow => self.to_servicenow,
        }
    }

    /// Sets the state toward a side.
    pub fn set_delivery(&mut self, side: Side, delivery: Delivery) {
        match side {
            Side::Sentinel => self.to_sentinel = delivery,
            Side::ServiceNow => self.to_servicenow = delivery,
        }
    }
}
