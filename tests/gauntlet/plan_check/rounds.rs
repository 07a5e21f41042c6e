//! Carries plans out as two obedient servers would, brings the bases to what the answers prove,
//! and plans again until nothing is left to do.

use std::borrow::Cow;

use diptych::mapping::Directory;
use diptych::model::call::UserKey;
use diptych::model::intent::Target;
use diptych::model::{Base, Field, LinkState, Side, User};
use diptych::sync::act::carry_out;
use diptych::sync::plan::NOTHING;
use diptych::sync::write::{incident_write, record_values};
use diptych::sync::{Plan, PlanContext, plan};
use diptych::text::Stamp;

use super::cases::Case;
use super::oracle::{People, left, right};
use super::promises::{CLOSING, Found, SIDES, check, keep};
use super::verdicts::{Moment, targets};
use super::worlds::everybody;

/// Plans that may be carried out before there is nothing left to write.
const ROUNDS: usize = 3;

/// A case in motion.
struct Run<'a> {
    case: &'a Case<'a>,
    state: LinkState,
    directory: Cow<'a, Directory>,
    people: Cow<'a, People>,
    now: Stamp,
}

impl Run<'_> {
    fn plan(&self) -> Plan {
        let ctx = PlanContext {
            workspace: &self.case.settings,
            tables: &self.case.world.tables,
            directory: &self.directory,
        };
        plan(&self.state, &ctx, self.now)
    }

    /// Answers every look-up as the instance would: with everybody of that name, or nobody.
    fn answer(&mut self, keys: &[UserKey]) {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let named = |u: &User| {
            keys.iter().any(|k| match k {
                UserKey::SysId(id) => u.sys_id == *id,
                UserKey::Email(text) => same(&u.email, text),
                UserKey::UserName(text) => same(&u.user_name, text),
            })
        };
        let users: Vec<User> = everybody().into_iter().filter(named).collect();
        self.directory.to_mut().answer(keys, users.clone());
        let people = self.people.to_mut();
        people.tried.extend(keys.iter().cloned());
        people.users.retain(|u| users.iter().all(|n| n.sys_id != u.sys_id));
        people.users.extend(users);
    }

    fn put_base(&mut self, base: Base) {
        self.state.bases.retain(|b| b.field != base.field);
        self.state.bases.push(base);
    }

    /// Both writes of a plan, and what they prove.
    fn carry_out(&mut self, made: &Plan) {
        for base in &made.bases {
            self.put_base(base.clone());
        }
        if let Some(closer) = made.closer {
            self.state.link.closer = closer;
        }
        self.now.0 += 10;
        let ctx = PlanContext {
            workspace: &self.case.settings,
            tables: &self.case.world.tables,
            directory: &self.directory,
        };
        let (Some(incident), Some(record)) = (&mut self.state.incident, &mut self.state.record) else {
            return;
        };
        // A PUT is a PUT of everything, so it is made only when there is something to put.
        if !made.to_incident.is_empty() {
            let write = incident_write(incident, Some(record), &made.to_incident, &ctx);
            carry_out(incident, &write);
            self.state.incident_seen = self.now;
        }
        if !made.to_record.is_empty() {
            record.values.extend(record_values(&made.to_record, &ctx));
            self.state.record_seen = self.now;
        }
        for side in SIDES {
            targets(made, side).iter().for_each(|t| self.confirm(t, side));
        }
    }

    /// The base that an answer proves.
    fn confirm(&mut self, target: &Target, side: Side) {
        let field = target.field;
        let (s, n) = match side {
            Side::Sentinel => (
                self.state.incident.as_ref().map(|i| left(i, field)).unwrap_or_default(),
                target.servicenow.clone(),
            ),
            Side::ServiceNow => {
                let now = self.state.record.as_ref().and_then(|r| right(r, field));
                (target.sentinel.clone(), now.unwrap_or_default())
            }
        };
        let taken = if side == Side::Sentinel { s == target.sentinel } else { n == target.servicenow };
        let old = self.state.bases.iter().find(|b| b.field == field);
        let mut base = Base::agreed(field, s, n, self.now);
        base.rule.clone_from(&target.rule);
        if taken {
            base.conflict = old.and_then(|b| b.conflict.clone()).filter(|c| c.taken.is_some());
        }
        self.put_base(base);
    }
}

/// The side on which a field alone was changed: nothing may be written there.
fn origin(m: &Moment<'_>, field: Field) -> Option<Side> {
    let base = m.base(field)?;
    if base.sentinel == NOTHING || base.servicenow == NOTHING {
        return None;
    }
    let emptied = |side: Side| match side {
        Side::Sentinel => m.left(field).is_empty(),
        Side::ServiceNow => m.right(field).unwrap_or_default().is_empty(),
    };
    let side = match m.moved(field) {
        (true, false) => Side::Sentinel,
        (false, true) => Side::ServiceNow,
        _ => return None,
    };
    // A closing field that a reopen emptied is to be filled by the next close.
    (!CLOSING.contains(&field) || !emptied(side)).then_some(side)
}

/// Carries the first plan out and plans again, until nothing is written any more.
pub fn converge(case: &Case<'_>, first: Plan, found: &mut Found) {
    let world = case.world;
    let start = Moment { case, state: &case.state, people: &world.people };
    let origins = Field::ALL.map(|f| {
        // Both sides moved, whatever the status shows.
        let both = f == Field::Status && start.closed_again();
        (f, origin(&start, f).filter(|_| !both))
    });
    let mut wrote: Vec<(Field, Side)> = Vec::new();
    let mut run = Run {
        case,
        state: case.state.clone(),
        directory: Cow::Borrowed(&world.directory),
        people: Cow::Borrowed(&world.people),
        now: case.now,
    };
    let mut made = first;
    let (mut rounds, mut asked) = (0, 0);
    loop {
        if !made.lookups.is_empty() {
            asked += 1;
            let keys = std::mem::take(&mut made.lookups);
            run.answer(&keys);
            if asked > 4 {
                return keep(found, false, "every look-up ends", || format!("{keys:?}"));
            }
            made = run.plan();
            continue;
        }
        if made.writes_nothing() {
            break;
        }
        rounds += 1;
        if rounds > ROUNDS {
            return keep(found, false, "three rounds are enough", || format!("still {made:?}"));
        }
        for side in SIDES {
            for target in targets(&made, side) {
                let field = target.field;
                let back = origins.contains(&(field, Some(side)));
                keep(found, !back, "nothing is written where the change came from", || field.word().into());
                let both = wrote.contains(&(field, side.other()));
                keep(found, !both, "no field is written to and fro", || field.word().into());
                wrote.push((field, side));
            }
        }
        run.carry_out(&made);
        made = run.plan();
        check(&Moment { case, state: &run.state, people: &run.people }, &made, found);
    }
    // When a side left its base may become known once more after what was decided.
    for _ in 0..2 {
        run.carry_out(&made);
        made = run.plan();
        let silent = made.writes_nothing() && made.decisions.is_empty() && made.lookups.is_empty();
        keep(found, silent, "what is settled is said once", || format!("again {made:?}"));
    }
    keep(found, made.bases.is_empty(), "what is settled is stored once", || {
        format!("again {:?}", made.bases)
    });
}
