//! Which incidents get a record: filter, age, already closed (D13).

use crate::model::Incident;
use crate::model::settings::{BornClosed, Filter, WorkspaceSettings};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::values::is_closed;

/// Whether an incident that has no link gets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It gets a record.
    Enter,
    /// The filter does not match.
    Filtered,
    /// It is older than the workspace's maximum age.
    TooOld,
    /// It is too young still, and is looked at again.
    TooYoung,
    /// It was closed before we saw it.
    BornClosed,
    /// It was merged into another incident.
    Redirected,
}

/// Decides about an incident without a link. The filter is looked at again whenever an
/// incident changes, so a label that comes later lets it in.
pub fn admit(incident: &Incident, settings: &WorkspaceSettings, now: Stamp) -> Admission {
    if incident.is_merged() {
        return Admission::Redirected;
    }
    if !matches_filter(incident, &settings.filter) {
        return Admission::Filtered;
    }
    if incident.created < now.minus(settings.max_age) {
        return Admission::TooOld;
    }
    if incident.created.plus(settings.create_after) > now && !mutant::is_on(Mutant::NoWaiting) {
        return Admission::TooYoung;
    }
    if is_closed(incident) && settings.born_closed == BornClosed::Skip {
        return Admission::BornClosed;
    }
    Admission::Enter
}

/// True when the incident matches every condition of the filter. Labels compare with case, as
/// Sentinel's own filter does (sentinel-api 2.5).
pub fn matches_filter(incident: &Incident, filter: &Filter) -> bool {
    let title = incident.title.raw().to_lowercase();
    let any =
        |wanted: &[String], have: &dyn Fn(&str) -> bool| wanted.is_empty() || wanted.iter().any(|w| have(w));
    any(&filter.labels, &|w| incident.labels.iter().any(|l| l.raw() == w))
        && any(&filter.severities, &|w| incident.severity.eq_ignore_ascii_case(w))
        && any(&filter.products, &|w| incident.products.iter().any(|p| p.raw().eq_ignore_ascii_case(w)))
        && filter.title_contains.iter().all(|w| title.contains(&w.to_lowercase()))
}
