//! Tricks: what a customer's instance, its people and the services do beyond ordinary work, for a
//! while or once.

mod partner;

use std::collections::BTreeMap;

use diptych::sandbox::people::{CAST, Person};
use diptych::sandbox::sentinel::IncidentAct;
use diptych::sandbox::servicenow::{DeskAct, RecordFacts};
use diptych::sandbox::side::Side;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::script::pick;
use crate::simulation::custom::{BY_HAND, FOLLOWS, TYPED, tables};
use crate::simulation::{Around, CUSTOMER_WORD, Deeds, NUMBER_LABEL, Simulation, USER, WORKSPACE, is_full};

macro_rules! tricks {
    ($($(#[$doc:meta])+ $name:ident,)*) => {
        /// One of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Trick {
            $($(#[$doc])+ $name,)*
        }

        impl Trick {
            /// All of them, always in the same order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

tricks! {
    /// A linked record is hidden from our user by an access rule.
    HideRecord,
    /// Every linked record is hidden from our user, as by a role that was taken away.
    HideRecords,
    /// A business rule turns one urgency into another.
    RewriteUrgency,
    /// A business rule aborts updates of the assignee.
    AbortAssignment,
    /// A business rule aborts work notes.
    AbortNotes,
    /// Rules save a record once more after each update.
    ExtraSave,
    /// Impact, urgency, state and assignee are left unchanged without a word.
    DenyFields,
    /// What people write becomes visible up to a minute after its stamp.
    LatePeople,
    /// Lists of incidents show the past.
    LaggingList,
    /// Our user may not read the column that our queries filter by, so the term is dropped.
    HideGroup,
    /// The same for the correlation id.
    HideCorrelation,
    /// A person makes a copy of a linked record, correlation and all.
    CopyRecord,
    /// A person makes a record that has nothing to do with us.
    StrangerRecord,
    /// A person writes another correlation id into a linked record.
    ChangeCorrelation,
    /// A person quotes one of our notes, marker and all.
    QuoteMarker,
    /// A person edits a comment.
    EditComment,
    /// An incident loses the label that let it in.
    Unlabel,
    /// All tokens become invalid.
    RevokeTokens,
    /// Somebody writes early close notes into an open record.
    EarlyCloseNotes,
    /// Somebody saves two records in the very second of one of our reads: one just before it, the
    /// other just after.
    AroundRead,
    /// Copies of a linked record are made by a person, where our user will never see them.
    UnseenCopies,
    /// Somebody gives every incident of ours another severity at once.
    MassChange,
    /// A rule of one side sets its own severity in the pair that another rule, on the other side, is
    /// about, too.
    TugOfWar,
    /// A person deletes a linked record.
    DeleteRecord,
    /// A person deletes an incident.
    DeleteIncident,
    /// A person types over a column that the tables fill.
    TypeOver,
    /// An admin changes the template of a column.
    MendRow,
    /// A person closes a linked record in ServiceNow.
    CloseThere,
    /// A job closes for good what was resolved in ServiceNow.
    CloseFurther,
    /// A person reopens an incident whose record is closed.
    ReopenHere,
    /// A person closes an incident whose record is closed already.
    CloseHere,
    /// A person takes the label off an incident that shows its record's number.
    UnlabelNumber,
    /// A person in Sentinel writes something for the customer, or something that only looks like it.
    TellCustomer,
    /// Our user may not read the table of journals, and is told so or gets no rows.
    HideJournal,
}

use Trick::*;

/// The switch of what our user may not see.
const HIDDEN_ROWS: &str = "hidden_rows";

/// How a trick came off.
pub enum Played {
    /// Done, and it stays.
    Once,
    /// A switch was turned; this is its old value, to be put back when the trick's span is over.
    Switched(Side, &'static str, Value),
}

/// What a trick excuses at the end, because nobody could do better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excuse {
    /// A rule of the instance makes other values of ours.
    Severity,
    /// Fields may stay frozen as "kept its value".
    DeniedFields,
    /// What people write in ServiceNow becomes visible in another order.
    OrderFromDesk,
    /// Notes may be written in another order than what they carry was said.
    OrderToDesk,
    /// Links may be frozen because their record names another incident.
    Correlation,
}

impl Trick {
    /// What it excuses.
    pub fn excuse(self) -> Option<Excuse> {
        match self {
            RewriteUrgency => Some(Excuse::Severity),
            DenyFields => Some(Excuse::DeniedFields),
            LatePeople => Some(Excuse::OrderFromDesk),
            AbortNotes => Some(Excuse::OrderToDesk),
            ChangeCorrelation => Some(Excuse::Correlation),
            _ => None,
        }
    }

    /// True when records are in no list while it lasts.
    pub fn hides_records(self) -> bool {
        matches!(self, HideRecord | HideRecords | HideGroup)
    }

    /// True when no record can be told to be ours while it lasts, so that nothing of one may be taken (I6).
    pub fn hides_whose(self) -> bool {
        self == HideCorrelation
    }

    /// The switch that it turns for its span, with the side it belongs to.
    pub fn switch(self) -> Option<(Side, &'static str)> {
        let desk = |name| Some((Side::ServiceNow, name));
        match self {
            HideRecord | HideRecords => desk(HIDDEN_ROWS),
            RewriteUrgency => desk("rewrites"),
            AbortAssignment | AbortNotes => desk("aborts"),
            ExtraSave => desk("extra_mod_count"),
            DenyFields => desk("write_denied_fields"),
            LatePeople => desk("late_visibility_seconds"),
            LaggingList => Some((Side::Sentinel, "list_lag_s")),
            HideGroup | HideCorrelation => desk("hidden_fields"),
            HideJournal => desk("journal_acl"),
            _ => None,
        }
    }

    /// What the switch is turned to; `None` when there is nothing to turn it against yet.
    fn value(self, sim: &Simulation, rng: &mut Rng) -> Option<Value> {
        Some(match self {
            HideRecord => {
                let mut hidden = unseen(sim);
                hidden.push(linked(sim, rng)?.sys_id);
                json!({USER: hidden})
            }
            HideRecords => {
                let mut hidden = unseen(sim);
                let ours = sim.worlds().records.into_iter();
                let ours = ours.filter(|r| sim.dialect.incident_of(&r.fields["correlation_id"]).is_some());
                hidden.extend(ours.map(|r| r.sys_id));
                json!({USER: hidden})
            }
            RewriteUrgency => {
                let (from, to) = *pick(rng, &[("1", "2"), ("3", "2"), ("2", "3")]);
                json!([{"table": sim.setting.table, "field": "urgency", "from": from, "to": to}])
            }
            AbortAssignment => {
                json!([{"table": sim.setting.table, "field": "assigned_to", "rule": "Assignment guard"}])
            }
            AbortNotes => {
                json!([{"table": sim.setting.table, "field": "work_notes", "rule": "Note guard"}])
            }
            ExtraSave => json!(rng.u64(1..3)),
            DenyFields => {
                let fields = ["impact", "urgency", "state", "assigned_to"];
                json!({USER: fields.map(|f| format!("{}.{f}", sim.setting.table))})
            }
            LatePeople => json!(rng.u64(1..60)),
            LaggingList => json!(rng.u64(1..61)),
            HideGroup => json!({USER: [format!("{}.correlation_display", sim.setting.table)]}),
            HideCorrelation => json!({USER: [format!("{}.correlation_id", sim.setting.table)]}),
            HideJournal => json!(pick(rng, &["empty", "forbidden"])),
            _ => return None,
        })
    }

    /// Plays it. `None` when there is nothing yet that it could befall.
    pub fn play(self, sim: &Simulation, draw: u64) -> Option<Played> {
        let rng = &mut Rng::with_seed(draw);
        let Some((side, name)) = self.switch() else {
            return self.once(sim, rng, draw).map(|()| Played::Once);
        };
        let value = self.value(sim, rng)?;
        Some(sim.stage.with_world(side, |world| {
            let old = world.switches()[name].clone();
            world.set_switch(name, &value).unwrap();
            Played::Switched(side, name, old)
        }))
    }

    /// What is done once and stays.
    fn once(self, sim: &Simulation, rng: &mut Rng, draw: u64) -> Option<()> {
        let now = sim.world_time();
        let who = CAST[rng.usize(..4)].user_name;
        match self {
            RevokeTokens => {
                sim.stage.with_sentinel(diptych::sandbox::sentinel::SentinelWorld::revoke_tokens);
                sim.stage.with_desk(|d| d.revoke_tokens(false));
            }
            CopyRecord => {
                copy(sim, who, &linked(sim, rng)?.fields);
            }
            StrangerRecord => {
                copy(sim, who, &BTreeMap::new());
            }
            ChangeCorrelation => set(sim, rng, who, &[("correlation_id", "taken over by hand")])?,
            EarlyCloseNotes => {
                let note = format!("early note {:04x}", rng.u16(..));
                set(sim, rng, who, &[("close_notes", &note)])?;
            }
            AroundRead => {
                let (one, other) = (linked(sim, rng)?, linked(sim, rng)?);
                let serial = rng.u32(200_000..1_000_000);
                sim.act_around(Around {
                    side: Side::ServiceNow,
                    before: write_note(
                        (sim.setting.table, one.sys_id),
                        who,
                        format!("before a read FEED-{serial:06}"),
                    ),
                    after: write_note(
                        (sim.setting.table, other.sys_id),
                        who,
                        format!("after a read FEDE-{serial:06}"),
                    ),
                });
            }
            DeleteRecord => {
                // One that the sync made: of others it need not know yet.
                let sys_id = linked(sim, rng).filter(|r| r.fields["sys_created_by"] == USER)?.sys_id;
                sim.stage.with_desk(|d| d.delete(sim.setting.table, &sys_id, now)).unwrap();
            }
            DeleteIncident => {
                let guid = any_incident(sim, rng)?;
                // One of Defender's cannot be deleted.
                sim.stage
                    .with_sentinel(|s| s.act(WORKSPACE, &guid, &IncidentAct::Delete, &CAST[0], now))
                    .ok()?;
            }
            UnseenCopies => copy_unseen(sim, rng, who)?,
            TugOfWar => tug(sim, draw, who)?,
            TypeOver => {
                let text = format!("{BY_HAND}, {:04x}", rng.u16(..));
                set(sim, rng, who, &[(FOLLOWS, &text), (TYPED, "true")])?;
            }
            MendRow => {
                let tables = tables(draw.is_multiple_of(2)).to_json().ok()?;
                sim.with_store(async |store| {
                    let version = store.mapping_current().await.ok()??.number;
                    store.apply_mapping(&tables, "an admin", "mended", version, now).await.ok()?.ok()
                })?;
            }
            MassChange => rate_all(sim),
            QuoteMarker => {
                let record = linked(sim, rng)?;
                let ours = record.journal.iter().find(|j| j.created_by == USER)?.value.clone();
                let other = linked(sim, rng)?;
                // A token of its own, in the form that analysts' tokens have.
                let text = format!("FACE-{:06} as they wrote:\n{ours}", rng.u32(200_000..1_000_000));
                act(sim, &other, &DeskAct::WorkNote(text), who);
            }
            EditComment => edit_comment(sim, rng)?,
            CloseThere | CloseFurther | ReopenHere | CloseHere => partner::play(self, sim, rng)?,
            Unlabel => {
                let guid = any_incident(sim, rng)?;
                let act = IncidentAct::Unlabel("snow".into());
                // One without the label stays as it is.
                sim.stage.with_sentinel(|s| s.act(WORKSPACE, &guid, &act, &CAST[0], now)).ok()?;
            }
            TellCustomer => tell_customer(sim, rng)?,
            UnlabelNumber => unlabel_number(sim, rng)?,
            _ => return None,
        }
        Some(())
    }
}

/// A comment that is for the customer by its first line, or has that line elsewhere and is not.
fn tell_customer(sim: &Simulation, rng: &mut Rng) -> Option<()> {
    let word = format!("FEED-{:06}", rng.u32(200_000..1_000_000));
    let text = match rng.u8(0..4) {
        0 => format!("about the customer {word}\n{CUSTOMER_WORD}\nnot a word to them"),
        1 => format!("{CUSTOMER_WORD} {word} is what they call it"),
        _ => format!("{CUSTOMER_WORD}\nwe are on it, {word}"),
    };
    let guid = any_incident(sim, rng)?;
    let now = sim.world_time();
    // One that is full takes none.
    sim.stage
        .with_sentinel(|s| s.act(WORKSPACE, &guid, &IncidentAct::Comment(text), &CAST[0], now))
        .ok()
        .map(|_| ())
}

/// A label that shows a record's number goes.
fn unlabel_number(sim: &Simulation, rng: &mut Rng) -> Option<()> {
    let mut all: Vec<(String, String)> = Vec::new();
    for incident in sim.worlds().incidents {
        let ours = incident.labels.iter().find(|l| l.starts_with(NUMBER_LABEL)).cloned();
        all.extend(ours.map(|label| (incident.guid, label)));
    }
    let (guid, label) = (!all.is_empty()).then(|| all.swap_remove(rng.usize(..all.len())))?;
    let (act, now) = (IncidentAct::Unlabel(label), sim.world_time());
    // A merged one takes none.
    sim.stage.with_sentinel(|s| s.act(WORKSPACE, &guid, &act, &CAST[1], now)).ok().map(|_| ())
}

/// Some incident of the workspace.
fn any_incident(sim: &Simulation, rng: &mut Rng) -> Option<String> {
    let mut guids = sim.stage.with_sentinel(|s| s.guids(WORKSPACE));
    (!guids.is_empty()).then(|| guids.swap_remove(rng.usize(..guids.len())))
}

/// Some record of ours.
fn linked(sim: &Simulation, rng: &mut Rng) -> Option<RecordFacts> {
    let mut records = sim.worlds().records;
    records.retain(|r| sim.dialect.incident_of(&r.fields["correlation_id"]).is_some());
    (!records.is_empty()).then(|| records.swap_remove(rng.usize(..records.len())))
}

/// A person writes a work note.
pub fn write_note((table, sys_id): (&'static str, String), who: &'static str, text: String) -> Deeds {
    Box::new(move |stage, now| {
        // A rule may stand against it.
        let _ = stage.with_desk(|d| d.act(table, &sys_id, &DeskAct::WorkNote(text), who, now));
    })
}

/// A person writes a comment.
pub fn write_comment(guid: String, who: &'static Person, text: String) -> Deeds {
    Box::new(move |stage, now| {
        stage.with_sentinel(|s| {
            let said = s.act(WORKSPACE, &guid, &IncidentAct::Comment(text), who, now);
            let full = s.facts(WORKSPACE).iter().any(|i| i.guid == guid && is_full(i));
            assert!(said.is_ok() || full, "{said:?}");
        });
    })
}

/// A record made by a person, with the correlation of another if that one has any; gives its key.
fn copy(sim: &Simulation, who: &str, of: &BTreeMap<String, String>) -> String {
    let now = sim.world_time();
    let mut fields = vec![("short_description".to_owned(), "a copy by hand".to_owned())];
    for name in ["correlation_id", "correlation_display"] {
        fields.extend(of.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    sim.stage.with_desk(|d| d.create(sim.setting.table, &fields, who, now)).unwrap()
}

/// A few copies, in our group only, that our user cannot see, as in another domain.
fn copy_unseen(sim: &Simulation, rng: &mut Rng, who: &str) -> Option<()> {
    let mut fields = linked(sim, rng)?.fields;
    // With our own key on them nobody could tell that ours is not among them.
    fields.remove("correlation_id");
    let mut hidden = unseen(sim);
    hidden.extend((0..rng.u8(1..4)).map(|_| copy(sim, who, &fields)));
    let value = json!({USER: hidden});
    sim.stage.with_world(Side::ServiceNow, |w| w.set_switch(HIDDEN_ROWS, &value)).unwrap();
    Some(())
}

/// Records that our user cannot see at present.
pub fn unseen(sim: &Simulation) -> Vec<String> {
    let hidden = sim.stage.with_world(Side::ServiceNow, |w| w.switches()[HIDDEN_ROWS][USER].clone());
    serde_json::from_value(hidden).unwrap_or_default()
}

fn act(sim: &Simulation, record: &RecordFacts, act: &DeskAct, who: &str) {
    let now = sim.world_time();
    // A rule may stand against it.
    let _ = sim.stage.with_desk(|d| d.act(sim.setting.table, &record.sys_id, act, who, now));
}

fn set(sim: &Simulation, rng: &mut Rng, who: &str, fields: &[(&str, &str)]) -> Option<()> {
    let record = linked(sim, rng)?;
    let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    act(sim, &record, &DeskAct::Set(fields), who);
    Some(())
}

/// Every incident that is open becomes High, or Low where it is that already.
fn rate_all(sim: &Simulation) {
    let now = sim.world_time();
    for incident in sim.worlds().incidents.iter().filter(|i| i.status != "Closed") {
        let word = if incident.severity == "High" { "Low" } else { "High" };
        let act = IncidentAct::Severity(word.into());
        // A merged one takes none.
        let _ = sim.stage.with_sentinel(|s| s.act(WORKSPACE, &incident.guid, &act, &CAST[0], now));
    }
}

/// One tug at the oldest pair, from the side that the draw names.
fn tug(sim: &Simulation, draw: u64, who: &str) -> Option<()> {
    let worlds = sim.worlds();
    let ours = |r: &&RecordFacts| sim.dialect.incident_of(&r.fields["correlation_id"]).is_some();
    let record = worlds.records.iter().filter(ours).min_by_key(|r| r.number.clone())?;
    let guid = sim.dialect.incident_of(&record.fields["correlation_id"])?;
    if draw.is_multiple_of(2) {
        let fields = ["impact", "urgency"].map(|f| (f.to_owned(), "3".to_owned()));
        act(sim, record, &DeskAct::Set(fields.to_vec()), who);
        return Some(());
    }
    let now = sim.world_time();
    let high = IncidentAct::Severity("High".into());
    sim.stage.with_sentinel(|s| s.act(WORKSPACE, guid, &high, &CAST[0], now)).ok().map(|_| ())
}

fn edit_comment(sim: &Simulation, rng: &mut Rng) -> Option<()> {
    let now = sim.world_time();
    let incidents = sim.worlds().incidents;
    let by_person = |name: &str| CAST.iter().any(|p| p.name == name);
    let mut comments: Vec<_> = incidents
        .iter()
        .flat_map(|i| i.comments.iter().map(move |c| (i, c)))
        .filter(|(_, c)| by_person(&c.author_name))
        .collect();
    if comments.is_empty() {
        return None;
    }
    let (incident, comment) = comments.swap_remove(rng.usize(..comments.len()));
    let message = format!("on second thought FADE-{:06}", rng.u32(200_000..1_000_000));
    let act = IncidentAct::EditComment { id: comment.id.clone(), message };
    sim.stage.with_sentinel(|s| s.act(WORKSPACE, &incident.guid, &act, &CAST[1], now)).unwrap();
    Some(())
}
