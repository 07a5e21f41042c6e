//! The plan of one link: every field's verdict, and the writes that follow from them.
//!
//! Pure: the same link, tables, users and policies always give the same plan. Planning a link
//! whose plan was carried out gives an empty plan.

use crate::model::call::UserKey;
use crate::model::intent::Target;
use crate::model::link::{Conflict, Seen};
use crate::model::{Base, Field, Incident, LinkState, Pair, Record, Role, Side};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::PlanContext;
use super::decide::{Case, Intervals, Verdict, decide};
use super::values::servicenow_value;

/// Something decided, for the audit and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The field.
    pub field: Field,
    /// What was decided, and by which rule.
    pub text: String,
    /// True when a person should look at it.
    pub needs_a_look: bool,
}

/// What should happen to one link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Bases to store: agreed pairs, held values, conflicts, intervals.
    pub bases: Vec<Base>,
    /// Fields that the incident gets.
    pub to_incident: Vec<Target>,
    /// Fields that the record gets.
    pub to_record: Vec<Target>,
    /// Texts for the record's journal, each with what makes it unique.
    pub notes: Vec<(String, String)>,
    /// Users to look up before the owner can be decided.
    pub lookups: Vec<UserKey>,
    /// What was decided.
    pub decisions: Vec<Decision>,
    /// Who owns the closing fields from now on, if that changes.
    pub closer: Option<Option<Side>>,
    /// Whether the incident is closed while its record stays open for others, if that changes.
    pub closed_alone: Option<bool>,
    /// True when the record is left closed, and the incident goes on in a new one.
    pub goes_on: bool,
}

impl Plan {
    /// True when neither side is to be written.
    pub fn writes_nothing(&self) -> bool {
        self.to_incident.is_empty() && self.to_record.is_empty() && self.notes.is_empty()
    }
}

/// Working state of one planning.
pub(super) struct Draft<'a> {
    pub state: &'a LinkState,
    pub ctx: &'a PlanContext<'a>,
    pub incident: &'a Incident,
    pub record: &'a Record,
    pub now: Stamp,
    pub plan: Plan,
}

/// Plans one link. Empty when one of its sides was not observed yet.
pub fn plan(state: &LinkState, ctx: &PlanContext<'_>, now: Stamp) -> Plan {
    let (Some(incident), Some(record)) = (&state.incident, &state.record) else {
        return Plan::default();
    };
    let mut draft = Draft { state, ctx, incident, record, now, plan: Plan::default() };
    // Of a shared record these are the host's.
    let guest = state.link.role == Role::Attached;
    for field in [Field::Title, Field::Description, Field::Severity, Field::Owner] {
        if guest && matches!(field, Field::Title | Field::Description) {
            continue;
        }
        if field == Field::Title && state.base(field).is_some() && mutant::is_on(Mutant::TitleForgotten) {
            continue;
        }
        let verdict = draft.verdict(field);
        let verdict = super::aggregation::of_all(&draft, field, verdict);
        draft.apply(field, verdict);
    }
    for row in super::custom::custom_fields(ctx).filter(|_| !guest) {
        let verdict = super::custom::verdict(&draft, row);
        draft.apply(row.field, verdict);
    }
    super::custom::forget_old_rows(&mut draft);
    if !super::aggregation::stays_open(&mut draft) {
        super::closing::plan_status(&mut draft);
    }
    super::closed_partner::leave_to_the_new_one(&mut draft);
    super::number_label::plan_label(&mut draft);
    draft.plan
}

/// What is said of a field that is not sent to and fro any more.
pub const FLAPPING: &str =
    "it went to and fro four times within 15 minutes, as if a rule on each side kept setting its own value";

impl Draft<'_> {
    pub(super) fn sentinel(&self, field: Field) -> String {
        self.ctx.sentinel_value(self.incident, field)
    }

    pub(super) fn servicenow(&self, field: Field) -> Option<String> {
        servicenow_value(self.record, &self.ctx.workspace.route.shape, field)
    }

    /// What ServiceNow's half of a base becomes: of a custom field that was not read yet, nothing.
    fn servicenow_base(&self, field: Field) -> String {
        let unread = if matches!(field, Field::Custom(_)) { NOTHING } else { "" };
        self.servicenow(field).unwrap_or_else(|| unread.to_owned())
    }

    pub(super) fn verdict(&self, field: Field) -> Verdict {
        let sentinel = self.sentinel(field);
        let servicenow = self.servicenow(field);
        let case = Case {
            field,
            sentinel: &sentinel,
            servicenow: servicenow.as_deref(),
            base: self.state.base(field),
            closed_again: if field == Field::Status { self.closed_again() } else { Pair::default() },
            incident: self.incident,
        };
        let mut intervals = self.intervals(field);
        if case.closed_again.sentinel {
            intervals.sentinel = self.last_close().sentinel;
        }
        if case.closed_again.servicenow {
            intervals.servicenow = self.last_close().servicenow;
        }
        if field == Field::Status {
            let (sentinel, servicenow) = self.closing_words_last();
            intervals.sentinel.1 = intervals.sentinel.1.max(sentinel);
            intervals.servicenow.1 = intervals.servicenow.1.max(servicenow);
        }
        match decide(&case, self.ctx, intervals) {
            Verdict::Write { to, .. } if self.flaps(field, to) => Verdict::Conflict { why: FLAPPING.into() },
            verdict => verdict,
        }
    }

    /// True when a field was sent to and fro so often that a person should look at what does it.
    pub(super) fn flaps(&self, field: Field, to: Side) -> bool {
        let flaps = self.state.base(field).is_some_and(|b| b.crossings.flap(to, self.now));
        flaps && !mutant::is_on(Mutant::FlappingFollowed)
    }

    /// Until when each side had closed anew with other words that went into the bases since: who opens
    /// the other side may have done so before.
    fn closing_words_last(&self) -> (Stamp, Stamp) {
        let both = super::closing::CLOSING.map(|f| self.seen(f));
        let last = |of: &dyn Fn(&(Seen, Seen)) -> Stamp| both.iter().map(of).max().unwrap_or_default();
        (last(&|(s, _)| s.last), last(&|(_, n)| n.last))
    }

    /// Sides that are closed now and were when both last agreed, with other closing words.
    fn closed_again(&self) -> Pair<bool> {
        let Some(status) = self.state.base(Field::Status) else { return Pair::default() };
        let table = &self.ctx.workspace.route.table;
        let closed = |state: &str| self.ctx.tables.is_closed_state(table, state) == Some(true);
        let moved = self.closing_moved();
        Pair::new(
            status.sentinel == self.sentinel(Field::Status)
                && super::values::is_closed(self.incident)
                && moved.sentinel,
            Some(&status.servicenow) == self.servicenow(Field::Status).as_ref()
                && closed(&status.servicenow)
                && moved.servicenow,
        )
    }

    /// Sides whose closing words are no longer those that both last agreed on.
    pub(super) fn closing_moved(&self) -> Pair<bool> {
        let moved = |changed: &dyn Fn(&Base) -> bool| {
            super::closing::CLOSING.into_iter().filter_map(|f| self.state.base(f)).any(changed)
        };
        Pair::new(
            moved(&|b| self.sentinel(b.field) != b.sentinel),
            moved(&|b| self.servicenow(b.field).is_some_and(|v| v != b.servicenow)),
        )
    }

    /// When each side's closing words left their base, by the earlier of the two.
    fn last_close(&self) -> Intervals {
        let both = super::closing::CLOSING.map(|f| self.intervals(f));
        let earlier = |a: (Stamp, Stamp), b: (Stamp, Stamp)| (a.0.min(b.0), a.1.max(b.1));
        Intervals {
            sentinel: earlier(both[0].sentinel, both[1].sentinel),
            servicenow: earlier(both[0].servicenow, both[1].servicenow),
        }
    }

    fn seen(&self, field: Field) -> (Seen, Seen) {
        let Some(base) = self.state.base(field) else {
            return (Seen::default(), Seen::default());
        };
        if field.is_one_way() {
            return (base.sentinel_seen, base.servicenow_seen);
        }
        // What was observed is marked with its observation; this is for what a base of today makes
        // of an observation of yesterday.
        let mark = |seen: Seen, differs: bool, at: Stamp| match differs {
            true => seen.shows_another(seen.same.min(at), at),
            false => seen.shows_base(at, at),
        };
        let s = self.sentinel(field) != base.sentinel;
        let n = self.servicenow(field).is_some_and(|v| v != base.servicenow);
        (
            mark(base.sentinel_seen, s, self.state.incident_seen),
            mark(base.servicenow_seen, n, self.state.record_seen),
        )
    }

    fn intervals(&self, field: Field) -> Intervals {
        let (s, n) = self.seen(field);
        Intervals { sentinel: s.interval(), servicenow: n.interval() }
    }

    /// The base of a field to change, or a new one that agrees on nothing yet.
    fn base_or_new(&self, field: Field) -> Base {
        self.state.base(field).cloned().unwrap_or_else(|| Base::agreed(field, NOTHING, NOTHING, Stamp(0)))
    }

    pub(super) fn decided(&mut self, field: Field, text: impl Into<String>, needs_a_look: bool) {
        self.plan.decisions.push(Decision { field, text: text.into(), needs_a_look });
    }

    /// Makes the pair as it stands the base of a field.
    pub(super) fn rebase(&mut self, field: Field, rule: &str, detached: bool) {
        let mut base = Base::agreed(field, self.sentinel(field), self.servicenow_base(field), self.now);
        let (s, n) = self.seen(field);
        base.sentinel_seen = s.settled(self.state.incident_seen);
        base.servicenow_seen = n.settled(self.state.record_seen);
        base.detached = detached;
        base.crossings = self.state.base(field).map(|b| b.crossings.clone()).unwrap_or_default();
        base.rule = rule.to_owned();
        if self.state.base(field).is_some_and(|old| same_agreement(old, &base)) {
            return;
        }
        self.put_base(base);
    }

    /// Takes a base into the plan, in place of an earlier one of the same field; one that is
    /// stored already is left out.
    pub(super) fn put_base(&mut self, base: Base) {
        self.plan.bases.retain(|b| b.field != base.field);
        if self.state.base(base.field) != Some(&base) {
            self.plan.bases.push(base);
        }
    }

    /// The base of a field as the plan leaves it.
    pub(super) fn planned_base(&self, field: Field) -> Option<Base> {
        let planned = self.plan.bases.iter().find(|b| b.field == field);
        planned.or_else(|| self.state.base(field)).cloned()
    }

    /// Marks a field as held for a reason, without moving its base.
    pub(super) fn hold(&mut self, field: Field, why: String) {
        if mutant::is_on(Mutant::HeldForgotten) {
            return self.rebase(field, &why, false);
        }
        let mut base = self.base_or_new(field);
        if base.held != why {
            self.decided(field, format!("held: {why}"), true);
        }
        (base.sentinel_seen, base.servicenow_seen) = self.seen(field);
        base.held = why;
        base.conflict = None;
        self.put_base(base);
    }

    pub(super) fn conflict(&mut self, field: Field, why: String) {
        let mut base = self.base_or_new(field);
        (base.sentinel_seen, base.servicenow_seen) = self.seen(field);
        base.conflict = Some(Conflict {
            sentinel: self.sentinel(field),
            servicenow: self.servicenow(field).unwrap_or_default(),
            since: self.now,
            why: why.clone(),
            taken: None,
        });
        base.held.clear();
        self.put_base(base);
        self.decided(field, format!("conflict: {why}"), true);
    }

    /// Plans a write of one field to one side.
    pub(super) fn write(&mut self, field: Field, to: Side, raw: String, rule: String) {
        let sentinel = self.sentinel(field);
        let servicenow = self.servicenow(field).unwrap_or_default();
        let target = match to {
            Side::Sentinel => Target { field, before: sentinel, sentinel: raw, servicenow, rule },
            Side::ServiceNow => Target { field, before: servicenow, sentinel, servicenow: raw, rule },
        };
        match to {
            Side::Sentinel => self.plan.to_incident.push(target),
            Side::ServiceNow => self.plan.to_record.push(target),
        }
    }

    /// Keeps when each side left its base, and clears a held value or conflict that is over. A
    /// tie that was decided is put on record, once.
    pub(super) fn remember_seen(&mut self, field: Field, tie: Option<(Side, &str)>) {
        let Some(old) = self.state.base(field) else { return };
        let mut base = old.clone();
        (base.sentinel_seen, base.servicenow_seen) = self.seen(field);
        base.held.clear();
        base.conflict = tie.map(|(to, why)| Conflict {
            sentinel: self.sentinel(field),
            servicenow: self.servicenow(field).unwrap_or_default(),
            // One that was carried out is over; the same values may meet again.
            since: old.conflict.as_ref().filter(|c| c.since > old.agreed).map_or(self.now, |c| c.since),
            why: why.to_owned(),
            taken: Some(to.other()),
        });
        if let Some((_, why)) = tie
            && base.conflict != old.conflict
        {
            self.decided(field, why, true);
        }
        self.put_base(base);
    }

    fn apply(&mut self, field: Field, verdict: Verdict) {
        match verdict {
            Verdict::InStep => self.clear_stale_marks(field),
            Verdict::Frozen => {}
            Verdict::Rebase { rule, detached } => self.rebase(field, &rule, detached),
            Verdict::Write { to, raw, rule, .. } if matches!(field, Field::Custom(_)) => {
                self.await_write(field);
                self.write(field, to, raw, rule);
            }
            Verdict::Write { to, raw, rule, tie } => {
                self.remember_seen(field, tie.then_some((to, rule.as_str())));
                self.write(field, to, raw, rule);
            }
            Verdict::Note { rule } => {
                let text = format!(
                    "{} changed in Microsoft Sentinel. It was edited here by hand, so it stays; Sentinel now says:\n{}",
                    field.label(),
                    self.sentinel(field)
                );
                // The same words may have to be said again; a title says them once.
                let about = match (field, self.state.base(field)) {
                    (Field::Custom(_), Some(base)) => format!("{}/{}", field.word(), base.agreed.0),
                    _ => field.word().to_owned(),
                };
                self.plan.notes.push((note_key(&about, &text), text));
                self.rebase(field, &rule, true);
                self.decided(field, rule, false);
            }
            Verdict::Conflict { why } => self.conflict(field, why),
            Verdict::Held(why) => self.hold(field, why),
            Verdict::Lookup(keys) => self.plan.lookups.extend(keys),
        }
    }

    /// A custom field that is written is held no longer. Should the write not arrive, its value is news
    /// still: of a field on which nothing was agreed only ServiceNow's half is known.
    fn await_write(&mut self, field: Field) {
        let mut base = self.base_or_new(field);
        if base.sentinel == NOTHING && base.servicenow == NOTHING {
            base.servicenow = self.servicenow(field).unwrap_or_default();
        }
        base.held.clear();
        base.conflict = None;
        self.put_base(base);
    }

    /// A value that went back to its base is neither held nor in conflict any more.
    pub(super) fn clear_stale_marks(&mut self, field: Field) {
        if let Some(old) = self.state.base(field)
            && (!old.held.is_empty()
                || old.conflict.as_ref().is_some_and(|c| c.taken.is_none())
                || old.walk.is_some()
                || old.sentinel_seen.differs.is_some()
                || old.servicenow_seen.differs.is_some())
        {
            let mut base = old.clone();
            base.walk = None;
            base.held.clear();
            base.conflict = None;
            (base.sentinel_seen, base.servicenow_seen) = self.seen(field);
            self.put_base(base);
        }
    }
}

/// What makes a note of the sync's own unique: what it is about, and its very words.
pub(super) fn note_key(about: &str, text: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(text.as_bytes());
    format!("{about}@{}", digest.iter().take(8).map(|b| format!("{b:02x}")).collect::<String>())
}

/// A raw value that no system can hold: the base of a field on which nothing was agreed.
pub const NOTHING: &str = "\u{1}";

fn same_agreement(a: &Base, b: &Base) -> bool {
    a.sentinel == b.sentinel
        && a.servicenow == b.servicenow
        && a.detached == b.detached
        && a.held == b.held
        && a.conflict == b.conflict
        && a.walk == b.walk
        && a.sentinel_seen.differs.is_none()
        && a.servicenow_seen.differs.is_none()
}
