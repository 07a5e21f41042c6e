//! How an incident and its record know each other: chosen keys and correlation texts.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::{IncidentId, InstanceKey, RecordWrite, SysId, TableName, WorkspaceKey};

/// What every correlation text of ours starts with (D6).
const PREFIX: &str = "diptych:";

/// Namespace of the comment ids derived from journal keys: a fixed random UUID.
const COMMENT_NAMESPACE: Uuid = Uuid::from_u128(0x8d1f_5a3e_6c1b_4c0f_9a52_3b7e_41d0_c6a7);

/// `sys_id` of a new record: 32 hex digits of SHA-256 over version, workspace key, GUID,
/// instance key, table and ordinal (D7). The same incident always gets the same key, so the
/// database itself refuses a second record.
pub fn derived_sys_id(
    workspace: &WorkspaceKey,
    incident: &IncidentId,
    instance: &InstanceKey,
    table: &TableName,
    ordinal: u32,
) -> SysId {
    let text = format!(
        "v1|{}|{}|{}|{}|{ordinal}",
        workspace.as_str(),
        incident.as_str(),
        instance.as_str(),
        table.as_str()
    );
    let digest = Sha256::digest(text.as_bytes());
    SysId::new(digest.iter().take(16).map(|b| format!("{b:02x}")).collect::<String>())
}

/// `sys_id` of a row beside a record, by everything that it says (D7): the same row always gets the same
/// key, whichever link or process adds it first.
pub fn derived_row_id(instance: &InstanceKey, table: &TableName, write: &RecordWrite) -> SysId {
    let mut text = format!("v1|row|{}|{}", instance.as_str(), table.as_str());
    for (name, value) in &write.values {
        text.push_str(&format!("|{name}={value}"));
    }
    let digest = Sha256::digest(text.as_bytes());
    SysId::new(digest.iter().take(16).map(|b| format!("{b:02x}")).collect::<String>())
}

/// `correlation_id` that we write: `diptych:<workspace key>:<guid>` (D6).
pub fn correlation_id(workspace: &WorkspaceKey, incident: &IncidentId) -> String {
    format!("{PREFIX}{}:{}", workspace.as_str(), incident.as_str())
}

/// `correlation_display` that we write and poll by: `diptych:<workspace key>` (D6, D14).
pub fn correlation_display(workspace: &WorkspaceKey) -> String {
    format!("{PREFIX}{}", workspace.as_str())
}

/// What a correlation id says about where its record belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correlation {
    /// Ours.
    Ours(String, IncidentId),
    /// One of the three forms that the store app writes: a bare GUID, `Sentinel-<guid>`, or
    /// `Sentinel-<workspace name>-<guid>` (existing-apps c.1); the name if it has one.
    StoreApp(Option<String>, IncidentId),
    /// Nothing we know.
    Foreign,
}

/// Reads a correlation id.
pub fn read_correlation(text: &str) -> Correlation {
    if let Some(rest) = text.strip_prefix(PREFIX)
        && let Some((workspace, guid)) = rest.split_once(':')
        && is_guid(guid)
    {
        return Correlation::Ours(workspace.to_owned(), IncidentId::new(guid));
    }
    if is_guid(text) {
        return Correlation::StoreApp(None, IncidentId::new(text));
    }
    if let Some(rest) = text.strip_prefix("Sentinel-")
        && rest.len() >= 36
        && rest.is_char_boundary(rest.len() - 36)
    {
        let (name, guid) = rest.split_at(rest.len() - 36);
        if is_guid(guid) {
            let name = name.strip_suffix('-').filter(|n| !n.is_empty()).map(str::to_owned);
            return Correlation::StoreApp(name, IncidentId::new(guid));
        }
    }
    Correlation::Foreign
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// Id of the Sentinel comment that carries a journal entry or a console comment: the same
/// origin always gives the same id, so that a repeated PUT changes nothing.
pub fn comment_id(incident: &IncidentId, origin: &str, origin_id: &str) -> String {
    let name = format!("{}|{origin}|{origin_id}", incident.as_str());
    Uuid::new_v5(&COMMENT_NAMESPACE, name.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "11111111-2222-3333-4444-555555555555";

    #[test]
    fn the_same_incident_always_gets_the_same_key() {
        let ws = WorkspaceKey::new("prod").unwrap();
        let inst = InstanceKey::new("sn").unwrap();
        let table = TableName::new("incident").unwrap();
        let a = derived_sys_id(&ws, &IncidentId::new(GUID), &inst, &table, 0);
        assert_eq!(a, derived_sys_id(&ws, &IncidentId::new(&GUID.to_uppercase()), &inst, &table, 0));
        assert_ne!(a, derived_sys_id(&ws, &IncidentId::new(GUID), &inst, &table, 1));
        let other = WorkspaceKey::new("lab").unwrap();
        assert_ne!(a, derived_sys_id(&other, &IncidentId::new(GUID), &inst, &table, 0), "in two workspaces");
        assert_ne!(
            correlation_id(&ws, &IncidentId::new(GUID)),
            correlation_id(&other, &IncidentId::new(GUID))
        );
        assert!(a.is_plain());
    }

    #[test]
    fn reads_our_form_and_the_three_of_the_store_app() {
        let ws = WorkspaceKey::new("prod").unwrap();
        let id = IncidentId::new(GUID);
        assert_eq!(read_correlation(&correlation_id(&ws, &id)), Correlation::Ours("prod".into(), id.clone()));
        assert_eq!(read_correlation(GUID), Correlation::StoreApp(None, id.clone()));
        assert_eq!(read_correlation(&format!("Sentinel-{GUID}")), Correlation::StoreApp(None, id.clone()));
        assert_eq!(
            read_correlation(&format!("Sentinel-soc-prod-{GUID}")),
            Correlation::StoreApp(Some("soc-prod".into()), id)
        );
        assert_eq!(read_correlation("INC0010001"), Correlation::Foreign);
        assert_eq!(read_correlation("Sentinel-éééééééééééééééééééééééééééééééééééé"), Correlation::Foreign);
    }
}
