//! The same incident on more than one record: which record stays, and which of the others may be closed.
//!
//! Only a record that nobody but us ever wrote may be closed without a person, and only while no link of
//! ours is about it: the sync alone writes to linked records.

use crate::mapping::Tables;
use crate::model::{Choice, IncidentId, Record, RecordShape, RecordWrite, Status, TableName, WorkspaceKey};

use super::hand_over::is_store_apps;
use super::identity::{Correlation, read_correlation};
use super::values::cut;

/// The word by which tables and instances call the close code of a duplicate.
const DUPLICATE: &str = "duplicate";

/// What the store knows of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tie {
    /// It is the record of a live link.
    Linked,
    /// Its incident went on in a later record, and this one is left as it is.
    Before,
    /// A link that is not live is about it; why, in words.
    Other(String),
    /// No link is about it.
    None,
}

/// Who wrote on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hands {
    /// Nobody but our own user.
    OursAlone,
    /// Somebody else as well, named by login.
    Others(String),
    /// It cannot be told, and why.
    Unknown(String),
}

/// One record of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// As it was read.
    pub record: Record,
    /// What the store knows of it.
    pub tie: Tie,
    /// Who wrote on it.
    pub hands: Hands,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is the one that stays.
    Keep,
    /// It is closed already, or rests because its incident went on in another.
    Settled,
    /// It may be closed, with this write.
    Close(RecordWrite),
    /// A person has to look at it, and why.
    Leave(String),
}

/// What the answer rests on besides the records.
pub struct Question<'a> {
    /// Workspace of the incident.
    pub workspace: &'a WorkspaceKey,
    /// Name of the workspace in Azure, as the store app writes it.
    pub name: &'a str,
    /// The incident.
    pub incident: &'a IncidentId,
    /// Table of the records.
    pub table: &'a TableName,
    /// What its fields are called.
    pub shape: &'a RecordShape,
    /// The tables in force.
    pub tables: &'a Tables,
    /// Choices of the table, as far as they are known.
    pub choices: &'a [Choice],
    /// The user we sign in with.
    pub own_user: &'a str,
}

/// The incident of this workspace that a correlation id names, in any of the forms that are recognised.
pub fn incident_of(correlation: &str, workspace: &WorkspaceKey, name: &str) -> Option<IncidentId> {
    match read_correlation(correlation) {
        Correlation::Ours(key, id) => (key == workspace.as_str()).then_some(id),
        Correlation::StoreApp(_, id) => is_store_apps(correlation, name, &id).then_some(id),
        Correlation::Foreign => None,
    }
}

/// Who wrote on a record, by the record itself; its journal may tell more.
pub fn hands_of(record: &Record, own_user: &str) -> Hands {
    for (who, column) in [(&record.created_by, "sys_created_by"), (&record.updated_by, "sys_updated_by")] {
        if who.is_empty() {
            return Hands::Unknown(format!("our user may not read {column}"));
        }
        if who != own_user {
            return Hands::Others(who.clone());
        }
    }
    Hands::OursAlone
}

/// True for a record that needs nothing any more: closed, or no longer active.
pub fn is_done(record: &Record, shape: &RecordShape, tables: &Tables) -> bool {
    let closed = record.value(&shape.status).and_then(|state| tables.is_closed_state(&record.table, state));
    closed == Some(true) || record.value("active") == Some("false")
}

/// What becomes of each record of an incident, in their order. One stays: the linked one, else the oldest.
pub fn judge(q: &Question<'_>, copies: &[Copy]) -> Vec<Fate> {
    let Some(winner) = (0..copies.len()).min_by_key(|i| {
        let c = &copies[*i];
        (c.tie == Tie::Before, c.tie != Tie::Linked, c.record.age_order())
    }) else {
        return Vec::new();
    };
    let fate = |(i, copy): (usize, &Copy)| {
        if i == winner {
            return Fate::Keep;
        }
        if copy.tie == Tie::Before || copy.tie == Tie::None && is_done(&copy.record, q.shape, q.tables) {
            return Fate::Settled;
        }
        match closing(q, copy, &copies[winner]) {
            Ok(write) => Fate::Close(write),
            Err(why) => Fate::Leave(why),
        }
    };
    copies.iter().enumerate().map(fate).collect()
}

/// The write that closes a duplicate; the reason why a person has to look at it otherwise.
fn closing(q: &Question<'_>, copy: &Copy, winner: &Copy) -> Result<RecordWrite, String> {
    match &copy.tie {
        Tie::Linked => return Err("a link of its own keeps it in step; the sync alone writes to it".into()),
        Tie::Before => return Err("its incident went on in a later record".into()),
        Tie::Other(why) => return Err(why.clone()),
        Tie::None => {}
    }
    // Without a link the sync takes up one that our own user made before any other: if that is not the
    // one that stays, it could be this one.
    if winner.tie != Tie::Linked && winner.record.created_by != q.own_user {
        return Err("the incident has no link yet; let the sync make one first".into());
    }
    let correlation = copy.record.value(&q.shape.correlation_id).unwrap_or_default();
    match read_correlation(correlation) {
        Correlation::Ours(key, id) if key == q.workspace.as_str() && id == *q.incident => {}
        Correlation::StoreApp(..) => {
            return Err("it is a record of Microsoft's store app, which may carry its close over".into());
        }
        Correlation::Ours(..) | Correlation::Foreign => {
            return Err(format!("its {} is not ours", q.shape.correlation_id));
        }
    }
    match &copy.hands {
        Hands::OursAlone => {}
        Hands::Others(who) => return Err(format!("{who} wrote on it")),
        Hands::Unknown(why) => return Err(format!("who wrote on it cannot be told: {why}")),
    }
    let status = q.tables.status_to_servicenow(q.table, Status::Closed.word());
    let state = status.map_err(|e| format!("no state that closes it is known: {e}"))?.value;
    let code = close_code(q).ok_or_else(|| {
        let table = q.table;
        format!(
            "no close code for it is known; give the closure table a row for {table} with the code Duplicate"
        )
    })?;
    let number = &winner.record.number;
    let shape = q.shape;
    let note = format!(
        "This record is a duplicate: Microsoft Sentinel incident {} is kept in step with {number} ({}). \
         Nothing but diptych wrote here, so it was closed; go on in {number}.",
        q.incident.as_str(),
        winner.record.sys_id.as_str(),
    );
    let values = [
        (&shape.status, state),
        (&shape.close_code, code),
        (&shape.close_notes, cut(&format!("Duplicate of {number}."), 4000)),
        (&shape.notes, note),
    ];
    Ok(RecordWrite { values: values.map(|(name, value)| (name.clone(), value)).into() })
}

/// The close code of a duplicate: the one of that name where the tables know it and the instance offers it,
/// else that of an undetermined closure.
fn close_code(q: &Question<'_>) -> Option<String> {
    let mut offered = q.choices.iter().filter(|c| c.element == q.shape.close_code && !c.inactive).peekable();
    let unknown = offered.peek().is_none();
    let codes: Vec<&str> = offered.map(|c| c.value.as_str()).collect();
    let usable = |code: &str| unknown || codes.contains(&code);
    let named = q.tables.rows().closure.iter().find(|row| {
        let ours = row.table.is_empty() || row.table == q.table.as_str();
        let says = |text: &str| text.trim().eq_ignore_ascii_case(DUPLICATE);
        ours && (says(&row.servicenow) || says(&row.label)) && usable(&row.servicenow)
    });
    if let Some(row) = named {
        return Some(row.servicenow.clone());
    }
    let found = q.tables.closure_to_servicenow(q.table, "Undetermined").ok()?;
    usable(&found.value).then_some(found.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::TableSet;
    use crate::model::SysId;
    use crate::sync::identity::correlation_id;
    use crate::text::Stamp;

    const GUID: &str = "11111111-2222-3333-4444-555555555555";
    const US: &str = "svc.sync";

    struct Desk {
        workspace: WorkspaceKey,
        incident: IncidentId,
        table: TableName,
        shape: RecordShape,
        tables: Tables,
        choices: Vec<Choice>,
    }

    impl Desk {
        fn new() -> Self {
            let table = TableName::new("incident").unwrap();
            Self {
                workspace: WorkspaceKey::new("prod").unwrap(),
                incident: IncidentId::new(GUID),
                shape: RecordShape::for_table(&table),
                table,
                tables: Tables::compile(&TableSet::default_tables()),
                choices: Vec::new(),
            }
        }

        fn copy(&self, n: i64, tie: Tie, hands: Hands) -> Copy {
            let correlation = correlation_id(&self.workspace, &self.incident);
            let values = [("correlation_id", correlation.as_str()), ("state", "1"), ("active", "true")];
            let record = Record {
                table: self.table.clone(),
                sys_id: SysId::new(format!("{n:032x}")),
                number: format!("INC000000{n}"),
                created_on: Stamp(n),
                created_by: US.into(),
                updated_by: US.into(),
                values: values.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
                ..Record::default()
            };
            Copy { record, tie, hands }
        }

        fn judge(&self, copies: &[Copy]) -> Vec<Fate> {
            let q = Question {
                workspace: &self.workspace,
                name: "soc",
                incident: &self.incident,
                table: &self.table,
                shape: &self.shape,
                tables: &self.tables,
                choices: &self.choices,
                own_user: US,
            };
            judge(&q, copies)
        }
    }

    fn why(fate: &Fate) -> &str {
        match fate {
            Fate::Leave(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_linked_one_stays_and_one_that_only_we_wrote_is_closed_in_favour_of_it() {
        let d = Desk::new();
        let copies =
            [d.copy(1, Tie::None, Hands::OursAlone), d.copy(2, Tie::Linked, Hands::Others("beth".into()))];
        let fates = d.judge(&copies);
        assert_eq!(fates[1], Fate::Keep);
        let Fate::Close(write) = &fates[0] else { panic!("{fates:?}") };
        assert_eq!(write.values["state"], "6");
        assert_eq!(write.values["close_code"], "Duplicate");
        assert!(write.values["work_notes"].contains("INC0000002"), "{write:?}");
        assert!(write.values["close_notes"].contains("INC0000002"), "{write:?}");
        assert_eq!(write.values.len(), 4, "nothing else is written");
    }

    #[test]
    fn without_a_link_the_oldest_stays_then_the_lowest_number() {
        let d = Desk::new();
        let mut copies = [2, 1, 3].map(|n| d.copy(n, Tie::None, Hands::OursAlone));
        assert_eq!(d.judge(&copies)[1], Fate::Keep);
        copies.iter_mut().for_each(|c| c.record.created_on = Stamp(5));
        assert_eq!(d.judge(&copies)[1], Fate::Keep);
        // Numbers are counted up, whatever the keys say.
        copies[0].record.number = "INC9".into();
        copies[1].record.number = "INC10".into();
        assert_eq!(d.judge(&copies)[0], Fate::Keep);
        copies[1].record.number = "INC1".into();
        // The sync would take up one of ours first.
        copies[1].record.created_by = "beth".into();
        assert!(why(&d.judge(&copies)[0]).contains("no link yet"));
    }

    #[test]
    fn a_record_whose_incident_went_on_in_a_later_one_is_no_duplicate() {
        let d = Desk::new();
        for later in [Tie::Linked, Tie::Other("the sync is making it".into())] {
            let copies =
                [d.copy(1, Tie::Before, Hands::Others("beth".into())), d.copy(2, later, Hands::OursAlone)];
            assert_eq!(d.judge(&copies), [Fate::Settled, Fate::Keep], "though somebody opened it again");
        }
    }

    #[test]
    fn what_somebody_touched_or_nobody_can_tell_is_left_for_a_person() {
        let d = Desk::new();
        let left = |copy: Copy| {
            let fates = d.judge(&[d.copy(9, Tie::Linked, Hands::OursAlone), copy]);
            why(&fates[1]).to_owned()
        };
        assert!(left(d.copy(1, Tie::None, Hands::Others("beth".into()))).contains("beth"));
        assert!(left(d.copy(1, Tie::None, Hands::Unknown("hidden".into()))).contains("hidden"));
        assert!(left(d.copy(10, Tie::Linked, Hands::OursAlone)).contains("the sync alone"));
        assert_eq!(left(d.copy(1, Tie::Other("being made".into()), Hands::OursAlone)), "being made");
        let mut app = d.copy(1, Tie::None, Hands::OursAlone);
        app.record.values.insert("correlation_id".into(), format!("Sentinel-{GUID}"));
        assert!(left(app).contains("store app"));
        let mut foreign = d.copy(1, Tie::None, Hands::OursAlone);
        foreign.record.values.remove("correlation_id");
        assert!(left(foreign).contains("not ours"));
    }

    #[test]
    fn a_closed_one_needs_nothing_more() {
        let d = Desk::new();
        for (column, value) in [("state", "6"), ("state", "7"), ("active", "false")] {
            let mut closed = d.copy(1, Tie::None, Hands::Others("beth".into()));
            closed.record.values.insert(column.into(), value.into());
            let fates = d.judge(&[d.copy(9, Tie::Linked, Hands::OursAlone), closed]);
            assert_eq!(fates[1], Fate::Settled, "{column} {value}");
        }
    }

    #[test]
    fn a_code_that_the_instance_does_not_offer_is_not_sent() {
        let mut d = Desk::new();
        let offer =
            |value: &str| Choice { element: "close_code".into(), value: value.into(), ..Choice::default() };
        let copies =
            |d: &Desk| [d.copy(1, Tie::None, Hands::OursAlone), d.copy(2, Tie::Linked, Hands::OursAlone)];
        d.choices = vec![offer("No resolution provided")];
        let fates = d.judge(&copies(&d));
        let Fate::Close(write) = &fates[0] else { panic!("{fates:?}") };
        assert_eq!(write.values["close_code"], "No resolution provided");
        d.choices = vec![offer("Something else")];
        assert!(why(&d.judge(&copies(&d))[0]).contains("no close code"));
        d.choices.clear();
        d.tables = Tables::compile(&TableSet::default());
        assert!(why(&d.judge(&copies(&d))[0]).contains("no state"));
    }

    #[test]
    fn who_wrote_is_told_by_both_columns_and_an_unread_one_tells_nothing() {
        let d = Desk::new();
        let record = |made: &str, moved: &str| Record {
            created_by: made.into(),
            updated_by: moved.into(),
            ..d.copy(1, Tie::None, Hands::OursAlone).record
        };
        assert_eq!(hands_of(&record(US, US), US), Hands::OursAlone);
        assert_eq!(hands_of(&record(US, "beth"), US), Hands::Others("beth".into()));
        assert_eq!(hands_of(&record("beth", US), US), Hands::Others("beth".into()));
        assert!(matches!(hands_of(&record(US, ""), US), Hands::Unknown(_)));
    }

    #[test]
    fn every_recognised_form_names_its_incident_and_others_none() {
        let ws = WorkspaceKey::new("prod").unwrap();
        let id = IncidentId::new(GUID);
        for form in [format!("diptych:prod:{GUID}"), GUID.into(), format!("Sentinel-soc-{GUID}")] {
            assert_eq!(incident_of(&form, &ws, "soc"), Some(id.clone()), "{form}");
        }
        for form in [format!("diptych:lab:{GUID}"), format!("Sentinel-other-{GUID}"), "INC1".into()] {
            assert_eq!(incident_of(&form, &ws, "soc"), None, "{form}");
        }
    }
}
