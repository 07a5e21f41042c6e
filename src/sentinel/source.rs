//! What the rest of the program may ask of an incident source. Nothing above knows ARM.

use async_trait::async_trait;

use crate::model::call::{SentinelCall, SentinelOutcome};

/// Where incidents come from: ARM today, Microsoft Graph as a second implementation.
#[async_trait]
pub trait IncidentSource: Send + Sync {
    /// Carries out one call: one HTTP exchange, plus a token when none is valid, plus one
    /// repetition with a fresh token after a 401. Never retries otherwise; when and whether to
    /// try again is the engine's to decide.
    async fn call(&self, call: SentinelCall) -> SentinelOutcome;
}
