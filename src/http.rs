//! One way to the network for every client: bytes out, bytes in, and the rules between.
//!
//! A [`Transport`] moves bytes and nothing else. A [`Sender`] is bound to one [`Base`], refuses
//! every other origin before anything is sent, attaches a [`Token`] only where it belongs, keeps
//! to the [`Gate`]s and to what the server said about waiting, and logs without secrets.
//! Decoding is strict: an answer counts as JSON only if all of it is. This module uses `text`
//! and nothing else of the crate, so its errors are its own; the clients translate them.

mod clock;
mod fault;
mod gate;
mod inflate;
mod json;
mod origin;
mod pause;
mod query_string;
mod secret;
mod sender;
mod token;
mod transport;
mod wire;

#[cfg(test)]
mod origin_cases;
#[cfg(test)]
pub(crate) mod scripted;

pub use clock::{Clock, SystemClock};
pub use fault::HttpError;
pub use gate::{Door, Gate, Rate};
pub use json::{JsonFault, decode_json};
pub use origin::{Base, Origin};
pub use pause::retry_after;
pub use query_string::QueryString;
pub use secret::Secret;
pub use sender::{Ask, LIST_LIMIT, OTHER_LIMIT, Sender};
pub use token::{FixedToken, FreshToken, Token, TokenCache, TokenGrant, TokenSource};
pub use transport::{FailKind, HttpRequest, HttpResponse, Method, Sent, Transport, TransportError};
pub use wire::{Roots, WireOptions, WireTransport};
