//! Two reference servers on loopback that behave like Microsoft Sentinel and ServiceNow.
//!
//! Each server is a pure world: a request and a moment go in, a response comes out. A thin TLS
//! shell serves it. Nothing here shares a type with the clients, so that a wrong idea of an API
//! cannot cancel itself out (D2).

pub mod people;
pub mod sentinel;
pub mod servicenow;
pub mod wire;
