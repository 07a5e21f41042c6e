//! How old is what we know of a record, and is it looked at once more before it is written?

use std::time::Duration;

use crate::model::LinkState;

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::observation::refresh_record;

/// An observation of ServiceNow older than this is read again before it is written over: there
/// is no compare-and-swap (sync-engine B.6).
const FRESH: Duration = Duration::from_secs(2);
/// A note writes nothing over, and needs only to know that the record is still ours.
const FRESH_ENOUGH_FOR_NOTES: Duration = Duration::from_secs(30);

/// A pass says nothing of a record that our user can no longer find in a list, such as one whose
/// group key an access rule hides. So it counts only for one that was itself seen this lately.
const SEEN_LATELY: Duration = Duration::from_secs(60);

/// Looks at the record before a note goes to it, unless that was done lately.
pub(super) async fn look_if_stale(
    ws: &Ws,
    state: &mut LinkState,
    looked: &mut Option<Duration>,
) -> Result<Option<Next>, Halt> {
    if record_age(ws, state, *looked) <= FRESH_ENOUGH_FOR_NOTES {
        return Ok(None);
    }
    look(ws, state, looked).await.map(Some)
}

/// True when the record has to be looked at before it is written over.
pub(super) fn is_too_old_to_write(ws: &Ws, state: &LinkState, looked: Option<Duration>) -> bool {
    record_age(ws, state, looked) > FRESH
}

/// Looks at the record before it is written. `looked` is when this work last had an answer that showed it.
pub(super) async fn look(
    ws: &Ws,
    state: &mut LinkState,
    looked: &mut Option<Duration>,
) -> Result<Next, Halt> {
    let before = state.record_seen;
    let next = refresh_record(ws, state).await?;
    if state.record_seen > before {
        *looked = Some(ws.now().mono);
    }
    Ok(next)
}

/// Age of what we know of the record: it counts from the last complete pass (D15), for a record
/// that passes can be trusted to show. A look of this work counts from its answer: were it to
/// count from when it was asked for, a slow instance would be looked at for ever and never written.
fn record_age(ws: &Ws, state: &LinkState, looked: Option<Duration>) -> Duration {
    let age = ws.steady().since(state.record_seen);
    let age = looked.map_or(age, |at| age.min(ws.now().mono.saturating_sub(at)));
    if age > SEEN_LATELY {
        return age;
    }
    let pass_age = ws.now().mono.saturating_sub(ws.memory(|m| m.desk_read_at));
    age.min(pass_age)
}
