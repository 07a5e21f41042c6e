//! What the rest of the program may ask of a record desk.

use async_trait::async_trait;

use crate::model::call::{DeskCall, DeskOutcome};

/// Where records live.
#[async_trait]
pub trait RecordDesk: Send + Sync {
    /// Carries out one call: one HTTP exchange, plus a token when none is valid, plus one
    /// repetition with a fresh token after a 401. Never retries otherwise.
    async fn call(&self, call: DeskCall) -> DeskOutcome;
}
