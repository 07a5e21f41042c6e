//! Why an exchange gave no response.

use std::time::Duration;

use super::{Sent, TransportError};
use crate::text::format_span;

/// An exchange without a response. Only [`HttpError::Transport`] can have reached the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// A rule of our own refused it before sending: foreign origin, path outside the base.
    #[error("refused before sending: {0}")]
    Guard(String),
    /// The server asked for a pause that is not over; not sent.
    #[error("the server asked for a pause, {} are left of it", format_span(*.0))]
    Closed(Duration),
    /// A rate gate of our own is shut for longer than a call may wait; not sent.
    #[error("our own rate gate opens in {}", format_span(*.0))]
    Gated(Duration),
    /// The transport failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl HttpError {
    /// True when the server may have seen the request.
    pub fn maybe_sent(&self) -> bool {
        matches!(self, Self::Transport(e) if e.sent == Sent::Maybe)
    }
}
