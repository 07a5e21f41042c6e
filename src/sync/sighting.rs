//! What an observation tells about when a side left its base: noted with the observation itself,
//! because a plan may come much later, when the moment is forgotten (D21).

use std::time::Duration;

use crate::model::link::Seen;
use crate::model::{Base, Incident, LinkState, Pair, Record, RecordShape};
use crate::text::Stamp;

use super::values::{sentinel_value, servicenow_value};

/// Longest that a list lags, or a write becomes visible after its stamp: transactions of the user
/// interface last up to 298 s (sync-engine B.5).
const LATE: Duration = Duration::from_secs(300);

/// Longest that a list of incidents shows the past, while one read by itself is fresh (sync-engine
/// A.4; unverified). A later change of another field moves the stamp that would give it away.
const LAG: Duration = Duration::from_secs(60);

/// Since when a list of incidents that was asked for then is sure to show what it shows.
pub fn listed(asked: Stamp) -> Stamp {
    asked.minus(LAG)
}

/// A complete pass over one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// When it began, by our steady clock.
    pub asked: Stamp,
    /// The server's own time at its first answer, if it said it.
    pub date: Option<Stamp>,
}

impl Pass {
    /// Up to when a version is sure not to have existed: the start of this pass, which would have
    /// shown it. A version that is older by the server's own stamps was hidden, late or lagging, and
    /// the pass proves nothing about it.
    fn floor(self, stamped: Stamp, now: Stamp) -> Stamp {
        // A clock that was put back makes no pass later than what it preceded.
        let proves = self.date.is_some_and(|date| date <= stamped) && self.asked <= now;
        if proves { self.asked } else { Stamp(0) }
    }

    /// The latest moment of the steady clock that is sure to come before a version's change: none
    /// later than `shown`, when its side still showed what was before. But lists lag and writes
    /// become visible late: if the version was stamped before that moment already, what was shown
    /// then was old.
    fn before(self, stamped: Stamp, shown: Stamp) -> Stamp {
        let made = self.date.map(|date| Stamp(stamped.0 + self.asked.0 - date.0));
        if made.is_some_and(|made| shown <= made) { shown } else { shown.minus(LATE) }
    }
}

/// One observation of a link: of either side or of both.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sighting<'a> {
    /// The incident as it is now.
    pub incident: Option<&'a Incident>,
    /// The record as it is now.
    pub record: Option<&'a Record>,
    /// Each side's last complete pass before this observation.
    pub passes: Pair<Pass>,
    /// When it was known here.
    pub now: Stamp,
}

/// Bases that an observation changes: when a side left its base, moved once more, or came back.
/// For D21 it is the last change of a side that counts.
pub fn sightings(state: &LinkState, shape: &RecordShape, sighting: &Sighting<'_>) -> Vec<Base> {
    let mut changed = Vec::new();
    for old in state.bases.iter().filter(|b| !b.field.is_one_way()) {
        let mut base = old.clone();
        if let Some(incident) = sighting.incident {
            let before = state.incident.as_ref().map(|i| sentinel_value(i, old.field));
            let after = sentinel_value(incident, old.field);
            let values = (old.sentinel.as_str(), before.as_deref(), after.as_str());
            let before = |shown: Stamp| sighting.passes.sentinel.before(incident.modified, shown);
            let floor = listed(sighting.passes.sentinel.floor(incident.modified, sighting.now));
            let shown = floor.max(state.incident_seen);
            base.sentinel_seen = seen(old.sentinel_seen, values, (floor, shown), &before, sighting.now);
        }
        // A column that may not be read tells nothing.
        if let Some(record) = sighting.record
            && let Some(after) = servicenow_value(record, shape, old.field)
        {
            let before = state.record.as_ref().and_then(|r| servicenow_value(r, shape, old.field));
            let values = (old.servicenow.as_str(), before.as_deref(), after.as_str());
            let before = |shown: Stamp| sighting.passes.servicenow.before(record.updated_on, shown);
            let floor = match last_is_all(state.record.as_ref(), record) {
                true => sighting.passes.servicenow.floor(record.updated_on, sighting.now),
                false => Stamp(0),
            };
            let shown = floor.max(state.record_seen);
            base.servicenow_seen = seen(old.servicenow_seen, values, (floor, shown), &before, sighting.now);
        }
        if base != *old {
            changed.push(base);
        }
    }
    changed
}

/// True when what a record's stamp tells is all that happened to it since it was `known`. Of several
/// saves only the last is stamped, and it may be the first that our user was let see: a complete
/// pass in between may have shown nothing of this record, and proves nothing about it.
fn last_is_all(known: Option<&Record>, now: &Record) -> bool {
    known.is_some_and(|known| now.mod_count <= known.mod_count + 1)
}

/// One side's marks after an observation. `values` are its base, what was observed before, and
/// what is observed now; `floor` is since when it cannot have moved, `shown` when it last showed what
/// it did before.
fn seen(
    old: Seen,
    (at_base, previous, after): (&str, Option<&str>, &str),
    (floor, shown): (Stamp, Stamp),
    before: &dyn Fn(Stamp) -> Stamp,
    now: Stamp,
) -> Seen {
    if after == at_base {
        return if old.differs.is_some() { old.shows_base(shown, now) } else { old };
    }
    if old.differs.is_none() {
        return Seen { same: before(old.same.max(floor)), differs: Some(now), ..old };
    }
    match previous.is_some_and(|p| p != after) {
        true => Seen { same: before(shown), differs: Some(now), ..old },
        false => old,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Field, IncidentId, InstanceKey, Link, SysId, TableName, WorkspaceKey};

    fn version(mod_count: i64, stamped: i64, urgency: &str) -> Record {
        let values = ["impact", "urgency"].map(|f| (f.to_owned(), urgency.to_owned()));
        let updated_on = Stamp(stamped);
        Record { mod_count, updated_on, values: values.into(), ..Record::default() }
    }

    /// When the record was last sure to show its base, after a version that came behind `PASS`.
    fn at_base_until(version_now: i64) -> Stamp {
        let table = TableName::new("incident").unwrap();
        let key = (InstanceKey::new("sn").unwrap(), table.clone(), SysId::new("a".repeat(32)));
        let link = Link::new(WorkspaceKey::new("prod").unwrap(), IncidentId::new("i"), key, Stamp(0));
        let state = LinkState {
            record: Some(version(1, 500_000_000, "1")),
            bases: vec![Base::agreed(Field::Severity, "High", "1/1", Stamp(990_000_000))],
            ..LinkState::new(link)
        };
        let record = version(version_now, 950_000_000, "2");
        let passes = Pair { servicenow: PASS, ..Pair::default() };
        let sighting =
            Sighting { record: Some(&record), passes, now: Stamp(2_000_000_000), ..Sighting::default() };
        sightings(&state, &RecordShape::for_table(&table), &sighting)[0].servicenow_seen.same
    }

    #[test]
    fn a_pass_is_no_proof_about_saves_that_no_stamp_tells_of() {
        assert_eq!(at_base_until(2), PASS.asked);
        assert_eq!(at_base_until(5), Stamp(990_000_000), "three saves may have been hidden from it");
    }

    const PASS: Pass = Pass { asked: Stamp(1_000_000_000), date: Some(Stamp(900_000_000)) };

    fn move_away(stamped: i64) -> Seen {
        let old = Seen::at(Stamp(990_000_000));
        let stamped = Stamp(stamped);
        let floor = PASS.floor(stamped, Stamp(2_000_000_000));
        let before = |shown| PASS.before(stamped, shown);
        seen(old, ("a", Some("a"), "b"), (floor, floor), &before, Stamp(2_000_000_000))
    }

    #[test]
    fn a_pass_that_should_have_shown_a_version_says_when_it_cannot_have_been() {
        assert_eq!(move_away(950_000_000).same, PASS.asked);
    }

    #[test]
    fn a_version_that_is_older_than_the_pass_was_hidden_from_it() {
        assert_eq!(move_away(895_000_000).same, Stamp(990_000_000), "what was seen before holds");
    }

    #[test]
    fn a_version_that_is_older_than_what_was_shown_makes_that_old() {
        assert_eq!(move_away(800_000_000).same, Stamp(990_000_000).minus(LATE));
    }

    #[test]
    fn a_side_that_comes_back_has_moved_all_the_same() {
        let away = move_away(950_000_000);
        let before = |shown| shown;
        let back = seen(away, ("a", Some("b"), "a"), (Stamp(0), Stamp(3)), &before, Stamp(4));
        assert_eq!(back, Seen { same: Stamp(3), differs: None, last: Stamp(4) });
    }
}
