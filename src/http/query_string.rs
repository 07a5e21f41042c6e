//! A query string built from literal keys and percent-encoded values, encoded exactly once.

use std::fmt::Write;

/// A query string. Keys are literals such as `$filter` or `sysparm_query` and stay as they are;
/// values are percent-encoded (`%20`, never `+`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryString(String);

impl QueryString {
    /// An empty query string.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one pair more.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(key);
        self.0.push('=');
        encode_into(&mut self.0, value);
        self
    }

    /// The text behind the `?`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Comma, colon and slash stay because lists of ids would otherwise triple in their separators
/// and pass the 8192 bytes that a ServiceNow front end accepts.
fn encode_into(out: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,:/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_one_decoding() {
        let value = "a^NQb=c d+e%20&f'\"#é\\";
        let text = QueryString::new().with("$filter", value).with("$top", "5");
        assert!(text.as_str().starts_with("$filter=a%5ENQb%3Dc%20d%2Be%2520%26f"));
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(text.as_str().as_bytes()).into_owned().collect();
        assert_eq!(pairs, [("$filter".to_owned(), value.to_owned()), ("$top".into(), "5".into())]);
    }
}
