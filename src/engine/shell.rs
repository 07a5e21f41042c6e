//! The shell around the machine: it carries out effects over the network, the store and the
//! clock, one task each, and hands their replies back.
//!
//! Nothing is decided here. Which calls may be under way at the same time, what is tried again
//! and when, is the machine's business.

mod clients;
mod drive;
mod lazy_desk;
mod leases;
mod report;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use crate::config::Connections;
use crate::model::settings::EngineSettings;
use crate::model::{CallError, WorkspaceKey};
use crate::store::Store;
use crate::sync::marker::MarkerKeys;

pub use clients::{Clients, Desks, Sources, desks, sources};
pub use leases::take_over;
pub use report::{OnceReport, PassReport, PlannedWrite};

use super::machine::Mode;

/// Everything that the engine runs on.
pub struct EngineOptions {
    /// What the config settles.
    pub settings: EngineSettings,
    /// How to reach both services.
    pub connections: Connections,
    /// The store.
    pub store: Store,
    /// Named marker keys, the first one signs (D9).
    pub marker_keys: Vec<(String, SecretString)>,
    /// Hash of each workspace's config section (D31).
    pub section_hashes: BTreeMap<WorkspaceKey, String>,
}

impl EngineOptions {
    fn markers(&self) -> MarkerKeys {
        MarkerKeys::new(self.marker_keys.iter().map(|(_, key)| key.expose_secret().as_bytes().to_vec()))
    }
}

/// Why the engine could not run or could not finish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A connection cannot be built as configured.
    #[error("{0}")]
    Setup(String),
    /// A workspace could not be synced at all.
    #[error("{0}")]
    Refused(String),
    /// A service failed.
    #[error("{0}")]
    Call(CallError),
}

impl EngineError {
    /// The failed call, if it was one.
    pub fn call(&self) -> Option<&CallError> {
        match self {
            Self::Call(error) => Some(error),
            Self::Setup(_) | Self::Refused(_) => None,
        }
    }
}

/// Syncs until `stop` says so.
///
/// # Errors
/// Only when it cannot start; what fails later is shown and tried again.
pub async fn run(options: EngineOptions, stop: watch::Receiver<bool>) -> Result<(), EngineError> {
    let clients = Clients::build(&options)?;
    drive::drive(&options, &clients, Mode::Run, stop).await?;
    Ok(())
}

/// One pass of every workspace with everything that follows from it.
///
/// # Errors
/// When it cannot start. What failed within the pass is in the report.
pub async fn once(options: EngineOptions) -> Result<OnceReport, EngineError> {
    let clients = Clients::build(&options)?;
    let (_keep, stop) = watch::channel(false);
    let summaries = drive::drive(&options, &clients, Mode::Once, stop).await?;
    Ok(report::once(summaries))
}

/// What a pass would write; writes nothing, to either service or to the store.
///
/// # Errors
/// The first failure, because a plan of half the truth would mislead.
pub async fn plan(options: EngineOptions) -> Result<Vec<PlannedWrite>, EngineError> {
    let clients = Clients::build(&options)?;
    let (_keep, stop) = watch::channel(false);
    let summaries = drive::drive(&options, &clients, Mode::Plan, stop).await?;
    report::plan(summaries)
}
