//! Taking out what looks like a credential. The second wall: secrets are not logged in the first
//! place.

/// Names whose values are taken out, whatever stands between: `=`, `:`, quotes, blanks.
const NAMES: [&str; 14] = [
    "client_secret",
    "client_assertion",
    "access_token",
    "refresh_token",
    "id_token",
    "password",
    "passwd",
    "authorization",
    "x-sn-apikey",
    "x-api-key",
    "set-cookie",
    "cookie",
    "secret",
    "assertion",
];

/// Schemes in front of a credential.
const SCHEMES: [&str; 2] = ["bearer ", "basic "];

const GONE: &str = "[redacted]";

/// The text without what looks like a credential.
pub fn redact(text: &str) -> String {
    // ASCII only changes case in place, so positions in one are positions in the other
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match value_at(&lower, at) {
            Some((start, end)) => {
                out.push_str(&text[at..start]);
                out.push_str(GONE);
                at = end;
            }
            None => {
                let Some(c) = text[at..].chars().next() else { break };
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    out
}

/// Where the credential begins and ends whose name or scheme begins at `at`.
fn value_at(lower: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &lower[at..];
    let within = lower[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    if let Some(scheme) = SCHEMES.iter().find(|s| rest.starts_with(**s) && !within) {
        let start = at + scheme.len();
        let end = end_of(lower, start, |c| !(c.is_ascii_alphanumeric() || "._~+/=-".contains(c)));
        // "basic sign-in" is prose
        return (end - start >= 8).then_some((start, end));
    }
    let name = NAMES.iter().find(|n| rest.starts_with(**n))?;
    let after = at + name.len();
    let start = end_of(lower, after, |c| !matches!(c, '"' | '\'' | ' ' | ':' | '=' | '\\'));
    let between = &lower[after..start];
    if !between.contains(['=', ':']) {
        return None;
    }
    let quoted = between.ends_with(['"', '\'']);
    let end = match SCHEMES.iter().find(|s| lower[start..].starts_with(**s)) {
        Some(scheme) => {
            end_of(lower, start + scheme.len(), |c| c.is_whitespace() || matches!(c, '"' | '\'' | ','))
        }
        None if quoted => end_of(lower, start, |c| matches!(c, '"' | '\'')),
        None => end_of(lower, start, |c| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '&' | ',' | ';' | '}' | ')')
        }),
    };
    (end > start).then_some((start, end))
}

fn end_of(text: &str, from: usize, stop: impl Fn(char) -> bool) -> usize {
    text[from..].char_indices().find(|(_, c)| stop(*c)).map_or(text.len(), |(i, _)| from + i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_in_every_shape() {
        for line in [
            "authorization: Bearer hunter2-hunter2.x",
            "Authorization: Basic aHVudGVyMjpodW50ZXIy",
            "header Bearer hunter2hunter2 sent",
            "grant_type=password&client_secret=hunter2&x=1",
            "{\"access_token\":\"hunter2\",\"expires_in\":3599}",
            "{\\\"password\\\": \\\"hunter2\\\"}",
            "password = 'hunter2 hunter2'",
            "Set-Cookie: JSESSIONID=hunter2; path=/",
            "X-sn-apikey: hunter2",
        ] {
            let out = redact(line);
            assert!(!out.contains("hunter2") && !out.contains("aHVud"), "{line} → {out}");
            assert!(out.contains(GONE), "{out}");
        }
    }

    #[test]
    fn prose_and_the_rest_of_a_line_stay() {
        assert_eq!(redact("client_secret=x&scope=y"), format!("client_secret={GONE}&scope=y"));
        for line in
            ["the password was refused", "basic sign-in", "secretary of état", "PATCH INC0010023 → 200"]
        {
            assert_eq!(redact(line), line);
        }
    }
}
