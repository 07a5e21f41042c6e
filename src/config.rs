//! The config file: where things are.
//!
//! `version = 1`, TOML, unknown keys refused. A file becomes a [`Config`] in fixed steps: text →
//! tree with line numbers → known keys only ([`keys`]) → environment over it → defaults under it
//! → raw types → resolved values that cannot be invalid. Every problem is collected, not just
//! the first, each with file, line, key and what to do about it. No step ever prints a secret:
//! the file holds references, and [`Secret`] reads them when a client asks.
//!
//! A scalar key can be set from the environment: `DIPTYCH_STORE__PATH`, `DIPTYCH_LOG__LEVEL`,
//! `DIPTYCH_WORKSPACE__PROD__POLL`, `DIPTYCH_INSTANCE__DEV__URL`; the key of a workspace or an
//! instance, or the name of a credential, stands in capitals with `_` for `-`.

mod connections;
mod hash;
pub mod keys;
mod load;
mod nearest;
mod overlay;
mod parts;
mod problem;
mod raw;
mod resolved;
mod sandbox;
mod secret;
mod shape;
mod show;
mod tree;

pub use connections::{
    Cloud, Connections, InstanceConnection, SignIn, TransportSettings, WorkspaceConnection,
};
pub use load::{Checked, default_file, load, parse};
pub use problem::{ConfigError, Problem, Weight, line as problem_line};
pub use resolved::{Config, ConsoleSettings, LogLevel, LogSettings, MarkerKey};
pub use sandbox::sandbox_config;
pub use secret::{Secret, SecretProblem};
pub use show::{Entry, Origin};

/// Every place of the tree with its keys, as the types that read it name them: `("", [version,
/// store, …])`, `("workspace[]", …)`. For the test that holds the example against them.
pub fn key_names() -> Vec<(String, Vec<&'static str>)> {
    shape::places(&shape::root())
}
