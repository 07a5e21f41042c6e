//! One workspace: its incidents, found by number, by name and by time of change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::alerts::Alert;
use super::changes::guid_from;
use super::clock::Tick;
use super::incident::Incident;
use crate::text::Stamp;

/// How far back a list can lag; older versions are forgotten.
const MEMORY: Duration = Duration::from_secs(60);

/// What an edit does to the marks of an incident's version.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// The new etag, with its inner quotes.
    pub etag: Option<String>,
    /// Whether the time of change moves.
    pub modified: bool,
}

/// A workspace.
pub(super) struct Workspace {
    /// Its name as created.
    pub name: String,
    /// Resource id of the provider in it, without trailing slash.
    pub base: String,
    /// Its own GUID.
    pub id: String,
    /// All incidents by number.
    pub incidents: BTreeMap<i64, Incident>,
    /// All alerts by id, those outside any incident too.
    pub alerts: BTreeMap<String, Arc<Alert>>,
    /// Deleted incidents that a late list may still show.
    pub graveyard: Vec<(Stamp, Incident)>,
    by_name: BTreeMap<String, i64>,
    by_modified: BTreeSet<(Tick, i64)>,
    last_number: i64,
}

impl Workspace {
    /// An empty workspace.
    pub fn new(name: &str, subscription: &str, group: &str) -> Self {
        let base = format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.OperationalInsights\
             /workspaces/{name}/providers/Microsoft.SecurityInsights"
        );
        Self {
            name: name.into(),
            id: guid_from(&base),
            base,
            incidents: BTreeMap::new(),
            alerts: BTreeMap::new(),
            graveyard: Vec::new(),
            by_name: BTreeMap::new(),
            by_modified: BTreeSet::new(),
            last_number: 0,
        }
    }

    /// The number for the next incident.
    pub fn next_number(&mut self) -> i64 {
        self.last_number += 1;
        self.last_number
    }

    /// The number of the incident of that name, in any case.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.by_name.get(&name.to_lowercase()).copied()
    }

    /// The incident of that name, in any case.
    pub fn get(&self, name: &str) -> Option<&Incident> {
        self.incidents.get(&self.number(name)?)
    }

    /// Adds a new incident and its alerts.
    pub fn insert(&mut self, incident: Incident) {
        for link in &incident.links {
            self.alerts.insert(link.alert.id.clone(), Arc::clone(&link.alert));
        }
        self.by_name.insert(incident.name.to_lowercase(), incident.number);
        self.by_modified.insert((incident.face.modified, incident.number));
        self.incidents.insert(incident.number, incident);
    }

    /// Removes an incident.
    pub fn remove(&mut self, number: i64, now: Stamp) {
        let Some(incident) = self.incidents.remove(&number) else { return };
        self.by_name.remove(&incident.name.to_lowercase());
        self.by_modified.remove(&(incident.face.modified, number));
        self.graveyard.retain(|(at, _)| now.since(*at) <= MEMORY);
        self.graveyard.push((now, incident));
    }

    /// Changes an incident, keeping the version before for lists that lag.
    pub fn edit(&mut self, number: i64, marks: Marks, now: Stamp, change: impl FnOnce(&mut Incident)) {
        let Some(incident) = self.incidents.get_mut(&number) else { return };
        incident.past.retain(|(until, _)| now.since(*until) <= MEMORY);
        incident.past.push((now, incident.face.clone()));
        let before = incident.face.modified;
        change(incident);
        incident.rendered.take();
        incident.face.since = now;
        if let Some(etag) = marks.etag {
            incident.face.etag = etag;
        }
        if marks.modified {
            incident.face.modified = Tick::at(now);
        }
        let after = incident.face.modified;
        if before != after {
            self.by_modified.remove(&(before, number));
            self.by_modified.insert((after, number));
        }
    }

    /// Incidents in order of change within a span, both ends included.
    pub fn by_modified(
        &self,
        low: (Tick, i64),
        high: (Tick, i64),
    ) -> impl DoubleEndedIterator<Item = &Incident> {
        let range = if low <= high { Some(self.by_modified.range(low..=high)) } else { None };
        range.into_iter().flatten().filter_map(|(_, number)| self.incidents.get(number))
    }
}
