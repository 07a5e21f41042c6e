//! `$filter`: a typed expression and its evaluation on one row.
//!
//! Strings compare exactly, an absent value equals only `null`, and a relation with an absent
//! value is false (sentinel-api 2.5).

mod lexer;
mod parser;

use std::borrow::Cow;
use std::cmp::Ordering;

use super::clock::Tick;
use super::errors::Refusal;
use super::switches::Switches;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string or an enumeration.
    Text,
    /// A whole number.
    Int,
    /// A date-time.
    Time,
    /// The collection of labels.
    Labels,
    /// A collection of strings.
    Words,
    /// The literal `null`.
    Null,
}

impl Kind {
    fn edm(self) -> &'static str {
        match self {
            Self::Text => "Edm.String",
            Self::Int => "Edm.Int32",
            Self::Time => "Edm.DateTimeOffset",
            Self::Labels | Self::Words => "Collection",
            Self::Null => "Null",
        }
    }
}

/// One field that can be filtered and, unless it is a collection, sorted by.
pub(super) struct Field {
    /// Its path, as `properties/title`.
    pub path: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// The value of a field in one row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// Absent.
    Null,
    /// A string.
    Text(Cow<'a, str>),
    /// A number.
    Int(i64),
    /// A moment.
    Time(Tick),
}

impl<'a> Cell<'a> {
    /// A string that may be absent.
    pub fn text(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, |v| Self::Text(Cow::Borrowed(v)))
    }

    /// A moment that may be absent.
    pub fn time(value: Option<Tick>) -> Self {
        value.map_or(Self::Null, Self::Time)
    }

    /// Total order for sorting: absent first.
    pub fn rank(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            _ => self.relate(other).unwrap_or(Ordering::Equal),
        }
    }

    /// Order of two values of one type, none if one is absent.
    fn relate(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// One element of a collection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Element<'a> {
    /// A label.
    Label {
        /// `labelName`.
        name: &'a str,
        /// `labelType`.
        kind: &'a str,
    },
    /// A string.
    Word(&'a str),
}

/// Something that can be filtered and sorted.
pub(super) trait Row {
    /// The value of a field, as filters see it.
    fn cell(&self, path: &str) -> Cell<'_>;
    /// The elements of a collection field.
    fn elements(&self, path: &str) -> Vec<Element<'_>>;
    /// The value of a field, as sorting sees it: finer than what is shown.
    fn sort_cell(&self, path: &str) -> Cell<'_> {
        self.cell(path)
    }
    /// A number that no other row of the list has; it breaks ties.
    fn tie(&self) -> i64;
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// `eq`
    Eq,
    /// `ne`
    Ne,
    /// `gt`
    Gt,
    /// `ge`
    Ge,
    /// `lt`
    Lt,
    /// `le`
    Le,
}

/// Where a text is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seek {
    /// `contains`
    Anywhere,
    /// `startswith`
    Start,
    /// `endswith`
    End,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    /// `null`
    Null,
    /// A string.
    Text(String),
    /// A number.
    Int(i64),
    /// A moment.
    Time(Tick),
}

impl Literal {
    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Text(t) => Cell::Text(Cow::Borrowed(t)),
            Self::Int(i) => Cell::Int(*i),
            Self::Time(t) => Cell::Time(*t),
        }
    }
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// A field of the row.
    Field(&'static str),
    /// A member of the lambda's element; empty for the element itself.
    Element(&'static str),
    /// A constant.
    Literal(Literal),
    /// `toLower(...)`
    Lower(Box<Operand>),
    /// `toUpper(...)`
    Upper(Box<Operand>),
}

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// True of one.
    Or(Vec<Expr>),
    /// True of all.
    And(Vec<Expr>),
    /// True if not.
    Not(Box<Expr>),
    /// A comparison.
    Compare(Operand, Op, Operand),
    /// A search in a text.
    Seek(Seek, Operand, Operand),
    /// One of several values.
    In(Operand, Vec<Literal>),
    /// Some element of a collection, or any at all.
    Any(&'static str, Option<Box<Expr>>),
    /// Matches nothing.
    Never,
}

impl Expr {
    /// Reads a `$filter`.
    pub fn parse(source: &str, fields: &'static [Field], switches: &Switches) -> Result<Self, Refusal> {
        parser::parse(source, fields, switches)
            .map_err(|why| Refusal::bad(format!("Invalid filter clause: {why}. Filter: '{source}'.")))
    }

    /// Whether `row` passes.
    pub fn holds<R: Row>(&self, row: &R) -> bool {
        self.eval(row, None)
    }

    fn eval<R: Row>(&self, row: &R, element: Option<Element<'_>>) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|p| p.eval(row, element)),
            Self::And(parts) => parts.iter().all(|p| p.eval(row, element)),
            Self::Not(inner) => !inner.eval(row, element),
            Self::Never => false,
            Self::Compare(left, op, right) => {
                compare(&left.cell(row, element), *op, &right.cell(row, element))
            }
            Self::In(left, set) => {
                let cell = left.cell(row, element);
                set.iter().any(|item| compare(&cell, Op::Eq, &item.cell()))
            }
            Self::Seek(seek, hay, needle) => match (hay.cell(row, element), needle.cell(row, element)) {
                (Cell::Text(hay), Cell::Text(needle)) => match seek {
                    Seek::Anywhere => hay.contains(needle.as_ref()),
                    Seek::Start => hay.starts_with(needle.as_ref()),
                    Seek::End => hay.ends_with(needle.as_ref()),
                },
                _ => false,
            },
            Self::Any(path, body) => {
                let elements = row.elements(path);
                match body {
                    None => !elements.is_empty(),
                    Some(body) => elements.into_iter().any(|e| body.eval(row, Some(e))),
                }
            }
        }
    }

    /// The span that every match's `path` lies in, both ends included, for an index.
    pub fn span(&self, path: &str) -> (Option<Tick>, Option<Tick>) {
        match self {
            Self::And(parts) => parts.iter().fold((None, None), |(low, high), part| {
                let (l, h) = part.span(path);
                (low.max(l), [high, h].into_iter().flatten().min())
            }),
            Self::Compare(Operand::Field(field), op, Operand::Literal(Literal::Time(t)))
                if *field == path =>
            {
                match op {
                    Op::Eq => (Some(*t), Some(*t)),
                    Op::Gt | Op::Ge => (Some(*t), None),
                    Op::Lt | Op::Le => (None, Some(*t)),
                    Op::Ne => (None, None),
                }
            }
            _ => (None, None),
        }
    }
}

impl Operand {
    fn cell<'v, R: Row>(&'v self, row: &'v R, element: Option<Element<'v>>) -> Cell<'v> {
        match self {
            Self::Field(path) => row.cell(path),
            Self::Literal(literal) => literal.cell(),
            Self::Element(member) => match (element, *member) {
                (Some(Element::Label { name, .. }), "labelName") => Cell::text(Some(name)),
                (Some(Element::Label { kind, .. }), "labelType") => Cell::text(Some(kind)),
                (Some(Element::Word(word)), "") => Cell::text(Some(word)),
                _ => Cell::Null,
            },
            Self::Lower(inner) => inner.cell(row, element).map(str::to_lowercase),
            Self::Upper(inner) => inner.cell(row, element).map(str::to_uppercase),
        }
    }
}

impl Cell<'_> {
    fn map(self, change: fn(&str) -> String) -> Self {
        match self {
            Self::Text(t) => Self::Text(Cow::Owned(change(&t))),
            other => other,
        }
    }
}

fn compare(left: &Cell<'_>, op: Op, right: &Cell<'_>) -> bool {
    let order = left.relate(right);
    match op {
        Op::Eq => left == right,
        Op::Ne => left != right,
        Op::Gt => order == Some(Ordering::Greater),
        Op::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Op::Lt => order == Some(Ordering::Less),
        Op::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
    }
}
