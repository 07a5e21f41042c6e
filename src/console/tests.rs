//! Tests of the whole console: keys in, effects and pictures out.

mod flow;
mod pictures;
mod sample;
mod sizes;
mod snapshot;
mod tables;
