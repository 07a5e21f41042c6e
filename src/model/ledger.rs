//! What the store keeps for one link, and what one transaction changes.
//!
//! The engine's machine speaks to the store only in these types, so that it stays pure and the
//! store stays a store.

mod ask;
mod audit;
mod commit;
mod lease;
mod link_state;
mod memory;

pub use ask::{Ask, StoreFault, Told};
pub use audit::{AuditDraft, AuditRow};
pub use commit::{CommandUpdate, Commit, Committed, IntentUpdate, LinkOrderUpdate};
pub use lease::Lease;
pub use link_state::LinkState;
pub use memory::{Capability, Cursor, Known};
