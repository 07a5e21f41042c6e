//! What the terminal can do, from the environment alone: nothing is asked of the terminal, because
//! an answer that comes late would be taken for keys.

use std::env;
use std::io::IsTerminal;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Environment {
    pub input_is_terminal: bool,
    pub output_is_terminal: bool,
    pub term: Option<String>,
}

impl Environment {
    pub fn of_process() -> Self {
        Self {
            input_is_terminal: std::io::stdin().is_terminal(),
            output_is_terminal: std::io::stdout().is_terminal(),
            term: env::var("TERM").ok(),
        }
    }
}

const TWINS: &str = "The same is there without one: `diptych incidents list`, `diptych incidents show`, \
`diptych mappings check`, `diptych sync status`, each with --json.";

/// Whether the console can be shown, or why not and what to use instead.
pub(super) fn check(environment: &Environment) -> Result<(), String> {
    let why = if !environment.output_is_terminal {
        "The console needs a terminal, but the output is a file or a pipe."
    } else if !environment.input_is_terminal {
        "The console needs a terminal, but the input is a file or a pipe."
    } else if environment.term.as_deref() == Some("dumb") {
        "The console needs a terminal that can move the cursor, but TERM is dumb."
    } else {
        return Ok(());
    };
    Err(format!("{why} {TWINS}"))
}

/// True when `NO_COLOR` is set and not empty.
pub(super) fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
}

/// True when this is a remote session, whose own browser would open where nobody sits.
pub(super) fn over_ssh() -> bool {
    ["SSH_CONNECTION", "SSH_TTY"].iter().any(|n| env::var_os(n).is_some_and(|v| !v.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_the_commands_are_named() {
        let good =
            Environment { input_is_terminal: true, output_is_terminal: true, term: Some("xterm".into()) };
        assert!(check(&good).is_ok());
        for bad in [
            Environment { output_is_terminal: false, ..good.clone() },
            Environment { input_is_terminal: false, ..good.clone() },
            Environment { term: Some("dumb".into()), ..good.clone() },
        ] {
            assert!(check(&bad).unwrap_err().contains("diptych incidents list"));
        }
    }
}
