//! Asking before something is written.

use std::io::{self, BufRead, IsTerminal, Write};

use super::exit::{Exit, Failure};
use super::output::say;

/// Asks whether to go on, unless `yes` says so already. Without a terminal nobody can be asked,
/// so nothing is done.
pub fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Unconfirmed, "nobody can be asked here, so nothing was written")
            .hint("look at the plan, then give --yes"));
    }
    let mut err = io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    drop(err);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    say("nothing was written");
    Err(Failure::new(Exit::Unconfirmed, ""))
}
