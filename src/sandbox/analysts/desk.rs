//! Acts on the ServiceNow side, only on records that belong to an incident.

use super::phrases::{self, gist};
use super::{AnalystEntry, Analysts, Deed};
use crate::sandbox::servicenow::{DeskAct, DeskWorld, RecordFacts};
use crate::sandbox::side::Side;
use crate::text::Stamp;

/// Tables in which linked records live.
const TABLES: [&str; 2] = ["incident", "sn_si_incident"];

/// What people there call things; the same state number means something else per table.
struct Dialect {
    working: &'static [&'static str],
    hold: Option<&'static str>,
    resolved: &'static str,
    ended: &'static [&'static str],
}

const INCIDENT: Dialect =
    Dialect { working: &["2"], hold: Some("3"), resolved: "6", ended: &["6", "7", "8"] };

const SECURITY: Dialect =
    Dialect { working: &["16", "18", "19", "20"], hold: None, resolved: "3", ended: &["3", "7"] };

impl Analysts {
    /// Does `deed` on a linked record; `None` when there is none or it cannot be done now.
    pub(super) fn at_desk(&mut self, world: &mut DeskWorld, deed: Deed, now: Stamp) -> Option<AnalystEntry> {
        let linked: Vec<(&'static str, String)> = TABLES
            .into_iter()
            .flat_map(|table| world.linked(table).into_iter().map(move |id| (table, id)))
            .collect();
        let (table, id) = linked.get(self.recent(linked.len())?)?.clone();
        let record = world.record_facts(table, &id)?;
        let dialect = if table == "incident" { &INCIDENT } else { &SECURITY };
        let (act, what, token) = self.desk_act(world, table, &record, dialect, deed)?;
        let who = self.person();
        world.act(table, &id, &act, who.user_name, now).ok()?;
        Some(AnalystEntry {
            at: now,
            who: who.name.to_owned(),
            side: Side::ServiceNow,
            what,
            target: record.number,
            token,
        })
    }

    fn desk_act(
        &mut self,
        world: &DeskWorld,
        table: &str,
        record: &RecordFacts,
        dialect: &Dialect,
        deed: Deed,
    ) -> Option<(DeskAct, String, Option<String>)> {
        let field = |name: &str| record.fields.get(name).map_or("", String::as_str);
        let state = field("state").to_owned();
        let ended = dialect.ended.contains(&state.as_str());
        match deed {
            Deed::WorkNote | Deed::CallerComment => {
                let token = self.token();
                let text = phrases::comment(&mut self.rng, &token);
                let what = gist(&text);
                Some(match deed {
                    Deed::WorkNote => (DeskAct::WorkNote(text), format!("work note “{what}”"), Some(token)),
                    _ => (DeskAct::Comment(text), format!("comment “{what}”"), Some(token)),
                })
            }
            Deed::Impact if !ended => {
                let pairs = [("1", "1"), ("1", "2"), ("2", "2"), ("2", "3"), ("3", "2"), ("3", "3")];
                let (impact, urgency) = pairs[self.rng.usize(..pairs.len())];
                if (field("impact"), field("urgency")) == (impact, urgency) {
                    return None;
                }
                let what = format!("impact {impact}, urgency {urgency}");
                set(&[("impact", impact), ("urgency", urgency)], what)
            }
            Deed::Progress if !ended => {
                let to = dialect.working[self.rng.usize(..dialect.working.len())];
                (to != state).then_some(())?;
                set(&[("state", to)], format!("state {state} → {to}"))
            }
            Deed::Hold if !ended => {
                let hold = dialect.hold.filter(|h| *h != state)?;
                let reason = self.rng.choice(["1", "3", "4", "5"])?;
                set(&[("state", hold), ("hold_reason", reason)], "on hold".into())
            }
            Deed::Assign if !ended => {
                let to = self.person();
                (field("assigned_to") != to.sys_id).then_some(())?;
                set(&[("assigned_to", to.sys_id)], format!("assigned to {}", to.name))
            }
            Deed::Rename => {
                let token = self.token();
                let base = field("short_description").split(" (").next().unwrap_or_default();
                let text = format!("{} ({token})", base.chars().take(120).collect::<String>());
                let (act, what, _) = set(&[("short_description", &text)], "short description edited".into())?;
                Some((act, what, Some(token)))
            }
            // People mostly work before they resolve.
            Deed::Resolve if !dialect.working.contains(&state.as_str()) && self.rng.f64() < 0.8 => None,
            Deed::Resolve if !ended => self.resolve(world, table, dialect),
            Deed::ReopenRecord if ended && !matches!(state.as_str(), "7" | "8") => {
                set(&[("state", dialect.working[0])], "reopened".into())
            }
            _ => None,
        }
    }

    fn resolve(
        &mut self,
        world: &DeskWorld,
        table: &str,
        dialect: &Dialect,
    ) -> Option<(DeskAct, String, Option<String>)> {
        let token = self.token();
        // Stored values need not be their labels, and lists differ between instances (4, 5).
        let codes = world.choice_list(table, "close_code");
        let (code, label) = codes.get(self.rng.usize(..codes.len().max(1)))?;
        let notes = phrases::closing(&mut self.rng, &token);
        let fields = [("state", dialect.resolved), ("close_code", code), ("close_notes", &notes)];
        let (act, what, _) = set(&fields, format!("resolved as {label}"))?;
        Some((act, what, Some(token)))
    }
}

fn set(fields: &[(&str, &str)], what: String) -> Option<(DeskAct, String, Option<String>)> {
    let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Some((DeskAct::Set(fields), what, None))
}
