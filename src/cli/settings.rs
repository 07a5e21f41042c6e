//! `config`: what the file says, and what is wrong with it.

use serde::Serialize;

use super::args::{Common, ConfigArgs, ConfigVerb};
use super::exit::{Exit, Failure};
use super::output::{self, Sheet};
use super::session;
use crate::config::{self, Config, Problem, Weight};

/// `config check --json`
#[derive(Serialize)]
struct Report {
    file: String,
    errors: usize,
    warnings: usize,
    problems: Vec<Problem>,
}

/// `config show --json`: an array of these.
#[derive(Serialize)]
struct Shown<'a> {
    key: &'a str,
    /// As TOML; secrets as references.
    value: &'a str,
    /// `default`, `line 12`, `env NAME`.
    origin: String,
}

/// Runs `config`.
pub fn run(common: &Common, args: ConfigArgs) -> Result<Exit, Failure> {
    match args.verb {
        ConfigVerb::Check { json } => check(common, json),
        ConfigVerb::Show { listing } => {
            let config = session::config(common)?;
            let mut sheet = Sheet::new(&["key", "value", "from"]);
            let mut shapes = Vec::new();
            for e in &config.listing {
                sheet.row(vec![e.key.clone(), e.value.clone(), e.origin.words()]);
                shapes.push(Shown { key: &e.key, value: &e.value, origin: e.origin.words() });
            }
            output::print(listing.format(), &sheet, &shapes)?;
            Ok(Exit::Done)
        }
    }
}

fn check(common: &Common, json: bool) -> Result<Exit, Failure> {
    let checked = session::checked(common)?;
    let mut problems = checked.problems;
    problems.extend(checked.config.as_ref().map(unreadable).unwrap_or_default());
    let errors = problems.iter().filter(|p| p.weight == Weight::Error).count();
    let warnings = problems.len() - errors;
    let exit = if errors > 0 { Exit::Usage } else { Exit::Done };
    if json {
        let file = checked.file.display().to_string();
        output::print_json(&Report { file, errors, warnings, problems })?;
        return Ok(exit);
    }
    for p in &problems {
        output::print_line(&config::problem_line(&checked.file, p))?;
    }
    let file = crate::text::escape_line(&checked.file.display().to_string());
    output::print_line(&format!("{file}: {errors} errors, {warnings} warnings"))?;
    Ok(exit)
}

/// Secrets that cannot be read. Commands are not run by a check.
fn unreadable(config: &Config) -> Vec<Problem> {
    let keys = config.marker_keys.iter().map(|k| (format!("notes.keys.{}", k.name), &k.secret));
    config
        .connections
        .secrets()
        .into_iter()
        .chain(keys)
        .filter(|(_, secret)| !secret.runs_a_program())
        .filter_map(|(what, secret)| {
            let p = secret.fetch().err()?;
            Some(Problem::error(what, format!("secret {}: {}", p.reference, p.message)).hint(p.hint))
        })
        .collect()
}
