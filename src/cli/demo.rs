//! `demo`: both sandbox servers, a store in a temporary folder, the sync, and the console or one
//! line per change. No account, no network, no config.

use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;

use super::args::{Common, DemoArgs};
use super::console::{self, span_or_signal};
use super::exit::{Exit, Failure};
use super::headless::{Reader, words};
use super::output::{self, json_text, say};
use super::sandbox::{Folder, write_config};
use super::{background, pictures};
use crate::config::{self, Config};
use crate::engine::shell;
use crate::sandbox::{Sandbox, SandboxOptions};
use crate::store::{Mode, Store};
use crate::telemetry::{self, Target};

/// How long the sync may take to end what is under way.
const GRACE: Duration = Duration::from_secs(10);

/// Runs `demo`.
pub async fn run(common: &Common, args: DemoArgs) -> Result<Exit, Failure> {
    if !args.headless {
        console::needs_terminal()?;
    }
    let folder = Folder::new("diptych-demo")?;
    let sandbox = Sandbox::start(SandboxOptions {
        seed: args.seed,
        incidents: args.incidents,
        analysts: args.rate,
        dir: Some(folder.path().to_path_buf()),
        ..SandboxOptions::default()
    })
    .await?;
    let config = demo_config(&sandbox, folder.path())?;
    let store = Store::open(&config.store, Mode::ReadWrite).await?;
    let ended = if args.headless {
        headless(common, &args, &config, &store).await
    } else {
        with_console(common, &args, &config, &store).await
    };
    store.close().await;
    sandbox.stop().await;
    ended
}

fn demo_config(sandbox: &Sandbox, folder: &Path) -> Result<Config, Failure> {
    let description = serde_json::to_value(sandbox.description())
        .map_err(|e| Failure::new(Exit::Failed, format!("the sandbox cannot be described: {e}")))?;
    let file = write_config(&description, folder)?;
    // the demo is the same everywhere, so no variable of the caller's counts
    Ok(config::load(&file, &std::collections::BTreeMap::new()).into_config()?)
}

async fn with_console(
    common: &Common,
    args: &DemoArgs,
    config: &Config,
    store: &Store,
) -> Result<Exit, Failure> {
    let mut setup = console::setup(config, &args.console, "demo".into());
    setup.background =
        Some("Demo: two sandbox servers on this machine, with simulated analysts on both sides.".into());
    let log = config.store.with_file_name("diptych.log");
    let ended = console::show(config, store, setup, (log, common.verbose), true, args.span).await;
    take_pictures(args, config, store).await?;
    ended
}

async fn take_pictures(args: &DemoArgs, config: &Config, store: &Store) -> Result<(), Failure> {
    if let Some(dir) = &args.pictures {
        let n = pictures::write(dir, config, store, &args.console).await?;
        say(&format!("{n} pictures written into {}", dir.display()));
    }
    Ok(())
}

async fn headless(common: &Common, args: &DemoArgs, config: &Config, store: &Store) -> Result<Exit, Failure> {
    let settings = config::LogSettings { level: config::LogLevel::Warn, ..config.log.clone() };
    telemetry::start(&settings, &Target::Stderr, common.verbose).map_err(|e| Failure::new(Exit::Usage, e))?;
    let options = background::options(config, store, "demo").await?;
    let (stop, stopping) = watch::channel(false);
    let mut engine = tokio::spawn(shell::run(options, stopping));
    let mut reader = Reader::new(store, args.json);
    let mut early = None;
    let read = reader
        .until(async {
            tokio::select! {
                () = span_or_signal(args.span) => {}
                ended = &mut engine => early = Some(ended),
            }
        })
        .await;
    // while the sync still runs, so that they show it running
    let pictures = take_pictures(args, config, store).await;
    stop.send_replace(true);
    let ended = match early {
        Some(ended) => Some(ended),
        None => tokio::time::timeout(GRACE, engine).await.ok(),
    };
    read?;
    pictures?;
    match ended {
        Some(Ok(Ok(()))) => {}
        Some(Ok(Err(e))) => return Err(e.into()),
        Some(Err(e)) => return Err(Failure::new(Exit::Failed, format!("the sync ended badly: {e}"))),
        None => return Err(Failure::new(Exit::Failed, "the sync did not end in time")),
    }
    reader.until(std::future::ready(())).await?;
    let summary = reader.summary().await?;
    output::print_line(&if args.json { json_text(&summary, false) } else { words(&summary) })?;
    Ok(Exit::Done)
}
