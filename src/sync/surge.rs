//! The same change for many incidents at once: what a slip of the hand, a mapping mistake or somebody
//! else's script looks like from here.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::closed_partner::tells_of_reopening;
use super::closing::tells_of_a_close;
use super::plan::Plan;
use crate::model::intent::Target;
use crate::model::{Field, Side};
use crate::text::Stamp;

/// A kind of change that is counted: one field, carried over to one side. The closing fields count with
/// the status that they travel with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Surge {
    /// Severity, status or owner.
    pub field: Field,
    /// The side that would be written.
    pub to: Side,
}

impl fmt::Display for Surge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.field.label().to_lowercase(), self.to)
    }
}

/// How long nothing was read: so long by our steady clock, or by those of the servers, from one complete pass
/// over a side to the next, where they say more. Ours stands still while the machine that it runs on sleeps,
/// and what came together in such a night is no burst.
pub fn gap(steady: Duration, dates: [(Option<Stamp>, Option<Stamp>); 2]) -> Duration {
    let by_servers = dates.into_iter().filter_map(|(before, after)| Some(after?.since(before?)));
    by_servers.fold(steady, Duration::max)
}

/// How long a side was not read that was read last in an earlier life: so long by our clock, but no longer than by
/// the servers' own, from what that life had reached until now. Ours may have been put ahead in between, and that
/// is no pause in which anything came together (seed 9834981).
pub fn since_earlier_life(ours: Duration, reached: Stamp, servers: Option<Stamp>) -> Duration {
    servers.map_or(ours, |now| ours.min(now.since(reached)))
}

/// Fields of which a person rarely changes many at once.
const COUNTED: [Field; 3] = [Field::Severity, Field::Status, Field::Owner];

/// Fields that travel with another one.
fn group(field: Field) -> Field {
    match field {
        Field::Closure | Field::CloseNotes => Field::Status,
        field => field,
    }
}

/// The kinds of change that a plan would carry over. An owner who is not known yet may go either way.
pub fn surges(plan: &Plan) -> BTreeSet<Surge> {
    let of = |to: Side, targets: &[Target]| -> Vec<Surge> {
        let counted = targets.iter().map(|t| t.field).filter(|f| COUNTED.contains(f));
        counted.map(|field| Surge { field, to }).collect()
    };
    let mut all: BTreeSet<Surge> = of(Side::Sentinel, &plan.to_incident).into_iter().collect();
    all.extend(of(Side::ServiceNow, &plan.to_record));
    if plan.goes_on {
        // A new record in place of a closed one says what a reopening of that would.
        all.insert(Surge { field: Field::Status, to: Side::ServiceNow });
    }
    if !plan.lookups.is_empty() {
        all.extend([Side::Sentinel, Side::ServiceNow].map(|to| Surge { field: Field::Owner, to }));
    }
    all
}

/// A plan without what is held back: neither written nor decided yet. True when there was any of it.
pub fn hold_back(plan: &mut Plan, held: &BTreeSet<Surge>) -> bool {
    let waits = |to: Side, field: Field| held.contains(&Surge { field: group(field), to });
    let mut waiting: BTreeSet<Field> = BTreeSet::new();
    for (to, targets) in [(Side::Sentinel, &mut plan.to_incident), (Side::ServiceNow, &mut plan.to_record)] {
        waiting.extend(targets.iter().map(|t| t.field).filter(|f| waits(to, *f)));
        targets.retain(|t| !waits(to, t.field));
    }
    if plan.goes_on && waits(Side::ServiceNow, Field::Status) {
        waiting.insert(Field::Status);
        plan.goes_on = false;
        plan.notes.retain(|(key, _)| !tells_of_reopening(key));
    }
    if waiting.contains(&Field::Status) {
        plan.closer = None;
        // What a close that waits would say is said when it is carried out, if it ever is.
        plan.notes.retain(|(key, _)| !tells_of_a_close(key));
    }
    plan.bases.retain(|b| !waiting.contains(&b.field));
    plan.decisions.retain(|d| !waiting.contains(&d.field));
    !waiting.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Base;
    use crate::text::Stamp;

    fn target(field: Field) -> Target {
        Target {
            field,
            before: "a".into(),
            sentinel: "b".into(),
            servicenow: "c".into(),
            rule: "changed".into(),
        }
    }

    fn plan() -> Plan {
        let fields = [Field::Title, Field::Status, Field::Closure, Field::CloseNotes];
        Plan {
            bases: fields.map(|f| Base::agreed(f, "a", "a", Stamp(1))).to_vec(),
            to_record: fields.map(target).to_vec(),
            closer: Some(Some(Side::Sentinel)),
            notes: ["close/1@1", "title@2"].map(|key| (key.to_owned(), "text".to_owned())).to_vec(),
            ..Plan::default()
        }
    }

    #[test]
    fn a_close_counts_once_and_a_title_not_at_all() {
        let close = Surge { field: Field::Status, to: Side::ServiceNow };
        assert_eq!(surges(&plan()), BTreeSet::from([close]));
        assert_eq!(close.to_string(), "status in ServiceNow");
    }

    #[test]
    fn what_is_held_back_takes_its_closing_fields_along_and_leaves_the_rest() {
        let mut held = plan();
        let status = Surge { field: Field::Status, to: Side::ServiceNow };
        assert!(hold_back(&mut held, &BTreeSet::from([status])));
        let left: Vec<Field> = held.to_record.iter().map(|t| t.field).collect();
        assert_eq!(left, [Field::Title]);
        assert_eq!(held.closer, None);
        assert_eq!(held.bases.len(), 1);
        assert_eq!(held.notes.len(), 1, "the close is told of when it is carried out");
        let mut free = plan();
        let other = Surge { field: Field::Status, to: Side::Sentinel };
        assert!(!hold_back(&mut free, &BTreeSet::from([other])));
        assert_eq!(free, plan());
    }

    #[test]
    fn a_night_asleep_counts_by_the_clocks_of_the_servers() {
        let at = |second: i64| Some(Stamp(second * 1_000_000));
        let seconds = Duration::from_secs;
        let night = [(at(100), at(28_900)), (at(101), at(28_890))];
        assert_eq!(gap(seconds(10), night), seconds(28_800), "ours stood still");
        assert_eq!(gap(seconds(600), [(at(0), at(10)), (None, at(10))]), seconds(600));
        assert_eq!(gap(seconds(10), [(at(100), at(90)), (at(5), None)]), seconds(10), "one was put back");
    }

    #[test]
    fn a_clock_that_was_put_ahead_makes_no_pause_between_two_lives() {
        let gap = |ours, now: Option<i64>| {
            let at = |second: i64| Stamp(second * 1_000_000);
            since_earlier_life(Duration::from_secs(ours), at(100), now.map(at)).as_secs()
        };
        assert_eq!(gap(3924, Some(424)), 324, "ours jumped");
        assert_eq!(gap(324, Some(4024)), 324, "what was reached was moved back");
        assert_eq!(gap(3924, None), 3924, "no server tells its time");
    }

    #[test]
    fn an_owner_who_is_looked_up_first_may_go_either_way() {
        let plan =
            Plan { lookups: vec![crate::model::call::UserKey::UserName("beth".into())], ..Plan::default() };
        assert_eq!(surges(&plan).len(), 2);
    }
}
