//! Two reference servers on loopback that behave like Microsoft Sentinel and ServiceNow.
//!
//! Each server is a pure world: a request and a moment go in, a response comes out. A thin TLS
//! shell serves it. Nothing here shares a type with the clients, so that a wrong idea of an API
//! cannot cancel itself out (D2).
//!
//! Around the worlds: [`exchange`] carries a request to a world through a [`faults::FaultPlan`],
//! [`analysts`] play the people who work on both sides, [`seed_data`] fills the beginning, and
//! [`Sandbox`] serves all of it with an admin endpoint beside.

pub mod admin;
pub mod analysts;
pub mod exchange;
pub mod faults;
pub mod latency;
pub mod options;
pub mod people;
pub mod seed_data;
pub mod sentinel;
pub mod server;
pub mod servicenow;
pub mod side;
pub mod stage;
pub mod wire;

pub use options::{SandboxOptions, Throttle};
pub use server::{Description, Sandbox, SandboxError};
pub use side::Side;
