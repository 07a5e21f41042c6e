//! How old is what we know of a record, and is it looked at once more before it is written?

use std::time::Duration;

use crate::model::{IntentKind, LinkState};

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::observation::look_at_record;

/// An observation of ServiceNow older than this is read again before it is written over: there
/// is no compare-and-swap (sync-engine B.6).
const FRESH: Duration = Duration::from_secs(2);
/// A note writes nothing over, and needs only to know that the record is still ours.
const FRESH_ENOUGH_FOR_NOTES: Duration = Duration::from_secs(30);

/// A pass says nothing of a record that our user can no longer find in a list, such as one whose
/// group key an access rule hides. So it counts only for one that was itself seen this lately.
const SEEN_LATELY: Duration = Duration::from_secs(60);

/// From this look on, one of a piece of work counts from its end and not from its answer. Where people are busy
/// with a record of a slow instance, each look has to read its journal and is old once that is read: the record
/// would be looked at for ever and never written.
const MOST_LOOKS: u32 = 3;

/// An answer that took longer than this to be heard may have lain here while the process stood still: what it shows
/// is as old as the question.
const SLOWEST_ANSWER: Duration = Duration::from_secs(60);

/// How one piece of work has looked at the record of its link.
#[derive(Default)]
pub(super) struct Looks {
    /// When the last answer came that showed it.
    last: Option<Duration>,
    times: u32,
}

/// Looks at the record before a note goes to it, unless that was done lately.
pub(super) async fn look_if_stale(
    ws: &Ws,
    state: &mut LinkState,
    looks: &mut Looks,
) -> Result<Option<Next>, Halt> {
    if record_age(ws, state, looks) <= FRESH_ENOUGH_FOR_NOTES {
        return Ok(None);
    }
    look(ws, state, looks).await.map(Some)
}

/// True when the record has to be looked at before it is written over.
pub(super) fn is_too_old_to_write(ws: &Ws, state: &LinkState, looks: &Looks) -> bool {
    record_age(ws, state, looks) > FRESH
}

/// True when the process stood still while a write was committed, as on a machine that sleeps: what it had looked at
/// before is not what is there now (seed 9860926). Where every commit takes that long, it is written all the same.
pub(super) fn stood_still(ws: &Ws, state: &LinkState, looks: &Looks, kind: &IntentKind) -> bool {
    let good_for = match kind {
        IntentKind::PatchRecord { .. } => FRESH * 2,
        IntentKind::AddNote { .. } => FRESH_ENOUGH_FOR_NOTES * 2,
        _ => return false,
    };
    looks.times < MOST_LOOKS && record_age(ws, state, looks) > good_for
}

/// Looks at the record before it is written.
pub(super) async fn look(ws: &Ws, state: &mut LinkState, looks: &mut Looks) -> Result<Next, Halt> {
    let (before, asked) = (state.record_seen, ws.now().mono);
    let (next, answered) = look_at_record(ws, state).await?;
    if state.record_seen > before {
        looks.times += 1;
        let answered = answered.map(|at| if at.saturating_sub(asked) > SLOWEST_ANSWER { asked } else { at });
        looks.last = answered.filter(|_| looks.times < MOST_LOOKS).or_else(|| Some(ws.now().mono));
    }
    Ok(next)
}

/// Looks at a record of which it is not known whose it is (I6).
pub(super) async fn look_whose(ws: &Ws, state: &mut LinkState, looks: &mut Looks) -> Result<Next, Halt> {
    let next = look(ws, state, looks).await?;
    if next != Next::Later {
        ws.memory(|m| m.unverified.remove(&state.link.id));
    }
    Ok(next)
}

/// Age of what we know of the record: it counts from the last complete pass (D15), for a record
/// that passes can be trusted to show. A look of this work counts from its answer: were it to
/// count from when it was asked for, a slow instance would be looked at for ever and never written.
fn record_age(ws: &Ws, state: &LinkState, looks: &Looks) -> Duration {
    let age = ws.steady().since(state.record_seen);
    let age = looks.last.map_or(age, |at| age.min(ws.now().mono.saturating_sub(at)));
    if age > SEEN_LATELY {
        return age;
    }
    let pass_age = ws.now().mono.saturating_sub(ws.memory(|m| m.desk_read_at));
    age.min(pass_age)
}
