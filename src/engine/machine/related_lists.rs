//! The lists that related rows stand in, each with tables and rights of its own: what of them is closed to
//! us, until when, and what becomes of a row that could not be written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::ledger::Capability;
use crate::model::view::Level;
use crate::model::{
    CallError, FaultKind, Intent, IntentId, IntentState, Link, LinkId, LinkState, RecordWrite, RowList,
    SysId, TableName, WantedRow,
};

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::recovery::Recovery;
use super::related_work::put;
use super::turn::Turn;

/// First pause of a list that is closed to us, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));
/// A table that does not exist is looked for again after so long.
const MISSING: Duration = Duration::from_secs(86_400);
/// What is kept of such a one.
const MISSING_FACT: &str = "missing";
/// First pause of one link's rows, and the longest.
const LINK_PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(900));
/// Refusals of one row before it is left out.
const MOST_REFUSALS: u32 = 6;
/// How long the types of observables are known.
const TYPES_FOR: Duration = Duration::from_secs(3600);

/// What a workspace's procedure keeps about related rows.
#[derive(Default)]
pub(super) struct Rows {
    /// Steps left in this pass.
    pub left: usize,
    /// Links whose rows wait: not before when, and the pause after the next failure.
    pub later: BTreeMap<LinkId, (Duration, Duration)>,
    /// Lists that are closed to us: until when, and the pause after the next failure.
    resting: BTreeMap<RowList, (Duration, Duration)>,
    /// How often a row was refused.
    refusals: BTreeMap<(LinkId, String), u32>,
    /// Lists of which a row came to stand in this life.
    worked: BTreeSet<RowList>,
    /// The row of such a list that was refused last, since when none came to stand.
    refused: BTreeMap<RowList, (LinkId, String)>,
    /// Keys of the types of observables by name, and when they were read.
    types: Option<(BTreeMap<String, SysId>, Duration)>,
    /// Creates that are tried once without our key, because they were refused with it. Each link has a trial
    /// of its own: the others may prove meanwhile that the table keeps our keys.
    pub keyless_trials: BTreeSet<(LinkId, TableName)>,
    /// How many such trials of a table went well in this life.
    pub taken_without_key: BTreeMap<TableName, u32>,
    /// What was made for a link just now, so that it need not be looked for.
    pub made: BTreeMap<LinkId, (TableName, RecordWrite, SysId)>,
    /// Creates that were refused because their key exists.
    pub duplicates: BTreeSet<IntentId>,
}

impl Rows {
    /// True while a list is closed to us.
    pub fn is_resting(&self, list: RowList, now: Duration) -> bool {
        self.resting.get(&list).is_some_and(|(until, _)| *until > now)
    }

    /// True while the rows of a link wait.
    pub fn waits(&self, id: LinkId, now: Duration) -> bool {
        self.later.get(&id).is_some_and(|(until, _)| *until > now)
    }

    /// Puts the rows of a link off, each time for longer.
    pub fn put_off(&mut self, id: LinkId, now: Duration) {
        let pause = self.later.get(&id).map_or(LINK_PAUSE.0, |(_, pause)| *pause);
        self.later.insert(id, (now + pause, (pause * 2).min(LINK_PAUSE.1)));
    }

    /// Puts the rows of a link off until a moment.
    pub fn put_off_until(&mut self, id: LinkId, until: Duration) {
        let pause = self.later.get(&id).map_or(LINK_PAUSE.0, |(_, pause)| *pause);
        self.later.insert(id, (until, pause));
    }

    /// A row of a link stands there: nothing is in its way any more.
    pub fn went_well(&mut self, id: LinkId, row: &WantedRow) {
        self.later.remove(&id);
        self.resting.remove(&row.list());
        self.refusals.remove(&(id, row.short()));
        self.worked.insert(row.list());
        self.refused.remove(&row.list());
    }

    /// True for a create that goes without our key, to a table of which nobody knows whether it keeps such:
    /// the one trial of a link, or any once two of them went well. One refusal may have had another cause.
    pub fn goes_without_key(&mut self, id: LinkId, table: &TableName) -> bool {
        self.keyless_trials.remove(&(id, table.clone()))
            || self.taken_without_key.get(table).is_some_and(|n| *n > 1)
    }

    /// True for a list of which a row came to stand in this life.
    pub fn has_worked(&self, list: RowList) -> bool {
        self.worked.contains(&list)
    }

    /// True when a row that the instance did not let us make is alone in that: others of its list stand, and
    /// no other one was refused since. A rule of the instance may refuse one for ever.
    fn is_alone(&mut self, id: LinkId, row: &WantedRow) -> bool {
        let (list, key) = (row.list(), (id, row.short()));
        let before = self.refused.insert(list, key.clone());
        self.has_worked(list) && before.is_none_or(|other| other == key)
    }

    /// The types of observables, if they were read lately.
    pub fn known_types(&self, now: Duration) -> Option<BTreeMap<String, SysId>> {
        let fresh = |at: Duration| now.saturating_sub(at) < TYPES_FOR;
        self.types.as_ref().filter(|(_, at)| fresh(*at)).map(|(types, _)| types.clone())
    }

    /// The types of observables, as just read.
    pub fn learn_types(&mut self, types: BTreeMap<String, SysId>, now: Duration) {
        self.types = Some((types, now));
    }

    /// They are read anew before the next use.
    pub fn forget_types(&mut self) {
        self.types = None;
    }

    /// Rests a list; true when it did not rest before, and how long.
    fn rest(&mut self, list: RowList, now: Duration, missing: bool) -> (bool, Duration) {
        let pause = self.resting.get(&list).map_or(PAUSE.0, |(_, pause)| *pause);
        let (span, next) = if missing { (MISSING, pause) } else { (pause, (pause * 4).min(PAUSE.1)) };
        (self.resting.insert(list, (now + span, next)).is_none(), span)
    }
}

/// A failure that is a matter of one list of rows, and not of the whole instance.
pub(super) fn is_of_a_list(error: &CallError) -> bool {
    error.kind == FaultKind::QueryIgnored || is_missing(error)
}

fn is_missing(error: &CallError) -> bool {
    error.code.as_deref() == Some(CallError::NO_TABLE)
}

/// A step that could not be taken, with the create that was surely not applied, if it was one. A failure of
/// the whole instance waits for that; one of a list rests the list; one of the row puts it off, and after
/// several leaves it out. Fields and notes of the link go on in any case.
pub(super) async fn could_not(
    ws: &Ws,
    state: &mut LinkState,
    row: &WantedRow,
    (intent, error): (Option<&Intent>, CallError),
) -> Result<Next, Halt> {
    let (id, list, now) = (state.link.id, row.list(), ws.now().mono);
    ws.recovered(Recovery::RowsLater);
    let mut turn = Turn::default();
    if let Some(intent) = intent {
        turn.intents.push(ws.update(intent, IntentState::Rejected, error.to_string()));
    }
    let hidden = error.code.as_deref() == Some(CallError::HIDDEN_ROWS);
    // The types that its row named may be others by now.
    ws.memory(|m| m.rows.forget_types());
    let forbidden = error.kind == FaultKind::Forbidden && !hidden;
    let closed =
        is_of_a_list(&error) || forbidden && (intent.is_none() || !ws.memory(|m| m.rows.is_alone(id, row)));
    if error.is_side_wide() && !is_of_a_list(&error) {
        ws.memory(|m| m.rows.put_off(id, now));
    } else if closed {
        let missing = is_missing(&error);
        let (first, span) = ws.memory(|m| m.rows.rest(list, now, missing));
        if forbidden {
            // Others are tried first then, on this link and on others: it may be alone in that.
            let turns = ws.settings().poll * 2;
            let mut related = state.link.related.without(row);
            related.waiting.push(row.clone());
            let only = related.waiting.iter().all(|r| r.list() == list);
            ws.memory(|m| {
                if only {
                    m.rows.put_off_until(id, now + span + turns)
                }
            });
            if related != state.link.related {
                turn.link = Some(Link { related, ..state.link.clone() });
            }
        }
        let known = missing && is_known_missing(ws, list);
        if first && !known {
            let text =
                format!("{} are not written for any record: {error}; {}", list.word(), cure(list, missing));
            turn.events.push(ws.event(Level::Warning, Some(id), ws.subject(state), text));
        }
        if missing && !known {
            turn.capabilities.push(learn(ws, list, true));
        }
    } else {
        let key = (id, row.short());
        let refusals = ws.memory(|m| {
            m.rows.put_off(id, now);
            let n = m.rows.refusals.entry(key.clone()).or_insert(0);
            *n += 1;
            *n
        });
        let mut related = state.link.related.without(row);
        if refusals < MOST_REFUSALS && error.kind != FaultKind::Guard {
            // Behind the others, which may fare better.
            related.waiting.push(row.clone());
            turn.link = Some(Link { related, ..state.link.clone() });
        } else {
            ws.memory(|m| m.rows.refusals.remove(&key));
            related.known.insert(row.short());
            let text = format!("{} does not get a row among the {}: {error}", row.shown(), list.word());
            turn.events.push(ws.event(Level::Warning, Some(id), ws.subject(state), text));
            turn = put(ws, state, related, turn);
        }
    }
    if !turn.is_empty() {
        ws.save(state, turn).await?;
    }
    Ok(Next::Settled)
}

/// What opens a list that is closed to us (roles as of servicenow-api 1.3; those of an instance may differ).
fn cure(list: RowList, missing: bool) -> &'static str {
    match (list, missing) {
        (RowList::Observables, true) => {
            "they are left out until Threat Intelligence is installed, looked for daily and at each start"
        }
        (_, true) => {
            "they are left out until the table exists, looked for daily and at each start; check affected_users"
        }
        (RowList::Observables, false) => {
            "give the integration user sn_ti_observable.write, or sn_si.basic which holds it; tried again within a \
             quarter of an hour"
        }
        (RowList::Items, false) => {
            "let the integration user read cmdb_ci and write task_ci (itil); tried again within a quarter of an \
             hour"
        }
        (RowList::Users, false) => {
            "let the integration user read sys_user and write affected users (sn_si.basic), and check \
             affected_users; tried again within a quarter of an hour"
        }
    }
}

/// True for a list whose tables did not exist when they were last looked for.
pub(super) fn is_known_missing(ws: &Ws, list: RowList) -> bool {
    ws.fact(ws.instance().key.as_str(), &fact_name(list)).as_deref() == Some(MISSING_FACT)
}

fn fact_name(list: RowList) -> String {
    format!("related:{}", list.word())
}

/// Keeps whether a list's tables exist.
pub(super) fn learn(ws: &Ws, list: RowList, missing: bool) -> Capability {
    let value = if missing { MISSING_FACT } else { "there" };
    ws.learn(ws.instance().key.as_str(), &fact_name(list), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> WantedRow {
        WantedRow::User { upn: format!("{name}@contoso.example") }
    }

    #[test]
    fn a_row_that_alone_is_refused_does_not_close_its_list_to_the_others() {
        let (mut rows, bad, good) = (Rows::default(), user("bad"), user("good"));
        assert!(!rows.is_alone(LinkId(1), &bad), "none has come to stand yet: who knows");
        rows.went_well(LinkId(2), &good);
        assert!(rows.is_alone(LinkId(1), &bad) && rows.is_alone(LinkId(1), &bad));
        assert!(!rows.is_alone(LinkId(2), &user("other")), "two in a row: the list is closed by now");
        rows.went_well(LinkId(2), &good);
        assert!(rows.is_alone(LinkId(1), &bad), "and open again");
    }

    #[test]
    fn one_refusal_does_not_cost_a_table_its_keys() {
        let (mut rows, table) = (Rows::default(), TableName::new("task_ci").unwrap());
        for n in 1..=2 {
            rows.keyless_trials.insert((LinkId(n), table.clone()));
            assert!(!rows.goes_without_key(LinkId(9), &table), "another link's");
            assert!(rows.goes_without_key(LinkId(n), &table));
            assert!(!rows.goes_without_key(LinkId(n), &table), "once");
            *rows.taken_without_key.entry(table.clone()).or_default() += 1;
        }
        assert!(rows.goes_without_key(LinkId(9), &table), "two of them are no chance");
    }

    #[test]
    fn types_are_read_anew_after_a_while_and_what_was_read_last_counts() {
        let types = |id: &str| BTreeMap::from([("md5 hash".to_owned(), SysId::new(id))]);
        let at = |seconds| Duration::from_secs(seconds);
        let mut rows = Rows::default();
        rows.learn_types(types("old"), at(0));
        assert_eq!(rows.known_types(at(3599)), Some(types("old")));
        assert_eq!(rows.known_types(at(3600)), None, "however often it was asked meanwhile");
        rows.learn_types(types("new"), at(3600));
        assert_eq!(rows.known_types(at(3601)), Some(types("new")));
    }
}
