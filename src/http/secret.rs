//! A value that never prints itself.

use secrecy::{ExposeSecret, SecretString};

/// A password, client secret, token or key. It has no `Debug`, no `Display` and no
/// serialisation on purpose, and is wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the secret as it was read from its source.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The secret itself, for a header or a token form; callers must not log or keep it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// True when there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// `text` with every occurrence of the secret replaced, for error texts of a server or a
    /// proxy that may echo what it was sent. Secrets under four characters are left alone:
    /// replacing them would only garble the text.
    pub fn scrub(&self, text: &str) -> String {
        if self.expose().len() < 4 { text.to_owned() } else { text.replace(self.expose(), "***") }
    }
}
