//! The query of a request: keys without case, identical repetitions accepted.

use super::errors::Refusal;
use crate::sandbox::wire::Request;

/// Decoded query parameters. Clients that follow a link and re-add their own parameters send
/// them twice; twice the same is fine, two different values are not.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a request's query.
    pub fn read(request: &Request) -> Result<Self, Refusal> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (key, value) in request.query_pairs() {
            match pairs.iter().find(|(k, _)| k.eq_ignore_ascii_case(&key)) {
                None => pairs.push((key, value)),
                Some((_, first)) if *first == value => {}
                Some(_) => {
                    return Err(Refusal::bad(format!("The query parameter '{key}' is given twice.")));
                }
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v.as_str())
    }
}
