//! The closing rules: which classification goes with which reason (sentinel-api 2.3).

use super::errors::Refusal;

/// Valid pairs; a classification may stand twice.
const PAIRS: &[(&str, Option<&str>)] = &[
    ("TruePositive", Some("SuspiciousActivity")),
    ("BenignPositive", Some("SuspiciousButExpected")),
    ("FalsePositive", Some("IncorrectAlertLogic")),
    ("FalsePositive", Some("InaccurateData")),
    ("Undetermined", None),
];

/// Whether a closed incident may carry these members.
pub(super) fn check(classification: Option<&str>, reason: Option<&str>) -> Result<(), Refusal> {
    let Some(classification) = classification else {
        return Err(Refusal::bad("classification must not be empty when status is 'Closed'."));
    };
    if PAIRS.contains(&(classification, reason)) {
        return Ok(());
    }
    if !PAIRS.iter().any(|(c, _)| *c == classification) {
        return Err(Refusal::bad(format!("Invalid value '{classification}' for property 'classification'.")));
    }
    Err(Refusal::bad(match reason {
        None => format!("classification '{classification}' must have classificationReason."),
        Some(reason) => {
            format!("classificationReason '{reason}' is not valid for classification '{classification}'.")
        }
    }))
}

/// Whether a severity exists.
pub(super) fn severity(value: &str) -> Result<(), Refusal> {
    one_of("severity", value, &["High", "Medium", "Low", "Informational"])
}

/// Whether a status exists.
pub(super) fn status(value: &str) -> Result<(), Refusal> {
    one_of("status", value, &["New", "Active", "Closed"])
}

fn one_of(property: &str, value: &str, allowed: &[&str]) -> Result<(), Refusal> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(Refusal::bad(format!("Invalid value '{value}' for property '{property}'.")))
}
