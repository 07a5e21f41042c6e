//! Encoded queries out of checked atoms. Free text cannot enter one: `^` would start a new term,
//! `^NQ` a new branch, and `javascript:` would run on the server (documented).

use std::fmt;

use crate::model::SysId;
use crate::text::{Stamp, escape_line};

/// Why a text may not enter a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be asked for safely")]
pub struct NotSafe(String);

fn not_safe(text: &str) -> NotSafe {
    NotSafe(escape_line(text).chars().take(80).collect())
}

impl NotSafe {
    /// For a query that names nothing to look for.
    pub fn nothing() -> Self {
        Self(String::new())
    }
}

/// Name of a field: lower-case letters, digits and `_`, dot-walked at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldName(String);

impl FieldName {
    /// Takes a field's name, 1 to 120 characters.
    pub fn new(text: &str) -> Result<Self, NotSafe> {
        let part = |p: &str| {
            p.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
                && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let ok = text.len() <= 120 && text.split('.').all(part);
        if ok { Ok(Self(text.to_owned())) } else { Err(not_safe(text)) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A value that was checked and may stand in a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atom(String);

impl Atom {
    fn checked(text: &str, most: usize, also: &str) -> Result<Self, NotSafe> {
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
        let lower = text.to_ascii_lowercase();
        // `javascript:` is evaluated by the server; the bare word NULL means "is empty" there.
        let special = lower.contains("javascript") || lower == "null";
        let ok = (1..=most).contains(&text.len()) && plain && !special;
        if ok { Ok(Self(text.to_owned())) } else { Err(not_safe(text)) }
    }

    /// A record's key, 32 lower-case hex digits.
    pub fn id(id: &SysId) -> Result<Self, NotSafe> {
        if id.is_plain() { Ok(Self(id.as_str().to_owned())) } else { Err(not_safe(id.as_str())) }
    }

    /// A moment, whole seconds, rounded down.
    pub fn stamp(stamp: Stamp) -> Self {
        Self(stamp.servicenow())
    }

    /// A whole number.
    pub fn int(number: i64) -> Self {
        Self(number.to_string())
    }

    /// An identifier: letters, digits and `_`.
    pub fn word(text: &str) -> Result<Self, NotSafe> {
        Self::checked(text, 80, "_")
    }

    /// A correlation id or group key: letters, digits and `:._-`, at most 100 (the column's
    /// documented length).
    pub fn correlation(text: &str) -> Result<Self, NotSafe> {
        Self::checked(text, 100, ":._-")
    }

    /// An e-mail address of the plain kind.
    pub fn email(text: &str) -> Result<Self, NotSafe> {
        let Some((local, domain)) = text.split_once('@') else { return Err(not_safe(text)) };
        let host = domain.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
        let ok = !local.is_empty() && !domain.is_empty() && host;
        if ok { Self::checked(text, 254, "@._+-'") } else { Err(not_safe(text)) }
    }

    /// A login name; guests of a directory have `#EXT#` in theirs.
    pub fn user_name(text: &str) -> Result<Self, NotSafe> {
        let starts = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        if starts { Self::checked(text, 120, "@._+-'#") } else { Err(not_safe(text)) }
    }
}

impl Atom {
    /// A value of a row beside the records: an address, a hash, a name. Letters, digits and the marks
    /// that addresses are made of, at most 1000. The first operator of a term is the one behind its
    /// field's name, so that a `=` further on belongs to the value (unverified).
    pub fn row_value(text: &str) -> Result<Self, NotSafe> {
        Self::checked(text, 1000, "-._~:/?#@&+;=%'")
    }

    /// A name that this program knows: words and brackets.
    pub fn known_name(text: &'static str) -> Result<Self, NotSafe> {
        Self::checked(text, 80, " ()")
    }
}

/// An encoded query: branches of terms, joined by `^NQ`, then the order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    branches: Vec<Vec<String>>,
    order: Vec<String>,
}

impl Query {
    /// An empty query, which asks for everything; every use in this crate adds terms.
    pub fn new() -> Self {
        Self { branches: vec![Vec::new()], order: Vec::new() }
    }

    /// The user that asks, evaluated by the server: the one fixed script in this program.
    pub fn me() -> Self {
        Self { branches: vec![vec!["sys_id=javascript:gs.getUserID()".into()]], order: Vec::new() }
    }

    fn term(mut self, term: String) -> Self {
        match self.branches.last_mut() {
            Some(branch) => branch.push(term),
            None => self.branches.push(vec![term]),
        }
        self
    }

    /// And: field equals value.
    #[must_use]
    pub fn is(self, field: &FieldName, value: &Atom) -> Self {
        self.term(format!("{}={}", field.0, value.0))
    }

    /// And: field equals one of these. An empty list is one term that nothing matches.
    #[must_use]
    pub fn any(self, field: &FieldName, values: &[Atom]) -> Self {
        let list: Vec<&str> = values.iter().map(|v| v.0.as_str()).collect();
        self.term(format!("{}IN{}", field.0, list.join(",")))
    }

    /// And: field is at or after value.
    #[must_use]
    pub fn at_least(self, field: &FieldName, value: &Atom) -> Self {
        self.term(format!("{}>={}", field.0, value.0))
    }

    /// And: field is after value.
    #[must_use]
    pub fn above(self, field: &FieldName, value: &Atom) -> Self {
        self.term(format!("{}>{}", field.0, value.0))
    }

    /// Or: terms from here on are a branch of their own; repeat in it what must hold in all.
    #[must_use]
    pub fn or_else(mut self) -> Self {
        self.branches.push(Vec::new());
        self
    }

    /// Ascending order, after those given before.
    #[must_use]
    pub fn order(mut self, field: &FieldName) -> Self {
        self.order.push(format!("ORDERBY{}", field.0));
        self
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let branches: Vec<String> = self.branches.iter().map(|b| b.join("^")).collect();
        f.write_str(&branches.join("^NQ"))?;
        for order in &self.order {
            write!(f, "^{order}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a query as the platform does: branches, terms, orders.
    fn read(query: &str) -> (Vec<Vec<String>>, Vec<String>) {
        let (mut branches, mut order) = (vec![Vec::new()], Vec::new());
        for piece in query.split('^') {
            let (fresh, term) = match piece.strip_prefix("NQ") {
                Some(rest) => (true, rest),
                None => (false, piece),
            };
            if fresh {
                branches.push(Vec::new());
            }
            if let Some(field) = term.strip_prefix("ORDERBY") {
                order.push(field.to_owned());
            } else {
                branches.last_mut().unwrap().push(term.to_owned());
            }
        }
        (branches, order)
    }

    fn hostile() -> impl Strategy<Value = String> {
        let bit = prop_oneof![
            "[a-zA-Z0-9_.@#:' -]{0,8}",
            Just("^".to_owned()),
            Just("^NQ".to_owned()),
            Just("^OR".to_owned()),
            Just("ORDERBY".to_owned()),
            Just("javascript:".to_owned()),
            Just("JavaScript:gs.getUserID()".to_owned()),
            Just(",".to_owned()),
            Just("=".to_owned()),
            Just("%5E".to_owned()),
            Just("\u{ff3e}".to_owned()),
            Just("\n".to_owned()),
            any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(bit, 0..6).prop_map(|v| v.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8_000))]

        #[test]
        fn a_hostile_text_never_becomes_more_than_one_value(text in hostile()) {
            let f = FieldName::new("user_name").unwrap();
            let atoms = [
                Atom::word(&text), Atom::email(&text), Atom::user_name(&text), Atom::correlation(&text),
                Atom::id(&SysId::new(text.clone())),
            ];
            for atom in atoms.into_iter().flatten() {
                prop_assert!(!text.to_lowercase().contains("javascript"));
                let query = Query::new().is(&f, &atom).or_else().any(&f, &[atom.clone(), Atom::int(1)]).order(&f);
                let (branches, order) = read(&query.to_string());
                prop_assert_eq!(branches, vec![
                    vec![format!("user_name={text}")],
                    vec![format!("user_nameIN{text},1")],
                ]);
                prop_assert_eq!(order, vec!["user_name".to_owned()]);
                prop_assert!(!text.contains([',', '^', '=', '<', '>', ' ', '(']));
            }
        }

        #[test]
        fn a_hostile_value_of_a_row_stays_the_value_of_its_one_term(text in hostile()) {
            let f = FieldName::new("value").unwrap();
            if let Ok(atom) = Atom::row_value(&text) {
                prop_assert!(!text.to_lowercase().contains("javascript"));
                let query = Query::new().is(&f, &atom).is(&f, &Atom::int(1)).order(&f);
                let (branches, order) = read(&query.to_string());
                prop_assert_eq!(branches, vec![vec![format!("value={text}"), "value=1".to_owned()]]);
                prop_assert_eq!(order, vec!["value".to_owned()]);
                prop_assert!(!text.contains([',', '^', '<', '>', ' ', '(', '"']));
            }
        }

        #[test]
        fn a_hostile_field_name_is_refused(text in hostile()) {
            if let Ok(name) = FieldName::new(&text) {
                let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.".contains(&b);
                prop_assert!(name.as_str().bytes().all(plain));
            }
        }
    }

    #[test]
    fn good_values_pass() {
        assert!(Atom::correlation("diptych:prod:1b4e28ba-2fa1-11d2-883f-0016d3cca427").is_ok());
        assert!(Atom::correlation("Sentinel-ws-1b4e28ba-2fa1-11d2-883f-0016d3cca427").is_ok());
        assert!(Atom::email("Ada.O'Neil+soc@contoso.example").is_ok());
        assert!(Atom::user_name("ada_contoso.example#EXT#@fabrikam.example").is_ok());
        assert!(Atom::id(&SysId::new("0123456789abcdef0123456789abcdef")).is_ok());
        assert!(FieldName::new("caller_id.email").is_ok());
        for bad in ["NULL", "null", "javascript:gs.getUserID", "a^b", "", "a,b", "a b"] {
            assert!(Atom::correlation(bad).is_err(), "{bad}");
        }
        for bad in ["", ".", "a.", "1a", "State", "state^", "a..b"] {
            assert!(FieldName::new(bad).is_err(), "{bad}");
        }
    }
}
