//! Starting the engine: everything it needs, gathered from config and store.

use super::exit::{Exit, Failure};
use super::who;
use crate::config::Config;
use crate::engine::shell::{EngineError, EngineOptions};
use crate::mapping::TableSet;
use crate::store::Store;

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match &error {
            EngineError::Setup(_) => Exit::Usage,
            EngineError::Refused(_) => Exit::Unavailable,
            EngineError::Call(call) => Exit::from(call),
        };
        Self::new(exit, error.to_string())
    }
}

/// What the engine runs on. Reads the marker keys, and seeds a new store with the preset tables.
pub async fn options(config: &Config, store: &Store, mode: &str) -> Result<EngineOptions, Failure> {
    config.check_can_sync()?;
    let keys = config.marker_keys.clone();
    let read = tokio::task::spawn_blocking(move || {
        keys.into_iter().map(|k| k.secret.fetch().map(|s| (k.name, s))).collect::<Result<Vec<_>, _>>()
    });
    let marker_keys = read
        .await
        .map_err(|e| Failure::new(Exit::Failed, format!("the marker keys could not be read: {e}")))?
        .map_err(|p| Failure::new(Exit::Usage, format!("a marker key cannot be read: {p}")).hint(p.hint))?;
    let preset = TableSet::default_tables()
        .to_json()
        .map_err(|e| Failure::new(Exit::Failed, format!("the preset tables cannot be written: {e}")))?;
    store.seed_mapping(&preset, who::now()).await?;
    Ok(EngineOptions {
        settings: config.engine(&who::holder(mode), fastrand::u64(..)),
        connections: config.connections.clone(),
        store: store.clone(),
        marker_keys,
        section_hashes: config.section_hashes.clone(),
    })
}
