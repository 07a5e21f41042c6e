//! The way of a record's state through the phases of its table's process, and how far a walk along it got.

use serde::{Deserialize, Serialize};

use super::TableName;

/// States that a record goes through one after the other, the first one first. Empty where its table knows
/// no such order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatePath(Vec<String>);

/// The phases of security incidents, Draft to Closed, as the default process "NIST Stateful" has them
/// (servicenow-api 5). That it refuses to skip one over REST is unverified, hence a setting; Cancelled is on
/// no way.
const SECURITY: [&str; 7] = ["10", "16", "18", "19", "20", "100", "3"];

impl StatePath {
    /// The path that a table has on a default instance.
    pub fn usual(table: &TableName) -> Self {
        match table.as_str() {
            "sn_si_incident" => Self(SECURITY.map(String::from).to_vec()),
            _ => Self::default(),
        }
    }

    /// A path of these raw states; none for an empty list.
    ///
    /// # Errors
    /// Why it is none: a single state, an empty one, or one that stands twice.
    pub fn new(states: Vec<String>) -> Result<Self, &'static str> {
        if states.len() == 1 {
            return Err("a single state leads nowhere");
        }
        if states.iter().any(|s| s.trim().is_empty()) {
            return Err("one of the states is empty");
        }
        let mut known = std::collections::BTreeSet::new();
        match states.iter().all(|s| known.insert(s)) {
            true => Ok(Self(states)),
            false => Err("a state stands twice"),
        }
    }

    /// Where a state stands on it.
    pub fn at(&self, state: &str) -> Option<usize> {
        self.0.iter().position(|s| s == state)
    }

    /// The state at a place.
    pub fn get(&self, at: usize) -> Option<&str> {
        self.0.get(at).map(String::as_str)
    }

    /// How many states it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where the table knows no order of states.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How far a record was taken toward a state that it did not take at once. Part of the status's base.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Walk {
    /// The state that is wanted.
    pub target: String,
    /// The state on the way that was written last and has not been seen yet.
    pub step: Option<String>,
    /// The write that did not stick last; `None` while it is not known whether the state was to blame.
    pub refused: Option<Refused>,
    /// States on the way that were written so far.
    pub steps: u32,
    /// True once the base's state is one that the walk itself came to: nothing that both sides agreed on.
    pub under_way: bool,
}

/// A write of a state that did not stick.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refused {
    /// The state that the record was in.
    pub from: String,
    /// The state that was written.
    pub to: String,
    /// What came instead, safe to print.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_incidents_have_a_path_and_incidents_have_none() {
        let usual = |name: &str| StatePath::usual(&TableName::new(name).unwrap());
        assert_eq!(usual("sn_si_incident").at("100"), Some(5));
        assert_eq!(usual("sn_si_incident").at("7"), None);
        assert!(usual("incident").is_empty());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let path = |states: &[&str]| StatePath::new(states.iter().map(|s| (*s).to_owned()).collect());
        assert!(path(&["10"]).is_err() && path(&["10", ""]).is_err() && path(&["10", "16", "10"]).is_err());
        assert!(path(&[]).unwrap().is_empty());
        assert_eq!(path(&["10", "3"]).unwrap().len(), 2);
    }
}
