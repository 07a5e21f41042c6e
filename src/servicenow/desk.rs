//! What the rest of the program may ask of a record desk.

use async_trait::async_trait;

use crate::model::call::{DeskCall, DeskOutcome};

/// Where records live.
#[async_trait]
pub trait RecordDesk: Send + Sync {
    /// Carries out one call: one HTTP exchange, plus a token when none is valid, plus one
    /// repetition with a fresh token after a 401. Never retries otherwise. Journals, choices,
    /// users and keys may take several exchanges where access rules hide whole pages or a list
    /// is longer than a page; a page of changed records never does: its `next` moves on instead
    /// (with an empty `sys_id` while no row could be seen).
    async fn call(&self, call: DeskCall) -> DeskOutcome;
}
