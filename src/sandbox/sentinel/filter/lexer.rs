//! Cuts an OData expression into tokens.

use super::super::clock::Tick;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Token {
    /// A name: field, function, operator or lambda variable; dots belong to it.
    Word(String),
    /// A quoted string with its doubled quotes undone.
    Text(String),
    /// A whole number.
    Int(i64),
    /// An unquoted date-time.
    Time(Tick),
    /// `/`
    Slash,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `:`
    Colon,
}

/// All tokens of `source`, or what could not be read.
pub(in super::super) fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let mut rest = source;
    let mut out = Vec::new();
    while let Some(c) = rest.chars().next() {
        let (token, used) = match c {
            ' ' | '\t' | '\r' | '\n' => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            '/' => (Token::Slash, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            ':' => (Token::Colon, 1),
            '\'' => quoted(rest)?,
            '-' | '0'..='9' => number_or_time(rest)?,
            c if c.is_ascii_alphabetic() || c == '_' => word(rest),
            other => return Err(format!("Syntax error: character '{other}' is not valid")),
        };
        out.push(token);
        rest = &rest[used..];
    }
    Ok(out)
}

fn word(rest: &str) -> (Token, usize) {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
    (Token::Word(rest[..end].to_owned()), end)
}

fn quoted(rest: &str) -> Result<(Token, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != '\'' {
            text.push(c);
        } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
            text.push('\'');
        } else {
            return Ok((Token::Text(text), at + 1));
        }
    }
    Err("There is an unterminated string literal".into())
}

fn number_or_time(rest: &str) -> Result<(Token, usize), String> {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-:.".contains(c))).unwrap_or(rest.len());
    let raw = &rest[..end];
    if let Ok(int) = raw.parse::<i64>() {
        return Ok((Token::Int(int), end));
    }
    match Tick::parse(raw) {
        Some(tick) => Ok((Token::Time(tick), end)),
        None => Err(format!("Unrecognized literal '{raw}'")),
    }
}
