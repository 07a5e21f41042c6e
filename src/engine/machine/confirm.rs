//! What a successful answer proves, field by field: taken, changed by the server, or silently
//! not taken. A base moves only here and in the plan's own rebasing (I3).

use crate::model::intent::Target;
use crate::model::link::Conflict;
use crate::model::view::Level;
use crate::model::{
    Base, Crossings, Field, Incident, Intent, IntentState, LinkState, Pair, Record, Side, Status,
};
use crate::mutant::{self, Mutant};
use crate::sync::decide::kept;
use crate::sync::plan::NOTHING;
use crate::sync::values::{sentinel_value, servicenow_value};
use crate::text::Stamp;

use super::ctx::{Halt, Ws};
use super::link_work::Next;
use super::observation::take_record;
use super::ownership::wrong_record;
use super::recovery::Recovery;
use super::state_walk;
use super::turn::Turn;

/// How a write is known to have been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// By its own answer, or by a version that carries our name.
    Answer,
    /// By reading later that all of it is there. Somebody else may have written the same.
    Reading,
}

/// What became of one field of a write.
enum Taken {
    /// The value is there.
    Yes,
    /// Another value is there: a rule of the server changed ours.
    Changed,
    /// The value from before is there still.
    No,
}

fn taken(target: &Target, side: Side, now: &str) -> Taken {
    if now == target.after(side) {
        Taken::Yes
    } else if now == target.before {
        Taken::No
    } else {
        Taken::Changed
    }
}

/// When what a write says was agreed: when it was sent, because others may have written between
/// its being applied and its answer.
pub(super) fn agreed_at(intent: &Intent) -> Stamp {
    intent.sent.unwrap_or(intent.created)
}

/// The base of a field whose answer shows what somebody else made of it just before our write, or just
/// after: nothing was agreed, and the next plan decides between the two. Not twice in a row, or a rule that
/// saves in another's name would have us write for ever; and no text, of which a server keeps what fits.
fn base_kept(state: &LinkState, target: &Target, side: Side, at: Stamp) -> Option<Base> {
    let old = state.base(target.field)?;
    let kept = old.crossings.all().last().is_some_and(|c| c.to == side && c.at > old.agreed);
    if kept || !matches!(target.field, Field::Severity | Field::Status | Field::Owner) {
        return None;
    }
    Some(Base { crossings: old.crossings.and(side, at), ..old.clone() })
}

/// The base that follows from a field's answer. `moved` is until when the written side may have been
/// changed by somebody else to the same end.
fn base_after(
    state: &LinkState,
    target: &Target,
    side: Side,
    now: &str,
    (at, moved): (Stamp, Option<Stamp>),
) -> Base {
    let old = state.base(target.field);
    let marks = old.map(|b| (b.sentinel_seen, b.servicenow_seen)).unwrap_or_default();
    let agreed = |sentinel: String, servicenow: String| {
        let seen = match side {
            Side::Sentinel => Pair::new(at, state.record_seen),
            Side::ServiceNow => Pair::new(state.incident_seen, at),
        };
        let mut base = Base {
            sentinel_seen: marks.0.settled(seen.sentinel),
            servicenow_seen: marks.1.settled(seen.servicenow),
            crossings: old.map(|b| b.crossings.and(side, at)).unwrap_or_default(),
            ..Base::agreed(target.field, sentinel, servicenow, at)
        };
        // What Sentinel had changed itself gave way to this, and its version proves that nobody came in between:
        // what ServiceNow shows next is no tie with that (seed 9825395).
        if side == Side::Sentinel {
            base.sentinel_seen.last = Stamp(0);
        }
        if let Some(moved) = moved {
            base.seen_mut(side).last = moved;
        }
        base
    };
    let now = if mutant::is_on(Mutant::SkipResponseCheck) { target.after(side) } else { now };
    let (sentinel, servicenow) = match side {
        Side::Sentinel => (now.to_owned(), target.servicenow.clone()),
        Side::ServiceNow => (target.sentinel.clone(), now.to_owned()),
    };
    match taken(target, side, now) {
        // A label that vanishes on the way is no matter for a person to decide.
        Taken::No if !matches!(target.field, Field::NumberLabel(_)) => {
            // Frozen until either side moves or a person decides: sending it again would only
            // be ignored again.
            let mut base =
                old.cloned().unwrap_or_else(|| Base::agreed(target.field, NOTHING, NOTHING, Stamp(0)));
            base.conflict = Some(Conflict { sentinel, servicenow, since: at, why: kept(side), taken: None });
            base
        }
        Taken::Changed | Taken::No => {
            let mut base = agreed(sentinel, servicenow);
            base.rule = format!("{}; {side} made another value of it", target.rule);
            base
        }
        Taken::Yes => {
            let mut base = agreed(sentinel, servicenow);
            base.rule.clone_from(&target.rule);
            // A tie that was decided stays on record until the field agrees anew.
            base.conflict = old.and_then(|b| b.conflict.clone()).filter(|c| c.taken.is_some());
            base
        }
    }
}

impl Ws {
    /// Audit row and log line of one confirmed field, which shows `now`.
    fn field_written(
        &self,
        state: &LinkState,
        turn: &mut Turn,
        intent: &Intent,
        target: &Target,
        (now, proof): (&str, Proof),
    ) {
        let side = intent.kind.side();
        let why = match proof {
            Proof::Answer => target.rule.clone(),
            Proof::Reading => format!("{}; no answer proves it, but it is there", target.rule),
        };
        let act = intent.kind.word();
        match taken(target, side, now) {
            Taken::Yes => {}
            Taken::Changed => self.recovered(Recovery::Normalised),
            Taken::No => self.recovered(Recovery::ValueKept),
        }
        let mut row = self.audit(state, act, (Some(side), target.field.word()), (&target.before, now), &why);
        row.intent = Some(intent.id);
        turn.audit.push(row);
        if target.field == Field::Description {
            let text = format!("description → {side} ({why})");
            turn.events.push(self.event(Level::Change, Some(state.link.id), self.subject(state), text));
            return;
        }
        let show = |v: &str| {
            let v = crate::text::fit(&crate::text::escape_line(v), 60);
            if v.is_empty() { "(empty)".to_owned() } else { v }
        };
        let text = format!(
            "{} {} → {} in {side} ({})",
            target.field.label().to_lowercase(),
            show(&self.readable(state, target.field, side, &target.before)),
            show(&self.readable(state, target.field, side, now)),
            crate::text::escape_line(&why)
        );
        let level =
            if matches!(taken(target, side, now), Taken::Yes) { Level::Change } else { Level::Warning };
        turn.events.push(self.event(level, Some(state.link.id), self.subject(state), text));
    }
}

/// Bases of those fields of a write of unknown outcome that show what it wrote, although other fields
/// of it do not, because they were changed since or it never came. Either way both sides hold the pair
/// that it carried over; somebody else may have written it, until now. Status and closing fields go
/// together: one of them alone may be somebody's own close. But closing words that all stand there are known by
/// their text, where `ours` may be among what came: a process may keep the state alone (seed 9805406).
pub(super) fn agreed_by_half(
    ws: &Ws,
    state: &LinkState,
    intent: &Intent,
    (targets, ours): (&[Target], bool),
    value: impl Fn(Field) -> Option<String>,
) -> Vec<Base> {
    if intent.command.is_some() {
        return Vec::new();
    }
    let side = intent.kind.side();
    let shows = |t: &&Target| value(t.field).as_deref() == Some(t.after(side));
    let words = |t: &Target| matches!(t.field, Field::Closure | Field::CloseNotes);
    let closing = |t: &Target| t.field == Field::Status || words(t);
    let whole = targets.iter().filter(|t| closing(t)).all(|t| shows(&t));
    // A code alone may be anybody's, and so may words that stood there before.
    let told = |t: &Target| t.field == Field::CloseNotes && t.before != t.after(side);
    let arrived = ours && targets.iter().any(told) && targets.iter().filter(|t| words(t)).all(|t| shows(&t));
    let moments = (agreed_at(intent), Some(ws.steady()));
    let shown = targets.iter().filter(shows).filter(|t| whole || !closing(t) || arrived && words(t));
    let base = |t: &Target| {
        let step = if side == Side::ServiceNow { state_walk::arrived(ws, state, t, moments.0) } else { None };
        step.unwrap_or_else(|| base_after(state, t, side, t.after(side), moments))
    };
    shown.map(base).collect()
}

/// A PATCH of the record came back.
pub(super) async fn record_patched(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    record: Record,
    proof: Proof,
) -> Result<Next, Halt> {
    let crate::model::IntentKind::PatchRecord { targets, mod_count, .. } = &intent.kind else {
        return Ok(Next::Again);
    };
    let at = agreed_at(&intent);
    let moved = (proof == Proof::Reading).then(|| ws.steady());
    let mut turn = Turn { asked: at, ..Turn::default() };
    let wrong = wrong_record(ws, state, &record);
    let shape = &ws.settings().route.shape;
    // The newest version is somebody else's: what differs from ours is theirs, no rule's doing.
    let theirs = |t: &Target| {
        let now = servicenow_value(&record, shape, t.field).unwrap_or_default();
        let theirs =
            by_another(ws, *mod_count, &record) && matches!(taken(t, Side::ServiceNow, &now), Taken::Changed);
        base_kept(state, t, Side::ServiceNow, at).filter(|_| theirs)
    };
    let by = by_another(ws, *mod_count, &record);
    let walked = |t: &Target| state_walk::answered(ws, state, &intent, t, (&record, by));
    let walks = targets.iter().any(|t| walked(t).is_some());
    let words = |f: Field| matches!(f, Field::Closure | Field::CloseNotes);
    for target in targets {
        let now = servicenow_value(&record, shape, target.field).unwrap_or_default();
        // Closing words that were kept out with the state come with the last phase.
        let comes_later =
            walks && words(target.field) && matches!(taken(target, Side::ServiceNow, &now), Taken::No);
        if !comes_later {
            let base = walked(target).or_else(|| theirs(target));
            turn.bases
                .push(base.unwrap_or_else(|| base_after(state, target, Side::ServiceNow, &now, (at, moved))));
        }
        ws.field_written(state, &mut turn, &intent, target, (&now, proof));
        // What somebody else made of it in between is for everybody to see.
        if theirs(target).is_none() {
            turn.settled.push((target.field, target.before.clone(), now));
        }
    }
    // Whose record it is now does not matter to whoever's value it replaced (seed 9834986).
    if record.mod_count > mod_count + 1 {
        overlap(ws, state, &mut turn, targets, *mod_count, &record);
    }
    if let Some(wrong) = wrong {
        // It was applied all the same, and the audit tells. What the record shows now is kept for none of the
        // links that share it, nor that they agree on it (seed 9848951).
        turn.settled.clear();
        finish(ws, state, &intent, &mut turn);
        return super::link_work::freeze_with(ws, state, turn, wrong).await;
    }
    if !walks {
        ws.lag(Side::ServiceNow, state);
    }
    let arrived = |t: &Target| servicenow_value(&record, shape, t.field).filter(|_| theirs(t).is_none());
    // A step on the way closes nothing yet.
    if let Some(closer) = closer_after(state, &intent, targets, arrived).filter(|_| !walks) {
        turn.link.get_or_insert_with(|| state.link.clone()).closer = closer;
    }
    finish(ws, state, &intent, &mut turn);
    if moved_by_others(ws, *mod_count, &record) {
        return take_record(ws, state, record, turn).await;
    }
    turn.record = Some(record);
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// True when somebody else moved the record between our read, which showed version `before`, and our
/// write: there is a version more than ours, or the only new one carries another name, because ours
/// changed nothing.
pub(super) fn moved_by_others(ws: &Ws, before: i64, record: &Record) -> bool {
    let next = record.mod_count == before + 1;
    record.mod_count > before && !(next && ws.is_own_user(&record.updated_by))
}

/// True when somebody else, who is no rule of the instance, saved the record last around our write.
fn by_another(ws: &Ws, before: i64, record: &Record) -> bool {
    moved_by_others(ws, before, record)
        && !ws.is_own_user(&record.updated_by)
        // Rules of the instance itself, such as risk scores, move the version after every write.
        && record.updated_by != "system"
}

/// Between our read and our write the record was changed by somebody else. Other fields are
/// never at risk; the same field might be, and without a compare-and-swap nobody can tell. So
/// it is put on record with its evidence (D26).
fn overlap(ws: &Ws, state: &LinkState, turn: &mut Turn, targets: &[Target], before: i64, record: &Record) {
    ws.recovered(Recovery::OverlapSeen);
    let fields: Vec<&str> = targets.iter().map(|t| t.field.label()).collect();
    let by = crate::text::escape_line(&record.updated_by);
    let why = format!(
        "the record went from version {before} to {} around our write of {}; last changed by {by}",
        record.mod_count,
        fields.join(", "),
    );
    turn.audit.extend(targets.iter().map(|t| {
        let (side, change) = (Side::ServiceNow, (t.before.as_str(), t.after(Side::ServiceNow)));
        ws.audit(state, "overlap", (Some(side), t.field.word()), change, &why)
    }));
    if by_another(ws, before, record) {
        turn.events.push(ws.event(Level::Warning, Some(state.link.id), ws.subject(state), why));
    }
}

/// A PUT of the incident came back.
pub(super) async fn incident_put(
    ws: &Ws,
    state: &mut LinkState,
    intent: Intent,
    incident: Incident,
    proof: Proof,
) -> Result<Next, Halt> {
    let crate::model::IntentKind::PutIncident { targets, write } = &intent.kind else {
        return Ok(Next::Again);
    };
    if incident.id != state.link.incident {
        ws.recovered(Recovery::WrongRecordFrozen);
        let why = format!("Sentinel answered with incident {}", incident.id);
        return super::link_work::freeze(ws, state, why).await;
    }
    let at = agreed_at(&intent);
    let moved = (proof == Proof::Reading).then(|| ws.steady());
    let mut turn = Turn { asked: at, ..Turn::default() };
    for target in targets {
        let now = sentinel_value(&incident, target.field);
        // A command changes one side only; the plan carries it over and moves the base then. A person
        // has decided, however often the field went to and fro before.
        if intent.command.is_none() {
            turn.bases.push(base_after(state, target, Side::Sentinel, &now, (at, moved)));
        } else if let Some(base) = state.base(target.field) {
            turn.bases.push(Base { crossings: Crossings::default(), ..base.clone() });
        }
        ws.field_written(state, &mut turn, &intent, target, (&now, proof));
    }
    ws.lag(Side::Sentinel, state);
    let mut link = state.link.clone();
    // Accepted for the version that we knew: nobody came in between, and no edit of a comment hides
    // behind the new one.
    let known = state.incident.as_ref().map(|i| i.etag.as_str()).filter(|etag| !etag.is_empty());
    if proof == Proof::Answer && known == Some(write.etag.as_str()) {
        ws.notice_counts(&mut link, &incident);
    } else {
        ws.notice_parts(&mut link, state, &incident);
    }
    if let Some(closer) = closer_after(state, &intent, targets, |t| Some(sentinel_value(&incident, t.field)))
    {
        link.closer = closer;
    }
    turn.link = Some(link);
    turn.incident = Some(incident);
    finish(ws, state, &intent, &mut turn);
    ws.save(state, turn).await?;
    Ok(Next::Again)
}

/// Who owns the closing fields once the status of a write has arrived: a close makes the side that
/// it came from the first closer, any other move opens the question again (D22). One that the service kept
/// from arriving, by a rule or by its rights, changes nothing (seed 2373), nor does one that somebody else's
/// stands in place of, for which `now` gives nothing. A side that stands as our own close of it left it was
/// closed by nobody there: the first closer stays (seed 9825395).
pub(super) fn closer_after(
    state: &LinkState,
    intent: &Intent,
    targets: &[Target],
    now: impl Fn(&Target) -> Option<String>,
) -> Option<Option<Side>> {
    let status = targets.iter().find(|t| t.field == Field::Status && intent.command.is_none())?;
    if matches!(taken(status, intent.kind.side(), &now(status)?), Taken::No) {
        return None;
    }
    let closes = Status::from_word(&status.sentinel) == Some(Status::Closed);
    let closing = |t: &&Target| matches!(t.field, Field::Status | Field::Closure | Field::CloseNotes);
    let as_agreed = |t: &Target| state.base(t.field).is_some_and(|b| b.sentinel == t.sentinel);
    let ours = intent.kind.side() == Side::ServiceNow
        && state.link.closer == Some(Side::ServiceNow)
        && targets.iter().filter(closing).all(as_agreed);
    Some(closes.then(|| if ours { Side::ServiceNow } else { intent.kind.side().other() }))
}

/// Closes a confirmed intent and forgets the failures before it.
pub(super) fn finish(ws: &Ws, state: &LinkState, intent: &Intent, turn: &mut Turn) {
    turn.intents.push(ws.update(intent, IntentState::Confirmed, "confirmed".into()));
    ws.summary(|s| s.writes += 1);
    let link = turn.link.get_or_insert_with(|| state.link.clone());
    link.failures = 0;
    link.error.clear();
    link.not_before = Stamp(0);
}
