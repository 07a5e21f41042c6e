//! P4 for what flows one way or closes: in the end a title, a description and closing words stand on the other
//! side, unless somebody typed something else there; then the record says what Sentinel says now (D23).

use diptych::model::ledger::LinkState;
use diptych::model::{Life, Role};
use diptych::sandbox::sentinel::IncidentFacts;
use diptych::sandbox::servicenow::RecordFacts;
use diptych::sandbox::side::Side;

use super::{Case, Found};
use crate::simulation::token;
use crate::timeline::{Field, Pair, Step, Who};
use crate::trick::Excuse;

pub fn check(case: &Case<'_>, found: Found<'_>) {
    for pair in case.pairs.values() {
        let Some(link) = case.links.get(&pair.guid).filter(|l| is_in_step(l)) else { continue };
        if pair.merged.is_some() || pair.deleted.is_some() || pair.is_given_away() {
            continue;
        }
        let incidents = &case.e.worlds.incidents;
        let incident = incidents.iter().find(|i| i.guid.eq_ignore_ascii_case(&pair.guid));
        let record = case.e.worlds.records.iter().find(|r| r.sys_id == link.link.sys_id.as_str());
        let (Some(incident), Some(record)) = (incident, record) else { continue };
        let at = At { case, pair, link, incident, record };
        // A record keeps the words of the incident that it was made for.
        if !pair.joined.is_empty() {
            continue;
        }
        at.text(Field::Title, &incident.title, ("short_description", 160), found);
        at.text(Field::Description, &incident.description, ("description", 4000), found);
        let dialect = &case.e.worlds.dialect;
        let closed =
            incident.status == "Closed" && dialect.is_closed(Side::ServiceNow, &record.fields["state"]);
        // Of a shared one whoever closed last had its words.
        let closed = closed && case.shared_by(pair).is_none();
        if let Some(closer) = at.closed_by().filter(|_| closed) {
            at.closing_words(closer, found);
            at.closure(found);
        }
    }
}

fn is_in_step(link: &LinkState) -> bool {
    link.link.life == Life::Live && link.link.role == Role::Primary && link.link.frozen.is_empty()
}

struct At<'a> {
    case: &'a Case<'a>,
    pair: &'a Pair,
    link: &'a LinkState,
    incident: &'a IncidentFacts,
    record: &'a RecordFacts,
}

impl At<'_> {
    /// True for a field that waits for a person, or that our user may not write.
    fn waits(&self, field: Field) -> bool {
        let base = self.link.bases.iter().find(|b| b.field.word() == field.word());
        let waits = base.is_some_and(|b| b.conflict.is_some() || !b.held.is_empty());
        let remade = base.is_some_and(|b| b.rule.contains("made another value"));
        waits || remade && self.case.e.excuses.contains(&Excuse::DeniedFields)
    }

    /// The last value that somebody typed.
    fn typed(&self, field: Field, side: Side) -> Option<&Step> {
        let here = |s: &&Step| side == Side::Sentinel || s.record == self.record.sys_id;
        self.pair
            .steps_of(field, side)
            .filter(|s| s.who == Who::Other && !s.after.is_empty())
            .filter(here)
            .last()
    }

    fn differ(&self, field: Field, here: &str, there: &str, found: Found<'_>) {
        let text = format!(
            "incident {}: {}: {} says {there:?}, Sentinel {here:?}",
            self.pair.number,
            field.word(),
            self.record.number
        );
        found("P4", text);
    }

    /// What flows from Sentinel alone.
    fn text(&self, field: Field, said: &str, (column, length): (&str, usize), found: Found<'_>) {
        let there = &self.record.fields[column];
        if shows(there, said, length) || self.waits(field) {
            return;
        }
        // The store app words them in its own way, which stays as what somebody typed does.
        let app = self.case.e.worlds.dialect.took_over_from;
        let the_apps = app.is_some_and(|app| self.record.fields["sys_created_by"] == app);
        // What was changed before it was taken over was the app's to carry.
        let rows = self.case.book.get(&self.pair.guid).into_iter().flatten();
        let taken = rows.filter(|r| r.draft.act == "take_over").map(|r| r.draft.at).max();
        let taken = the_apps.then_some(taken.unwrap_or(self.link.link.created));
        let Some(by_hand) = self.typed(field, Side::ServiceNow).map(|s| s.at).max(taken) else {
            return self.differ(field, said, there, found);
        };
        let news = self.typed(field, Side::Sentinel).filter(|s| s.at > by_hand);
        // Signs that cannot be seen are spelt out in a note: its beginning, or its token, is enough.
        let told = |s: &Step| {
            let words =
                token(&s.after).map_or_else(|| squeezed(&s.after).chars().take(40).collect(), squeezed);
            self.pair.words.iter().filter(|w| w.side == Side::ServiceNow && w.who == Who::Sync).any(|w| {
                let text = w.after.as_deref().unwrap_or_default();
                let ours = text.contains("changed in Microsoft Sentinel");
                ours && !words.is_empty() && squeezed(text).contains(&words)
            })
        };
        if news.is_some_and(|s| !told(s)) {
            self.differ(field, said, there, found);
        }
    }

    /// The side whose people alone closed the pair, where nobody has typed closing words on the other one.
    fn closed_by(&self) -> Option<Side> {
        let closes = |side: Side| {
            let last = self
                .pair
                .steps_of(Field::Status, side)
                .filter(|s| self.case.e.worlds.dialect.is_closed(side, &s.after))
                .last();
            last.is_some_and(|s| s.who == Who::Other)
        };
        let typed = |side| [Field::Closure, Field::CloseNotes].iter().any(|f| self.typed(*f, side).is_some());
        match (closes(Side::Sentinel), closes(Side::ServiceNow)) {
            (true, false) if !typed(Side::ServiceNow) => Some(Side::Sentinel),
            (false, true) if !typed(Side::Sentinel) => Some(Side::ServiceNow),
            _ => None,
        }
    }

    /// Words of a close; whoever said none is said to have closed it.
    fn closing_words(&self, closer: Side, found: Found<'_>) {
        let here = self.incident.classification_comment.as_deref().unwrap_or_default();
        let there = self.record.fields["close_notes"].as_str();
        let (said, shown) = match closer {
            Side::Sentinel => (here, there),
            Side::ServiceNow => (there, here),
        };
        if !said.is_empty() && !shows(shown, said, 4000) && !self.waits(Field::CloseNotes) {
            self.differ(Field::CloseNotes, here, there, found);
        }
    }

    /// What was found, by the product's own table of close codes.
    fn closure(&self, found: Found<'_>) {
        let there = &self.record.fields["close_code"];
        let here = match (&self.incident.classification, &self.incident.reason) {
            (Some(word), Some(reason)) if !reason.is_empty() => format!("{word}-{reason}"),
            (word, _) => word.clone().unwrap_or_default(),
        };
        let said = (self.case.e.worlds.dialect.found_by)(there);
        if !said.contains(&here.as_str()) && !self.waits(Field::Closure) {
            self.differ(Field::Closure, &here, there, found);
        }
    }
}

/// Letters and digits alone: how a column keeps spaces and signs is none of this.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// True for a text that is another one, or its beginning where it fills its column.
fn shows(there: &str, said: &str, length: usize) -> bool {
    let full = there.chars().count() + 1 >= length;
    let (there, said) = (squeezed(there), squeezed(said));
    there == said || full && said.starts_with(&there)
}
