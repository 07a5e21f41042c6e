//! The config and the store that a command works on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::args::Common;
use super::exit::{Exit, Failure};
use super::output;
use crate::config::{self, Checked, Config};
use crate::store::{Mode, Store};

/// An open store with its config.
pub struct Session {
    /// The config.
    pub config: Config,
    /// The store.
    pub store: Store,
}

/// The file that counts: `--config`, else the usual place.
pub fn file(common: &Common) -> Result<PathBuf, Failure> {
    common.config.clone().or_else(config::default_file).ok_or_else(|| {
        Failure::new(Exit::Usage, "this user has no home folder for a config")
            .hint("name a file with --config")
    })
}

/// The environment as text; what is no text cannot be a key of ours.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// Reads the config with everything that is wrong with it.
pub fn checked(common: &Common) -> Result<Checked, Failure> {
    Ok(config::load(&file(common)?, &environment()))
}

/// Reads the config.
pub fn config(common: &Common) -> Result<Config, Failure> {
    Ok(checked(common)?.into_config()?)
}

/// Says the config's warnings, for the commands that stay.
pub fn say_warnings(config: &Config) {
    for warning in &config.warnings {
        output::say(&format!("diptych: {}", config::problem_line(&config.file, warning)));
    }
}

impl Session {
    /// Reads the config and opens the store to read; a store that is not there yet is said so.
    pub async fn reading(common: &Common) -> Result<Self, Failure> {
        let config = config(common)?;
        if !config.store.exists() {
            return Err(Failure::new(
                Exit::NotFound,
                format!("there is no store at {} yet", config.store.display()),
            )
            .hint("`diptych run`, `diptych sync --once` or the console makes it"));
        }
        let store = Store::open(&config.store, Mode::ReadOnly).await?;
        Ok(Self { config, store })
    }

    /// Reads the config and opens the store to write, making it if need be.
    pub async fn writing(common: &Common) -> Result<Self, Failure> {
        let config = config(common)?;
        let store = Store::open(&config.store, Mode::ReadWrite).await?;
        Ok(Self { config, store })
    }

    /// As [`Session::writing`], but only where there is a store already: a command about an
    /// incident must not make an empty one.
    pub async fn commanding(common: &Common) -> Result<Self, Failure> {
        let reading = Self::reading(common).await?;
        reading.store.close().await;
        let store = Store::open(&reading.config.store, Mode::ReadWrite).await?;
        Ok(Self { config: reading.config, store })
    }
}
