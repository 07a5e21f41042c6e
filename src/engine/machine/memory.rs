//! What a workspace's procedure keeps between passes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::mapping::Tables;
use crate::model::ledger::{Capability, Cursor};
use crate::model::{CommandId, IntentId, LinkId, LinkOrder, Pair, Side, SysId};
use crate::sync::sighting::Pass;
use crate::sync::write_rate::Rate;
use crate::text::Stamp;

use super::evidence_work::Reads;
use super::failure::{Read, ReadFailures};
use super::journals::Journals;
use super::orders::Heard;
use super::related_lists::Rows;
use super::surge::Surges;

/// Memory of one holder of the lease; everything that matters is in the store.
#[derive(Default)]
pub(super) struct Memory {
    pub epoch: i64,
    /// Epoch and end of the lease that somebody else has, and since when it stands so.
    pub watched: Option<((i64, Stamp), Duration)>,
    /// Why that lease is not ours.
    pub refused: String,
    /// When it took the lease.
    pub taken_at: Stamp,
    /// The same by the clock that no setting moves.
    pub taken_mono: Duration,
    /// When this holder of the lease first looked into a write of unknown outcome.
    pub looked_into: BTreeMap<IntentId, Duration>,
    /// Links that were frozen, whose record has to be read before anything is sent.
    pub unverified: BTreeSet<LinkId>,
    /// Links with an error whose record was read in this life.
    pub doubted: BTreeSet<LinkId>,
    /// Links whose comments are read again since the last full sweep.
    pub reread: BTreeSet<LinkId>,
    /// Links whose comments were read before words of theirs began to share one.
    pub shared_begun: BTreeSet<LinkId>,
    /// Links of the store app of which both sides were read, to be taken over.
    pub taking_over: BTreeSet<LinkId>,
    /// Numbers of the incidents that merged ones went into, as far as the service says.
    pub merged_into: BTreeMap<LinkId, Option<i64>>,
    /// How often something of a link could not be read since it was read last.
    pub read_failures: BTreeMap<(LinkId, Read), ReadFailures>,
    /// Sides of links at which a look found nothing, and since when.
    pub missing: BTreeMap<(LinkId, Side), Stamp>,
    /// Sides at which too many are missing at once, as was said.
    pub vanished: BTreeSet<Side>,
    /// How many records were ours at the last sweep of all keys.
    pub live_records: Option<usize>,
    /// Links whose incident is looked at before anything else is done with it.
    pub unsure: BTreeSet<LinkId>,
    /// Links whose create is tried without our key, because the instance refused it with. Each has a trial
    /// of its own: others come in between.
    pub keyless_trials: BTreeSet<LinkId>,
    /// True once such a trial went well.
    pub taken_without_key: bool,
    /// Records that ended the rest of a link whose create may have made them: each does it once.
    pub shown: BTreeSet<SysId>,
    pub cursors: BTreeMap<String, Cursor>,
    pub capabilities: BTreeMap<(String, String), Capability>,
    pub mapping_version: i64,
    pub tables: Arc<Tables>,
    /// Each side's last complete pass.
    pub passes: Pair<Pass>,
    pub desk_read_at: Duration,
    pub paused: bool,
    /// For how long nobody had read before what waits to be worked on.
    pub gap: Duration,
    /// Passes in this life that did not end with the store refusing something.
    pub passes_done: u64,
    /// The last pass came to its end: what was observed until then was seen by watchers.
    pub worked_through: bool,
    /// Links that a pause took out of a pass.
    pub left_over: BTreeSet<LinkId>,
    /// What was ordered in the course of a pass.
    pub heard: Heard,
    pub lags: Pair<Vec<i64>>,
    pub down_until: BTreeMap<Side, Duration>,
    pub alert_reads: Reads,
    pub rows: Rows,
    pub last_deep: BTreeMap<Side, Duration>,
    pub last_sweep: Option<Duration>,
    pub next_pause: Duration,
    pub passed: bool,
    pub held_again: bool,
    /// They are still to be looked at again: a pass that broke off did not.
    pub held_due: bool,
    pub learnt: u64,
    pub last_full: Option<Duration>,
    pub desk_was_read: bool,
    pub told: BTreeMap<Side, String>,
    pub waiting_plan: Option<(u32, u32, u32)>,
    pub surges: Surges,
    pub rates: Pair<Rate>,
    pub journals: Journals,
    /// True once links were looked for that were watched under other settings.
    pub asked_for_watched: bool,
    pub taken: BTreeMap<LinkId, Vec<CommandId>>,
    /// Links whose incident got so many records within a day that a person was asked.
    pub often_closed: BTreeSet<LinkId>,
    /// Links of which a mistake keeps the way of a state here alone.
    #[cfg(feature = "mutants")]
    pub walks: BTreeSet<LinkId>,
    /// Links of shared records that have something to look at again in this pass.
    pub stirred: BTreeSet<LinkId>,
    /// Orders about links that wait until both sides can be asked.
    pub link_orders: Vec<LinkOrder>,
}
