//! What watchers see of a link, and what goes on record about it: its row, happenings, audit
//! rows.

use crate::model::ledger::AuditDraft;
use crate::model::view::{EventView, Level, LinkView, Step};
use crate::model::{Delivery, Field, Incident, Life, LinkId, LinkState, Pair, Side, SysId};
use crate::sync::link_step;
use crate::sync::plan::Decision;
use crate::sync::values::{is_closed, servicenow_value};
use crate::text::{Stamp, UntrustedText};

use super::ctx::Ws;
use super::turn::Turn;

impl Ws {
    /// The link as watchers see it.
    pub fn view(&self, state: &LinkState) -> LinkView {
        let (step, mut why) = link_step(state);
        if step == Step::Pending
            && let Some(held) = self.held_writes(state)
        {
            why = held;
        }
        let incident = state.incident.as_ref();
        let record = state.record.as_ref();
        let shape = &self.settings().route.shape;
        let raw = |f: Field| record.and_then(|r| servicenow_value(r, shape, f)).unwrap_or_default();
        let written =
            |side: Side| state.entries.iter().filter(|e| e.origin.side() == Some(side)).count() as u32;
        let closed_record = self
            .with_plan(|ctx| ctx.tables.is_closed_state(&ctx.workspace.route.table, &raw(Field::Status)))
            == Some(true);
        let ended = state.link.life == Life::Unlinked;
        LinkView {
            id: state.link.id,
            workspace: self.key.clone(),
            instance: state.link.instance.clone(),
            table: state.link.table.clone(),
            incident: state.link.incident.clone(),
            incident_number: incident.map_or(0, |i| i.number),
            record_number: record.map(|r| r.number.clone()).unwrap_or_default(),
            sys_id: state.link.sys_id.clone(),
            title: incident.map(|i| i.title.clone()).unwrap_or_default(),
            severity: Pair::new(
                UntrustedText::new(incident.map(|i| i.severity.clone()).unwrap_or_default()),
                UntrustedText::new(self.readable(
                    state,
                    Field::Severity,
                    Side::ServiceNow,
                    &raw(Field::Severity),
                )),
            ),
            status: Pair::new(
                UntrustedText::new(incident.map(|i| i.status.clone()).unwrap_or_default()),
                UntrustedText::new(self.readable(
                    state,
                    Field::Status,
                    Side::ServiceNow,
                    &raw(Field::Status),
                )),
            ),
            owner: Pair::new(
                UntrustedText::new(incident.map(owner_name).unwrap_or_default()),
                UntrustedText::new(self.readable(state, Field::Owner, Side::ServiceNow, &raw(Field::Owner))),
            ),
            created: incident.map_or(state.link.created, |i| i.created),
            changed: incident.map_or(Stamp(0), |i| i.modified).max(record.map_or(Stamp(0), |r| r.updated_on)),
            step,
            why,
            in_filter: state.link.in_filter,
            entries: Pair::new(written(Side::Sentinel), written(Side::ServiceNow)),
            url: Pair::new(incident.map(|i| i.url.clone()).unwrap_or_default(), self.record_url(state)),
            closed: ended || incident.is_some_and(is_closed) && closed_record,
        }
    }

    /// Why nothing is written for a link although something is to be: a person is asked first.
    fn held_writes(&self, state: &LinkState) -> Option<String> {
        let said = |side: Side| state.entries.iter().any(|e| e.delivery(side) == Delivery::Waiting);
        // A new record and what comes with it wait for nobody.
        let pending = state.link.pending && state.link.life == Life::Live;
        let waits = |side: &Side| self.rate_waits(*side) && (said(*side) || pending);
        let side = [Side::Sentinel, Side::ServiceNow].into_iter().find(waits)?;
        state.open_intent().is_none().then(|| self.rate_view(side).waits())
    }

    /// Where a browser finds the record; empty before it exists.
    fn record_url(&self, state: &LinkState) -> UntrustedText {
        let root = self.instance().url.trim_end_matches('/');
        if root.is_empty() || state.record.is_none() {
            return UntrustedText::default();
        }
        let (table, id) = (state.link.table.as_str(), state.link.sys_id.as_str());
        UntrustedText::new(format!("{root}/nav_to.do?uri={table}.do%3Fsys_id%3D{id}"))
    }

    /// A raw value as people read it.
    pub fn readable(&self, _state: &LinkState, field: Field, side: Side, raw: &str) -> String {
        if side == Side::Sentinel || raw.is_empty() {
            return raw.to_owned();
        }
        self.with_plan(|ctx| {
            let table = &ctx.workspace.route.table;
            match field {
                Field::Severity => match ctx.tables.severity_to_sentinel(table, raw) {
                    Ok(found) => found.value.to_string(),
                    Err(_) => raw.to_owned(),
                },
                Field::Status => ctx.tables.status_label(table, raw).unwrap_or(raw).to_owned(),
                Field::Owner => ctx
                    .directory
                    .user(&SysId::new(raw))
                    .map_or_else(|| raw.to_owned(), |u| u.name.raw().to_owned()),
                _ => raw.to_owned(),
            }
        })
    }

    /// The link in words: `prod/4711 INC0010023`.
    pub fn subject(&self, state: &LinkState) -> String {
        let number = state.incident.as_ref().map_or(0, |i| i.number);
        let record = state.record.as_ref().map(|r| format!(" {}", r.number)).unwrap_or_default();
        crate::text::escape_line(&format!("{}/{number}{record}", self.key.as_str()))
    }

    /// A happening.
    pub fn event(&self, level: Level, link: Option<LinkId>, subject: String, text: String) -> EventView {
        EventView { at: self.now().utc, level, workspace: self.key.clone(), link, subject, text }
    }

    /// An audit row about a link.
    pub fn audit(
        &self,
        state: &LinkState,
        act: &str,
        (side, what): (Option<Side>, &str),
        (before, after): (&str, &str),
        why: &str,
    ) -> AuditDraft {
        AuditDraft {
            at: self.now().utc,
            who: "sync".into(),
            act: act.into(),
            link: Some(state.link.id),
            subject: self.subject(state),
            side: side.map(Side::word).unwrap_or_default().into(),
            what: what.into(),
            before: before.into(),
            after: after.into(),
            why: why.into(),
            intent: None,
        }
    }

    /// The audit row about a link that rests from now on until a person has a look.
    pub fn audit_freeze(&self, state: &LinkState, why: &str) -> AuditDraft {
        self.audit(state, "freeze", (None, "link"), ("", ""), why)
    }

    /// Puts a decision on record.
    pub fn note_decision(&self, state: &LinkState, turn: &mut Turn, decision: &Decision) {
        let level = if decision.needs_a_look { Level::Warning } else { Level::Info };
        let text = format!(
            "{}: {}",
            decision.field.label().to_lowercase(),
            crate::text::escape_line(&decision.text)
        );
        turn.events.push(self.event(level, Some(state.link.id), self.subject(state), text));
        turn.audit.push(self.audit(state, "decide", (None, decision.field.word()), ("", ""), &decision.text));
    }
}

fn owner_name(incident: &Incident) -> String {
    let owner = &incident.owner;
    [&owner.name, &owner.upn, &owner.email, &owner.object_id]
        .into_iter()
        .find(|v| !v.is_empty())
        .cloned()
        .unwrap_or_default()
}
