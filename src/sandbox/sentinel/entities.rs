//! Entities: any kind passes, known kinds get their friendly name (sentinel-api 3.3).

use serde_json::{Map, Value, json};

use super::changes::guid_from;
use super::draft::EntityDraft;

/// Known kinds, each with the properties that name it, best first.
const NAMING: &[(&str, &[&str])] = &[
    ("Account", &["accountName", "displayName", "upnSuffix", "sid"]),
    ("Host", &["hostName", "netBiosName", "azureID"]),
    ("Ip", &["address"]),
    ("File", &["fileName"]),
    ("FileHash", &["hashValue"]),
    ("Url", &["url"]),
    ("AzureResource", &["resourceId"]),
    ("CloudApplication", &["appName", "instanceName"]),
    ("DnsResolution", &["domainName"]),
    ("Process", &["commandLine", "processId"]),
    ("RegistryKey", &["key"]),
    ("RegistryValue", &["valueName"]),
    ("SecurityGroup", &["distinguishedName", "sid"]),
    ("Malware", &["malwareName", "category"]),
    ("IoTDevice", &["deviceName", "deviceId"]),
    ("Mailbox", &["mailboxPrimaryAddress", "displayName"]),
    ("MailCluster", &["query", "source"]),
    ("MailMessage", &["subject", "internetMessageId"]),
    ("SubmissionMail", &["subject", "submissionId"]),
    ("Nic", &["macAddress"]),
];

/// A stored entity.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entity {
    /// Bare name by which other entities refer to it.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// Properties without the two that every kind has.
    pub properties: Map<String, Value>,
}

impl Entity {
    /// Stores a draft. The same thing has the same name in every incident of a workspace.
    pub fn new(draft: EntityDraft, base: &str) -> Self {
        let identity = format!("{base}/{}/{}", draft.kind, Value::Object(draft.properties.clone()));
        Self { name: guid_from(&identity), kind: draft.kind, properties: draft.properties }
    }

    fn friendly(&self) -> Option<String> {
        let (_, names) = NAMING.iter().find(|(kind, _)| *kind == self.kind)?;
        let text = |name: &&str| match self.properties.get(*name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let found = names.iter().find_map(text)?;
        Some(match self.kind.as_str() {
            "AzureResource" => found.rsplit('/').next().unwrap_or(&found).to_owned(),
            "FileHash" => match self.properties.get("algorithm").and_then(Value::as_str) {
                Some(algorithm) => format!("{found}({algorithm})"),
                None => found,
            },
            _ => found,
        })
    }

    /// The wire shape.
    pub fn wire(&self, base: &str) -> Value {
        let mut properties = self.properties.clone();
        if !properties.contains_key("friendlyName")
            && let Some(name) = self.friendly()
        {
            properties.insert("friendlyName".into(), json!(name));
        }
        properties.entry("additionalData").or_insert_with(|| json!({}));
        json!({
            "id": format!("{base}/Entities/{}", self.name),
            "name": self.name,
            "type": "Microsoft.SecurityInsights/Entities",
            "kind": self.kind,
            "properties": properties,
        })
    }
}

/// `{"entities":[…],"metaData":[…]}`; counts are of all, the list may be cut at `cap`.
pub(super) fn answer(entities: &[Entity], base: &str, cap: Option<usize>) -> Value {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for entity in entities {
        match counts.iter_mut().find(|(kind, _)| *kind == entity.kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((&entity.kind, 1)),
        }
    }
    let shown = entities.iter().take(cap.unwrap_or(usize::MAX));
    json!({
        "entities": shown.map(|e| e.wire(base)).collect::<Vec<_>>(),
        "metaData": counts.iter().map(|(k, c)| json!({"entityKind": k, "count": c})).collect::<Vec<_>>(),
    })
}
