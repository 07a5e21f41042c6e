//! How a sync writes things down: which record belongs to which incident, and which values of
//! both sides mean the same to it.

use diptych::sandbox::side::Side;

/// The table of security incidents.
pub const SECURITY: &str = "sn_si_incident";
/// Draft, Analysis, Contain, Eradicate, Recover, Review, Closed.
const PHASES: [&str; 7] = ["10", "16", "18", "19", "20", "100", "3"];

/// The correlation text and the tables of one algorithm.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// What stands before the GUID in a correlation id.
    pub prefix: String,
    /// Severities that an impact with an urgency may stand for.
    pub severities: fn(&str, &str) -> &'static [&'static str],
    /// Status that a state stands for.
    pub status: fn(&str) -> &'static str,
    /// It carries owners over.
    pub owners: bool,
    /// It carries work notes over to Sentinel.
    pub notes: bool,
    /// It carries over what customers see.
    pub customers: bool,
    /// It tells records of alerts.
    pub alerts: bool,
    /// An incident may go on in a new record; the earlier ones rest.
    pub goes_on: bool,
    /// Table of its records.
    pub table: &'static str,
    /// Closures that a close code may stand for.
    pub found_by: fn(&str) -> &'static [&'static str],
    /// Where the table takes states only one after the other: those, the first one first.
    pub phases: &'static [&'static str],
    /// Records of this user, under the store app's correlation ids, are its own, too.
    pub took_over_from: Option<&'static str>,
}

impl Dialect {
    /// Ours, for the workspace of that key.
    pub fn ours(key: &str) -> Self {
        Self {
            prefix: format!("diptych:{key}:"),
            severities,
            status,
            owners: true,
            notes: true,
            customers: false,
            alerts: false,
            goes_on: false,
            table: "incident",
            found_by,
            phases: &[],
            took_over_from: None,
        }
    }

    /// The same in that table, whose process lets a state be skipped or not.
    pub fn in_table(self, table: &'static str, walks: bool) -> Self {
        if table != SECURITY {
            return Self { table, ..self };
        }
        let phases: &[&str] = if walks { &PHASES } else { &[] };
        Self { table, phases, status: security_status, found_by: security_found_by, ..self }
    }

    /// The states of the table in their order, whether or not one may be skipped. None where it knows no order.
    pub fn order(&self) -> &'static [&'static str] {
        if self.table == SECURITY { &PHASES } else { &[] }
    }

    /// True for a state of a record that counts as closed, or a closed incident.
    pub fn is_closed(&self, side: Side, value: &str) -> bool {
        match side {
            Side::Sentinel => value == "Closed",
            Side::ServiceNow => (self.status)(value) == "Closed",
        }
    }

    /// The incident that a correlation id names.
    pub fn incident_of<'a>(&self, correlation: &'a str) -> Option<&'a str> {
        let ours = correlation.strip_prefix(&self.prefix).filter(|guid| uuid::Uuid::try_parse(guid).is_ok());
        ours.or_else(|| self.took_over_from.and_then(|_| super::store_app::incident_of(correlation)))
    }

    /// True for records that this user made.
    pub fn makes(&self, integration_user: &str, user: &str) -> bool {
        user == integration_user || self.took_over_from == Some(user)
    }
}

fn severities(impact: &str, urgency: &str) -> &'static [&'static str] {
    match (impact, urgency) {
        ("1", "1" | "2") | ("2", "1") => &["High"],
        ("1", "3") | ("2", "2") | ("3", "1") => &["Medium"],
        ("2", "3") | ("3", "2") => &["Low"],
        _ => &["Informational"],
    }
}

fn status(state: &str) -> &'static str {
    match state {
        "1" => "New",
        "6" | "7" | "8" => "Closed",
        _ => "Active",
    }
}

/// What a close code of `incident` says that was found.
fn found_by(code: &str) -> &'static [&'static str] {
    match code {
        "Solution provided" | "Workaround provided" | "Resolved by change" => {
            &["TruePositive-SuspiciousActivity"]
        }
        "User error" | "Resolved by request" => &["BenignPositive-SuspiciousButExpected"],
        "Known error" => &["FalsePositive-IncorrectAlertLogic"],
        "Resolved by problem" => &["FalsePositive-InaccurateData"],
        _ => &["Undetermined"],
    }
}

fn security_status(state: &str) -> &'static str {
    match state {
        "10" => "New",
        "3" | "7" => "Closed",
        _ => "Active",
    }
}

fn security_found_by(code: &str) -> &'static [&'static str] {
    match code {
        "101" | "102" => &["TruePositive-SuspiciousActivity"],
        "100" => &["BenignPositive-SuspiciousButExpected"],
        "104" => &["FalsePositive-IncorrectAlertLogic", "FalsePositive-InaccurateData"],
        _ => &["Undetermined"],
    }
}
