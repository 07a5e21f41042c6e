//! One random case: an agreed pair for every field, then each side perturbed or not.

use diptych::model::link::{Conflict, Seen};
use diptych::model::settings::{Policies, Policy, WorkspaceSettings};
use diptych::model::{
    Base, Crossings, Field, Incident, IncidentId, LinkState, OwnerRef, Record, Side, SysId,
};
use diptych::sync::plan::NOTHING;
use diptych::text::Stamp;
use fastrand::Rng;

use super::oracle::{CLOSURES, Carried, SEVERITIES, STATUSES, clip, left, right};
use super::worlds::{PAIRS, World, codes, link, states};

/// Everything a plan is made of.
#[derive(Clone, Debug)]
pub struct Case<'w> {
    pub world: &'w World,
    pub settings: WorkspaceSettings,
    pub state: LinkState,
    pub now: Stamp,
}

/// Sentinel's raw words of both sides' values, before they become an incident and a record.
#[derive(Clone, Debug)]
struct Face {
    values: [(Word, Option<String>); 7],
}

/// Sentinel's value; an owner is more than its key.
#[derive(Clone, Debug, PartialEq)]
enum Word {
    Text(String),
    Owner(OwnerRef),
}

const POLICIES: [Policy; 7] = [
    Policy::Sentinel,
    Policy::Servicenow,
    Policy::Latest,
    Policy::Ratchet,
    Policy::FirstCloser,
    Policy::Manual,
    Policy::Off,
];

struct Draw<'a> {
    rng: Rng,
    world: &'a World,
    table: &'a str,
}

impl<'w> Case<'w> {
    pub fn draw(seed: u64, worlds: &'w [World]) -> Self {
        let mut rng = Rng::with_seed(seed);
        let world = &worlds[rng.usize(..worlds.len())];
        let mut draw = Draw { rng, world, table: world.settings.route.table.as_str() };
        let policies = draw.policies();
        let agreed = draw.agreed();
        let mut now = agreed.clone();
        draw.perturb(&mut now);
        let state = draw.state(&agreed, &now);
        let settings = WorkspaceSettings { policies, ..world.settings.clone() };
        Self { world, settings, state, now: Stamp(200) }
    }

    pub fn policy(&self, field: Field) -> Policy {
        self.settings.policies.of(field)
    }
}

fn at(field: Field) -> usize {
    Field::ALL.iter().position(|f| *f == field).unwrap_or(0)
}

impl Draw<'_> {
    fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    fn pick<'s>(&mut self, from: &[&'s str]) -> &'s str {
        from[self.rng.usize(..from.len())]
    }

    fn policies(&mut self) -> Policies {
        let mut policies = Policies::default();
        for field in Field::ALL {
            let fitting: Vec<Policy> = POLICIES.into_iter().filter(|p| p.fits(field)).collect();
            if self.chance(60) {
                policies.set(field, fitting[self.rng.usize(..fitting.len())]);
            }
        }
        policies
    }

    fn word(&mut self, field: Field) -> String {
        match field {
            Field::Severity if self.chance(6) => self.pick(&["Critical", "", "high"]).into(),
            Field::Severity => self.pick(&SEVERITIES).into(),
            Field::Status if self.chance(4) => self.pick(&["Triaged", "closed", ""]).into(),
            Field::Status => self.pick(&STATUSES).into(),
            Field::Closure if self.chance(6) => self.pick(&["", "Novel-Reason"]).into(),
            Field::Closure => self.pick(&CLOSURES).into(),
            Field::CloseNotes => self.pick(&["", " ", "was a drill", "seen before"]).into(),
            _ if self.chance(8) => "long ".repeat(40 + self.rng.usize(..4)),
            _ => self.pick(&["one", "two", "three", ""]).into(),
        }
    }

    fn raw(&mut self, field: Field) -> String {
        let (open, closed) = states(self.table);
        match field {
            Field::Severity if self.chance(8) => self.pick(&["/", "9/9", "1/"]).into(),
            Field::Severity => self.pick(&PAIRS).into(),
            Field::Status if self.chance(5) => self.pick(&["-5", ""]).into(),
            Field::Status if self.chance(40) => self.pick(closed).into(),
            Field::Status => self.pick(open).into(),
            Field::Closure if self.chance(10) => self.pick(&["Novel code", ""]).into(),
            Field::Closure => self.pick(codes(self.table)).into(),
            Field::Owner => match self.rng.usize(..10) {
                8 => String::new(),
                n => format!("{n}").repeat(32),
            },
            _ => self.word(field),
        }
    }

    fn owner(&mut self) -> OwnerRef {
        let (upn, email, object_id) = [
            ("noor@contoso.example", "noor@contoso.example", ""),
            ("noor@contoso.example", "", ""),
            ("beth@contoso.example", "beth@contoso.example", ""),
            ("zoe@contoso.example", "zoe@contoso.example", ""),
            ("twin@contoso.example", "twin@contoso.example", ""),
            ("kim@contoso.example", "", ""),
            ("liz.a@contoso.example", "liz@contoso.example", "0b1ec7"),
            ("", "liz@contoso.example", ""),
            ("", "", "0b1ec8"),
            ("who@else.example", "", ""),
            ("", "", ""),
            ("", "", ""),
        ][self.rng.usize(..12)];
        OwnerRef { object_id: object_id.into(), email: email.into(), upn: upn.into(), name: String::new() }
    }

    fn sentinel(&mut self, field: Field) -> Word {
        if field == Field::Owner { Word::Owner(self.owner()) } else { Word::Text(self.word(field)) }
    }

    /// What the tables make of Sentinel's value, or anything where they make nothing of it.
    fn counterpart(&mut self, field: Field, word: &Word) -> String {
        let world = self.world;
        let carried = match (field, word) {
            (Field::Owner, Word::Owner(owner)) => {
                world.people.out(&world.rows, super::worlds::WORKSPACE, owner)
            }
            (Field::Severity | Field::Status | Field::Closure, Word::Text(text)) => {
                world.rows.out(field, self.table, text)
            }
            (_, Word::Text(text)) => {
                Carried::Value(clip(text, if field == Field::Title { 160 } else { 4000 }))
            }
            (_, Word::Owner(_)) => Carried::Held,
        };
        match carried {
            Carried::Value(raw) if !self.chance(6) => raw,
            _ => self.raw(field),
        }
    }

    fn agreed(&mut self) -> Face {
        let values = Field::ALL.map(|field| {
            let word = self.sentinel(field);
            let raw = self.counterpart(field, &word);
            (word, Some(raw))
        });
        let mut face = Face { values };
        // Most links are open; a closed one has closing fields, an open one may have old ones.
        if self.chance(55) {
            let word = self.pick(&["New", "Active"]);
            let raw = self.counterpart(Field::Status, &Word::Text(word.into()));
            face.values[at(Field::Status)] = (Word::Text(word.into()), Some(raw));
            if self.chance(70) {
                for field in [Field::Closure, Field::CloseNotes] {
                    face.values[at(field)] = (Word::Text(String::new()), Some(String::new()));
                }
            }
        }
        face
    }

    fn perturb(&mut self, face: &mut Face) {
        let restless = self.chance(90);
        for field in Field::ALL {
            let dice = if restless { self.rng.u32(..100) } else { 0 };
            if (45..65).contains(&dice) || dice >= 85 {
                face.values[at(field)].0 = self.sentinel(field);
            }
            if dice >= 65 {
                face.values[at(field)].1 = Some(self.raw(field));
            }
            if restless && self.chance(3) {
                face.values[at(field)].1 = None;
            }
        }
    }

    fn state(&mut self, agreed: &Face, now: &Face) -> LinkState {
        let (incident, record) = (self.incident(now), record_of(now));
        let (base_incident, base_record) = (self.incident(agreed), record_of(agreed));
        let lost = self.chance(5);
        let mut bases = Vec::new();
        for field in Field::ALL {
            if lost || self.chance(4) {
                continue;
            }
            let sentinel = match (&agreed.values[at(field)].0, field) {
                // What was agreed at the last close is remembered through a reopen.
                (Word::Text(word), Field::Closure | Field::CloseNotes) if self.chance(50) => word.clone(),
                _ => left(&base_incident, field),
            };
            let servicenow = right(&base_record, field).unwrap_or_default();
            let mut base = Base::agreed(field, sentinel, servicenow, Stamp(self.rng.i64(0..60)));
            self.dress(&mut base, &incident, &record);
            bases.push(base);
        }
        self.rng.shuffle(&mut bases);
        let closer = match self.rng.u32(..4) {
            0 => Some(Side::Sentinel),
            1 => Some(Side::ServiceNow),
            _ => None,
        };
        let seen = (Stamp(self.rng.i64(60..150)), Stamp(self.rng.i64(60..150)));
        let link = link(&incident, &record, self.table, closer);
        LinkState {
            incident: Some(incident),
            incident_seen: seen.0,
            record: Some(record),
            record_seen: seen.1,
            bases,
            ..LinkState::new(link)
        }
    }

    /// Marks that earlier plans may have left on a base.
    fn dress(&mut self, base: &mut Base, incident: &Incident, record: &Record) {
        let (s, n) = (left(incident, base.field), right(record, base.field));
        let text =
            matches!(base.field, Field::Title | Field::Description | Field::Closure | Field::CloseNotes);
        base.detached = text && self.chance(20);
        if self.chance(2) {
            base.sentinel = NOTHING.into();
        }
        if self.chance(2) {
            base.servicenow = NOTHING.into();
        }
        if s != base.sentinel && self.chance(50) {
            base.sentinel_seen = self.seen();
        }
        if n.as_ref().is_some_and(|n| *n != base.servicenow) && self.chance(50) {
            base.servicenow_seen = self.seen();
        }
        if self.chance(6) {
            base.crossings = self.crossings();
        }
        if self.chance(7) {
            base.held = "no row maps it".into();
        } else if self.chance(12) {
            let moved = self.chance(40);
            let taken = [None, None, Some(Side::Sentinel), Some(Side::ServiceNow)][self.rng.usize(..4)];
            base.conflict = Some(Conflict {
                sentinel: if moved { self.word(base.field) } else { s },
                servicenow: n.unwrap_or_default(),
                since: Stamp(50),
                why: "both sides changed".into(),
                taken,
            });
        }
    }

    /// Writes to and fro, up to as many as are one too many with the next, some of them long ago.
    fn crossings(&mut self) -> Crossings {
        let quarter = 15 * 60 * 1_000_000;
        let first = if self.chance(30) { -quarter } else { -quarter / 2 };
        let sides = [[Side::Sentinel, Side::ServiceNow], [Side::ServiceNow, Side::Sentinel]];
        let turn = sides[self.rng.usize(..2)].into_iter().cycle();
        let times = (0..self.rng.i64(1..6)).map(|n| Stamp(first + n));
        turn.zip(times).fold(Crossings::default(), |all, (to, at)| all.and(to, at))
    }

    fn seen(&mut self) -> Seen {
        let same = self.rng.i64(0..100);
        Seen::at(Stamp(same)).shows_another(Stamp(same), Stamp(same + self.rng.i64(1..40)))
    }

    fn incident(&mut self, face: &Face) -> Incident {
        let mut incident = Incident {
            id: IncidentId::new("11111111-2222-3333-4444-555555555555"),
            etag: "e1".into(),
            ..Incident::default()
        };
        for (field, (word, _)) in Field::ALL.into_iter().zip(&face.values) {
            match (field, word) {
                (Field::Owner, Word::Owner(owner)) => incident.owner = owner.clone(),
                (_, Word::Owner(_)) => {}
                (Field::Title, Word::Text(text)) => incident.title = text.as_str().into(),
                (Field::Description, Word::Text(text)) => incident.description = text.as_str().into(),
                (Field::Severity, Word::Text(text)) => incident.severity.clone_from(text),
                (Field::Status, Word::Text(text)) => incident.status.clone_from(text),
                (Field::Closure, Word::Text(text)) => {
                    let (classification, reason) = text.split_once('-').unwrap_or((text, ""));
                    incident.classification = classification.into();
                    incident.reason = reason.into();
                }
                (_, Word::Text(text)) => incident.classification_comment = text.as_str().into(),
            }
        }
        incident
    }
}

fn record_of(face: &Face) -> Record {
    let mut record = Record { sys_id: SysId::new("f".repeat(32)), mod_count: 3, ..Record::default() };
    for (field, (_, raw)) in Field::ALL.into_iter().zip(&face.values) {
        let Some(raw) = raw else { continue };
        let column = match field {
            Field::Title => "short_description",
            Field::Description => "description",
            Field::Status => "state",
            Field::Owner => "assigned_to",
            Field::Closure => "close_code",
            Field::CloseNotes => "close_notes",
            Field::Custom(_) | Field::NumberLabel(_) => continue,
            Field::Severity => {
                let mut parts = raw.split('/');
                for column in ["impact", "urgency"] {
                    record.values.insert(column.into(), parts.next().unwrap_or_default().into());
                }
                continue;
            }
        };
        record.values.insert(column.into(), raw.clone());
    }
    record
}
