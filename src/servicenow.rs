//! The record desk: a client of ServiceNow's Table API behind a trait.

pub mod desk;

pub use desk::RecordDesk;
