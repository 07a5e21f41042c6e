//! Every integration test that is not the Gauntlet and not a foreign client, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and may say why"
)]

mod acceptance;
mod cli;
mod config;
mod docs;
#[cfg(unix)]
mod domain_users;
mod end_to_end;
mod interleavings;
mod layering;
#[cfg(unix)]
mod links;
mod terminal;

#[path = "../simulation/mod.rs"]
mod simulation;
