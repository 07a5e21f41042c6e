//! Every published link, in sort order and filtered, kept up to date row by row.
//!
//! `order` holds all rows sorted, `shown` those of them that pass the filter. A batch is merged
//! into both; only a new sort column or a new filter looks at all rows.
//! Nothing here is recomputed while drawing.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::filter::{Filter, haystack};
use crate::model::view::{LinkView, Step};
use crate::model::{LinkId, Severity};

/// What the list can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SortBy {
    Step,
    Number,
    Record,
    Severity,
    Status,
    Owner,
    Age,
    Title,
    Workspace,
}

impl SortBy {
    /// Every column, in the order that the key cycles through.
    pub const ALL: [Self; 9] = [
        Self::Age,
        Self::Step,
        Self::Severity,
        Self::Status,
        Self::Owner,
        Self::Number,
        Self::Record,
        Self::Title,
        Self::Workspace,
    ];

    /// The word as it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Number => "incident",
            Self::Record => "record",
            Self::Severity => "severity",
            Self::Status => "status",
            Self::Owner => "owner",
            Self::Age => "age",
            Self::Title => "title",
            Self::Workspace => "workspace",
        }
    }

    /// Whether the most wanted end of the column is its large one.
    pub fn starts_descending(self) -> bool {
        matches!(self, Self::Step | Self::Severity | Self::Age | Self::Number)
    }
}

/// Column and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub by: SortBy,
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { by: SortBy::Age, descending: true }
    }
}

struct Row {
    view: LinkView,
    hay: String,
}

/// The rows of the Incidents list.
#[derive(Default)]
pub(crate) struct Links {
    rows: Vec<Row>,
    index: BTreeMap<LinkId, u32>,
    order: Vec<u32>,
    shown: Vec<u32>,
    sort: Sort,
    filter: Filter,
    counts: [u32; Step::ALL.len()],
}

impl Links {
    /// Takes a batch; gives the links that were not known before.
    pub fn take(&mut self, batch: Vec<LinkView>) -> Vec<LinkId> {
        self.forget_places(&batch);
        let mut touched = BTreeSet::new();
        let mut new = Vec::new();
        for view in batch {
            let hay = haystack(&view);
            let known = self.index.get(&view.id).copied();
            if let Some(row) = known.and_then(|i| self.rows.get_mut(i as usize)) {
                self.counts[row.view.step as usize] = self.counts[row.view.step as usize].saturating_sub(1);
                self.counts[view.step as usize] += 1;
                *row = Row { view, hay };
                touched.extend(known);
            } else {
                let i = self.rows.len() as u32;
                self.counts[view.step as usize] += 1;
                new.push(view.id);
                self.index.insert(view.id, i);
                self.rows.push(Row { view, hay });
                touched.insert(i);
            }
        }
        self.put_in_place(touched.into_iter().collect());
        new
    }

    /// Takes rows that are about to change out of the order: places are found by value.
    fn forget_places(&mut self, batch: &[LinkView]) {
        let mut out = vec![false; self.rows.len()];
        let mut any = false;
        for i in batch.iter().filter_map(|v| self.index.get(&v.id)) {
            if let Some(mark) = out.get_mut(*i as usize) {
                (*mark, any) = (true, true);
            }
        }
        if any {
            let stays = |i: &u32| !out.get(*i as usize).copied().unwrap_or(false);
            self.order.retain(stays);
            self.shown.retain(stays);
        }
    }

    fn put_in_place(&mut self, mut new: Vec<u32>) {
        new.sort_unstable_by(|a, b| self.compare(*a, *b));
        let passing: Vec<u32> = new
            .iter()
            .copied()
            .filter(|i| self.rows.get(*i as usize).is_some_and(|r| self.filter.matches(&r.view, &r.hay)))
            .collect();
        self.order = self.merged(&self.order, &new);
        self.shown = self.merged(&self.shown, &passing);
    }

    /// Two sorted lists as one: a search per new row, and long copies in between.
    fn merged(&self, old: &[u32], new: &[u32]) -> Vec<u32> {
        let mut out = Vec::with_capacity(old.len() + new.len());
        let mut rest = old;
        for i in new {
            let at = rest.partition_point(|o| self.compare(*o, *i) == Ordering::Less);
            let (before, after) = rest.split_at(at);
            out.extend_from_slice(before);
            out.push(*i);
            rest = after;
        }
        out.extend_from_slice(rest);
        out
    }

    fn resort(&mut self) {
        let mut order: Vec<u32> = (0..self.rows.len() as u32).collect();
        order.sort_unstable_by(|a, b| self.compare(*a, *b));
        self.order = order;
        self.refilter();
    }

    fn refilter(&mut self) {
        let rows = &self.rows;
        let filter = &self.filter;
        self.shown = self
            .order
            .iter()
            .copied()
            .filter(|i| rows.get(*i as usize).is_some_and(|r| filter.matches(&r.view, &r.hay)))
            .collect();
    }

    fn compare(&self, a: u32, b: u32) -> Ordering {
        let (Some(a), Some(b)) = (self.rows.get(a as usize), self.rows.get(b as usize)) else {
            return Ordering::Equal;
        };
        let (a, b) = (&a.view, &b.view);
        let by = match self.sort.by {
            SortBy::Step => a.step.cmp(&b.step),
            SortBy::Number => a.incident_number.cmp(&b.incident_number),
            SortBy::Record => a.record_number.cmp(&b.record_number),
            SortBy::Severity => severity(a).cmp(&severity(b)),
            SortBy::Status => a.status.sentinel.cmp(&b.status.sentinel),
            SortBy::Owner => a.owner.sentinel.cmp(&b.owner.sentinel),
            SortBy::Age => a.changed.cmp(&b.changed),
            SortBy::Title => a.title.cmp(&b.title),
            SortBy::Workspace => a.workspace.cmp(&b.workspace),
        };
        let by = if self.sort.descending { by.reverse() } else { by };
        by.then(b.id.cmp(&a.id))
    }

    /// Sorts by another column.
    pub fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
        self.resort();
    }

    /// The column and direction.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Filters anew.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        self.refilter();
    }

    /// True when a filter hides rows.
    pub fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// Rows that pass the filter.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// All rows.
    pub fn total(&self) -> usize {
        self.rows.len()
    }

    /// The row at a place of the list.
    pub fn at(&self, place: usize) -> Option<&LinkView> {
        self.shown.get(place).and_then(|i| self.rows.get(*i as usize)).map(|r| &r.view)
    }

    /// The row of a link, shown or not.
    pub fn get(&self, id: LinkId) -> Option<&LinkView> {
        self.index.get(&id).and_then(|i| self.rows.get(*i as usize)).map(|r| &r.view)
    }

    /// The place of a link in the list, `None` when it is filtered out.
    pub fn place(&self, id: LinkId) -> Option<usize> {
        let i = *self.index.get(&id)?;
        let at = self.shown.partition_point(|o| self.compare(*o, i) == Ordering::Less);
        (self.shown.get(at) == Some(&i)).then_some(at)
    }

    /// How many links are in a step.
    pub fn count(&self, step: Step) -> u32 {
        self.counts[step as usize]
    }
}

fn severity(view: &LinkView) -> Option<Severity> {
    Severity::from_word(view.severity.sentinel.raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Stamp;

    fn view(id: i64, changed: i64) -> LinkView {
        LinkView {
            id: LinkId(id),
            changed: Stamp(changed),
            title: format!("t{id}").into(),
            ..LinkView::default()
        }
    }

    fn ids(links: &Links) -> Vec<i64> {
        (0..links.len()).filter_map(|i| links.at(i)).map(|v| v.id.0).collect()
    }

    #[test]
    fn a_hundred_thousand_links_arrive_without_sorting_them_again() {
        let mut links = Links::default();
        let mut rng = fastrand::Rng::with_seed(1);
        let begun = std::time::Instant::now();
        for batch in 0..50 {
            let rows = (0..2000).map(|i| view(batch * 2000 + i, rng.i64(0..1_000_000))).collect();
            links.take(rows);
        }
        let loaded = begun.elapsed();
        let one = std::time::Instant::now();
        links.take(vec![view(77, 5)]);
        // An unoptimised build on a busy machine: what matters is that it does not grow with n².
        assert!(loaded.as_secs() < 20, "{loaded:?}");
        assert!(one.elapsed().as_millis() < 200, "{:?}", one.elapsed());
        assert_eq!(links.len(), 100_000);
    }

    #[test]
    fn merging_row_by_row_equals_sorting_anew() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut merged = Links::default();
        let mut all: BTreeMap<i64, LinkView> = BTreeMap::new();
        for round in 0..200 {
            let mut batch = BTreeMap::new();
            for _ in 0..rng.usize(1..6) {
                let mut v = view(rng.i64(1..40), rng.i64(0..30));
                v.step = Step::ALL[rng.usize(..Step::ALL.len())];
                batch.insert(v.id.0, v);
            }
            all.extend(batch.clone());
            merged.take(batch.into_values().collect());
            if round % 20 == 0 {
                merged.set_sort(Sort { by: SortBy::ALL[rng.usize(0..9)], descending: rng.bool() });
                merged.set_filter(Filter::parse(["", "t1", "step:error"][rng.usize(0..3)]));
            }
            let mut anew = Links::default();
            anew.take(all.values().cloned().collect());
            anew.sort = merged.sort;
            anew.filter = merged.filter.clone();
            anew.resort();
            assert_eq!(ids(&merged), ids(&anew));
            assert_eq!(merged.counts, anew.counts);
            for place in 0..merged.len() {
                let id = merged.at(place).unwrap().id;
                assert_eq!(merged.place(id), Some(place));
            }
        }
    }
}
