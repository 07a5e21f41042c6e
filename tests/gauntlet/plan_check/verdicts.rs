//! What the decisions say must become of one field (D19 to D25), told as a table of cases and
//! without a line of the planner, and whether a plan does so.

use diptych::model::settings::Policy;
use diptych::model::{Base, Field, LinkState, Side};
use diptych::sync::Plan;
use diptych::sync::plan::NOTHING;

use super::cases::Case;
use super::oracle::{Carried, People, SEVERITIES, clip, left, right};
use super::worlds::WORKSPACE;

/// What must become of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// Nobody is written, the base stays.
    Nothing,
    /// Nobody is written, the pair as it stands becomes the base.
    Agree,
    /// A note tells Sentinel's value, nobody is written, the pair becomes the base.
    Note,
    /// This side gets this value.
    Write(Side, String),
    /// Both ways are right: this value for ServiceNow or that one for Sentinel.
    Either(Box<Want>, Box<Want>),
    Held,
    Lookup,
    Conflict,
}

/// Whether two values mean the same; it may not be known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    Yes,
    No,
    Unknown,
}

/// A case at one moment: its state and who is known.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    pub case: &'a Case<'a>,
    pub state: &'a LinkState,
    pub people: &'a People,
}

impl Moment<'_> {
    pub fn left(&self, field: Field) -> String {
        self.state.incident.as_ref().map(|i| left(i, field)).unwrap_or_default()
    }

    pub fn right(&self, field: Field) -> Option<String> {
        self.state.record.as_ref().and_then(|r| right(r, field))
    }

    pub fn base(&self, field: Field) -> Option<&Base> {
        self.state.bases.iter().find(|b| b.field == field)
    }

    fn table(&self) -> &str {
        self.case.settings.route.table.as_str()
    }

    /// What Sentinel's present value becomes in ServiceNow.
    pub fn out(&self, field: Field) -> Carried {
        let rows = &self.case.world.rows;
        let value = self.left(field);
        match field {
            Field::Title => Carried::Value(clip(&value, 160)),
            Field::Description | Field::CloseNotes => Carried::Value(clip(&value, 4000)),
            Field::Owner => match &self.state.incident {
                Some(incident) => self.people.out(rows, WORKSPACE, &incident.owner),
                None => Carried::Held,
            },
            // A value for another number of columns cannot be written.
            Field::Severity => match rows.out(field, self.table(), &value) {
                Carried::Value(raw) if raw.split('/').count() != 2 => Carried::Held,
                carried => carried,
            },
            Field::Status | Field::Closure => rows.out(field, self.table(), &value),
            Field::Custom(_) | Field::NumberLabel(_) => Carried::Held,
        }
    }

    /// What ServiceNow's value becomes in Sentinel.
    pub fn back(&self, field: Field, raw: &str) -> Carried {
        let rows = &self.case.world.rows;
        match field {
            // Sentinel takes no empty title.
            Field::Title if raw.trim().is_empty() => Carried::Held,
            Field::Title | Field::CloseNotes => Carried::Value(raw.to_owned()),
            Field::Description => Carried::Value(clip(raw, 5000)),
            Field::Owner => self.people.back(rows, WORKSPACE, raw),
            Field::Custom(_) | Field::NumberLabel(_) => Carried::Held,
            Field::Closure if raw.is_empty() => Carried::Value("Undetermined".into()),
            Field::Severity | Field::Status | Field::Closure => rows.back(field, self.table(), raw),
        }
    }

    /// Whether a raw state means Closed, as far as a row says.
    pub fn closed_state(&self, raw: &str) -> Option<bool> {
        match self.case.world.rows.back(Field::Status, self.table(), raw) {
            Carried::Value(word) => Some(word == "Closed"),
            _ => None,
        }
    }

    pub fn incident_closed(&self) -> bool {
        self.left(Field::Status).eq_ignore_ascii_case("Closed")
    }

    pub fn record_closed(&self) -> Option<bool> {
        self.right(Field::Status).and_then(|state| self.closed_state(&state))
    }

    /// D19: equivalent under either map.
    pub fn same(&self, field: Field, raw: &str) -> Same {
        let (out, back) = (self.out(field), self.back(field, raw));
        let word = self.left(field);
        // Sentinel's own words have no case.
        let worded = matches!(field, Field::Severity | Field::Status | Field::Closure);
        let yes = matches!(&out, Carried::Value(v) if v == raw)
            || matches!(&back, Carried::Value(v) if *v == word || (worded && v.eq_ignore_ascii_case(&word)))
            || (field == Field::Title && raw == word);
        match (yes, out == Carried::Lookup || back == Carried::Lookup) {
            (true, _) => Same::Yes,
            (false, true) => Same::Unknown,
            (false, false) => Same::No,
        }
    }

    /// A person must decide, and nothing moved since.
    pub fn frozen(&self, field: Field) -> bool {
        let conflict = self.base(field).and_then(|b| b.conflict.as_ref());
        conflict.is_some_and(|c| {
            c.taken.is_none()
                && c.sentinel == self.left(field)
                && Some(&c.servicenow) == self.right(field).as_ref()
        })
    }

    /// What left its base: Sentinel, ServiceNow.
    pub fn moved(&self, field: Field) -> (bool, bool) {
        let Some(base) = self.base(field) else { return (false, false) };
        (base.sentinel != self.left(field), self.right(field).is_some_and(|n| n != base.servicenow))
    }

    /// One side stands closed as it was agreed, but by another close, while the other one moved: it
    /// was opened and closed again in between, so both have moved, whatever the status alone shows.
    pub fn closed_again(&self) -> bool {
        let words = |pick: fn((bool, bool)) -> bool| {
            [Field::Closure, Field::CloseNotes].into_iter().any(|f| pick(self.moved(f)))
        };
        match self.moved(Field::Status) {
            (false, true) => self.incident_closed() && words(|m| m.0),
            (true, false) => self.record_closed() == Some(true) && words(|m| m.1),
            _ => false,
        }
    }

    /// True when nothing was ever agreed (D20).
    pub fn without_agreement(&self, field: Field) -> bool {
        self.base(field).is_none_or(|b| b.sentinel == NOTHING && b.servicenow == NOTHING)
    }

    /// What the decisions say about a field that is not one of the closing fields.
    pub fn want(&self, field: Field) -> Want {
        let policy = self.case.policy(field);
        if policy == Policy::Off {
            return Want::Nothing;
        }
        let Some(raw) = self.right(field) else { return Want::Held };
        if self.frozen(field) {
            return Want::Nothing;
        }
        let same = self.same(field, &raw);
        if self.without_agreement(field) {
            return match same {
                Same::Yes => Want::Agree,
                Same::No => Want::Conflict,
                Same::Unknown => Want::Lookup,
            };
        }
        let moved = self.moved(field);
        if moved == (false, false) {
            return Want::Nothing;
        }
        match same {
            Same::Yes => return Want::Agree,
            Same::Unknown => return Want::Lookup,
            Same::No => {}
        }
        let text = matches!(field, Field::Title | Field::Description);
        let want = match moved {
            (true, false) if policy == Policy::Servicenow => Want::Agree,
            (true, false) if text && self.base(field).is_some_and(|b| b.detached) => Want::Note,
            (true, false) => self.carry(field, Side::ServiceNow),
            (false, true) if policy == Policy::Sentinel => Want::Agree,
            (false, true) => self.carry(field, Side::Sentinel),
            _ => self.both_moved(field, &raw, policy),
        };
        let want = if field == Field::Status { self.without_reopening(want) } else { want };
        self.without_flapping(field, want)
    }

    /// What went to and fro four times within a quarter of an hour is not sent back once more.
    fn without_flapping(&self, field: Field, want: Want) -> Want {
        let to = match want {
            Want::Either(a, b) => {
                let spared = |w: Want| Box::new(self.without_flapping(field, w));
                return Want::Either(spared(*a), spared(*b));
            }
            Want::Write(to, _) => to,
            other => return other,
        };
        let writes = self.base(field).map(|b| b.crossings.all()).unwrap_or_default();
        let lately = writes.iter().filter(|w| self.case.now.0 - w.at.0 <= 900_000_000).count();
        let back = writes.last().is_some_and(|w| w.to != to);
        if lately == 4 && back { Want::Conflict } else { want }
    }

    /// Only an explicit reopen reopens (design, section 2): the owner's move stays on its side,
    /// and without an owner a close wins over a move between open states.
    fn without_reopening(&self, want: Want) -> Want {
        let to = match want {
            Want::Either(a, b) => {
                let spared = |w: Want| Box::new(self.without_reopening(w));
                return Want::Either(spared(*a), spared(*b));
            }
            Want::Write(to, _) => to,
            other => return other,
        };
        if self.reopened(to) || !self.would_open(to, &want) {
            return want;
        }
        match self.case.policy(Field::Status) {
            Policy::Sentinel | Policy::Servicenow => Want::Agree,
            _ if self.moved(Field::Status) == (true, true) => self.carry(Field::Status, to.other()),
            _ => Want::Conflict,
        }
    }

    fn would_open(&self, side: Side, want: &Want) -> bool {
        let Want::Write(_, value) = want else { return false };
        match side {
            Side::Sentinel => self.incident_closed() && value != "Closed",
            Side::ServiceNow => self.record_closed() == Some(true) && self.closed_state(value) == Some(false),
        }
    }

    /// True when the other side than this one was reopened, or a person said which to take.
    pub fn reopened(&self, side: Side) -> bool {
        self.base(Field::Status).is_some_and(|b| match side {
            Side::Sentinel => self.closed_state(&b.servicenow) != Some(false),
            Side::ServiceNow => b.sentinel.eq_ignore_ascii_case("Closed") || b.sentinel == NOTHING,
        })
    }

    fn carry(&self, field: Field, to: Side) -> Want {
        let carried = match to {
            Side::ServiceNow => self.out(field),
            Side::Sentinel => self.back(field, &self.right(field).unwrap_or_default()),
        };
        match carried {
            Carried::Value(value) => Want::Write(to, value),
            Carried::Held => Want::Held,
            Carried::Lookup => Want::Lookup,
        }
    }

    fn both_moved(&self, field: Field, raw: &str, policy: Policy) -> Want {
        let toward = |to| self.carry(field, to);
        match policy {
            Policy::Sentinel if matches!(field, Field::Title | Field::Description) => Want::Note,
            Policy::Sentinel => toward(Side::ServiceNow),
            Policy::Servicenow => toward(Side::Sentinel),
            // What a person wrote while closing is worth more than a tie.
            Policy::Latest if self.closed_at_once(field, raw) => toward(Side::Sentinel),
            Policy::Latest => match self.later(field) {
                Some(later) => toward(later.other()),
                None => Want::Either(Box::new(toward(Side::ServiceNow)), Box::new(toward(Side::Sentinel))),
            },
            Policy::Ratchet => {
                let rank = |word: &str| SEVERITIES.iter().position(|s| s.eq_ignore_ascii_case(word));
                match (rank(&self.left(field)), self.back(field, raw)) {
                    // What cannot be ranked cannot lose.
                    (None, _) | (_, Carried::Held) => Want::Held,
                    (_, Carried::Lookup) => Want::Lookup,
                    (ours, Carried::Value(word)) if ours >= rank(&word) => toward(Side::ServiceNow),
                    _ => toward(Side::Sentinel),
                }
            }
            Policy::Manual | Policy::FirstCloser | Policy::Off => Want::Conflict,
        }
    }

    /// True when the record was closed at about the same time as the open incident moved.
    fn closed_at_once(&self, field: Field, raw: &str) -> bool {
        let closed = |state: &str| self.closed_state(state) == Some(true);
        field == Field::Status
            && self.later(field).is_some()
            && !self.apart(field)
            && !self.incident_closed()
            && closed(raw)
            && (self.closed_again() || self.base(field).is_some_and(|b| !closed(&b.servicenow)))
    }

    /// What the notes of a record say that was closed without a word.
    pub fn sentence(&self) -> Option<String> {
        let said = self.left(Field::CloseNotes);
        let closure = self.left(Field::Closure);
        said.trim().is_empty().then(|| format!("Closed in Microsoft Sentinel as {closure}."))
    }

    /// The side that surely changed later, Sentinel on a tie; `None` where this observation has
    /// yet to become part of an interval (D21).
    pub fn later(&self, field: Field) -> Option<Side> {
        let base = self.base(field)?;
        let (s, n) = (base.sentinel_seen, base.servicenow_seen);
        let after_sentinel = s.differs? <= n.same;
        let after_servicenow = n.differs? <= s.same;
        Some(if after_sentinel && !after_servicenow { Side::ServiceNow } else { Side::Sentinel })
    }

    /// True when the two stored intervals do not overlap, so that one change was surely later.
    pub fn apart(&self, field: Field) -> bool {
        self.base(field).is_some_and(|b| {
            let (s, n) = (b.sentinel_seen, b.servicenow_seen);
            s.differs.is_some_and(|d| d <= n.same) || n.differs.is_some_and(|d| d <= s.same)
        })
    }

    /// Whether a plan does with a field what it must, or why not.
    pub fn does(&self, plan: &Plan, field: Field, want: &Want) -> Result<(), String> {
        let (s, n) = (self.left(field), self.right(field).unwrap_or_default());
        let target = |side: Side| targets(plan, side).iter().find(|t| t.field == field);
        let written = target(Side::Sentinel).is_some() || target(Side::ServiceNow).is_some();
        let noted = plan.notes.iter().any(|(key, _)| key.starts_with(&format!("{}@", field.word())));
        let old = self.base(field);
        let new = plan.bases.iter().find(|b| b.field == field).or(old);
        let stays = match (old, plan.bases.iter().find(|b| b.field == field)) {
            (_, None) => true,
            (Some(old), Some(new)) => old.sentinel == new.sentinel && old.servicenow == new.servicenow,
            (None, Some(new)) => new.sentinel == NOTHING && new.servicenow == NOTHING,
        };
        let quiet = !written && !noted;
        let ok = match want {
            Want::Nothing => quiet && stays,
            Want::Agree => quiet && new.is_some_and(|b| b.sentinel == s && b.servicenow == n),
            Want::Note => !written && noted && new.is_some_and(|b| b.sentinel == s && b.servicenow == n),
            Want::Write(side, value) => {
                let kept = match side {
                    Side::Sentinel => |t: &diptych::model::intent::Target| t.servicenow.clone(),
                    Side::ServiceNow => |t: &diptych::model::intent::Target| t.sentinel.clone(),
                };
                let origin = if *side == Side::Sentinel { &n } else { &s };
                !noted
                    && stays
                    && target(*side).is_some_and(|t| t.after(*side) == value && kept(t) == *origin)
            }
            Want::Either(a, b) => self.does(plan, field, a).is_ok() || self.does(plan, field, b).is_ok(),
            Want::Held => quiet && stays && new.is_some_and(|b| !b.held.is_empty()),
            Want::Lookup => quiet && stays && !plan.lookups.is_empty(),
            Want::Conflict => {
                let conflict = new.and_then(|b| b.conflict.as_ref());
                quiet
                    && stays
                    && conflict.is_some_and(|c| c.taken.is_none() && c.sentinel == s && c.servicenow == n)
            }
        };
        if ok { Ok(()) } else { Err(format!("{} must come to {want:?}", field.word())) }
    }
}

/// What a plan writes to one side.
pub fn targets(plan: &Plan, side: Side) -> &[diptych::model::intent::Target] {
    match side {
        Side::Sentinel => &plan.to_incident,
        Side::ServiceNow => &plan.to_record,
    }
}
