//! What a fresh instance contains: people, groups, items, choices, properties.

use super::DeskOptions;
use super::choices::{self, StockChoice};
use super::store::Store;
use super::switches::CloseCodes;
use crate::sandbox::people::{CAST, GROUPS, INTEGRATION_USER_SYS_ID};
use crate::text::Stamp;

/// When everything here was made: 2026-01-05 08:00:00 UTC.
const FOUNDED: Stamp = Stamp(1_767_600_000_000_000);

/// The administrator's record.
pub(super) const ADMIN_SYS_ID: &str = "6816f79cc0a8016401c5a33be04be441";

const OBSERVABLE_TYPES: &[(&str, &str)] = &[
    ("IP address (V4)", "IPv4"),
    ("IP address (V6)", "IPv6"),
    ("Domain name", "domain"),
    ("URL", "URL"),
    ("Email address", "email"),
    ("MD5 hash", "MD5"),
    ("SHA1 hash", "SHA1"),
    ("SHA256 hash", "SHA256"),
    ("SHA512 hash", "SHA512"),
    ("Hostname", "hostname"),
    ("Username", "username"),
    ("Unknown", "unknown"),
];

const ITEMS: &[(&str, &str, &str, &str)] = &[
    ("dc01", "cmdb_ci_win_server", "dc01.contoso.example", "10.1.0.10"),
    ("web01", "cmdb_ci_linux_server", "web01.contoso.example", "10.1.2.11"),
    ("laptop-017", "cmdb_ci_computer", "laptop-017.contoso.example", "10.8.4.17"),
    ("laptop-017", "cmdb_ci_computer", "laptop-017.fabrikam.example", "10.9.4.17"),
    ("sql02", "cmdb_ci_db_mssql_server", "sql02.contoso.example", "10.1.3.22"),
    ("SRV-WEB01", "cmdb_ci_linux_server", "srv-web01.contoso.example", "10.1.2.12"),
    ("SRV-FILE02", "cmdb_ci_win_server", "srv-file02.contoso.example", "10.1.4.2"),
];

const PROPERTIES: &[(&str, &str)] = &[
    ("glide.invalid_query.returns_no_rows", "false"),
    ("glide.rest.choice.allow_non_existing_value", "false"),
    ("glide.oauth.inbound.client.credential.grant_type.enabled", "true"),
    ("glide.ui.security.allow_codetag", "true"),
    ("sn_si.rollup_task_state", "true"),
];

/// Fills an empty store.
pub(super) fn plant(store: &mut Store, options: &DeskOptions) {
    people(store, options);
    for (sys_id, name) in GROUPS {
        add(store, "sys_user_group", (*sys_id).into(), &[("name", name), ("active", "true")]);
    }
    for (at, person) in CAST.iter().enumerate().filter(|(_, p)| p.active) {
        let group = GROUPS[at % GROUPS.len()].0;
        let id = store.fresh_id();
        add(store, "sys_user_grmember", id, &[("user", person.sys_id), ("group", group)]);
    }
    let id = store.fresh_id();
    add(store, "core_company", id, &[("name", "Contoso")]);
    for (name, class, fqdn, ip) in ITEMS {
        let id = store.fresh_id();
        let fields = [
            ("name", *name),
            ("sys_class_name", class),
            ("fqdn", fqdn),
            ("ip_address", ip),
            ("operational_status", "1"),
            ("install_status", "1"),
        ];
        add(store, "cmdb_ci", id, &fields);
    }
    for (name, value) in OBSERVABLE_TYPES {
        let id = store.fresh_id();
        add(store, "sn_ti_observable_type", id, &[("name", name), ("value", value)]);
    }
    for (name, value) in PROPERTIES {
        let id = store.fresh_id();
        add(store, "sys_properties", id, &[("name", name), ("value", value), ("type", "string")]);
    }
    for choice in choices::stock().chain(choices::close_codes(CloseCodes::New)) {
        add_choice(store, choice);
    }
}

/// Replaces the close codes of `incident`.
pub(super) fn replant_close_codes(store: &mut Store, preset: CloseCodes) {
    let doomed: Vec<String> = store.table("sys_choice").map_or_else(Vec::new, |(schema, table)| {
        let own = |row: &&super::store::Row| {
            row.get(schema, "name") == "incident" && row.get(schema, "element") == "close_code"
        };
        table.rows.iter().filter(own).map(|row| row.id().to_owned()).collect()
    });
    for sys_id in doomed {
        store.remove("sys_choice", &sys_id);
    }
    for choice in choices::close_codes(preset) {
        add_choice(store, choice);
    }
}

fn people(store: &mut Store, options: &DeskOptions) {
    for person in CAST {
        let (first, last) = person.name.split_once(' ').unwrap_or((person.name, ""));
        let active = if person.active { "true" } else { "false" };
        let fields = [
            ("user_name", person.user_name),
            ("name", person.name),
            ("first_name", first),
            ("last_name", last),
            ("email", person.email),
            ("active", active),
            ("locked_out", "false"),
            ("time_zone", person.time_zone),
            ("web_service_access_only", "false"),
        ];
        add(store, "sys_user", person.sys_id.into(), &fields);
    }
    let first = integration_fields(&options.user, "Sentinel Integration", "Sentinel");
    add(store, "sys_user", INTEGRATION_USER_SYS_ID.into(), &first);
    let admin = [
        ("user_name", "admin"),
        ("name", "System Administrator"),
        ("first_name", "System"),
        ("last_name", "Administrator"),
        ("email", "admin@contoso.example"),
        ("active", "true"),
        ("locked_out", "false"),
        ("time_zone", "America/Los_Angeles"),
        ("web_service_access_only", "false"),
    ];
    add(store, "sys_user", ADMIN_SYS_ID.into(), &admin);
}

fn integration_fields<'a>(user_name: &'a str, name: &'a str, first: &'a str) -> [(&'a str, &'a str); 9] {
    [
        ("user_name", user_name),
        ("name", name),
        ("first_name", first),
        ("last_name", "Integration"),
        ("active", "true"),
        ("locked_out", "false"),
        ("time_zone", "UTC"),
        ("web_service_access_only", "true"),
        ("internal_integration_user", "true"),
    ]
}

/// Adds the user of one more integration.
pub(super) fn integration(store: &mut Store, user_name: &str) {
    let (id, name) = (store.fresh_id(), format!("{user_name} Integration"));
    add(store, "sys_user", id, &integration_fields(user_name, &name, user_name));
}

fn add_choice(store: &mut Store, (table, element, value, label, sequence): StockChoice) {
    let id = store.fresh_id();
    let sequence = sequence.to_string();
    let fields = [
        ("name", table),
        ("element", element),
        ("value", value),
        ("label", label),
        ("language", "en"),
        ("sequence", sequence.as_str()),
        ("inactive", "false"),
    ];
    add(store, "sys_choice", id, &fields);
}

fn add(store: &mut Store, table: &str, sys_id: String, fields: &[(&str, &str)]) {
    let row = store.blank(table, sys_id, fields, "system", FOUNDED);
    store.add(table, row);
}
