//! Seeded mistakes, to test the tester.
//!
//! A simulation that never fails proves nothing by itself. So the engine can be built with the
//! feature `mutants`, and then one mistake at a time can be switched on: each is one that an
//! integration could really make, and the checkers must catch it. Without the feature there is
//! no switch and every question is answered by the constant `false`, so that a production build
//! contains none of the mistakes.

use std::str::FromStr;

macro_rules! mutants {
    ($($variant:ident, $name:literal, $what:literal;)*) => {
        /// A mistake that can be switched on in a build for tests.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Mutant {
            $(#[doc = $what] $variant,)*
        }

        impl Mutant {
            /// Every mutant, always in the same order.
            pub const ALL: &'static [Mutant] = &[$(Self::$variant,)*];

            /// Its name on a command line: `local-clock-cursor`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What is wrong with it, in one sentence.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

mutants! {
    LocalClockCursor, "local-clock-cursor",
        "A cursor is set to our own clock at the end of a pass.";
    CursorExclusive, "cursor-exclusive",
        "A cursor is the newest row that was seen, and the next read starts strictly after it.";
    NoOverlap, "no-overlap",
        "A read starts exactly where the last one began, and nothing is ever read twice.";
    CursorBeforeRows, "cursor-before-rows",
        "A cursor is committed before the rows that it stands for.";
    StaleListWins, "stale-list-wins",
        "A list row that is older than what a GET or a write showed is taken all the same.";
    EmptyPageEnds, "empty-page-ends",
        "An empty or short page counts as the end of a list.";
    FollowForeignLink, "follow-foreign-link",
        "A next link is followed to any origin, and the token is sent along.";
    TrustRowZero, "trust-row-zero",
        "Rows are not checked against the query, and the first row of a look-up is adopted.";
    FilterLeaverDropped, "filter-leaver-dropped",
        "A link whose incident leaves the filter is not synced any more.";
    CommentsByCountOnly, "comments-by-count-only",
        "Comments are read only when there are more of them than before.";
    JournalSkipped, "journal-skipped",
        "A record's version is taken although its journal could not be read.";
    TwoWayDiff, "two-way-diff",
        "Values are compared with each other and not with what was agreed: Sentinel's is written.";
    OneWayEquivalence, "one-way-equivalence",
        "Agreed pairs are compared again, and only under the map toward ServiceNow.";
    HeldForgotten, "held-forgotten",
        "A value that no row maps counts as agreed.";
    ConflictOverwritten, "conflict-overwritten",
        "A field that waits for a person's decision is written with Sentinel's value.";
    OverwriteClosing, "overwrite-closing",
        "Closing fields that a person wrote are replaced.";
    ReopenByMapping, "reopen-by-mapping",
        "A closed incident is reopened because its record's state still maps to an open one.";
    RandomCommentId, "random-comment-id",
        "Each attempt to write a comment takes a fresh id.";
    MarkerWithoutAuthor, "marker-without-author",
        "A marker makes a note ours, whoever wrote it.";
    OwnNotesEcho, "own-notes-echo",
        "Our own notes are not told from others' and are carried back.";
    OwnCommentsEcho, "own-comments-echo",
        "Our own comments are not told from others' and are carried back.";
    NewestFirst, "newest-first",
        "The newest waiting entry is carried over first.";
    NoSettle, "no-settle",
        "A write that cannot be seen at once counts as one that never will be.";
    UnknownIsDone, "unknown-is-done",
        "A write without an answer counts as applied.";
    AcceptAccepted, "accept-accepted",
        "Status 202 from ServiceNow counts as a write that was carried out.";
    SkipResponseCheck, "skip-response-check",
        "The values that a server answers with are not compared with those that were sent.";
    BlindConflictRetry, "blind-conflict-retry",
        "After a refused version the same body is sent again under the fresh one.";
    PutWithoutLabels, "put-without-labels",
        "A PUT leaves out the labels, because they did not change.";
    SendBeforeCommit, "send-before-commit",
        "A write is sent first and its intent is committed afterwards.";
    BaseAtIntent, "base-at-intent",
        "Both sides count as agreed as soon as a write is planned.";
    FreshSysId, "fresh-sys-id",
        "Each attempt to create a record takes a new key.";
    ResendCreateBlind, "resend-create-blind",
        "A create without an answer is sent again at once, under no key and without a look.";
    RetryForever, "retry-forever",
        "A write that the server refuses is sent again at once, without pause and limit.";
    RetryAfterIgnored, "retry-after-ignored",
        "The pause that a server asks for is not kept.";
    LeaseIgnored, "lease-ignored",
        "Reads and writes go on without a lease, beside whoever holds it.";
    NoAuditForNotes, "no-audit-for-notes",
        "Notes and comments that were delivered leave no audit row.";
    EvidenceReposted, "evidence-reposted",
        "Every note about alerts and entities lists all of them again.";
    EvidenceForgotten, "evidence-forgotten",
        "Alerts are read once for each incident, whatever joins it later.";
    NoWaiting, "no-waiting",
        "An incident gets its record at once, however young it is.";
    MassChangeFollowed, "mass-change-followed",
        "The same change goes through for any number of incidents, whoever made it.";
    FlappingFollowed, "flapping-followed",
        "A field that rules on both sides keep changing is sent to and fro without end.";
    TextKeysOnly, "text-keys-only",
        "Journal entries that were read from a record's text are not known again from their table.";
    SharedNewestOnly, "shared-newest-only",
        "A comment that notes share is written with the newest of them only.";
    TitleForgotten, "title-forgotten",
        "A title that changes in Sentinel never reaches its record.";
    ClosingWordsForgotten, "closing-words-forgotten",
        "A close arrives in Sentinel without what was said with it.";
    MergeUntold, "merge-untold",
        "Nobody is told that an incident was merged into another one.";
    LastWordsForgotten, "last-words-forgotten",
        "What was said on a side before it was gone waits for ever.";
    GoneForGood, "gone-for-good",
        "What was taken for gone is never looked for again.";
    HistoryReposted, "history-reposted",
        "What the store app carried over before is carried over once more.";
    CustomForgotten, "custom-forgotten",
        "A custom field is filled when its record is made, and not again when the incident changes.";
    HandEditOverwritten, "hand-edit-overwritten",
        "What a person wrote into a custom field is gone with the incident's next change.";
    ClosedPartnerReopened, "closed-partner-reopened",
        "A record that is to stay closed is opened again after its incident.";
    ReopeningUntold, "reopening-untold",
        "A record that stays closed is not told that its incident was reopened.";
    NewRecordAdoptsOld, "new-record-adopts-old",
        "The closed record of an incident that goes on in a new one is taken for the new one.";
    RelatedRowDoubled, "related-row-doubled",
        "A row beside a record is made without a look for one that is there already, and under no key.";
    LabelRepeated, "label-repeated",
        "A label that shows the record's number comes back after somebody removed it.";
    WriteRateIgnored, "write-rate-ignored",
        "A side gets any number of writes within a minute, whatever the workspace allows.";
    NotesToCustomers, "notes-to-customers",
        "Work notes go into the column that customers see.";
    StepEchoed, "step-echoed",
        "A phase on the way to a state is taken for an analyst's edit.";
    WalkForgotten, "walk-forgotten",
        "What is left of a walk through the phases of a record is kept in memory alone, and lost at a crash.";
    UnlinkedStillWritten, "unlinked-still-written",
        "A link that a person ended goes on, and what changes crosses as before.";
    GroupByFirst, "group-by-first",
        "Of the fields by which incidents share a record only the first one counts.";
    GuestLeftOpen, "guest-left-open",
        "The close of a record closes the incident that it was made for, and leaves the others open.";
    AuditOfFailed, "audit-of-failed",
        "A write that failed is told by the audit as if it had been applied.";
}

impl FromStr for Mutant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|m| m.name() == name)
            .ok_or_else(|| format!("there is no mutant {name:?}"))
    }
}

/// True while that mistake is made.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub(crate) const fn is_on(_: Mutant) -> bool {
    false
}

#[cfg(feature = "mutants")]
static ACTIVE: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Switches a mistake on for the whole process, or all of them off.
#[cfg(feature = "mutants")]
pub fn switch_on(mutant: Option<Mutant>) {
    let number = mutant.map_or(0, |m| m as u8 + 1);
    ACTIVE.store(number, std::sync::atomic::Ordering::Relaxed);
}

/// True while that mistake is made.
#[cfg(feature = "mutants")]
#[inline]
pub(crate) fn is_on(mutant: Mutant) -> bool {
    ACTIVE.load(std::sync::atomic::Ordering::Relaxed) == mutant as u8 + 1
}

/// True for the mistakes about cursors: a wider read now and then would heal them all, so they
/// come without one. What overlaps stays, but for the mistake that is to have none.
#[inline(always)]
pub(crate) fn reads_narrowly() -> bool {
    is_on(Mutant::LocalClockCursor)
        || is_on(Mutant::CursorExclusive)
        || is_on(Mutant::NoOverlap)
        || is_on(Mutant::CursorBeforeRows)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_mutant_has_a_name_of_its_own_and_is_found_by_it() {
        let names: BTreeSet<&str> = Mutant::ALL.iter().map(|m| m.name()).collect();
        assert_eq!(names.len(), Mutant::ALL.len());
        for mutant in Mutant::ALL {
            assert_eq!(mutant.name().parse(), Ok(*mutant));
            assert!(mutant.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{mutant:?}");
            assert!(mutant.what().ends_with('.'), "{mutant:?}");
        }
        assert!("no-such-mutant".parse::<Mutant>().is_err());
    }

    #[test]
    fn none_is_on_unless_it_was_switched_on() {
        assert!(Mutant::ALL.iter().all(|m| !is_on(*m)));
    }
}
