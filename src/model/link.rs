//! A link: one incident tied to one record, with what both last agreed on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Crossings, Field, Group, IncidentId, InstanceKey, LinkId, Related, Side, SysId, TableName, Walk,
    WorkspaceKey,
};
use crate::text::Stamp;

/// What a link means for its record (D5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Fields flow both ways. One per record at a time.
    Primary,
    /// One more incident of a record that was made for another one. What belongs to one incident alone,
    /// such as the title, is the primary's.
    Attached,
    /// Its incident was merged into another.
    Merged,
    /// Looked at, never written.
    Watched,
}

impl Role {
    /// The word as it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Attached => "attached",
            Self::Merged => "merged",
            Self::Watched => "watched",
        }
    }

    /// True for a link that is kept in step.
    pub fn syncs(self) -> bool {
        matches!(self, Self::Primary | Self::Attached)
    }

    /// The role of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Primary, Self::Attached, Self::Merged, Self::Watched].into_iter().find(|r| r.word() == word)
    }
}

/// Where a link is in its life; it only moves forward (invariant I11), but for what was taken for gone and
/// is seen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Life {
    /// Its record is being created.
    Creating,
    /// Both exist.
    Live,
    /// One side is gone; nothing is recreated and nothing is deleted.
    Gone,
    /// Untied by a person.
    Unlinked,
}

impl Life {
    /// The word as it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Live => "live",
            Self::Gone => "gone",
            Self::Unlinked => "unlinked",
        }
    }

    /// The life of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Creating, Self::Live, Self::Gone, Self::Unlinked].into_iter().find(|l| l.word() == word)
    }
}

/// One incident tied to one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its number; zero before it is stored.
    pub id: LinkId,
    /// Workspace of the incident.
    pub workspace: WorkspaceKey,
    /// The incident.
    pub incident: IncidentId,
    /// Instance of the record.
    pub instance: InstanceKey,
    /// Table of the record.
    pub table: TableName,
    /// The record; chosen by us before it exists (D7).
    pub sys_id: SysId,
    /// Ordinal that went into a chosen `sys_id`.
    pub ordinal: u32,
    /// What it means for the record.
    pub role: Role,
    /// Where it is in its life.
    pub life: Life,
    /// True while the incident matches the workspace's filter; a link that left it keeps syncing.
    pub in_filter: bool,
    /// Who closed first, until an explicit reopen (D22).
    pub closer: Option<Side>,
    /// When the link was made.
    pub created: Stamp,
    /// Why it is frozen; a frozen link sends nothing. Empty when it is not.
    pub frozen: String,
    /// The last failure of this link alone; empty when there is none.
    pub error: String,
    /// Not before this moment is anything sent again after a failure.
    pub not_before: Stamp,
    /// Failures in a row.
    pub failures: u32,
    /// How many comments the incident must be showing as far as we know: those of the last
    /// read plus our own since. Another number means that there is something to read (D27).
    pub comments_seen: u32,
    /// A comment of ours moved the incident to a version that we do not know: an edit by somebody
    /// right before it, or at the same moment, would hide behind it. The next full sweep reads the
    /// comments again.
    pub comments_unsure: bool,
    /// True while comments of the incident wait to be read, so that a restart does not forget.
    pub unread: bool,
    /// True from the observation that may call for a write until the plan has nothing left to
    /// do: what was seen is never forgotten between two transactions.
    pub pending: bool,
    /// What its record was told of alerts and entities.
    pub evidence: Evidence,
    /// Rows that stand beside its record, and those that are still to.
    #[serde(default)]
    pub related: Related,
    /// What it has to do with a shared record.
    #[serde(default)]
    pub group: Group,
}

impl Link {
    /// A link whose record is still to be created, with nothing else known about it.
    pub fn new(
        workspace: WorkspaceKey,
        incident: IncidentId,
        (instance, table, sys_id): (InstanceKey, TableName, SysId),
        created: Stamp,
    ) -> Self {
        Self {
            id: LinkId(0),
            workspace,
            incident,
            instance,
            table,
            sys_id,
            ordinal: 0,
            role: Role::Primary,
            life: Life::Creating,
            in_filter: true,
            closer: None,
            created,
            frozen: String::new(),
            error: String::new(),
            not_before: Stamp(0),
            failures: 0,
            comments_seen: 0,
            comments_unsure: false,
            unread: false,
            pending: false,
            evidence: Evidence::default(),
            related: Related::default(),
            group: Group::default(),
        }
    }
}

/// What a record was told of its incident's alerts and entities: each of them once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Alerts that Sentinel counted when they were last read.
    pub alerts: u32,
    /// True from the observation of another number until they were read.
    pub unread: bool,
    /// A short hash of everything that was listed.
    pub listed: BTreeSet<String>,
}

/// What both sides last agreed on, for one field of one link. Raw values of *both* sides,
/// because tables lose information: a side changed if it differs from its own base (design,
/// "memory beats clocks").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The field.
    pub field: Field,
    /// Sentinel's raw value.
    pub sentinel: String,
    /// ServiceNow's raw value.
    pub servicenow: String,
    /// When they agreed.
    pub agreed: Stamp,
    /// Last observation of Sentinel that was still at base, and first that was not (D21).
    pub sentinel_seen: Seen,
    /// The same for ServiceNow.
    pub servicenow_seen: Seen,
    /// True when a person changed ServiceNow's value of a field that Sentinel owns: it stays,
    /// and Sentinel's next change goes into a note (D23). Of a status: the record's close is ServiceNow's
    /// own, and stays.
    pub detached: bool,
    /// The other side's value that a person must decide about: raw pair, `None` when there is
    /// no conflict.
    pub conflict: Option<Conflict>,
    /// Our writes to and fro.
    pub crossings: Crossings,
    /// Of a status, how far the record was taken toward a state that it did not take at once.
    #[serde(default)]
    pub walk: Option<Box<Walk>>,
    /// Why a value is held; empty when it is not.
    pub held: String,
    /// Which rule decided last, for people.
    pub rule: String,
}

impl Base {
    /// An agreed base.
    pub fn agreed(
        field: Field,
        sentinel: impl Into<String>,
        servicenow: impl Into<String>,
        at: Stamp,
    ) -> Self {
        Self {
            field,
            sentinel: sentinel.into(),
            servicenow: servicenow.into(),
            agreed: at,
            sentinel_seen: Seen::at(at),
            servicenow_seen: Seen::at(at),
            detached: false,
            conflict: None,
            crossings: Crossings::default(),
            walk: None,
            held: String::new(),
            rule: String::new(),
        }
    }
}

impl Base {
    /// What was seen of a side.
    pub fn seen_mut(&mut self, side: Side) -> &mut Seen {
        match side {
            Side::Sentinel => &mut self.sentinel_seen,
            Side::ServiceNow => &mut self.servicenow_seen,
        }
    }

    /// Others changed a side around a write of ours that had no answer: it counts as moved until `now`.
    /// If ours may be among what came (`ours_too`), what the side shows may be no more than what a rule of
    /// the server made of the other side's own change, and is not later than that.
    pub fn unsettle(&mut self, side: Side, now: Stamp, ours_too: bool) {
        let carried = self.seen_mut(side.other()).interval().0;
        let seen = self.seen_mut(side);
        seen.last = now;
        if ours_too {
            seen.same = seen.same.min(carried);
        }
    }
}

/// The interval in which a side moved away from its base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Last observation at base.
    pub same: Stamp,
    /// First observation that differs, `None` while it does not.
    pub differs: Option<Stamp>,
    /// Until when its last change had happened that went into the base; 0 when none did. The
    /// other side may show later that it had moved before, which makes the two a tie.
    pub last: Stamp,
}

impl Seen {
    /// A side that was seen at its base.
    pub fn at(same: Stamp) -> Self {
        Self { same, ..Self::default() }
    }

    /// The side shows its base, as asked for at `asked` and known at `now`.
    pub fn shows_base(self, asked: Stamp, now: Stamp) -> Self {
        match self.differs {
            None => Self { same: self.same.max(asked), ..self },
            // It went away and came back: that is a change, too.
            Some(_) => Self { same: asked, differs: None, last: now },
        }
    }

    /// The side shows something else than its base; `floor` is when it was last sure to show
    /// the base still.
    pub fn shows_another(self, floor: Stamp, now: Stamp) -> Self {
        match self.differs {
            Some(_) => self,
            None => Self { same: self.same.max(floor), differs: Some(now), ..self },
        }
    }

    /// The side once a new base holds what it shows, seen at `same`: its move is over.
    pub fn settled(self, same: Stamp) -> Self {
        match self.differs {
            Some(differs) => Self { same, differs: None, last: differs.max(self.last) },
            None => Self { same: self.same.max(same), ..self },
        }
    }

    /// When it last moved: after the first stamp, not after the second.
    pub fn interval(self) -> (Stamp, Stamp) {
        self.differs.map_or((Stamp(0), self.last), |differs| (self.same, differs))
    }
}

/// A field that both sides moved away from base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Sentinel's raw value at that time.
    pub sentinel: String,
    /// ServiceNow's raw value at that time.
    pub servicenow: String,
    /// Since when.
    pub since: Stamp,
    /// In words: how it came, and what was done about it.
    pub why: String,
    /// The side whose value was taken by policy; `None` while a person must decide.
    pub taken: Option<Side>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_made_of_our_own_write_is_not_later_than_what_was_carried_over() {
        let away =
            |same, differs| Seen { same: Stamp(same), differs: Some(Stamp(differs)), ..Seen::default() };
        let mut base = Base::agreed(Field::Severity, "High", "1/1", Stamp(1));
        (base.sentinel_seen, base.servicenow_seen) = (away(10, 20), away(50, 60));
        let mut others_alone = base.clone();
        others_alone.unsettle(Side::ServiceNow, Stamp(70), false);
        assert!(others_alone.servicenow_seen.interval().0 >= base.sentinel_seen.interval().1, "later");
        base.unsettle(Side::ServiceNow, Stamp(70), true);
        assert!(base.servicenow_seen.interval().0 < base.sentinel_seen.interval().1, "a tie");
        assert_eq!(base.servicenow_seen.last, Stamp(70));
    }
}
