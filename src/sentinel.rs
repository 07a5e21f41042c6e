//! The incident source: a client of the SecurityInsights API behind a trait.

pub mod source;

pub use source::IncidentSource;
