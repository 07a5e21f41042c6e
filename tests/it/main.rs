//! Every integration test that is not the Gauntlet and not a foreign client, in one binary.

mod config;
mod layering;
mod simulation;
