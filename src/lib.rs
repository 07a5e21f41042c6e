//! diptych keeps Microsoft Sentinel incidents and ServiceNow records in step.

pub mod cli;
pub mod config;
pub mod console;
pub mod engine;
pub mod http;
pub mod mapping;
pub mod model;
pub mod mutant;
pub mod sandbox;
pub mod sentinel;
pub mod servicenow;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod terminal;
pub mod text;
