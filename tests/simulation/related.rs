//! Incidents whose entities are to stand beside their records, and what stands there.

use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{AlertDraft, EntityDraft, IncidentDraft, SentinelWorld};
use diptych::sandbox::servicenow::RecordFacts;
use diptych::text::Stamp;
use serde_json::{Map, Value, json};

use super::scheduler::Simulation;
use super::setting::WORKSPACE;

/// Rows of the tables beside the records.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    pub types: Vec<RecordFacts>,
    pub observables: Vec<RecordFacts>,
    pub observable_ties: Vec<RecordFacts>,
    pub items: Vec<RecordFacts>,
    pub item_ties: Vec<RecordFacts>,
    pub users: Vec<RecordFacts>,
    pub user_ties: Vec<RecordFacts>,
    /// The instance keeps keys that its clients choose: only then nothing at all can be doubled there.
    pub keeps_keys: bool,
}

fn properties(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("an object") };
    map
}

pub fn entity(kind: &str, value: Value) -> EntityDraft {
    EntityDraft { kind: kind.into(), properties: properties(value) }
}

/// An incident that is let in, with an alert, and these entities.
pub fn with_entities(title: &str, entities: Vec<EntityDraft>) -> IncidentDraft {
    IncidentDraft {
        title: title.into(),
        severity: "Medium".into(),
        labels: vec!["snow".into()],
        alerts: vec![AlertDraft {
            display_name: title.into(),
            severity: "Medium".into(),
            ..AlertDraft::default()
        }],
        entities,
        ..IncidentDraft::default()
    }
}

/// Three incidents that share observables, name an item and a user each, and hold what is left out.
pub fn raise(sentinel: &mut SentinelWorld, now: Stamp) {
    let ip = || entity("Ip", json!({"address": "203.0.113.200"}));
    let url = || entity("Url", json!({"url": "https://c0ntoso-login.example/r/1?u=noor"}));
    let account = |n: usize| {
        let (name, suffix) = CAST[n].upn.split_once('@').unwrap();
        entity("Account", json!({"accountName": name, "upnSuffix": suffix}))
    };
    let host = |name: &str, domain: &str| entity("Host", json!({"hostName": name, "dnsDomain": domain}));
    let all = [
        (
            "Three in one",
            vec![
                ip(),
                url(),
                account(0),
                host("DC01", "contoso.example"),
                entity("Url", json!({"url": "https://c0ntoso-login.example/a^NQactive=true"})),
            ],
        ),
        (
            "The same address again",
            vec![
                ip(),
                url(),
                // Two hosts have that name.
                entity("Host", json!({"hostName": "laptop-017"})),
                entity("Account", json!({"accountName": "nobody", "upnSuffix": "contoso.example"})),
                entity(
                    "FileHash",
                    json!({"algorithm": "MD5", "hashValue": "D41D8CD98F00B204E9800998ECF8427E"}),
                ),
            ],
        ),
        (
            "And once more",
            vec![
                ip(),
                account(1),
                host("laptop-017", "fabrikam.example"),
                entity("DnsResolution", json!({"domainName": "C0ntoso-Login.example"})),
            ],
        ),
    ];
    for (title, entities) in all {
        sentinel.raise(WORKSPACE, with_entities(title, entities), now);
    }
}

impl Simulation {
    /// What stands beside the records.
    pub fn beside(&self) -> Beside {
        let keeps_keys = self.setting.switches.iter().all(|(name, _)| *name != "client_sys_id");
        self.stage.with_desk(|d| Beside {
            keeps_keys,
            types: d.records("sn_ti_observable_type"),
            observables: d.records("sn_ti_observable"),
            observable_ties: d.records("sn_ti_m2m_task_observable"),
            items: d.records("cmdb_ci"),
            item_ties: d.records("task_ci"),
            users: d.records("sys_user"),
            user_ties: d.records("sn_si_m2m_task_affected_user"),
        })
    }
}
