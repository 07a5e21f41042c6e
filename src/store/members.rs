//! The incidents of one record: who shares it, and who may join.

use std::collections::{BTreeMap, BTreeSet};

use super::Store;
use super::Tx;
use super::load::{base, within, within_then};
use super::sql::{Row, args, from_json};
use crate::model::ledger::StoreFault;
use crate::model::{
    Field, Incident, InstanceKey, LinkId, LinkState, Member, Role, SysId, TableName, WorkspaceKey,
};

/// Of an index that holds nothing where nothing is shared.
const JOINABLE: &str = "SELECT id, group_keys FROM link WHERE workspace = $1 AND group_keys <> '' \
       AND instance = $2 AND table_name = $3 AND role = 'primary' AND life IN ('creating', 'live') \
     ORDER BY created DESC, id DESC";

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

/// Adds the other incidents of their records to links that may share one.
pub(super) fn add(tx: &mut Tx, states: &mut [LinkState]) -> Result<(), StoreFault> {
    let shared = |s: &&LinkState| !s.link.group.keys.is_empty() && !s.link.sys_id.is_empty();
    let records: BTreeSet<&SysId> = states.iter().filter(shared).map(|s| &s.link.sys_id).collect();
    let records: Vec<SysId> = records.into_iter().cloned().collect();
    if records.is_empty() {
        return Ok(());
    }
    let head = "SELECT l.id AS id, l.workspace AS workspace, l.instance AS instance, l.table_name AS table_name, \
                  l.sys_id AS sys_id, l.role AS role, l.frozen AS frozen, l.closed_alone AS closed_alone, \
                  i.body AS body FROM link l CROSS JOIN incident i ON i.workspace = l.workspace \
                  AND i.id = l.incident WHERE l.group_keys <> '' AND l.life = 'live' \
                  AND l.role IN ('primary', 'attached') AND l.sys_id IN";
    let mut all: BTreeMap<LinkId, (Place, Member)> = BTreeMap::new();
    let keys: Vec<&SysId> = records.iter().collect();
    for row in within(tx, head, &[], &keys)? {
        let found = member(&row)?;
        all.insert(found.1.link, found);
    }
    let ids: Vec<LinkId> = all.keys().copied().collect();
    if ids.len() > 1 {
        fill(tx, &ids, &mut all)?;
    }
    for state in states.iter_mut() {
        let link = &state.link;
        let place = (link.workspace.clone(), link.instance.clone(), link.table.clone(), link.sys_id.clone());
        if link.group.keys.is_empty() {
            continue;
        }
        let others = all.values().filter(|(at, member)| *at == place && member.link != link.id);
        state.members = others.map(|(_, member)| member.clone()).collect();
    }
    Ok(())
}

/// A record, as one workspace knows it.
type Place = (WorkspaceKey, InstanceKey, TableName, SysId);

fn member(row: &Row) -> Result<(Place, Member), StoreFault> {
    let incident: Incident = from_json("incident", &row.text("body")?)?;
    let place = (
        row.workspace("workspace")?,
        row.instance("instance")?,
        row.table("table_name")?,
        SysId::new(row.text("sys_id")?),
    );
    let member = Member {
        link: LinkId(row.int("id")?),
        role: row.word("role", Role::from_word)?,
        frozen: !row.text("frozen")?.is_empty(),
        incident: incident.id,
        number: incident.number,
        severity: incident.severity,
        status: incident.status,
        closed_alone: row.flag("closed_alone")?,
        severity_base: None,
        status_base: None,
        writes: false,
        markers: BTreeSet::new(),
    };
    Ok((place, member))
}

/// Adds what was agreed on, what is under way, and what was said.
fn fill(tx: &mut Tx, ids: &[LinkId], all: &mut BTreeMap<LinkId, (Place, Member)>) -> Result<(), StoreFault> {
    for row in within(tx, "SELECT * FROM base WHERE field IN ('severity', 'status') AND link IN", &[], ids)? {
        if let Some((_, member)) = all.get_mut(&LinkId(row.int("link")?)) {
            let found = base(&row)?;
            match found.field {
                Field::Severity => member.severity_base = Some(found),
                _ => member.status_base = Some(found),
            }
        }
    }
    let head = "SELECT DISTINCT link FROM intent WHERE kind = 'patch_record' \
                  AND state IN ('planned', 'in_flight', 'unknown') AND link IN";
    for row in within(tx, head, &[], ids)? {
        if let Some((_, member)) = all.get_mut(&LinkId(row.int("link")?)) {
            member.writes = true;
        }
    }
    let head = "SELECT link, marker FROM entry WHERE marker <> '' AND link IN";
    for row in within_then(tx, head, &[], ids, "")? {
        if let Some((_, member)) = all.get_mut(&LinkId(row.int("link")?)) {
            member.markers.insert(row.text("marker")?);
        }
    }
    Ok(())
}
