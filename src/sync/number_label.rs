//! The number of the record as a label of its incident, where the workspace wants one: written once for each
//! number, beside the labels that are there. A base keeps that it was written, so that whoever removes it is
//! not contradicted.

use std::borrow::Cow;

use crate::model::intent::Target;
use crate::model::{Base, Field, Incident, NumberLabel, Side};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::plan::{Draft, NOTHING};

/// Why Sentinel has no such label although it was sent: the rule of a base.
const REFUSED: &str = "refused, and not tried again before somebody says retry";

/// True when an incident carries a label. Tags that differ in case alone are one to people.
pub(super) fn has(incident: &Incident, label: &NumberLabel) -> bool {
    incident.labels.iter().any(|l| l.raw().eq_ignore_ascii_case(label.label()))
}

/// Plans the label: nothing where it was written before, or is there.
pub(super) fn plan_label(draft: &mut Draft<'_>) {
    let prefix = &draft.ctx.workspace.number_label;
    let Some(label) = NumberLabel::new(prefix, &draft.record.number) else { return };
    let field = Field::NumberLabel(label);
    let there = has(draft.incident, &label);
    let known = draft.state.base(field).is_some_and(|b| b.servicenow != NOTHING);
    if known && (there || !mutant::is_on(Mutant::LabelRepeated)) {
        return;
    }
    if there {
        draft.rebase(field, "it was there already", false);
    } else {
        let rule = "the number of its record, written once".to_owned();
        draft.write(field, Side::Sentinel, label.label().to_owned(), rule);
    }
}

/// True where the label is all that an incident would get: everything else goes first.
pub fn is_alone(targets: &[Target]) -> bool {
    !targets.is_empty() && targets.iter().all(|t| is_label(t.field))
}

/// Leaves the label out of a write that has failed before: it may be the cause, and what else there is to
/// write does not wait for it.
pub fn leave_out(targets: &mut Vec<Target>) {
    targets.retain(|t| !is_label(t.field));
}

fn is_label(field: Field) -> bool {
    matches!(field, Field::NumberLabel(_))
}

/// The base of a label that Sentinel refused: given up, because no label is worth a link that stands still.
pub fn given_up(targets: &[Target], at: Stamp) -> Option<Base> {
    let target = targets.first().filter(|_| is_alone(targets))?;
    Some(Base { rule: REFUSED.into(), ..Base::agreed(target.field, "", target.servicenow.clone(), at) })
}

/// Bases that make a label count as never tried that was given up.
pub fn tried_again(bases: &[Base]) -> Vec<Base> {
    let refused = bases.iter().filter(|b| is_label(b.field) && b.rule == REFUSED);
    refused.map(|b| Base::agreed(b.field, NOTHING, NOTHING, Stamp(0))).collect()
}

/// Bases that say which labels were written, for a pair that is tied again: once for each number holds for
/// all of its links, so that whoever removed one is not contradicted by the next link either.
pub fn written(bases: &[Base]) -> Vec<Base> {
    let written = |b: &&Base| is_label(b.field) && b.servicenow != NOTHING && b.rule != REFUSED;
    bases.iter().filter(written).cloned().collect()
}

/// An incident as the record is to show it: without the labels that only tell the record its own number.
pub(super) fn without_ours<'a>(incident: &'a Incident, prefix: &str) -> Cow<'a, Incident> {
    let ours = |label: &str| !prefix.is_empty() && label.starts_with(prefix);
    if !incident.labels.iter().any(|l| ours(l.raw())) {
        return Cow::Borrowed(incident);
    }
    let mut incident = incident.clone();
    incident.labels.retain(|l| !ours(l.raw()));
    Cow::Owned(incident)
}
