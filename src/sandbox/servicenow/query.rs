//! Encoded queries: text into groups of brackets of terms (servicenow-api, 2.4).
//!
//! `^OR` binds to the preceding term only, brackets are joined by AND, `^NQ` starts a fresh
//! branch, `^^` is a caret in a value. What makes no sense becomes [`Node::Invalid`] and is
//! dropped later, because the platform fails open.

pub(super) mod dates;
pub(super) mod filter;
pub(super) mod select;
pub(super) mod term;

/// One operator, named after its longest spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Equals,
    NotEquals,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    In,
    NotIn,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    IsEmpty,
    IsNotEmpty,
    Anything,
    Between,
    SameAs,
    NotSameAs,
    GreaterField,
    GreaterOrEqualField,
    LessField,
    LessOrEqualField,
    On,
    NotOn,
    RelativeGreater,
    RelativeGreaterOrEqual,
    RelativeLess,
    RelativeLessOrEqual,
    RelativeEqual,
    Dynamic,
    InstanceOf,
    /// Not an operator of the grammar: value or display value equal, for `?field=value`.
    ValueOrLabel,
    /// Valid elsewhere (conditions of business rules) or rarely: such a term is ignored.
    Unsupported,
}

impl Op {
    /// True for the operators that need the right to match only; the others need the right to
    /// compare by range.
    pub(super) fn matches_only(self) -> bool {
        use Op::{
            Anything, Dynamic, Equals, In, IsEmpty, IsNotEmpty, NotEquals, NotIn, NotSameAs, SameAs,
            ValueOrLabel,
        };
        matches!(
            self,
            Equals
                | NotEquals
                | In
                | NotIn
                | IsEmpty
                | IsNotEmpty
                | Anything
                | SameAs
                | NotSameAs
                | Dynamic
                | ValueOrLabel
        )
    }
}

/// Spellings, longest first within each possible confusion.
const OPERATORS: &[(&str, Op)] = &[
    ("GT_OR_EQUALS_FIELD", Op::GreaterOrEqualField),
    ("LT_OR_EQUALS_FIELD", Op::LessOrEqualField),
    ("DOES NOT CONTAIN", Op::NotContains),
    ("IN_HIERARCHY", Op::Unsupported),
    ("CHANGESFROM", Op::Unsupported),
    ("STARTSWITH", Op::StartsWith),
    ("ISNOTEMPTY", Op::IsNotEmpty),
    ("EMPTYSTRING", Op::IsEmpty),
    ("VALCHANGES", Op::Unsupported),
    ("RELATIVEGT", Op::RelativeGreater),
    ("RELATIVEGE", Op::RelativeGreaterOrEqual),
    ("RELATIVELT", Op::RelativeLess),
    ("RELATIVELE", Op::RelativeLessOrEqual),
    ("RELATIVEEE", Op::RelativeEqual),
    ("INSTANCEOF", Op::InstanceOf),
    ("CHANGESTO", Op::Unsupported),
    ("GT_FIELD", Op::GreaterField),
    ("LT_FIELD", Op::LessField),
    ("ENDSWITH", Op::EndsWith),
    ("CONTAINS", Op::Contains),
    ("NOT LIKE", Op::NotContains),
    ("DATEPART", Op::Unsupported),
    ("MORETHAN", Op::Unsupported),
    ("LESSTHAN", Op::Unsupported),
    ("ANYTHING", Op::Anything),
    ("ISEMPTY", Op::IsEmpty),
    ("BETWEEN", Op::Between),
    ("DYNAMIC", Op::Dynamic),
    ("NSAMEAS", Op::NotSameAs),
    ("NOTLIKE", Op::NotContains),
    ("NOT IN", Op::NotIn),
    ("SAMEAS", Op::SameAs),
    ("NOTIN", Op::NotIn),
    ("NOTON", Op::NotOn),
    ("LIKE", Op::Contains),
    ("IN", Op::In),
    ("ON", Op::On),
    ("!=", Op::NotEquals),
    ("!*", Op::NotContains),
    (">=", Op::GreaterOrEqual),
    ("<=", Op::LessOrEqual),
    ("=", Op::Equals),
    (">", Op::Greater),
    ("<", Op::Less),
    ("*", Op::Contains),
    ("%", Op::EndsWith),
];

/// `field op value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) field: String,
    pub(super) op: Op,
    pub(super) value: String,
}

/// One member of a bracket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Term(Term),
    /// `123TEXTQUERY321=words`.
    Text(String),
    /// `JOINt1.field=t2.field!query`.
    Join {
        field: String,
        table: String,
        key: String,
        query: String,
    },
    /// `RLQUERYtable.field,op count^query^ENDRLQUERY`.
    Related {
        table: String,
        key: String,
        op: Op,
        count: i64,
        query: String,
    },
    /// Something that cannot be read.
    Invalid,
}

/// A parsed query: groups joined by OR, of brackets joined by AND, of nodes joined by OR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) groups: Vec<Vec<Vec<Node>>>,
    /// Columns to sort by, `true` for descending.
    pub(super) order: Vec<(String, bool)>,
}

impl Query {
    /// Parses any text; never fails.
    pub(super) fn parse(text: &str) -> Self {
        let mut query = Self { groups: vec![Vec::new()], order: Vec::new() };
        let mut pieces = split(text).into_iter();
        while let Some(piece) = pieces.next() {
            if let Some(field) = piece.strip_prefix("ORDERBYDESC") {
                query.order.push((field.to_owned(), true));
            } else if let Some(field) = piece.strip_prefix("ORDERBY") {
                query.order.push((field.to_owned(), false));
            } else if piece == "EQ" || piece.is_empty() || piece.starts_with("GROUPBY") {
                // An end marker, a stray caret and a list setting say nothing about rows.
            } else if let Some(rest) = piece.strip_prefix("NQ") {
                query.groups.push(Vec::new());
                query.push(rest, &mut pieces, false);
            } else if let Some(rest) = piece.strip_prefix("OR") {
                query.push(rest, &mut pieces, true);
            } else {
                query.push(&piece, &mut pieces, false);
            }
        }
        query
    }

    /// A query of one bracket per field, for `?field=value` without `sysparm_query`.
    pub(super) fn implicit(fields: &[(String, String)]) -> Self {
        let bracket = |(field, value): &(String, String)| {
            let (field, value) = (field.clone(), value.clone());
            vec![Node::Term(Term { field, op: Op::ValueOrLabel, value })]
        };
        Self { groups: vec![fields.iter().map(bracket).collect()], order: Vec::new() }
    }

    fn push(&mut self, piece: &str, rest: &mut impl Iterator<Item = String>, or: bool) {
        let node = if let Some(head) = piece.strip_prefix("RLQUERY") {
            let inner: Vec<String> = rest.take_while(|p| p != "ENDRLQUERY").collect();
            related(head, &inner)
        } else {
            node(piece)
        };
        let Some(group) = self.groups.last_mut() else { return };
        match group.last_mut() {
            Some(bracket) if or => bracket.push(node),
            _ => group.push(vec![node]),
        }
    }
}

/// Cuts at single carets; a doubled one stays as a caret of the value.
fn split(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '^' && chars.next_if_eq(&'^').is_none() {
            pieces.push(String::new());
        } else if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces
}

fn node(piece: &str) -> Node {
    if let Some(words) = piece.strip_prefix("123TEXTQUERY321=") {
        return Node::Text(words.to_owned());
    }
    if let Some(rest) = piece.strip_prefix("JOIN") {
        return join(rest).unwrap_or(Node::Invalid);
    }
    let end = piece
        .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.'))
        .unwrap_or(piece.len());
    let (field, rest) = piece.split_at(end);
    let found = OPERATORS.iter().find_map(|(spelling, op)| Some((*op, rest.strip_prefix(spelling)?)));
    match found {
        Some((op, value)) if !field.is_empty() => {
            Node::Term(Term { field: field.to_owned(), op, value: value.to_owned() })
        }
        _ => Node::Invalid,
    }
}

fn join(rest: &str) -> Option<Node> {
    let (keys, query) = rest.split_once('!').unwrap_or((rest, ""));
    let (left, right) = keys.split_once('=')?;
    let (_, field) = left.split_once('.')?;
    let (table, key) = right.split_once('.')?;
    Some(Node::Join { field: field.into(), table: table.into(), key: key.into(), query: query.into() })
}

fn related(head: &str, inner: &[String]) -> Node {
    let mut parts = head.split(',');
    let place = parts.next().and_then(|p| p.split_once('.'));
    let limit = parts.next().unwrap_or(">=1");
    let read = OPERATORS.iter().find_map(|(spelling, op)| Some((*op, limit.strip_prefix(spelling)?)));
    let (Some((table, key)), Some((op, count))) = (place, read) else { return Node::Invalid };
    let Ok(count) = count.trim().parse() else { return Node::Invalid };
    // The inner query is cut at carets already, so its own doubled carets are written back.
    let query = inner.iter().map(|p| p.replace('^', "^^")).collect::<Vec<_>>().join("^");
    Node::Related { table: table.into(), key: key.into(), op, count, query }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(field: &str, op: Op, value: &str) -> Node {
        Node::Term(Term { field: field.into(), op, value: value.into() })
    }

    #[test]
    fn or_binds_to_the_term_before_it_only() {
        let q = Query::parse("a=1^ORa=2^b=1^ORb=2^NQc=3^ORDERBYd^ORDERBYDESCe^EQ");
        assert_eq!(
            q.groups,
            vec![
                vec![
                    vec![term("a", Op::Equals, "1"), term("a", Op::Equals, "2")],
                    vec![term("b", Op::Equals, "1"), term("b", Op::Equals, "2")],
                ],
                vec![vec![term("c", Op::Equals, "3")]],
            ]
        );
        assert_eq!(q.order, vec![("d".into(), false), ("e".into(), true)]);
    }

    #[test]
    fn a_doubled_caret_belongs_to_the_value() {
        let q = Query::parse("short_descriptionLIKEa^^b^state=1");
        assert_eq!(q.groups[0][0], vec![term("short_description", Op::Contains, "a^b")]);
        assert_eq!(q.groups[0].len(), 2);
    }

    #[test]
    fn the_longest_operator_wins() {
        for (text, op, value) in [
            ("fIN1,2", Op::In, "1,2"),
            ("fINSTANCEOFtask", Op::InstanceOf, "task"),
            ("fNOT INa,b", Op::NotIn, "a,b"),
            ("fNOT LIKEx", Op::NotContains, "x"),
            ("f!=x", Op::NotEquals, "x"),
            ("f>=3", Op::GreaterOrEqual, "3"),
            ("fGT_OR_EQUALS_FIELDg", Op::GreaterOrEqualField, "g"),
            ("f==1", Op::Equals, "=1"),
            ("fRELATIVEGT@hour@ago@3", Op::RelativeGreater, "@hour@ago@3"),
            ("fEMPTYSTRING", Op::IsEmpty, ""),
        ] {
            assert_eq!(Query::parse(text).groups[0][0], vec![term("f", op, value)], "{text}");
        }
    }

    #[test]
    fn text_without_sense_is_invalid_not_an_error() {
        assert_eq!(Query::parse("AAAA=BBBB").groups[0], vec![vec![Node::Invalid]]);
        assert_eq!(Query::parse("^^^").groups[0], vec![vec![Node::Invalid]]);
        assert_eq!(Query::parse("").groups, vec![Vec::<Vec<Node>>::new()]);
    }

    #[test]
    fn related_lists_swallow_their_inner_query() {
        let q = Query::parse("RLQUERYtask_ci.task,>=1^ci_item.name=a^ENDRLQUERY^state=1");
        assert_eq!(q.groups[0].len(), 2);
        assert!(matches!(&q.groups[0][0][0], Node::Related { table, query, count: 1, .. }
            if table == "task_ci" && query == "ci_item.name=a"));
    }
}
