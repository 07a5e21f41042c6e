//! How a sync writes things down: which record belongs to which incident, and which values of
//! both sides mean the same to it.

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
            took_over_from: None,
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
