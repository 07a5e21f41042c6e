//! How the words of an entry read on the other side: as a note of a record, as a comment of an incident, and
//! what of a comment that came as HTML is its text. Neither side renders what the other's outsiders wrote.

use crate::model::{CommentOrigin, Entry};

use super::marker;

/// Longest comment that Sentinel takes is 30,000 characters; room is left for the header.
pub(super) const COMMENT_MAX: usize = 29_000;
/// Longest note: the column is said to be unbounded, a display limit is not; the same cap
/// keeps both sides alike (servicenow-api 3.6).
const NOTE_MAX: usize = 29_000;

/// The note that carries an entry into the record's journal, ending with its marker. Markup
/// that ServiceNow would render is broken.
pub fn note_text(entry: &Entry) -> String {
    let head = match entry.origin {
        CommentOrigin::Sentinel => {
            format!("{} in Microsoft Sentinel, {} UTC:\n", entry.author.line(), entry.at.servicenow())
        }
        CommentOrigin::Console => format!("{}, {} UTC:\n", entry.author.line(), entry.at.servicenow()),
        CommentOrigin::ServiceNow | CommentOrigin::Sync => String::new(),
    };
    noted(entry, &head, entry.text.raw())
}

/// The comment that carries an entry's words to the record's customer, marked as a note is.
pub fn customer_text(entry: &Entry, words: &str) -> String {
    noted(entry, &format!("{}, {} UTC:\n", entry.author.line(), entry.at.servicenow()), words)
}

fn noted(entry: &Entry, head: &str, words: &str) -> String {
    let body = cut_visibly(&visible(words), NOTE_MAX, "in Microsoft Sentinel");
    let said = break_headings(&format!("{head}{}", break_codetags(&body)));
    format!("{said}\n{}", marker::tail(&entry.marker))
}

/// The comment that carries an entry into Sentinel, as HTML that says nothing but its text.
pub fn comment_html(entry: &Entry, record_number: &str) -> String {
    let place = match entry.origin {
        CommentOrigin::ServiceNow => format!(" in ServiceNow {}", crate::text::escape_line(record_number)),
        _ => String::new(),
    };
    let head = format!("{}{place}, {} UTC:", entry.author.line(), entry.at.servicenow());
    let body = cut_visibly(&visible(entry.text.raw()), COMMENT_MAX / 2, "in ServiceNow");
    let body = escape_html(&body).replace('\n', "<br>");
    let body = if body.chars().count() > COMMENT_MAX {
        escape_html(&cut_visibly(&visible(entry.text.raw()), COMMENT_MAX / 8, "in ServiceNow"))
            .replace('\n', "<br>")
    } else {
        body
    };
    format!("<p><b>{}</b></p><p>{body}</p>", escape_html(&head))
}

/// The text with control and spoofing characters made visible, lines kept: what one system's
/// outsider wrote must not steer the other system's terminal or log reader either.
fn visible(raw: &str) -> String {
    crate::text::escape_lines(raw).join("\n")
}

fn cut_visibly(text: &str, max: usize, rest_is: &str) -> String {
    let count = text.chars().count();
    if count <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max).collect();
    format!("{kept}\n… cut here: {} more characters {rest_is}", count - max)
}

/// Breaks `[code]` and `[/code]`, which ServiceNow renders as HTML by default
/// (servicenow-api 3.6).
fn break_codetags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        out.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let tag = rest.strip_prefix('/').unwrap_or(rest).trim_start();
        if tag.get(..4).is_some_and(|t| t.eq_ignore_ascii_case("code")) {
            out.push(' ');
        }
    }
    out.push_str(rest);
    out
}

/// Marks lines that a journal would show as the heading of an entry, date first, as quoted: read back
/// from the record's text, they would end our note and begin somebody's.
fn break_headings(text: &str) -> String {
    let shape =
        |l: &str| l.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b }).take(19).collect::<Vec<_>>();
    let line = |l: &str| match shape(l).as_slice() == b"0000-00-00 00:00:00" {
        true => format!("> {l}"),
        false => l.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Text of a comment that may be HTML. Plain text comes back as it is.
pub fn html_to_text(message: &str) -> String {
    let looks_like_html = message.contains('<') && message.contains('>') || message.contains('&');
    if !looks_like_html {
        return message.trim().to_owned();
    }
    let text = html2text::config::plain_no_decorate()
        .allow_width_overflow()
        .string_from_read(message.as_bytes(), 4000)
        .unwrap_or_else(|_| message.to_owned());
    text.trim().to_owned()
}
