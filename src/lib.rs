//! diptych keeps Microsoft Sentinel incidents and ServiceNow records in step.

pub mod sandbox;
pub mod text;
