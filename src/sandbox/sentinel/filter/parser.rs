//! Turns tokens into an [`Expr`], with types checked against the fields of a resource.

use super::super::switches::{Dialect, Switches};
use super::lexer::{Token, tokens};
use super::{Expr, Field, Kind, Literal, Op, Operand, Seek};

/// Longest expression and deepest nesting that are read; more is refused, not recursed into.
const LONGEST: usize = 8_000;
const DEEPEST: usize = 60;

/// Parses a `$filter`, or says what is wrong with it.
pub(in super::super) fn parse(
    source: &str,
    fields: &'static [Field],
    switches: &Switches,
) -> Result<Expr, String> {
    if source.len() > LONGEST {
        return Err("The expression is too long".into());
    }
    let mut parser = Parser {
        tokens: tokens(source)?,
        at: 0,
        depth: 0,
        fields,
        lambda: None,
        seen_only: switches.filter_dialect == Dialect::Seen,
        undetermined_bug: switches.undetermined_bug,
    };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(format!("Syntax error at position {}: unexpected {token:?}", parser.at)),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    fields: &'static [Field],
    /// Lambda variable and whether its element has members.
    lambda: Option<(String, Kind)>,
    seen_only: bool,
    undetermined_bug: bool,
}

type Parsed<T> = Result<T, String>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn expect(&mut self, wanted: &Token) -> Parsed<()> {
        match self.next() {
            Some(token) if token == *wanted => Ok(()),
            Some(token) => Err(format!("Syntax error: expected {wanted:?}, found {token:?}")),
            None => Err(format!("Syntax error: expected {wanted:?} at the end of the expression")),
        }
    }

    fn keyword(&mut self, word: &str) -> bool {
        let hit = matches!(self.peek(), Some(Token::Word(w)) if w == word);
        if hit {
            self.at += 1;
        }
        hit
    }

    fn or(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("The expression is nested too deeply".into());
        }
        let mut parts = vec![self.and()?];
        while self.keyword("or") {
            parts.push(self.and()?);
        }
        self.depth -= 1;
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Expr::Or(parts) })
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut parts = vec![self.unary()?];
        while self.keyword("and") {
            parts.push(self.unary()?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Expr::And(parts) })
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let mut negations = 0_usize;
        while self.keyword("not") {
            self.unseen("not")?;
            negations += 1;
        }
        let inner = if self.peek() == Some(&Token::Open) {
            self.at += 1;
            let inner = self.or()?;
            self.expect(&Token::Close)?;
            inner
        } else {
            self.predicate()?
        };
        Ok(if negations % 2 == 1 { Expr::Not(Box::new(inner)) } else { inner })
    }

    fn unseen(&self, what: &str) -> Parsed<()> {
        if self.seen_only { Err(format!("'{what}' is not supported")) } else { Ok(()) }
    }

    fn predicate(&mut self) -> Parsed<Expr> {
        if let Some(Token::Word(name)) = self.peek().cloned() {
            match name.as_str() {
                "contains" | "startswith" | "endswith" => return self.seek(&name),
                "search.in" => return self.search_in(),
                _ => {}
            }
        }
        let (left, kind) = self.operand()?;
        if let Operand::Field(field) = &left
            && matches!(kind, Kind::Labels | Kind::Words)
        {
            return self.any(field, kind);
        }
        if self.keyword("in") {
            self.unseen("in")?;
            return self.members(left, kind);
        }
        let op = self.operator()?;
        let (right, right_kind) = self.operand()?;
        agree(kind, right_kind)?;
        Ok(self.compare(left, op, right))
    }

    fn compare(&self, left: Operand, op: Op, right: Operand) -> Expr {
        let buggy = self.undetermined_bug
            && op == Op::Eq
            && matches!(left, Operand::Field("properties/classification"))
            && right == Operand::Literal(Literal::Text("Undetermined".into()));
        if buggy { Expr::Never } else { Expr::Compare(left, op, right) }
    }

    fn operator(&mut self) -> Parsed<Op> {
        let Some(Token::Word(word)) = self.next() else {
            return Err("Syntax error: a comparison operator is missing".into());
        };
        let op = match word.as_str() {
            "eq" => Op::Eq,
            "gt" => Op::Gt,
            "ge" => Op::Ge,
            "le" => Op::Le,
            "ne" => Op::Ne,
            "lt" => Op::Lt,
            other => return Err(format!("Syntax error: '{other}' is not an operator")),
        };
        if matches!(op, Op::Ne | Op::Lt) {
            self.unseen(&word)?;
        }
        Ok(op)
    }

    fn seek(&mut self, name: &str) -> Parsed<Expr> {
        self.at += 1;
        let seek = match name {
            "startswith" => Seek::Start,
            "endswith" => Seek::End,
            _ => Seek::Anywhere,
        };
        if seek != Seek::Anywhere {
            self.unseen(name)?;
        }
        self.expect(&Token::Open)?;
        let (hay, hay_kind) = self.operand()?;
        self.expect(&Token::Comma)?;
        let (needle, needle_kind) = self.operand()?;
        self.expect(&Token::Close)?;
        agree(hay_kind, Kind::Text)?;
        agree(needle_kind, Kind::Text)?;
        Ok(Expr::Seek(seek, hay, needle))
    }

    fn search_in(&mut self) -> Parsed<Expr> {
        self.at += 1;
        self.expect(&Token::Open)?;
        let (left, kind) = self.operand()?;
        agree(kind, Kind::Text)?;
        self.expect(&Token::Comma)?;
        let Some(Token::Text(list)) = self.next() else {
            return Err("search.in takes a quoted list".into());
        };
        let mut separators = " ,".to_owned();
        if self.peek() == Some(&Token::Comma) {
            self.at += 1;
            let Some(Token::Text(given)) = self.next() else {
                return Err("search.in takes quoted separators".into());
            };
            separators = given;
        }
        self.expect(&Token::Close)?;
        let words = list.split(|c| separators.contains(c)).filter(|w| !w.is_empty());
        Ok(Expr::In(left, words.map(|w| Literal::Text(w.to_owned())).collect()))
    }

    fn members(&mut self, left: Operand, kind: Kind) -> Parsed<Expr> {
        self.expect(&Token::Open)?;
        let mut set = Vec::new();
        loop {
            let (item, item_kind) = self.operand()?;
            agree(kind, item_kind)?;
            let Operand::Literal(literal) = item else { return Err("'in' takes literals".into()) };
            set.push(literal);
            match self.next() {
                Some(Token::Comma) => {}
                Some(Token::Close) => return Ok(Expr::In(left, set)),
                _ => return Err("Syntax error: the list of 'in' is not closed".into()),
            }
        }
    }

    fn any(&mut self, field: &'static str, kind: Kind) -> Parsed<Expr> {
        self.expect(&Token::Slash)?;
        let quantifier = self.next();
        let all = match &quantifier {
            Some(Token::Word(w)) if w == "any" => false,
            Some(Token::Word(w)) if w == "all" => {
                self.unseen("all")?;
                true
            }
            _ => return Err(format!("A collection property takes any(...), found {quantifier:?}")),
        };
        if self.lambda.is_some() {
            return Err("Lambda expressions do not nest".into());
        }
        self.expect(&Token::Open)?;
        if !all && self.peek() == Some(&Token::Close) {
            self.at += 1;
            return Ok(Expr::Any(field, None));
        }
        let Some(Token::Word(variable)) = self.next() else {
            return Err("any(...) takes a range variable".into());
        };
        self.expect(&Token::Colon)?;
        self.lambda = Some((variable, kind));
        let body = self.or()?;
        self.lambda = None;
        self.expect(&Token::Close)?;
        Ok(if all {
            Expr::Not(Box::new(Expr::Any(field, Some(Box::new(Expr::Not(Box::new(body)))))))
        } else {
            Expr::Any(field, Some(Box::new(body)))
        })
    }

    fn operand(&mut self) -> Parsed<(Operand, Kind)> {
        match self.next() {
            Some(Token::Text(t)) => Ok((Operand::Literal(Literal::Text(t)), Kind::Text)),
            Some(Token::Int(i)) => Ok((Operand::Literal(Literal::Int(i)), Kind::Int)),
            Some(Token::Time(t)) => Ok((Operand::Literal(Literal::Time(t)), Kind::Time)),
            Some(Token::Word(w)) if w == "null" => Ok((Operand::Literal(Literal::Null), Kind::Null)),
            Some(Token::Word(w)) if w.eq_ignore_ascii_case("tolower") => self.fold(Operand::Lower),
            Some(Token::Word(w)) if w.eq_ignore_ascii_case("toupper") => {
                self.unseen(&w)?;
                self.fold(Operand::Upper)
            }
            Some(Token::Word(w)) => self.path(w),
            Some(token) => Err(format!("Syntax error: unexpected {token:?}")),
            None => Err("The expression ends too early".into()),
        }
    }

    fn fold(&mut self, wrap: fn(Box<Operand>) -> Operand) -> Parsed<(Operand, Kind)> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("The expression is nested too deeply".into());
        }
        self.expect(&Token::Open)?;
        let (inner, kind) = self.operand()?;
        agree(kind, Kind::Text)?;
        self.expect(&Token::Close)?;
        self.depth -= 1;
        Ok((wrap(Box::new(inner)), Kind::Text))
    }

    /// A field path, greedily as long as it names a field, or a lambda variable's member.
    fn path(&mut self, first: String) -> Parsed<(Operand, Kind)> {
        if let Some((variable, kind)) = self.lambda.clone()
            && variable == first
        {
            return self.element(kind);
        }
        let mut path = first;
        loop {
            if let Some(field) = self.fields.iter().find(|f| f.path == path) {
                return Ok((Operand::Field(field.path), field.kind));
            }
            match (self.peek(), self.tokens.get(self.at + 1)) {
                (Some(Token::Slash), Some(Token::Word(next))) => {
                    path = format!("{path}/{next}");
                    self.at += 2;
                }
                _ => return Err(format!("Could not find a property named '{path}'")),
            }
        }
    }

    fn element(&mut self, kind: Kind) -> Parsed<(Operand, Kind)> {
        if kind == Kind::Words {
            return Ok((Operand::Element(""), Kind::Text));
        }
        self.expect(&Token::Slash)?;
        match self.next() {
            Some(Token::Word(w)) if w == "labelName" => Ok((Operand::Element("labelName"), Kind::Text)),
            Some(Token::Word(w)) if w == "labelType" => Ok((Operand::Element("labelType"), Kind::Text)),
            other => Err(format!("Could not find a property named {other:?} on a label")),
        }
    }
}

fn agree(left: Kind, right: Kind) -> Parsed<()> {
    if left == right || left == Kind::Null || right == Kind::Null {
        return Ok(());
    }
    Err(format!(
        "A binary operator with incompatible types was detected. Found operand types '{}' and '{}'",
        left.edm(),
        right.edm()
    ))
}
