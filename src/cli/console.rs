//! `console`: the terminal with the sync behind it, unless somebody else syncs or nobody may.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use super::args::{Common, ConsoleArgs};
use super::exit::{Exit, Failure};
use super::run::signal;
use super::session::{self, Session};
use super::{background, who};
use crate::config::{Config, LogSettings};
use crate::console::Setup;
use crate::engine::shell;
use crate::store::{Mode, Store};
use crate::telemetry::{self, Target};
use crate::terminal::{self, TerminalError};

/// Runs `console`.
pub async fn run(common: &Common, args: ConsoleArgs) -> Result<Exit, Failure> {
    needs_terminal()?;
    let config = session::config(common)?;
    let readonly = args.readonly || config.console.readonly;
    let session = if readonly {
        Session::reading(common).await?
    } else {
        let store = Store::open(&config.store, Mode::ReadWrite).await?;
        Session { config, store }
    };
    let Session { config, store } = session;
    let log = config.log.file.clone().unwrap_or_else(|| config.store.with_file_name("diptych.log"));
    let mut syncs = !readonly && config.console.sync_in_console;
    let mut setup = setup(&config, &args, String::new());
    setup.background = background_words(syncs, readonly);
    if let (true, Err(missing)) = (syncs, config.check_can_sync()) {
        // there may still be something to look at
        syncs = false;
        setup.background =
            missing.problems.first().map(|p| format!("This console does not sync: {}.", p.message));
    }
    let logging = (log, common.verbose);
    show(&config, &store, setup, logging, syncs, None).await
}

/// Opens the console, with the sync behind it when `syncs`; returns when the person leaves, or
/// after `span`.
pub async fn show(
    config: &Config,
    store: &Store,
    setup: Setup,
    (log, verbose): (PathBuf, u8),
    syncs: bool,
    span: Option<Duration>,
) -> Result<Exit, Failure> {
    let settings = LogSettings { file: Some(log.clone()), ..config.log.clone() };
    telemetry::start(&settings, &Target::File(log), verbose).map_err(|e| Failure::new(Exit::Usage, e))?;
    let (stop, stopping) = watch::channel(false);
    let engine = if syncs {
        let options = background::options(config, store, "console").await?;
        Some(tokio::spawn(shell::run(options, stopping)))
    } else {
        None
    };
    telemetry::keep_quiet(true);
    let left = match span {
        None => terminal::run(setup, store.clone()).await,
        // dropped, the console gives the terminal back
        Some(span) => tokio::time::timeout(span, terminal::run(setup, store.clone())).await.unwrap_or(Ok(())),
    };
    telemetry::keep_quiet(false);
    stop.send_replace(true);
    let ended = match engine {
        Some(task) => task.await,
        None => Ok(Ok(())),
    };
    left?;
    ended.map_err(|e| Failure::new(Exit::Failed, format!("the sync ended badly: {e}")))??;
    Ok(Exit::Done)
}

/// A console needs a terminal on both ends; said before a store or a sandbox is made for it.
pub fn needs_terminal() -> Result<(), Failure> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "the console needs a terminal, and there is none here").hint(
        "use `diptych incidents list`, `diptych sync status`, `diptych run` or `diptych demo --headless`",
    ))
}

impl From<TerminalError> for Failure {
    fn from(error: TerminalError) -> Self {
        let exit = match &error {
            TerminalError::NoTerminal(_) | TerminalError::Theme(_) => Exit::Usage,
            TerminalError::Io(_) => Exit::Failed,
            TerminalError::Store(fault) => return Self::from(fault.clone()),
        };
        Self::new(exit, error.to_string())
    }
}

/// What the console starts with.
pub fn setup(config: &Config, args: &ConsoleArgs, environment: String) -> Setup {
    Setup {
        settings: config.engine(&who::holder("console"), 0),
        readonly: args.readonly || config.console.readonly,
        theme: args.theme.clone().unwrap_or_else(|| config.console.theme.clone()),
        ascii: args.ascii || config.console.ascii,
        mouse: config.console.mouse,
        who: who::os_user(),
        environment,
        background: None,
        now: who::now(),
    }
}

fn background_words(syncs: bool, readonly: bool) -> Option<String> {
    match (syncs, readonly) {
        (true, _) => None,
        (false, true) => Some("Read-only: this console writes nothing and does not sync.".into()),
        (false, false) => Some("This console does not sync (console.sync_in_console = false).".into()),
    }
}

/// Ends at a signal or after a span, whichever comes first.
pub async fn span_or_signal(span: Option<Duration>) {
    let over = async {
        match span {
            Some(span) => tokio::time::sleep(span).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over => {}
        () = signal() => {}
    }
}
