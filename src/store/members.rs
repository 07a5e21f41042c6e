//! The incidents of one record: who shares it, and who may join.

use std::collections::{BTreeMap, BTreeSet};

use super::Store;
use super::Tx;
use super::load::{base, within, within_then};
use super::sql::{Row, args, from_json};
use crate::model::ledger::StoreFault;
use crate::model::{
    Beside, Field, Incident, IncidentId, InstanceKey, Life, LinkId, LinkState, Member, Role, SysId,
    TableName, WorkspaceKey,
};

/// Of an index that holds nothing where nothing is shared: the plus signs keep SQLite from walking all links of the
/// table instead. The youngest incident comes first: Sentinel counts them.
pub(super) const JOINABLE: &str = "SELECT l.id AS id, l.group_keys AS group_keys FROM link l CROSS JOIN incident i \
       ON i.workspace = l.workspace AND i.id = l.incident WHERE l.workspace = $1 AND l.group_keys <> '' \
       AND +l.instance = $2 AND +l.table_name = $3 AND l.role = 'primary' AND l.life IN ('creating', 'live') \
     ORDER BY i.number DESC, l.id DESC";

/// Every link of some records, whatever became of it.
pub(super) const OF_RECORDS: &str = "SELECT l.id AS id, l.workspace AS workspace, l.incident AS incident, l.sys_id AS sys_id, l.role AS role, \
       l.life AS life, l.frozen AS frozen, l.group_keys <> '' AS shares, l.closed_alone AS closed_alone, \
       COALESCE(i.body, '') AS body FROM link l LEFT JOIN incident i ON i.workspace = l.workspace \
       AND i.id = l.incident WHERE l.instance = $1 AND l.table_name = $2 AND l.sys_id IN";

impl Store {
    /// Links whose records others may join, that are the same by one of these keys.
    pub(super) async fn joinable(
        &self,
        ws: &WorkspaceKey,
        instance: &InstanceKey,
        table: &TableName,
        keys: &BTreeSet<String>,
    ) -> Result<Vec<LinkId>, StoreFault> {
        let mut found = Vec::new();
        for row in self.rows(JOINABLE, args![ws, instance, table]).await? {
            if row.text("group_keys")?.split_whitespace().any(|key| keys.contains(key)) {
                found.push(LinkId(row.int("id")?));
            }
        }
        Ok(found)
    }
}

/// Adds the other links of their records to links that may share one.
pub(super) fn add(tx: &mut Tx, states: &mut [LinkState]) -> Result<(), StoreFault> {
    let shares = |s: &LinkState| !s.link.group.keys.is_empty() && !s.link.sys_id.is_empty();
    let mut tables: BTreeMap<(InstanceKey, TableName), BTreeSet<SysId>> = BTreeMap::new();
    for link in states.iter().filter(|s| shares(s)).map(|s| &s.link) {
        tables.entry((link.instance.clone(), link.table.clone())).or_default().insert(link.sys_id.clone());
    }
    for ((instance, table), records) in tables {
        let keys: Vec<&SysId> = records.iter().collect();
        let mut all: BTreeMap<LinkId, Other> = BTreeMap::new();
        let first = args![&instance, &table];
        for row in within(tx, OF_RECORDS, &first, &keys)? {
            let found = other(&row)?;
            all.insert(found.beside.link, found);
        }
        let ids: Vec<LinkId> = all.keys().copied().collect();
        if ids.len() > keys.len() {
            fill(tx, &ids, &mut all)?;
        }
        let here = |s: &&mut LinkState| shares(s) && s.link.instance == instance && s.link.table == table;
        for state in states.iter_mut().filter(here) {
            let link = &state.link;
            let others = || all.values().filter(|o| o.sys_id == link.sys_id && o.beside.link != link.id);
            let members = others().filter(|o| o.workspace == link.workspace);
            let members = members.filter_map(|o| o.member.clone()).collect();
            let beside = others().map(|o| o.beside.clone()).collect();
            (state.members, state.beside) = (members, beside);
        }
    }
    Ok(())
}

/// A link of a record; as a member, if it is one.
struct Other {
    workspace: WorkspaceKey,
    sys_id: SysId,
    beside: Beside,
    member: Option<Member>,
}

fn other(row: &Row) -> Result<Other, StoreFault> {
    let beside = Beside {
        link: LinkId(row.int("id")?),
        incident: IncidentId::new(&row.text("incident")?),
        role: row.word("role", Role::from_word)?,
        life: row.word("life", Life::from_word)?,
        frozen: !row.text("frozen")?.is_empty(),
        sent: None,
        planned: false,
        markers: BTreeSet::new(),
    };
    let body = row.text("body")?;
    let shares = row.flag("shares")? && beside.life == Life::Live && beside.role.syncs();
    let member = (shares && !body.is_empty()).then(|| member(row, &beside, &body)).transpose()?;
    Ok(Other {
        workspace: row.workspace("workspace")?,
        sys_id: SysId::new(row.text("sys_id")?),
        beside,
        member,
    })
}

fn member(row: &Row, beside: &Beside, body: &str) -> Result<Member, StoreFault> {
    let incident: Incident = from_json("incident", body)?;
    Ok(Member {
        link: beside.link,
        role: beside.role,
        frozen: beside.frozen,
        incident: incident.id,
        number: incident.number,
        severity: incident.severity,
        status: incident.status,
        closed_alone: row.flag("closed_alone")?,
        severity_base: None,
        status_base: None,
    })
}

/// Adds what was agreed on, what is under way, and what was said.
fn fill(tx: &mut Tx, ids: &[LinkId], all: &mut BTreeMap<LinkId, Other>) -> Result<(), StoreFault> {
    for row in within(tx, "SELECT * FROM base WHERE field IN ('severity', 'status') AND link IN", &[], ids)? {
        let other = all.get_mut(&LinkId(row.int("link")?));
        if let Some(member) = other.and_then(|o| o.member.as_mut()) {
            let found = base(&row)?;
            match found.field {
                Field::Severity => member.severity_base = Some(found),
                _ => member.status_base = Some(found),
            }
        }
    }
    let head = "SELECT link, state, COALESCE(sent, created) AS sent FROM intent \
                  WHERE kind IN ('patch_record', 'add_note') \
                  AND state IN ('planned', 'in_flight', 'unknown') AND link IN";
    for row in within(tx, head, &[], ids)? {
        if let Some(other) = all.get_mut(&LinkId(row.int("link")?)) {
            match row.text("state")?.as_str() {
                "planned" => other.beside.planned = true,
                _ => other.beside.sent = other.beside.sent.max(Some(row.stamp("sent")?)),
            }
        }
    }
    let head = "SELECT link, marker FROM entry WHERE marker <> '' AND link IN";
    for row in within_then(tx, head, &[], ids, "")? {
        if let Some(other) = all.get_mut(&LinkId(row.int("link")?)) {
            other.beside.markers.insert(row.text("marker")?);
        }
    }
    Ok(())
}
