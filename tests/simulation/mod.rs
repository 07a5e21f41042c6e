//! The whole engine in one process: real machine, real clients, real store, both sandbox worlds,
//! one scheduler, virtual time. No socket, no sleep.
//!
//! | file | noun |
//! |---|---|
//! | `time` | virtual time, the servers' and the local one |
//! | `wire` | the transport that carries requests to the worlds and notes each of them |
//! | `setting` | what a run is made of |
//! | `process` | one life of one engine: machine, clients |
//! | `scheduler` | the run: what happens next |
//! | `upset` | kills, restarts, pauses, a full disk, a lost store |
//! | `person` | somebody who ties a pair or ends its link by hand |
//! | `view` | what both servers hold, and acts of people on it |
//! | `client` | the same worlds under a client that is none of ours |
//! | `dialect` | how a sync writes things down |
//! | `store_app` | what Microsoft's store app leaves behind |
//! | `related` | incidents with entities, and what stands beside their records |
//! | `in_step` | are both sides in step? |

#![allow(dead_code, unused_imports, reason = "shared by two test binaries, each of which uses a part")]

mod client;
pub mod custom;
mod dialect;
pub mod in_step;
mod person;
mod process;
pub mod related;
mod scheduler;
mod setting;
pub mod store_app;
mod time;
mod trace;
mod upset;
mod view;
mod wire;

pub use dialect::{Dialect, SECURITY};
pub use in_step::{Discord, FULL, MOST_COMMENTS, Worlds, check_in_step, is_full, token};
pub use scheduler::Simulation;
pub use setting::{CUSTOMER_WORD, KEY, NUMBER_LABEL, SUBSCRIPTION, Setting, TENANT, USER, WORKSPACE};
pub use upset::Boundary;
pub use wire::{Around, DESK, Deeds, SENTINEL, Sent};
