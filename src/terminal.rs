//! The shell around the console: the tty, the loop, the store.
//!
//! The console itself is pure; here its messages are made and its effects are carried out.
//! Nothing is printed while the screen is up; whatever happens, the terminal is given back as it
//! was, once.

mod caps;
mod effects;
mod face;
mod feed;
mod hangup;
mod headless;
mod input;
mod run;
mod session;
mod signals;

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::console::theme::ThemeError;
use crate::console::{Model, Setup};
use crate::model::ledger::StoreFault;
use crate::store::Store;
use crate::text::Stamp;

pub use headless::Headless;

/// Why the console could not be shown, or ended.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// There is no terminal that can show it.
    #[error("{0}")]
    NoTerminal(String),
    /// The theme does not exist.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// The terminal cannot be written or read.
    #[error("the terminal failed: {0}")]
    Io(#[from] std::io::Error),
    /// The store failed; only where nothing can be shown without it.
    #[error("{0}")]
    Store(StoreFault),
}

/// The time, for the model.
fn now() -> Stamp {
    Stamp(Timestamp::now().as_microsecond())
}

/// A model; `NO_COLOR` chooses the theme without colour.
fn model(mut setup: Setup, no_color: bool) -> Result<Model, ThemeError> {
    if no_color {
        setup.theme = "mono".to_owned();
    }
    Model::new(setup)
}

/// Shows the console until it is left, hung up or told to end. The terminal is as it was
/// afterwards, also when this fails.
///
/// # Errors
/// [`TerminalError::NoTerminal`] without a terminal, with the commands that do the same; the
/// others as they say.
pub async fn run(setup: Setup, store: Store) -> Result<(), TerminalError> {
    caps::check(&caps::Environment::of_process()).map_err(TerminalError::NoTerminal)?;
    let ports = run::Ports::open(&setup, store)?;
    let mouse = setup.mouse;
    let mut model = model(setup, caps::no_color())?;
    // Our own themes know about NO_COLOR; the library's half-way answer to it would also wipe
    // out reverse video, and with it the selected row.
    crossterm::style::force_color_output(true);
    let mut face = face::Tty::open(mouse)?;
    let ended = session::watched(run::drive(&mut model, &mut face, ports, now)).await;
    face.close();
    ended
}
