//! Every key that a file may hold, with its default: the one list behind defaults, `config
//! show`, the environment overlay and the test of `config.example.toml`.

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its place: `workspace[].poll`; `[]` is any place of a list, `*` any name.
    pub path: &'static str,
    /// Its default as TOML; `None` when there is none.
    pub default: Option<&'static str>,
    /// True when every file needs it (or every workspace, instance, …).
    pub required: bool,
}

const fn need(path: &'static str) -> Key {
    Key { path, default: None, required: true }
}

const fn some(path: &'static str) -> Key {
    Key { path, default: None, required: false }
}

const fn at(path: &'static str, default: &'static str) -> Key {
    Key { path, default: Some(default), required: false }
}

/// Every key, in the order in which `config show` prints them. An empty text as default means
/// "worked out": the usual place, the cloud's value, the table's name.
pub const KEYS: &[Key] = &[
    need("version"),
    at("store.path", r#""""#),
    need("workspace[].key"),
    need("workspace[].name"),
    need("workspace[].tenant"),
    need("workspace[].subscription"),
    need("workspace[].resource_group"),
    need("workspace[].credential"),
    at("workspace[].enabled", "true"),
    at("workspace[].cloud", r#""public""#),
    at("workspace[].authority", r#""""#),
    at("workspace[].url", r#""""#),
    at("workspace[].scope", r#""""#),
    at("workspace[].api_version", r#""2025-09-01""#),
    at("workspace[].merge_api_version", r#""2025-10-01-preview""#),
    at("workspace[].page_size", "1000"),
    at("workspace[].poll", r#""10s""#),
    at("workspace[].overlap", r#""5m""#),
    at("workspace[].max_age", r#""30d""#),
    at("workspace[].first_contact", r#""plan""#),
    at("workspace[].born_closed", r#""skip""#),
    at("workspace[].store_app", r#""ignore""#),
    at("workspace[].closed_partner", r#""reopen""#),
    at("workspace[].customer_comments", r#""off""#),
    at("workspace[].customer_word", r#""[customer]""#),
    at("workspace[].leak_guard", r#""on""#),
    at("workspace[].number_label", r#""""#),
    at("workspace[].create_after", r#""0s""#),
    at("workspace[].alerts", r#""note""#),
    at("workspace[].alert_reads", "80"),
    at("workspace[].mass_change", "50"),
    at("workspace[].write_rate", "300"),
    at("workspace[].in_flight", "4"),
    need("workspace[].route.instance"),
    at("workspace[].route.table", r#""incident""#),
    at("workspace[].route.caller", r#""""#),
    at("workspace[].route.assignment_group", r#""""#),
    at("workspace[].route.company", r#""""#),
    at("workspace[].route.domain", r#""""#),
    at("workspace[].route.on_create", "{}"),
    at("workspace[].route.related_rows", r#""off""#),
    at("workspace[].route.state_path", r#"["usual"]"#),
    at("workspace[].route.affected_users.table", r#""sn_si_m2m_task_affected_user""#),
    at("workspace[].route.affected_users.task", r#""task""#),
    at("workspace[].route.affected_users.user", r#""user""#),
    at("workspace[].route.aggregate.by", "[]"),
    at("workspace[].route.aggregate.most", "100"),
    at("workspace[].route.aggregate.within", r#""1d""#),
    at("workspace[].route.fields.title", r#""short_description""#),
    at("workspace[].route.fields.title_max", "160"),
    at("workspace[].route.fields.description", r#""description""#),
    at("workspace[].route.fields.description_max", "4000"),
    at("workspace[].route.fields.severity", r#"["impact", "urgency"]"#),
    at("workspace[].route.fields.status", r#""state""#),
    at("workspace[].route.fields.close_code", r#""close_code""#),
    at("workspace[].route.fields.close_notes", r#""close_notes""#),
    at("workspace[].route.fields.owner", r#""assigned_to""#),
    at("workspace[].route.fields.notes", r#""work_notes""#),
    at("workspace[].route.fields.correlation_id", r#""correlation_id""#),
    at("workspace[].route.fields.correlation_display", r#""correlation_display""#),
    at("workspace[].route.fields.caller", r#""""#),
    at("workspace[].filter.labels", r#"["snow"]"#),
    at("workspace[].filter.severities", "[]"),
    at("workspace[].filter.title_contains", "[]"),
    at("workspace[].filter.products", "[]"),
    at("workspace[].policies.title", r#""sentinel""#),
    at("workspace[].policies.severity", r#""latest""#),
    at("workspace[].policies.status", r#""latest""#),
    at("workspace[].policies.owner", r#""latest""#),
    at("workspace[].policies.closure", r#""first-closer""#),
    at("workspace[].policies.close_notes", r#""first-closer""#),
    at("workspace[].policies.description", r#""sentinel""#),
    need("instance[].key"),
    need("instance[].url"),
    at("instance[].auth", r#""basic""#),
    some("instance[].user"),
    some("instance[].password"),
    some("instance[].client_id"),
    some("instance[].client_secret"),
    some("instance[].second_secret"),
    at("instance[].own_user", r#""""#),
    at("instance[].ca_file", r#""""#),
    at("instance[].page_size", "200"),
    at("instance[].settle", r#""390s""#),
    at("instance[].in_flight", "2"),
    at("instance[].overlap", r#""2m""#),
    at("instance[].sweep_every", r#""1d""#),
    at("instance[].deep.back", r#""15m""#),
    at("instance[].deep.every", r#""5m""#),
    some("instance[].domain[].id"),
    some("instance[].domain[].auth"),
    some("instance[].domain[].user"),
    some("instance[].domain[].password"),
    some("instance[].domain[].client_id"),
    some("instance[].domain[].client_secret"),
    some("instance[].domain[].second_secret"),
    some("instance[].domain[].own_user"),
    at("credential.*.kind", r#""client-secret""#),
    need("credential.*.client_id"),
    need("credential.*.secret"),
    some("credential.*.second_secret"),
    need("notes.keys[].name"),
    need("notes.keys[].secret"),
    at("console.theme", r#""terminal""#),
    at("console.ascii", "false"),
    at("console.mouse", "true"),
    at("console.sync_in_console", "true"),
    at("console.readonly", "false"),
    at("log.level", r#""info""#),
    at("log.file", r#""""#),
    at("log.json", "false"),
    at("transport.ca_file", r#""""#),
    at("transport.connect_timeout", r#""10s""#),
    at("transport.timeout", r#""60s""#),
    at("transport.proxy", r#""""#),
];

/// The key of that place, if there is one.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.path == path)
}

impl Key {
    /// The default as a value; `None` when there is none.
    pub fn default_value(&self) -> Option<toml::Value> {
        let text = self.default?;
        let mut table: toml::Table = format!("v = {text}").parse().ok()?;
        table.remove("v")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_toml_and_no_path_stands_twice() {
        for (i, key) in KEYS.iter().enumerate() {
            assert_eq!(key.default.is_some(), key.default_value().is_some(), "{}", key.path);
            assert!(KEYS[i + 1..].iter().all(|k| k.path != key.path), "{}", key.path);
        }
    }
}
