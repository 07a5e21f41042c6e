//! `run`: the sync without a console, until a signal.

use tokio::sync::watch;

use super::args::{Common, RunArgs};
use super::exit::{Exit, Failure};
use super::session::{self, Session};
use super::{background, sync};
use crate::engine::shell;
use crate::telemetry::{self, Target};

/// Runs `run`.
pub async fn run(common: &Common, args: RunArgs) -> Result<Exit, Failure> {
    let session = Session::writing(common).await?;
    let config = &session.config;
    let target = config.log.file.clone().map_or(Target::Stderr, Target::File);
    telemetry::start(&config.log, &target, common.verbose).map_err(|e| Failure::new(Exit::Usage, e))?;
    session::say_warnings(config);
    let options = background::options(config, &session.store, "run").await?;
    if args.take_over {
        let freed = shell::take_over(&session.store).await?;
        tracing::info!(freed, "leases that ran out were freed");
    }
    if args.accept_plan {
        sync::accept_plans(&session).await?;
    }
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        signal().await;
        tracing::info!("stopping");
        stop.send_replace(true);
        // kept alive, so that the engine never sees it closed before it looked
        std::future::pending::<()>().await;
    });
    tracing::info!(workspaces = config.workspaces.len(), store = %config.store.display(), "syncing");
    shell::run(options, stopping).await?;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// Returns at the first signal that asks to end: SIGINT, SIGTERM or SIGHUP.
pub async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let open = |kind| signal(kind).ok();
        let (mut int, mut term, mut hup) =
            (open(SignalKind::interrupt()), open(SignalKind::terminate()), open(SignalKind::hangup()));
        async fn next(s: &mut Option<tokio::signal::unix::Signal>) {
            match s {
                Some(s) => drop(s.recv().await),
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = next(&mut int) => {}
            () = next(&mut term) => {}
            () = next(&mut hup) => {}
        }
    }
    #[cfg(not(unix))]
    drop(tokio::signal::ctrl_c().await);
}
