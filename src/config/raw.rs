//! The file as its types read it: nothing checked but kinds of values. Every member is optional
//! here, because defaults come from [`super::keys`] and what is missing is said by `resolved`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::model::settings::{
    AlertNotes, BornClosed, ClosedPartner, CustomerComments, FirstContact, LeakGuard, Policy, RelatedRows,
    StoreApp,
};

/// A span of time such as `10s`.
#[derive(Clone, Copy, Debug)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        crate::text::parse_span(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub version: Option<i64>,
    pub store: Option<RawStore>,
    #[serde(default)]
    pub workspace: Vec<RawWorkspace>,
    #[serde(default)]
    pub instance: Vec<RawInstance>,
    #[serde(default)]
    pub credential: BTreeMap<String, RawCredential>,
    pub notes: Option<RawNotes>,
    pub console: Option<RawConsole>,
    pub log: Option<RawLog>,
    pub transport: Option<RawTransport>,
}

/// `[store]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawStore {
    pub path: Option<PathBuf>,
}

/// A secret: a table with exactly one of these (D32).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSecret {
    pub env: Option<String>,
    pub file: Option<PathBuf>,
    pub command: Option<Vec<String>>,
    pub credential: Option<String>,
    pub keyring: Option<String>,
}

/// `[credential.<name>]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCredential {
    pub kind: Option<CredentialKind>,
    pub client_id: Option<String>,
    pub secret: Option<RawSecret>,
    pub second_secret: Option<RawSecret>,
}

/// How an application proves itself to Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    ClientSecret,
}

/// Which Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RawCloud {
    Public,
    UsGov,
    China,
    Custom,
}

/// `[[workspace]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawWorkspace {
    pub key: Option<String>,
    pub name: Option<String>,
    pub tenant: Option<String>,
    pub subscription: Option<String>,
    pub resource_group: Option<String>,
    pub credential: Option<String>,
    pub enabled: Option<bool>,
    pub cloud: Option<RawCloud>,
    pub authority: Option<String>,
    pub url: Option<String>,
    pub scope: Option<String>,
    pub api_version: Option<String>,
    pub merge_api_version: Option<String>,
    pub page_size: Option<u32>,
    pub poll: Option<Span>,
    pub overlap: Option<Span>,
    pub max_age: Option<Span>,
    pub first_contact: Option<FirstContact>,
    pub born_closed: Option<BornClosed>,
    pub store_app: Option<StoreApp>,
    pub closed_partner: Option<ClosedPartner>,
    pub customer_comments: Option<CustomerComments>,
    pub customer_word: Option<String>,
    pub leak_guard: Option<LeakGuard>,
    pub number_label: Option<String>,
    pub create_after: Option<Span>,
    pub alerts: Option<AlertNotes>,
    pub alert_reads: Option<usize>,
    pub mass_change: Option<usize>,
    pub write_rate: Option<usize>,
    pub in_flight: Option<usize>,
    pub route: Option<RawRoute>,
    pub filter: Option<RawFilter>,
    pub policies: Option<RawPolicies>,
}

/// `[workspace.route]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRoute {
    pub instance: Option<String>,
    pub table: Option<String>,
    pub caller: Option<String>,
    pub assignment_group: Option<String>,
    pub company: Option<String>,
    pub domain: Option<String>,
    #[serde(default)]
    pub on_create: BTreeMap<String, String>,
    pub related_rows: Option<RelatedRows>,
    pub state_path: Option<Vec<String>>,
    pub affected_users: Option<RawUserRows>,
    pub aggregate: Option<RawAggregate>,
    pub fields: Option<RawFields>,
}

/// `[workspace.route.affected_users]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawUserRows {
    pub table: Option<String>,
    pub task: Option<String>,
    pub user: Option<String>,
}

/// `[workspace.route.aggregate]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAggregate {
    pub by: Option<Vec<Vec<String>>>,
    pub most: Option<usize>,
    pub within: Option<Span>,
}

/// `[workspace.route.fields]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFields {
    pub title: Option<String>,
    pub title_max: Option<usize>,
    pub description: Option<String>,
    pub description_max: Option<usize>,
    pub severity: Option<Vec<String>>,
    pub status: Option<String>,
    pub close_code: Option<String>,
    pub close_notes: Option<String>,
    pub owner: Option<String>,
    pub notes: Option<String>,
    pub correlation_id: Option<String>,
    pub correlation_display: Option<String>,
    pub caller: Option<String>,
}

/// `[workspace.filter]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFilter {
    pub labels: Option<Vec<String>>,
    pub severities: Option<Vec<String>>,
    pub title_contains: Option<Vec<String>>,
    pub products: Option<Vec<String>>,
}

/// `[workspace.policies]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPolicies {
    pub title: Option<Policy>,
    pub severity: Option<Policy>,
    pub status: Option<Policy>,
    pub owner: Option<Policy>,
    pub closure: Option<Policy>,
    pub close_notes: Option<Policy>,
    pub description: Option<Policy>,
}

/// How to sign in to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RawAuth {
    Basic,
    OauthClient,
    OauthPassword,
}

/// `[[instance]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawInstance {
    pub key: Option<String>,
    pub url: Option<String>,
    pub auth: Option<RawAuth>,
    pub user: Option<String>,
    pub password: Option<RawSecret>,
    pub client_id: Option<String>,
    pub client_secret: Option<RawSecret>,
    pub second_secret: Option<RawSecret>,
    pub own_user: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub page_size: Option<u32>,
    pub settle: Option<Span>,
    pub in_flight: Option<usize>,
    pub overlap: Option<Span>,
    pub sweep_every: Option<Span>,
    pub deep: Option<RawPass>,
    #[serde(default)]
    pub domain: Vec<RawDomain>,
}

/// `[[instance.domain]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDomain {
    pub id: Option<String>,
    pub auth: Option<RawAuth>,
    pub user: Option<String>,
    pub password: Option<RawSecret>,
    pub client_id: Option<String>,
    pub client_secret: Option<RawSecret>,
    pub second_secret: Option<RawSecret>,
    pub own_user: Option<String>,
}

/// `[instance.deep]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPass {
    pub back: Option<Span>,
    pub every: Option<Span>,
}

/// `[notes]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawNotes {
    #[serde(default)]
    pub keys: Vec<RawMarkerKey>,
}

/// `[[notes.keys]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMarkerKey {
    pub name: Option<String>,
    pub secret: Option<RawSecret>,
}

/// `[console]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConsole {
    pub theme: Option<String>,
    pub ascii: Option<bool>,
    pub mouse: Option<bool>,
    pub sync_in_console: Option<bool>,
    pub readonly: Option<bool>,
}

/// `[log]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLog {
    pub level: Option<super::LogLevel>,
    pub file: Option<PathBuf>,
    pub json: Option<bool>,
}

/// `[transport]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTransport {
    pub ca_file: Option<PathBuf>,
    pub connect_timeout: Option<Span>,
    pub timeout: Option<Span>,
    pub proxy: Option<String>,
}
