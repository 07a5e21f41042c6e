//! Incident templates as the asset file writes them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One kind of incident, with variables in braces.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// One of Sentinel's four severities.
    pub severity: String,
    /// Product that raises it.
    pub product: String,
    /// Raised in the Defender portal.
    #[serde(default)]
    pub defender: bool,
    /// ATT&CK tactics in Sentinel's spelling.
    pub tactics: Vec<String>,
    /// ATT&CK technique ids.
    pub techniques: Vec<String>,
    /// Entities: `kind`, and the properties of that kind.
    pub entities: Vec<Map<String, Value>>,
    /// Alerts.
    #[serde(default)]
    pub alerts: Vec<AlertTemplate>,
}

/// One alert of a template.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertTemplate {
    /// Display name.
    pub name: String,
    /// Description.
    pub description: String,
    /// Severity.
    pub severity: String,
    /// Vendor of the product.
    pub vendor: String,
    /// Steps to take.
    #[serde(default)]
    pub remediation: Vec<String>,
    /// Custom details.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct File {
    incident: Vec<Template>,
}

/// All templates of the asset file, in its order. The error names the line that is wrong.
pub fn templates() -> Result<&'static [Template], String> {
    static PARSED: OnceLock<Result<Vec<Template>, String>> = OnceLock::new();
    let parsed = PARSED.get_or_init(|| {
        let text = include_str!("../../../assets/demo/incidents.toml");
        let file: File = toml::from_str(text).map_err(|e| format!("incidents.toml: {e}"))?;
        match file.incident.is_empty() {
            true => Err("incidents.toml holds no incident".into()),
            false => Ok(file.incident),
        }
    });
    match parsed {
        Ok(templates) => Ok(templates),
        Err(reason) => Err(reason.clone()),
    }
}
