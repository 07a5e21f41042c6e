//! `console`: the terminal with the sync behind it, unless somebody else syncs or nobody may.

use std::io::IsTerminal;
use std::path::PathBuf;

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
use crate::terminal;

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
    let syncs = !readonly && config.console.sync_in_console;
    let setup = setup(&config, &args, environment(&config), readonly, background_words(syncs, readonly));
    show(&config, &store, setup, log, common.verbose, syncs).await
}

/// Opens the console on a store, with the sync behind it when `syncs`; returns when the person
/// leaves.
pub async fn show(
    config: &Config,
    store: &Store,
    setup: Setup,
    log: PathBuf,
    verbose: u8,
    syncs: bool,
) -> Result<Exit, Failure> {
    needs_terminal()?;
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
    let left = terminal::run(setup, store.clone()).await;
    telemetry::keep_quiet(false);
    stop.send_replace(true);
    let ended = match engine {
        Some(task) => task.await.unwrap_or(Ok(())),
        None => Ok(()),
    };
    left.map_err(|e| Failure::new(Exit::Failed, format!("the terminal failed: {e}")))?;
    ended?;
    Ok(Exit::Done)
}

/// A console needs a terminal on both ends that can move its cursor.
fn needs_terminal() -> Result<(), Failure> {
    let both = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    if both && !dumb {
        return Ok(());
    }
    let what = if dumb { "this terminal cannot move its cursor" } else { "there is no terminal here" };
    Err(Failure::new(Exit::Usage, format!("the console needs a terminal, and {what}")).hint(
        "use `diptych incidents list`, `diptych sync status`, `diptych run` or `diptych demo --headless`",
    ))
}

/// What the console starts with.
pub fn setup(
    config: &Config,
    args: &ConsoleArgs,
    environment: String,
    readonly: bool,
    background: Option<String>,
) -> Setup {
    Setup {
        settings: config.engine(&who::holder("console"), 0),
        environment,
        who: who::os_user(),
        readonly,
        theme: args.theme.clone().unwrap_or_else(|| config.console.theme.clone()),
        ascii: args.ascii || config.console.ascii,
        mouse: config.console.mouse,
        background,
        now: who::now(),
    }
}

/// The names in the header and in every plan: workspaces and instances.
fn environment(config: &Config) -> String {
    let mut names: Vec<String> = config
        .workspaces
        .iter()
        .filter(|w| w.enabled)
        .map(|w| format!("{} ↔ {}", w.key, w.route.instance))
        .take(3)
        .collect();
    if config.workspaces.len() > names.len() {
        names.push("…".into());
    }
    names.join(", ")
}

fn background_words(syncs: bool, readonly: bool) -> Option<String> {
    match (syncs, readonly) {
        (true, _) => None,
        (false, true) => Some("Read-only: this console writes nothing and does not sync.".into()),
        (false, false) => Some("This console does not sync (console.sync_in_console = false).".into()),
    }
}

/// Ends at a signal or after a span, whichever comes first.
pub async fn span_or_signal(span: Option<std::time::Duration>) {
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
