//! Choice lists: the stock values, and the lists in force read back from `sys_choice`.
//!
//! A table without own rows for an element uses those of the table it extends
//! (servicenow-api, 3.5). `3` is On Hold in `incident` and Closed in `sn_si_incident`.

use std::collections::BTreeMap;

use super::schema::Schema;
use super::store::Store;
use super::switches::CloseCodes;

/// Value and label, in sequence.
pub(super) type List = Vec<(String, String)>;

/// Sequence, value and label of one active choice.
type Sequenced = (i64, String, String);

/// The lists in force, by table and element.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    lists: BTreeMap<String, BTreeMap<String, List>>,
}

impl Choices {
    /// Reads the active English rows of `sys_choice`.
    pub(super) fn read(store: &Store) -> Self {
        let mut sorted: BTreeMap<(String, String), Vec<Sequenced>> = BTreeMap::new();
        if let Some((schema, table)) = store.table("sys_choice") {
            for row in &table.rows {
                let get = |name| row.get(schema, name);
                if get("inactive") == "true" || get("language") != "en" {
                    continue;
                }
                let sequence = get("sequence").parse().unwrap_or(i64::MAX);
                sorted.entry((get("name").into(), get("element").into())).or_default().push((
                    sequence,
                    get("value").into(),
                    get("label").into(),
                ));
            }
        }
        let mut lists: BTreeMap<String, BTreeMap<String, List>> = BTreeMap::new();
        for ((table, element), mut rows) in sorted {
            rows.sort_by_key(|r| r.0);
            let list = rows.into_iter().map(|(_, value, label)| (value, label)).collect();
            lists.entry(table).or_default().insert(element, list);
        }
        Self { lists }
    }

    /// The list of an element, its own or an inherited one.
    pub(super) fn of(&self, schema: &Schema, table: &str, element: &str) -> Option<&List> {
        let mut at = Some(table);
        while let Some(name) = at {
            if let Some(list) = self.lists.get(name).and_then(|t| t.get(element)) {
                return Some(list);
            }
            at = schema.table(name).and_then(|t| t.parent);
        }
        None
    }

    /// The label of a value, if the element has a list that knows it.
    pub(super) fn label(&self, schema: &Schema, table: &str, element: &str, value: &str) -> Option<&str> {
        self.of(schema, table, element)?.iter().find(|(v, _)| v == value).map(|(_, l)| l.as_str())
    }
}

/// Table, element, and its choices as `value=label` separated by bars; a label alone is its
/// own value.
type Stock = (&'static str, &'static str, &'static str);

const STOCK: &[Stock] = &[
    (
        "task",
        "state",
        "-5=Pending|1=Open|2=Work in Progress|3=Closed Complete|4=Closed Incomplete|7=Closed Skipped",
    ),
    ("task", "impact", "1=1 - High|2=2 - Medium|3=3 - Low"),
    ("task", "urgency", "1=1 - High|2=2 - Medium|3=3 - Low"),
    ("task", "priority", "1=1 - Critical|2=2 - High|3=3 - Moderate|4=4 - Low|5=5 - Planning"),
    ("task", "escalation", "0=Normal|1=Moderate|2=High|3=Overdue"),
    (
        "task",
        "approval",
        "not requested=Not Yet Requested|requested=Requested|approved=Approved|rejected=Rejected",
    ),
    ("task", "upon_reject", "cancel=Cancel all future Tasks|goto=Go to a previous approval activity"),
    ("task", "upon_approval", "proceed=Proceed to Next Task|do_nothing=Wait for a User to Close this task"),
    ("task", "contact_type", "phone=Phone|email=Email|self-service=Self-service|walk-in=Walk-in"),
    ("incident", "state", "1=New|2=In Progress|3=On Hold|6=Resolved|7=Closed|8=Canceled"),
    ("incident", "incident_state", "1=New|2=In Progress|3=On Hold|6=Resolved|7=Closed|8=Canceled"),
    ("incident", "severity", "1=1 - High|2=2 - Medium|3=3 - Low"),
    ("incident", "notify", "1=Do Not Notify|2=Send Email|3=Bridge"),
    ("incident", "hold_reason", "1=Awaiting Caller|5=Awaiting Change|3=Awaiting Problem|4=Awaiting Vendor"),
    (
        "incident",
        "category",
        "inquiry=Inquiry / Help|software=Software|hardware=Hardware|network=Network|database=Database|security=Security",
    ),
    (
        "incident",
        "subcategory",
        "antivirus=Antivirus|email=Email|internal application=Internal Application|operating system=Operating System|dns=DNS|vpn=VPN|wireless=Wireless",
    ),
    (
        "incident",
        "contact_type",
        "email=Email|monitoring=Monitoring|phone=Phone|self-service=Self-service|virtual_agent=Virtual Agent|walk-in=Walk-in",
    ),
    (
        "problem",
        "state",
        "101=New|102=Assess|103=Root Cause Analysis|104=Fix in Progress|106=Resolved|107=Closed",
    ),
    (
        "sn_si_incident",
        "state",
        "10=Draft|16=Analysis|18=Contain|19=Eradicate|20=Recover|100=Review|3=Closed|7=Cancelled",
    ),
    ("sn_si_incident", "severity", "1=1 - High|2=2 - Medium|3=3 - Low"),
    ("sn_si_incident", "business_criticality", "1=1 - Critical|2=2 - High|3=3 - Non-critical"),
    (
        "sn_si_incident",
        "close_code",
        "100=Investigation completed|101=Threat mitigated|102=Patched vulnerability|103=Invalid vulnerability|-100=Not resolved|104=False positive",
    ),
    (
        "sn_si_incident",
        "category",
        "phishing=Phishing|malicious_code=Malicious code activity|unauthorized_access=Unauthorized access|denial_of_service=Denial of Service|policy_violation=Policy violation|confidential_data=Confidential personal identity data exposure",
    ),
    (
        "sn_si_incident",
        "subcategory",
        "spear_phishing=Spear phishing|ransomware=Ransomware|brute_force=Brute force|privilege_escalation=Privilege escalation",
    ),
    (
        "sn_si_incident",
        "contact_type",
        "siem=SIEM|email=Email|monitoring=Network Monitoring|phone=Phone|self-service=Self-service",
    ),
    (
        "sn_si_incident",
        "attack_vector",
        "email=Email|web=Web|external_media=External media|attrition=Attrition|unknown=Unknown",
    ),
    (
        "sn_si_task",
        "state",
        "1=Draft|10=Ready|16=Assigned|18=Work in Progress|3=Closed Complete|4=Closed Incomplete|7=Cancelled",
    ),
    ("sn_ti_observable", "finding", "malicious=Malicious|suspicious=Suspicious|clean=Clean|unknown=Unknown"),
    ("cmdb_ci", "operational_status", "1=Operational|2=Non-Operational|6=Retired"),
    ("cmdb_ci", "install_status", "1=Installed|6=In Stock|7=Retired"),
];

const CLOSE_NEW: Stock = (
    "incident",
    "close_code",
    "Duplicate|Known error|No resolution provided|Resolved by caller|Resolved by change|Resolved by problem|Resolved by request|Solution provided|Workaround provided|User error",
);

const CLOSE_OLD: Stock = (
    "incident",
    "close_code",
    "Solved (Work Around)|Solved (Permanently)|Solved Remotely (Work Around)|Solved Remotely (Permanently)|Not Solved (Not Reproducible)|Not Solved (Too Costly)|Closed/Resolved by Caller",
);

/// One row for `sys_choice`: table, element, value, label, sequence.
pub(super) type StockChoice = (&'static str, &'static str, &'static str, &'static str, usize);

/// The stock choices, all but the close codes of `incident`.
pub(super) fn stock() -> impl Iterator<Item = StockChoice> {
    STOCK.iter().flat_map(spread)
}

/// The close codes of `incident`.
pub(super) fn close_codes(preset: CloseCodes) -> impl Iterator<Item = StockChoice> {
    spread(match preset {
        CloseCodes::New => &CLOSE_NEW,
        CloseCodes::Old => &CLOSE_OLD,
    })
}

fn spread(stock: &'static Stock) -> impl Iterator<Item = StockChoice> {
    let (table, element, list) = *stock;
    list.split('|').enumerate().map(move |(at, choice)| {
        let (value, label) = choice.split_once('=').unwrap_or((choice, choice));
        (table, element, value, label, (at + 1) * 10)
    })
}
