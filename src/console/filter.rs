//! The filter of the Incidents list: `powershell !sev:low owner:zoe step:conflict`.
//!
//! Words are joined by *and*; a word is a substring of number, title, owners and record, without
//! case; `!` in front turns it around; `field:` looks at one field only.

use crate::model::view::LinkView;

/// A parsed filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    not: bool,
    field: Option<Part>,
    word: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Severity,
    Status,
    Owner,
    Workspace,
    Step,
}

const FIELDS: &[(&str, Part)] = &[
    ("sev", Part::Severity),
    ("severity", Part::Severity),
    ("status", Part::Status),
    ("owner", Part::Owner),
    ("ws", Part::Workspace),
    ("step", Part::Step),
];

impl Filter {
    /// Reads a filter; everything is one, so there is no error. An unfinished `sev:` matches all.
    pub fn parse(text: &str) -> Self {
        let mut terms = Vec::new();
        for word in text.split_whitespace() {
            let (not, word) = match word.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, word),
            };
            let (field, word) = match word.split_once(':') {
                Some((name, value)) => {
                    let part =
                        FIELDS.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, part)| *part);
                    (part, if part.is_some() { value } else { word })
                }
                None => (None, word),
            };
            if !word.is_empty() {
                terms.push(Term { not, field, word: word.to_lowercase() });
            }
        }
        Self { terms }
    }

    /// The first prefix in the text that looks like a field and is none, as in `nope:x`; such a
    /// word is looked for as it stands. An address is no field.
    pub fn unknown_field(text: &str) -> Option<&str> {
        text.split_whitespace().find_map(|word| {
            let (name, value) = word.trim_start_matches('!').split_once(':')?;
            let looks = !name.is_empty() && name.chars().all(char::is_alphabetic) && !value.starts_with("//");
            (looks && !FIELDS.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))).then_some(name)
        })
    }

    /// True when nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// True when the row passes; `hay` is [`haystack`] of it.
    pub fn matches(&self, view: &LinkView, hay: &str) -> bool {
        self.terms.iter().all(|t| t.hit(view, hay) != t.not)
    }
}

impl Term {
    fn hit(&self, view: &LinkView, hay: &str) -> bool {
        let word = self.word.as_str();
        let has = |text: &str| text.to_lowercase().contains(word);
        match self.field {
            None => hay.contains(word),
            Some(Part::Severity) => has(view.severity.sentinel.raw()) || has(view.severity.servicenow.raw()),
            Some(Part::Status) => has(view.status.sentinel.raw()) || has(view.status.servicenow.raw()),
            Some(Part::Owner) if word == "none" => {
                view.owner.sentinel.is_empty() && view.owner.servicenow.is_empty()
            }
            Some(Part::Owner) => has(view.owner.sentinel.raw()) || has(view.owner.servicenow.raw()),
            Some(Part::Workspace) => view.workspace.as_str().contains(word),
            Some(Part::Step) => {
                view.step.word().replace(' ', "").contains(&word.replace([' ', '-', '_'], ""))
            }
        }
    }
}

/// What plain words are looked for in: made once per row, not per key press.
pub(crate) fn haystack(view: &LinkView) -> String {
    let mut hay = format!("{} {} ", view.incident_number, view.record_number);
    for part in [&view.title, &view.owner.sentinel, &view.owner.servicenow] {
        hay.push_str(part.raw());
        hay.push(' ');
    }
    hay.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pair;
    use crate::model::view::Step;

    fn row() -> LinkView {
        LinkView {
            incident_number: 4711,
            record_number: "INC0010023".into(),
            title: "Encoded PowerShell".into(),
            severity: Pair::new("High".into(), "Low".into()),
            owner: Pair::new("Zoë Lindqvist".into(), "".into()),
            step: Step::InStep,
            ..LinkView::default()
        }
    }

    #[test]
    fn words_fields_and_negation_are_joined_by_and() {
        let view = row();
        let hay = haystack(&view);
        for yes in
            ["", "power 4711", "inc001", "ZOË", "sev:low", "!sev:medium", "step:in-step", "owner:zoë", "sev:"]
        {
            assert!(Filter::parse(yes).matches(&view, &hay), "{yes}");
        }
        for no in ["powershell !encoded", "status:closed", "owner:none", "http://x", "!4711"] {
            assert!(!Filter::parse(no).matches(&view, &hay), "{no}");
        }
    }

    #[test]
    fn a_prefix_that_is_no_field_is_found() {
        assert_eq!(Filter::unknown_field("sev:high !nope:xyz"), Some("nope"));
        for fine in ["", "sev:high !Owner:zoe", "http://x", "13:52", ":x", "power shell"] {
            assert_eq!(Filter::unknown_field(fine), None, "{fine}");
        }
    }
}
