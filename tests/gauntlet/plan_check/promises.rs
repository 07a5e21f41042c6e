//! What every single plan must keep to, whatever the case.

use diptych::model::intent::Target;
use diptych::model::settings::Policy;
use diptych::model::{Field, Side};
use diptych::sync::Plan;
use diptych::sync::plan::NOTHING;

use super::oracle::{CLOSURES, Carried, SEVERITIES, STATUSES};
use super::verdicts::{Moment, Same, Want, targets};

/// A promise that a plan broke.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The promise, in a few words.
    pub promise: &'static str,
    /// What broke it.
    pub what: String,
}

pub type Found = Vec<Broken>;

pub const SIDES: [Side; 2] = [Side::Sentinel, Side::ServiceNow];
pub const CLOSING: [Field; 2] = [Field::Closure, Field::CloseNotes];

pub fn keep(found: &mut Found, ok: bool, promise: &'static str, what: impl FnOnce() -> String) {
    if !ok {
        found.push(Broken { promise, what: what() });
    }
}

/// Every promise that can be read off one plan.
pub fn check(m: &Moment<'_>, plan: &Plan, found: &mut Found) {
    written_values(m, plan, found);
    in_step(m, plan, found);
    for field in [Field::Title, Field::Description, Field::Severity, Field::Owner, Field::Status] {
        verdict(m, plan, field, found);
    }
    frozen_and_unread(m, plan, found);
    no_silent_reopen(m, plan, found);
    closing(m, plan, found);
}

fn verdict(m: &Moment<'_>, plan: &Plan, field: Field, found: &mut Found) {
    if field == Field::Status && m.closed_again() {
        return;
    }
    let want = m.want(field);
    let Err(what) = m.does(plan, field, &want) else { return on_record(m, plan, field, found) };
    // A record or incident cannot close with closing fields that no row carries over.
    let closes = |w: &Want| matches!(w, Want::Write(..) | Want::Either(..));
    if field == Field::Status && closes(&want) && m.does(plan, field, &Want::Held).is_ok() {
        let base = |f: Field| plan.bases.iter().find(|b| b.field == f).or(m.base(f));
        let held = CLOSING.iter().any(|f| base(*f).is_some_and(|b| !b.held.is_empty()));
        let stuck = CLOSING.iter().any(|f| m.frozen(*f));
        return keep(found, held || stuck, "a close waits only for its closing fields", || what);
    }
    keep(found, false, "each field comes to what the decisions say (D19-D25)", || what);
}

/// Where both sides moved and the order of it is not known, the loss of one value is on record.
fn on_record(m: &Moment<'_>, plan: &Plan, field: Field, found: &mut Found) {
    let to = SIDES.into_iter().find(|s| targets(plan, *s).iter().any(|t| t.field == field));
    let (Some(to), (true, true)) = (to, m.moved(field)) else { return };
    let tie = match m.case.policy(field) {
        Policy::Latest => m.later(field).is_some_and(|_| !m.apart(field)),
        _ => true,
    };
    let new = plan.bases.iter().find(|b| b.field == field).or(m.base(field));
    let taken = new.and_then(|b| b.conflict.as_ref()).and_then(|c| c.taken);
    keep(found, !tie || taken == Some(to.other()), "a decided tie is on record (D21)", || {
        field.word().into()
    });
}

fn written_values(m: &Moment<'_>, plan: &Plan, found: &mut Found) {
    for side in SIDES {
        for (i, target) in targets(plan, side).iter().enumerate() {
            let field = target.field;
            let twice = targets(plan, side)[..i].iter().any(|t| t.field == field)
                || (side == Side::Sentinel && plan.to_record.iter().any(|t| t.field == field));
            keep(found, !twice, "no field is written twice or to both sides", || field.word().into());
            let before = match side {
                Side::Sentinel => Some(m.left(field)),
                Side::ServiceNow => m.right(field),
            };
            keep(
                found,
                before.is_none_or(|b| b == target.before),
                "a write knows the value before it",
                || format!("{} before {:?}", field.word(), target.before),
            );
            let after = target.after(side);
            keep(found, speaks(m, side, target), "a write uses the words of the side it goes to", || {
                format!("{} to {side}: {after:?}", field.word())
            });
        }
    }
}

/// Whether a value is one that the side knows, as far as the rows and users tell.
fn speaks(m: &Moment<'_>, side: Side, target: &Target) -> bool {
    let after = target.after(side);
    let rows = &m.case.world.rows;
    match (side, target.field) {
        (Side::Sentinel, Field::Severity) => SEVERITIES.contains(&after),
        (Side::Sentinel, Field::Status) => STATUSES.contains(&after),
        (Side::Sentinel, Field::Closure) => CLOSURES.contains(&after),
        (Side::Sentinel, Field::Title) => !after.trim().is_empty(),
        (Side::Sentinel, _) => after.chars().count() <= 5000 && after != NOTHING,
        (_, Field::Severity) => {
            after.split('/').count() == 2 && rows.severity.iter().any(|r| r.out && r.servicenow == after)
        }
        (_, Field::Status) => rows.status.iter().any(|r| r.out && r.servicenow == after),
        (_, Field::Closure) => rows.closure.iter().any(|r| r.out && r.servicenow == after),
        (_, Field::Owner) => {
            after.is_empty() || m.people.users.iter().any(|u| u.active && u.sys_id.as_str() == after)
        }
        (_, Field::Title) => after.chars().count() <= 160,
        // None is drawn, so none may be written.
        (_, Field::Custom(_) | Field::NumberLabel(_)) => false,
        (_, Field::Description | Field::CloseNotes) => after.chars().count() <= 4000 && after != NOTHING,
    }
}

fn in_step(m: &Moment<'_>, plan: &Plan, found: &mut Found) {
    let calm = Field::ALL.into_iter().all(|f| {
        m.right(f).is_some()
            && m.base(f).is_some_and(|b| b.held.is_empty() && b.conflict.is_none())
            && m.moved(f) == (false, false)
    });
    keep(found, !calm || plan.writes_nothing(), "what is in step is not written", || "all of it".into());
}

fn frozen_and_unread(m: &Moment<'_>, plan: &Plan, found: &mut Found) {
    for field in Field::ALL {
        let side = SIDES.into_iter().find(|s| targets(plan, *s).iter().any(|t| t.field == field));
        // What does not flow waits for nobody.
        let frozen = m.frozen(field) && m.case.policy(field) != Policy::Off;
        keep(found, side.is_none() || !frozen, "a frozen field is not written (I9)", || field.word().into());
        if m.right(field).is_some() {
            continue;
        }
        keep(found, side.is_none(), "what may not be read is not written", || field.word().into());
        let pair = |b: &diptych::model::Base| (b.sentinel.clone(), b.servicenow.clone());
        let moved = plan.bases.iter().find(|b| b.field == field).map(pair);
        let old = m.base(field).map_or((NOTHING.into(), NOTHING.into()), pair);
        keep(found, moved.is_none_or(|new| new == old), "what may not be read moves no base", || {
            field.word().into()
        });
    }
}

/// Reopening is somebody's explicit change from closed to open, never a side effect.
fn no_silent_reopen(m: &Moment<'_>, plan: &Plan, found: &mut Found) {
    for side in SIDES {
        let Some(target) = targets(plan, side).iter().find(|t| t.field == Field::Status) else { continue };
        let (was_closed, stays_closed) = match side {
            Side::Sentinel => (m.incident_closed(), target.sentinel == "Closed"),
            Side::ServiceNow => {
                (m.record_closed() == Some(true), m.closed_state(&target.servicenow) != Some(false))
            }
        };
        let explicit = !was_closed || stays_closed || m.reopened(side);
        keep(found, explicit, "only an explicit reopen reopens", || side.word().into());
        let closes_rightly =
            side == Side::ServiceNow || target.sentinel != "Closed" || m.record_closed() == Some(true);
        keep(found, closes_rightly, "only a closed record closes an incident", || "status".into());
    }
}

fn closing(m: &Moment<'_>, plan: &Plan, found: &mut Found) {
    let state = |side: Side| targets(plan, side).iter().find(|t| t.field == Field::Status);
    let closes_record = state(Side::ServiceNow).is_some() && m.incident_closed();
    let closes_incident = state(Side::Sentinel).is_some_and(|t| t.sentinel == "Closed");
    let both = m.incident_closed() && m.record_closed() == Some(true);
    if closes_incident {
        let classified = plan.to_incident.iter().any(|t| t.field == Field::Closure);
        keep(found, classified, "an incident closes with a classification", || "closure".into());
    }
    for field in CLOSING {
        let (s, n) = (m.left(field), m.right(field));
        let base = m.base(field);
        let write = |side: Side| targets(plan, side).iter().find(|t| t.field == field);
        let raw = n.clone().unwrap_or_default();
        // D22, per closing field against its base: whoever wrote it, it was not us.
        let by_hand = !raw.is_empty() && base.is_none_or(|b| b.servicenow != raw);
        keep(
            found,
            write(Side::ServiceNow).is_none() || !by_hand,
            "closing fields by hand stay (D22)",
            || field.word().into(),
        );
        let by_hand = !s.is_empty() && base.is_none_or(|b| b.sentinel != s);
        keep(found, write(Side::Sentinel).is_none() || !by_hand, "closing fields by hand stay (D22)", || {
            field.word().into()
        });
        let off = m.case.policy(field) == Policy::Off;
        // Sentinel refuses a close without a classification, so that one is no choice.
        let forced = field == Field::Closure && closes_incident;
        keep(
            found,
            !off || forced || SIDES.iter().all(|s| write(*s).is_none()),
            "off means off (D25)",
            || field.word().into(),
        );
        if let Some(target) = write(Side::ServiceNow) {
            let travels = closes_record || (both && m.state.link.closer == Some(Side::Sentinel));
            keep(found, travels, "closing fields flow from the closer", || field.word().into());
            let sentence = field == Field::CloseNotes
                && m.sentence().is_some_and(|sentence| sentence == target.servicenow);
            let right = sentence || m.out(field) == Carried::Value(target.servicenow.clone());
            keep(found, right, "closing fields say what the tables say", || field.word().into());
            // A close needs its code even where none means Undetermined.
            let needed = closes_record && raw.is_empty();
            let idle = m.same(field, &raw) != Same::Yes || raw == target.servicenow || sentence || needed;
            keep(found, idle, "equivalent is equivalent (D19)", || field.word().into());
        }
        if let Some(target) = write(Side::Sentinel) {
            let travels = closes_incident || (both && m.state.link.closer == Some(Side::ServiceNow));
            keep(found, travels, "closing fields flow from the closer", || field.word().into());
            let right = m.back(field, &raw) == Carried::Value(target.sentinel.clone());
            keep(found, right, "closing fields say what the tables say", || field.word().into());
        }
        if both
            && plan.closer.is_none()
            && state(Side::Sentinel).is_none()
            && state(Side::ServiceNow).is_none()
        {
            carried_by_closer(m, plan, field, found);
        }
    }
}

/// With both closed, what the closer alone changes is carried over, unless it may not be.
fn carried_by_closer(m: &Moment<'_>, plan: &Plan, field: Field, found: &mut Found) {
    let Some(base) = m.base(field) else { return };
    let status_waits = m.frozen(Field::Status)
        || plan
            .bases
            .iter()
            .any(|b| b.field == Field::Status && (!b.held.is_empty() || b.conflict.is_some()))
        || m.right(Field::Status).is_none();
    let theirs = |pick: fn((bool, bool)) -> bool| CLOSING.iter().any(|f| pick(m.moved(*f)));
    let mine = match m.state.link.closer {
        Some(Side::Sentinel) => m.moved(field).0 && !theirs(|moved| moved.1),
        Some(Side::ServiceNow) => m.moved(field).1 && !theirs(|moved| moved.0),
        None => false,
    };
    let off = m.case.policy(field) == Policy::Off;
    let Some(raw) = m.right(field) else { return };
    if !mine || base.detached || off || m.frozen(field) || status_waits {
        return;
    }
    let to = m.state.link.closer.map_or(Side::Sentinel, Side::other);
    let carried = if to == Side::ServiceNow { m.out(field) } else { m.back(field, &raw) };
    // An instance takes no empty notes.
    let sentence = m.sentence().filter(|_| field == Field::CloseNotes && to == Side::ServiceNow);
    let want = match (m.same(field, &raw), carried) {
        (Same::Yes, _) => Want::Agree,
        _ if sentence.as_ref() == Some(&raw) => Want::Agree,
        _ if sentence.is_some() => Want::Write(to, sentence.unwrap_or_default()),
        (_, Carried::Value(value)) => Want::Write(to, value),
        _ => Want::Held,
    };
    let done = m.does(plan, field, &want);
    keep(found, done.is_ok(), "the closer's own correction is carried over", || {
        done.err().unwrap_or_default()
    });
}
