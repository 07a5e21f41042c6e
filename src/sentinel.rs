//! The incident source: a client of the SecurityInsights API behind a trait.
//!
//! [`ArmClient`] speaks to one workspace through Azure Resource Manager; [`EntraGrant`] gets its
//! tokens. What a server wrote becomes a model type or a [`crate::model::CallError`] here, and
//! nothing above knows ARM.

mod aadsts;
mod arm;
mod entra;
mod faults;
mod gates;
mod incidents;
mod parts;
pub mod source;

#[cfg(test)]
mod tests;

pub use arm::{ArmClient, ArmSettings};
pub use entra::{EntraGrant, EntraSettings};
pub use gates::{ArmGates, ArmRates};
pub use source::IncidentSource;
