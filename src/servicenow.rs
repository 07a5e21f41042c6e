//! The record desk: a client of ServiceNow's Table API behind a trait.
//!
//! [`DeskClient`] speaks to one instance. Queries are built from checked atoms only, pages are
//! read by key, and every row that comes back is checked against the query that asked for it,
//! because the platform silently drops the parts of a query that it does not understand.

mod choices;
mod client;
pub mod desk;
mod faults;
mod journal;
mod journal_text;
mod login;
mod paging;
mod query;
mod records;
mod row;
mod rows;
mod table;
mod users;

#[cfg(test)]
mod tests;

pub use client::{DeskClient, DeskSettings};
pub use desk::RecordDesk;
pub use login::{DeskLogin, desk_tokens};
pub use query::{Atom, FieldName, NotSafe, Query};
