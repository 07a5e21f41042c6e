//! The command line: arguments to mode to exit code.
//!
//! Each subcommand is a file of its own under `cli/`; none holds logic beyond asking, choosing
//! words and formatting. What is printed goes through [`output`], the one place where foreign
//! text is escaped; what can be answered to the caller's shell is in [`exit`]. With `--json`
//! each command prints the shapes of [`shapes`].

mod actions;
mod address;
mod args;
mod audit;
mod background;
mod complete;
mod console;
mod demo;
pub mod exit;
mod explain;
mod headless;
mod incidents;
mod links;
mod lookup;
mod mappings;
pub mod output;
mod pictures;
mod prompt;
mod run;
mod sandbox;
mod session;
mod settings;
pub mod shapes;
mod sync;
mod who;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;

pub use args::Cli;
use args::{Action, ConsoleArgs};
use exit::{Exit, Failure};
pub use who::os_user;

/// Runs one command line and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = args::command().try_get_matches_from(arguments);
    let cli = match parsed.and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(e) => {
            // help and version are answers, and a closed pipe is nobody's fault
            drop(e.print());
            return if e.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(dispatch(cli));
            // a thread that still reads a secret or a terminal must not hold up the end
            runtime.shutdown_timeout(std::time::Duration::from_millis(500));
            ended
        }
        Err(e) => Err(Failure::new(Exit::Failed, format!("the runtime cannot start: {e}"))),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

async fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let Cli { common, console, action } = cli;
    if action.as_ref().is_some_and(|a| !matches!(a, Action::Console(_))) && console != ConsoleArgs::default()
    {
        return Err(Failure::new(Exit::Usage, "--readonly, --theme and --ascii belong to the console"));
    }
    match action.unwrap_or(Action::Console(console)) {
        Action::Console(a) => console::run(&common, a).await,
        Action::Demo(a) => demo::run(&common, a).await,
        Action::Run(a) => run::run(&common, a).await,
        Action::Sync(a) => sync::run(&common, a).await,
        Action::Incidents(a) => incidents::run(&common, a).await,
        Action::Links(a) => links::run(&common, a).await,
        Action::Mappings(a) => mappings::run(&common, a).await,
        Action::Audit(a) => audit::run(&common, a).await,
        Action::Config(a) => settings::run(&common, a),
        Action::Sandbox(a) => sandbox::run(&common, a).await,
        Action::Completions { shell } => complete::completions(shell, args::command()),
        Action::Man { dir } => complete::man(dir.as_deref(), args::command()),
    }
}

/// The whole command tree, for completions, manual pages and tests.
pub fn tree() -> clap::Command {
    args::command()
}
