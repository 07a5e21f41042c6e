//! The ways in which the machine gets over something, each counted when it is taken: a
//! simulation proves with these counts that none of them is only believed to work.

use crate::model::{CommentOrigin, Delivery, Entry};
use crate::sync::conversation::KNOWN_AGAIN;

use super::board::lock;
use super::ctx::{Shared, Ws};

macro_rules! recoveries {
    ($($(#[$doc:meta])* $variant:ident, $name:literal;)*) => {
        /// One way in which the machine got over something.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Recovery {
            $($(#[$doc])* $variant,)*
        }

        impl Recovery {
            /// Every way, always in the same order.
            pub const ALL: &'static [Recovery] = &[$(Self::$variant,)*];

            /// Its name in reports: `note-found`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

recoveries! {
    /// A note whose write brought no answer was found in the journal by its marker.
    NoteFound, "note-found";
    /// A note whose write brought no answer is not in the journal, but may still arrive.
    NoteWaits, "note-waits";
    /// A note could no longer arrive, so it is sent again.
    NoteResent, "note-resent";
    /// Reading the incident proved that a PUT without an answer was applied.
    PutProven, "put-proven";
    /// A PUT without an answer was sent again under the same version while it might still land.
    PutResent, "put-resent";
    /// A PUT without an answer was not applied, and what to write is decided anew.
    PutReplanned, "put-replanned";
    /// A comment without an answer is written again under the same id.
    CommentRepeated, "comment-repeated";
    /// Reading the record proved that a PATCH without an answer was applied.
    PatchProven, "patch-proven";
    /// A PATCH without an answer does not show, but may still land.
    PatchWaits, "patch-waits";
    /// A PATCH could no longer land, and what to write is decided anew.
    PatchReplanned, "patch-replanned";
    /// A record whose create brought no answer was found under the key that we chose.
    CreateFoundByKey, "create-found-by-key";
    /// A record whose create brought no answer was found by its correlation id.
    CreateFoundByCorrelation, "create-found-by-correlation";
    /// A record whose create brought no answer is not there, but may still appear.
    CreateWaits, "create-waits";
    /// A record is not there and is created anew.
    CreateResent, "create-resent";
    /// A create was refused because the record exists already.
    CreateDuplicate, "create-duplicate";
    /// A create was refused under the key that we chose, and tried without it.
    KeyRefused, "key-refused";
    /// A record that carried our correlation id already was taken up instead of a new one.
    Adopted, "adopted";
    /// A newer version of the incident existed; it was read and the write decided anew.
    ConflictReplanned, "conflict-replanned";
    /// A write that was sent before we took the lease was found open.
    FoundOpen, "found-open";
    /// The lease was lost and taken again.
    LeaseRetaken, "lease-retaken";
    /// A write was held back because our lease was about to end.
    HeldBackByLease, "held-back-by-lease";
    /// The store could not, and the work was begun again from what it holds.
    StoreRetried, "store-retried";
    /// A side works again after it had failed.
    SideHealed, "side-healed";
    /// A write was put back because its whole side had failed.
    IntentReleased, "intent-released";
    /// A failure of one link alone makes that link wait.
    LinkPaused, "link-paused";
    /// A write was given up after too many tries and waits for a person.
    Parked, "parked";
    /// A note or comment that its server refused is held, and the others go on.
    EntryHeld, "entry-held";
    /// A comment of ours whose write brought no answer was known again by its id.
    OwnCommentKnown, "own-comment-known";
    /// A note of ours that an earlier store had written was known again by its marker.
    OrphanKnown, "orphan-known";
    /// A record was read again right before a write, because what we knew was not fresh.
    RecordReread, "record-reread";
    /// A record's new version was not taken because its journal could not be read.
    VersionNotTaken, "version-not-taken";
    /// A link was frozen because its record is not, or no longer, the right one.
    WrongRecordFrozen, "wrong-record-frozen";
    /// A server made another value of the one that we wrote, and its value stands.
    Normalised, "normalised";
    /// A server answered well but kept its value, so the field waits for a person.
    ValueKept, "value-kept";
    /// Somebody else changed the record around our write.
    OverlapSeen, "overlap-seen";
    /// A list row older than what we know was dropped.
    StaleRowDropped, "stale-row-dropped";
    /// A read was repeated within its pass.
    ReadRepeated, "read-repeated";
    /// A pass broke off and its cursor stays where it was.
    PassBrokenOff, "pass-broken-off";
    /// A pass reached further back than its cursor.
    DeepPass, "deep-pass";
    /// Everything was listed or every key swept, however old.
    FullSweep, "full-sweep";
    /// Alerts could not be read, or there were too many to read at once, and are read later.
    AlertsLater, "alerts-later";
    /// A row beside a record whose create brought no answer was found by what it says.
    RowFound, "row-found";
    /// Such a row is not there, and is looked for and made anew.
    RowAgain, "row-again";
    /// Rows beside a record could not be looked for or made, and wait.
    RowsLater, "rows-later";
    /// A server did not say its time, so the newest row had to do.
    NoServerDate, "no-server-date";
    /// Words that wait in vain: their incident has as many comments as Sentinel takes.
    NoRoom, "no-room";
    /// A journal entry was known again although it was read in another way than before.
    ReadOtherwise, "read-otherwise";
    /// A record or an incident was not there any more, and its link rests.
    TakenForGone, "taken-for-gone";
    /// What was said on a side before it was gone was sent to the other one.
    LastWords, "last-words";
    /// The records of an incident that was merged and of its survivor were told.
    MergeTold, "merge-told";
    /// What had been taken for gone was there again.
    SeenAgain, "seen-again";
    /// Too many were missing at once to be gone.
    MassVanish, "mass-vanish";
    /// A record that the store app made was found and watched.
    TakenOver, "taken-over";
    /// Words went into a comment with others, because their incident is nearly full.
    SharedComment, "shared-comment";
    /// An incident waited because it was too young for a record.
    TooYoung, "too-young";
    /// The same change for too many incidents at once waited for a person.
    MassChange, "mass-change";
    /// More writes than a side may get within a minute wait for a person.
    WriteRate, "write-rate";
    /// A field went to and fro too often and was frozen.
    Flapping, "flapping";
    /// A record stayed closed, and its incident went on in a new one.
    NewRecord, "new-record";
    /// Journals were read from the text of their records, because their table is closed to us.
    TextRead, "text-read";
    /// An incident joined the record of another one.
    Joined, "joined";
    /// An incident was found again in the record that it had joined before the store was lost.
    JoinedAgain, "joined-again";
    /// A guest took the place of the incident that a shared record was made for.
    HostReplaced, "host-replaced";
}

impl Shared {
    /// Counts a recovery.
    pub fn recovered(&self, way: Recovery) {
        lock(&self.board).recovered(way);
    }
}

impl Ws {
    /// Counts a recovery.
    pub fn recovered(&self, way: Recovery) {
        self.shared.recovered(way);
    }

    /// Counts entries of ours that a read showed again.
    pub fn count_known_again(&self, changed: &[Entry]) {
        for entry in changed {
            if entry.reason == KNOWN_AGAIN {
                self.recovered(Recovery::OrphanKnown);
            } else if entry.origin == CommentOrigin::ServiceNow && entry.journal_id != entry.origin_id {
                self.recovered(Recovery::ReadOtherwise);
            } else if entry.origin != CommentOrigin::Sentinel && entry.to_sentinel == Delivery::Delivered {
                self.recovered(Recovery::OwnCommentKnown);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_recovery_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Recovery::ALL.iter().map(|r| r.name()).collect();
        assert_eq!(names.len(), Recovery::ALL.len());
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }
}
