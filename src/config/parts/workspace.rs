//! `[[workspace]]`: one Sentinel workspace with its route, filter and policies.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::connections::{Cloud, InstanceConnection, WorkspaceConnection};
use crate::config::nearest::did_you_mean;
use crate::config::raw::{RawCloud, RawFields, RawFilter, RawPolicies, RawRoute, RawUserRows, RawWorkspace};
use crate::config::tree::Path;
use crate::model::number_label::is_label_prefix;
use crate::model::record::{CUSTOMERS as COLUMN, JOURNALS};
use crate::model::settings::{
    AlertNotes, CustomerComments, Filter, FirstContact, InstanceSettings, LeakGuard, Policies, Policy,
    RelatedRows, Route, UserRows, WorkspaceSettings,
};
use crate::model::{Field, InstanceKey, RecordShape, Severity, StatePath, TableName, WorkspaceKey};

use super::{Credential, Resolver};

const DAY: u64 = 24 * 3600 * 1000;

type Instances = [(InstanceSettings, InstanceConnection)];

/// Resolves every workspace.
pub fn workspaces(
    r: &mut Resolver<'_>,
    raw: Vec<RawWorkspace>,
    credentials: &BTreeMap<String, Credential>,
    instances: &Instances,
) -> Vec<(WorkspaceSettings, WorkspaceConnection)> {
    let section = Path::default().key("workspace");
    let mut out: Vec<(WorkspaceSettings, WorkspaceConnection)> = Vec::new();
    let mut used = BTreeSet::new();
    for (i, mut raw) in raw.into_iter().enumerate() {
        let at = section.index(i);
        used.extend(raw.credential.clone());
        let to = connection(r, &at, &mut raw, credentials);
        let settings = settings(r, &at, raw, &to, instances);
        if settings.route.related_rows == RelatedRows::On && settings.alerts == AlertNotes::Off {
            let cure = "say alerts = \"note\": entities are read with the alerts";
            r.error(&at.key("route").key("related_rows"), "is on while alerts are off", cure);
        }
        super::aggregate::check(r, &at, &settings);
        twice(r, &at, &out, &to);
        out.push((settings, to));
    }
    for name in credentials.keys().filter(|n| !used.contains(*n)) {
        r.warning(&Path::default().key("credential").key(name), "no workspace uses it", "");
    }
    out
}

fn twice(
    r: &mut Resolver<'_>,
    at: &Path,
    before: &[(WorkspaceSettings, WorkspaceConnection)],
    to: &WorkspaceConnection,
) {
    if !to.key.as_str().is_empty() && before.iter().any(|(_, t)| t.key == to.key) {
        r.error(&at.key("key"), format!("{} stands twice", to.key), "each key names one workspace");
    }
    let place = |t: &WorkspaceConnection| {
        (t.url.clone(), [&t.subscription, &t.resource_group, &t.name].map(|s| s.to_lowercase()))
    };
    if !to.name.is_empty() && before.iter().any(|(_, t)| place(t) == place(to)) {
        r.error(
            &at.key("name"),
            "two sections name the same workspace",
            "its incidents would get two records each",
        );
    }
}

fn connection(
    r: &mut Resolver<'_>,
    at: &Path,
    raw: &mut RawWorkspace,
    credentials: &BTreeMap<String, Credential>,
) -> WorkspaceConnection {
    let text = r.need(&at.key("key"), raw.key.take());
    let key = WorkspaceKey::new(&text).unwrap_or_else(|reason| {
        if !text.is_empty() {
            r.error(&at.key("key"), reason, "");
        }
        WorkspaceKey::default()
    });
    let cloud = match raw.cloud.unwrap_or(RawCloud::Public) {
        RawCloud::Public => Cloud::Public,
        RawCloud::UsGov => Cloud::UsGov,
        RawCloud::China => Cloud::China,
        RawCloud::Custom => Cloud::Custom,
    };
    let (authority, url, scope) = cloud.addresses();
    let mut own = |name: &str, value: Option<String>, usual: &str| {
        let value = value.filter(|v| !v.is_empty()).unwrap_or_else(|| usual.to_owned());
        if value.is_empty() {
            r.missing(&at.key(name), "a custom cloud needs authority, url and scope");
            return "https://invalid.invalid".to_owned();
        }
        value
    };
    let authority = own("authority", raw.authority.take(), authority);
    let url = own("url", raw.url.take(), url);
    let scope = own("scope", raw.scope.take(), scope);
    let (client_id, secrets) = credential(r, at, raw.credential.take(), credentials);
    WorkspaceConnection {
        key,
        name: r.need_plain(&at.key("name"), raw.name.take(), "-_"),
        cloud,
        tenant: r.need_plain(&at.key("tenant"), raw.tenant.take(), "-."),
        subscription: r.need_plain(&at.key("subscription"), raw.subscription.take(), "-"),
        resource_group: r.need_plain(&at.key("resource_group"), raw.resource_group.take(), "-_.()"),
        authority: r.address(&at.key("authority"), &authority),
        url: r.address(&at.key("url"), &url),
        scope,
        api_version: api_version(r, &at.key("api_version"), raw.api_version.take()),
        merge_api_version: api_version(r, &at.key("merge_api_version"), raw.merge_api_version.take()),
        page_size: r.number(&at.key("page_size"), raw.page_size, (1, 1000)),
        client_id,
        secrets,
    }
}

fn credential(
    r: &mut Resolver<'_>,
    at: &Path,
    name: Option<String>,
    credentials: &BTreeMap<String, Credential>,
) -> (String, Vec<crate::config::Secret>) {
    let at = at.key("credential");
    let name = r.need(&at, name);
    if let Some(c) = credentials.get(&name) {
        return (c.client_id.clone(), c.secrets.clone());
    }
    let known: Vec<&str> = credentials.keys().map(String::as_str).collect();
    if !name.is_empty() {
        let message = format!("there is no [credential.{name}]");
        r.error(&at, message, did_you_mean(&name, &known));
    }
    (String::new(), Vec::new())
}

fn api_version(r: &mut Resolver<'_>, at: &Path, value: Option<String>) -> String {
    let text = value.unwrap_or_default();
    let day = text.strip_suffix("-preview").unwrap_or(&text);
    let shape: Vec<usize> = day.split('-').map(str::len).collect();
    if shape != [4, 2, 2] || !day.chars().all(|c| c.is_ascii_digit() || c == '-') {
        r.error(at, "is not a version", "write for example 2025-09-01");
    }
    text
}

fn settings(
    r: &mut Resolver<'_>,
    at: &Path,
    raw: RawWorkspace,
    to: &WorkspaceConnection,
    instances: &Instances,
) -> WorkspaceSettings {
    let customer_word = customers(r, at, &raw);
    let number_label = raw.number_label.unwrap_or_default();
    let filter = filter(r, &at.key("filter"), raw.filter.unwrap_or_default());
    label_prefix(r, &at.key("number_label"), &number_label, &filter);
    WorkspaceSettings {
        key: to.key.clone(),
        name: to.name.clone(),
        enabled: raw.enabled.unwrap_or(true),
        route: route(r, &at.key("route"), raw.route.unwrap_or_default(), instances),
        filter,
        max_age: r.span(&at.key("max_age"), raw.max_age, (0, 3650 * DAY)),
        poll: r.span(&at.key("poll"), raw.poll, (250, DAY)),
        overlap: r.span(&at.key("overlap"), raw.overlap, (0, DAY)),
        policies: policies(r, &at.key("policies"), raw.policies.unwrap_or_default()),
        first_contact: raw.first_contact.unwrap_or(FirstContact::Plan),
        born_closed: raw.born_closed.unwrap_or_default(),
        store_app: raw.store_app.unwrap_or_default(),
        closed_partner: raw.closed_partner.unwrap_or_default(),
        customer_comments: raw.customer_comments.unwrap_or_default(),
        customer_word,
        leak_guard: raw.leak_guard.unwrap_or_default(),
        number_label,
        create_after: r.span(&at.key("create_after"), raw.create_after, (0, DAY)),
        alerts: raw.alerts.unwrap_or_default(),
        alert_reads: r.number(&at.key("alert_reads"), raw.alert_reads, (1, 100_000)),
        mass_change: r.number(&at.key("mass_change"), raw.mass_change, (0, 1_000_000)),
        write_rate: r.number(&at.key("write_rate"), raw.write_rate, (0, 1_000_000)),
        in_flight: r.number(&at.key("in_flight"), raw.in_flight, (1, 64)),
    }
}

/// What goes to customers is asked for twice, and opened by a line that nobody writes by chance.
fn customers(r: &mut Resolver<'_>, at: &Path, raw: &RawWorkspace) -> String {
    let word = raw.customer_word.clone().unwrap_or_default();
    let plain = |c: char| !c.is_control() && c != '<' && c != '>' && c != '&';
    if word.chars().count() < 3 || word.len() > 40 || word.trim() != word || !word.chars().all(plain) {
        r.error(&at.key("customer_word"), "is no first line", "3 to 40 characters, such as [customer]");
    }
    let both = raw.customer_comments == Some(CustomerComments::Both);
    match raw.leak_guard.unwrap_or_default() {
        LeakGuard::On if both => r.error(
            &at.key("customer_comments"),
            "both shows comments of Sentinel to customers, and the leak guard is on",
            "say leak_guard = \"confirmed\" as well if that is meant, or customer_comments = \"read\"",
        ),
        LeakGuard::Confirmed if !both => r.error(
            &at.key("leak_guard"),
            "is confirmed, and nothing is to go to customers",
            "say customer_comments = \"both\" as well if that is meant, or leave it out",
        ),
        _ => {}
    }
    word
}

/// What our own labels begin with must be told from every label that lets an incident in.
fn label_prefix(r: &mut Resolver<'_>, at: &Path, prefix: &str, filter: &Filter) {
    if prefix.is_empty() {
        return;
    }
    if !is_label_prefix(prefix) {
        r.error(at, "is no beginning of a label", "at most 40 letters, digits and -_.:/#+, such as snow:");
    }
    if let Some(label) = filter.labels.iter().find(|l| l.starts_with(prefix)) {
        let message = format!("the filter's label {label} begins with it");
        r.error(at, message, "choose a prefix that no label of the filter has");
    }
}

fn route(r: &mut Resolver<'_>, at: &Path, raw: RawRoute, instances: &Instances) -> Route {
    let name = r.need(&at.key("instance"), raw.instance);
    let instance = instances.iter().map(|(i, _)| &i.key).find(|k| k.as_str() == name);
    if instance.is_none() && !name.is_empty() {
        let known: Vec<&str> = instances.iter().map(|(i, _)| i.key.as_str()).collect();
        let message = format!("there is no [[instance]] with the key {name}");
        r.error(&at.key("instance"), message, did_you_mean(&name, &known));
    }
    let table = TableName::new(&raw.table.unwrap_or_default()).unwrap_or_else(|reason| {
        r.error(&at.key("table"), reason, "write for example incident or sn_si_incident");
        TableName::default()
    });
    let shape = shape(r, &at.key("fields"), raw.fields.unwrap_or_default(), &table);
    let mut on_create = raw.on_create;
    let given = [
        ("assignment_group", "assignment_group", raw.assignment_group),
        ("company", "company", raw.company),
        ("domain", "sys_domain", raw.domain),
    ];
    for (key, field, value) in given {
        let Some(value) = value.filter(|v| !v.is_empty()) else { continue };
        if on_create.insert(field.to_owned(), value).is_some() {
            r.error(&at.key(key), "stands under on_create too", "keep one of the two");
        }
    }
    for field in on_create.keys().filter(|f| TableName::new(f).is_err()).cloned().collect::<Vec<_>>() {
        r.error(&at.key("on_create"), format!("{field} is not a field's name"), "");
    }
    if let Some(column) = on_create.keys().find(|f| JOURNALS.contains(&f.as_str())) {
        let message = format!("{column} is a column that people talk in");
        r.error(&at.key("on_create"), message, "leave it out: customers may see it");
    }
    let state_path = state_path(r, &at.key("state_path"), raw.state_path, &table);
    Route {
        instance: instance.cloned().unwrap_or_else(InstanceKey::default),
        table,
        shape,
        on_create,
        caller: raw.caller.unwrap_or_default(),
        related_rows: raw.related_rows.unwrap_or_default(),
        affected_users: user_rows(r, &at.key("affected_users"), raw.affected_users.unwrap_or_default()),
        state_path,
        aggregate: super::aggregate::aggregate(r, &at.key("aggregate"), raw.aggregate.unwrap_or_default()),
    }
}

/// The states that a record goes through one by one: those of its table, or the ones that are listed.
fn state_path(r: &mut Resolver<'_>, at: &Path, raw: Option<Vec<String>>, table: &TableName) -> StatePath {
    match raw {
        Some(states) if states != ["usual"] => StatePath::new(states).unwrap_or_else(|reason| {
            r.error(at, reason, "list raw states in their order, [] for none, or [\"usual\"]");
            StatePath::default()
        }),
        _ => StatePath::usual(table),
    }
}

fn user_rows(r: &mut Resolver<'_>, at: &Path, raw: RawUserRows) -> UserRows {
    let usual = UserRows::default();
    let mut name = |key: &str, value: Option<String>, usual: &str| {
        let value = value.filter(|v| !v.is_empty()).unwrap_or_else(|| usual.to_owned());
        TableName::new(&value).unwrap_or_else(|reason| {
            r.error(&at.key(key), reason, "a-z, 0-9 and _");
            TableName::default()
        })
    };
    UserRows {
        table: name("table", raw.table, usual.table.as_str()),
        task: name("task", raw.task, &usual.task).as_str().to_owned(),
        user: name("user", raw.user, &usual.user).as_str().to_owned(),
    }
}

fn shape(r: &mut Resolver<'_>, at: &Path, raw: RawFields, table: &TableName) -> RecordShape {
    let usual = RecordShape::for_table(table);
    let mut name = |key: &str, value: Option<String>, usual: String| {
        let value = value.filter(|v| !v.is_empty()).unwrap_or(usual);
        if TableName::new(&value).is_err() {
            r.error(&at.key(key), "is not a field's name", "a-z, 0-9 and _");
        }
        value
    };
    let mut shape = RecordShape {
        title: name("title", raw.title, usual.title),
        description: name("description", raw.description, usual.description),
        status: name("status", raw.status, usual.status),
        close_code: name("close_code", raw.close_code, usual.close_code),
        close_notes: name("close_notes", raw.close_notes, usual.close_notes),
        owner: name("owner", raw.owner, usual.owner),
        notes: name("notes", raw.notes, usual.notes),
        correlation_id: name("correlation_id", raw.correlation_id, usual.correlation_id),
        correlation_display: name("correlation_display", raw.correlation_display, usual.correlation_display),
        caller: name("caller", raw.caller, usual.caller),
        severity: raw.severity.unwrap_or(usual.severity),
        title_max: 0,
        description_max: 0,
        custom: Vec::new(),
    };
    if shape.severity.is_empty() || shape.severity.iter().any(|f| TableName::new(f).is_err()) {
        r.error(&at.key("severity"), "must list at least one field's name", "");
    }
    if shape.notes == COLUMN {
        r.error(
            &at.key("notes"),
            "customers see that column",
            "choose one that they do not, such as work_notes",
        );
    }
    shape.title_max = r.number(&at.key("title_max"), raw.title_max, (16, 65_536));
    shape.description_max = r.number(&at.key("description_max"), raw.description_max, (16, 1_048_576));
    shape
}

fn filter(r: &mut Resolver<'_>, at: &Path, raw: RawFilter) -> Filter {
    let known: Vec<&str> = Severity::ALL.iter().map(|s| s.word()).collect();
    let mut severities = Vec::new();
    for word in raw.severities.unwrap_or_default() {
        match Severity::from_word(&word) {
            Some(s) => severities.push(s.word().to_owned()),
            None => r.error(
                &at.key("severities"),
                format!("{word} is not a severity"),
                did_you_mean(&word, &known),
            ),
        }
    }
    Filter {
        labels: raw.labels.unwrap_or_default(),
        severities,
        title_contains: raw.title_contains.unwrap_or_default(),
        products: raw.products.unwrap_or_default(),
    }
}

fn policies(r: &mut Resolver<'_>, at: &Path, raw: RawPolicies) -> Policies {
    let mut out = Policies::default();
    let given = [
        (Field::Title, raw.title),
        (Field::Severity, raw.severity),
        (Field::Status, raw.status),
        (Field::Owner, raw.owner),
        (Field::Closure, raw.closure),
        (Field::CloseNotes, raw.close_notes),
        (Field::Description, raw.description),
    ];
    for (field, policy) in given {
        let policy = policy.unwrap_or(Policy::default_of(field));
        if policy.fits(field) {
            out.set(field, policy);
        } else {
            r.error(
                &at.key(field.word()),
                format!("the policy {} does not fit this field", policy.word()),
                format!("the default is {}", Policy::default_of(field).word()),
            );
        }
    }
    out
}
