//! The raw value of each field on either side, as bases keep it and plans compare it.

use crate::model::{Closure, Field, Incident, Record, RecordShape, Status};

/// Sentinel's raw value of a field. Closing fields exist only while the incident is closed; what a custom
/// field is made of only its row tells.
pub fn sentinel_value(incident: &Incident, field: Field) -> String {
    match field {
        Field::Title => incident.title.raw().to_owned(),
        Field::Description => incident.description.raw().to_owned(),
        Field::Severity => incident.severity.clone(),
        Field::Status => incident.status.clone(),
        Field::Owner => incident.owner.key(),
        Field::Closure if is_closed(incident) => closure_word(&incident.classification, &incident.reason),
        Field::CloseNotes if is_closed(incident) => incident.classification_comment.raw().to_owned(),
        Field::NumberLabel(label) if super::number_label::has(incident, &label) => label.label().to_owned(),
        Field::Closure | Field::CloseNotes | Field::Custom(_) | Field::NumberLabel(_) => String::new(),
    }
}

/// ServiceNow's raw value of a field; `None` when one of its columns may not be read. Severity
/// is its columns joined by `/`.
pub fn servicenow_value(record: &Record, shape: &RecordShape, field: Field) -> Option<String> {
    let column = |name: &str| record.value(name).map(str::to_owned);
    match field {
        Field::Title => column(&shape.title),
        Field::Description => column(&shape.description),
        Field::Severity => {
            let parts: Option<Vec<&str>> = shape.severity.iter().map(|name| record.value(name)).collect();
            parts.map(|p| p.join("/"))
        }
        Field::Status => column(&shape.status),
        Field::Owner => column(&shape.owner),
        Field::Closure => column(&shape.close_code),
        Field::CloseNotes => column(&shape.close_notes),
        Field::Custom(custom) => column(custom.column()),
        Field::NumberLabel(_) => Some(record.number.clone()),
    }
}

/// Sets ServiceNow's columns of a field in a write.
pub fn set_servicenow(
    values: &mut std::collections::BTreeMap<String, String>,
    shape: &RecordShape,
    field: Field,
    raw: &str,
) {
    match field {
        Field::Title => values.insert(shape.title.clone(), raw.to_owned()),
        Field::Description => values.insert(shape.description.clone(), raw.to_owned()),
        Field::Severity => {
            for (name, part) in shape.severity.iter().zip(raw.split('/')) {
                values.insert(name.clone(), part.to_owned());
            }
            None
        }
        Field::Status => values.insert(shape.status.clone(), raw.to_owned()),
        Field::Owner => values.insert(shape.owner.clone(), raw.to_owned()),
        Field::Closure => values.insert(shape.close_code.clone(), raw.to_owned()),
        Field::CloseNotes => values.insert(shape.close_notes.clone(), raw.to_owned()),
        Field::Custom(custom) => values.insert(custom.column().to_owned(), raw.to_owned()),
        // Goes the other way only.
        Field::NumberLabel(_) => None,
    };
}

/// True when the incident is closed.
pub fn is_closed(incident: &Incident) -> bool {
    Status::from_word(&incident.status) == Some(Status::Closed)
}

/// Classification and reason joined as tables write it; an unknown pair keeps its words.
pub fn closure_word(classification: &str, reason: &str) -> String {
    match Closure::from_pair(classification, Some(reason)) {
        Some(closure) => closure.word().to_owned(),
        None if reason.is_empty() => classification.to_owned(),
        None => format!("{classification}-{reason}"),
    }
}

/// Cuts text to a column's length on a character boundary, with `…` where something was cut.
pub fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TableName;

    #[test]
    fn severity_needs_all_of_its_columns() {
        let shape = RecordShape::for_table(&TableName::new("incident").unwrap());
        let mut record = Record::default();
        record.values.insert("impact".into(), "2".into());
        assert_eq!(servicenow_value(&record, &shape, Field::Severity), None);
        record.values.insert("urgency".into(), "3".into());
        assert_eq!(servicenow_value(&record, &shape, Field::Severity).as_deref(), Some("2/3"));
    }

    #[test]
    fn closing_fields_exist_only_on_a_closed_incident() {
        let mut i = Incident {
            status: "Active".into(),
            classification: "TruePositive".into(),
            ..Incident::default()
        };
        assert_eq!(sentinel_value(&i, Field::Closure), "");
        i.status = "Closed".into();
        assert_eq!(sentinel_value(&i, Field::Closure), "TruePositive-SuspiciousActivity");
    }
}
