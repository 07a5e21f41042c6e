//! `mappings`: the tables as code.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{Common, MappingsArgs, MappingsVerb};
use super::exit::{Exit, Failure};
use super::output::{self, Sheet, say};
use super::session::{self, Session};
use super::{lookup, prompt, who};
use crate::mapping::{Lint, LintLevel, RowDiff, TableSet, diff, lint};
use crate::store::{Mode, Store};
use crate::text::escape_line;

const MOST_VERSIONS: u32 = 100_000;

/// `mappings check --json`
#[derive(Serialize)]
struct Checked {
    /// What was checked: a file, or `version N`.
    source: String,
    errors: usize,
    warnings: usize,
    lints: Vec<Lint>,
}

/// `mappings history --json`: an array of these.
#[derive(Serialize)]
struct Version {
    number: i64,
    parent: i64,
    author: String,
    reason: String,
    at: String,
}

/// Runs `mappings`.
pub async fn run(common: &Common, args: MappingsArgs) -> Result<Exit, Failure> {
    match args.verb {
        MappingsVerb::Check { file, json } => check(common, file, json).await,
        MappingsVerb::Export { version, file } => export(common, version, file).await,
        MappingsVerb::Explain { address, file, json } => {
            let tables = file.as_deref().map(read).transpose()?;
            super::explain::run(common, &address, tables, json).await
        }
        MappingsVerb::Diff { file, json } => differences(common, file, json).await,
        MappingsVerb::History { listing } => history(common, listing.format()).await,
        MappingsVerb::Apply { file, reason, yes } => {
            let session = Session::writing(common).await?;
            let tables = read(&file)?;
            apply(&session, &tables, &reason, yes).await
        }
        MappingsVerb::Undo { yes } => undo(common, yes).await,
    }
}

fn read(file: &Path) -> Result<TableSet, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::new(Exit::Usage, format!("{} cannot be read: {e}", file.display())))?;
    TableSet::from_toml(&text)
        .map_err(|e| Failure::new(Exit::CheckFailed, format!("{}: {e}", file.display())))
}

async fn check(common: &Common, file: Option<PathBuf>, json: bool) -> Result<Exit, Failure> {
    // a file can be checked without any config; with one, against its routes and live choices
    let config = match session::config(common) {
        Ok(config) => Some(config),
        Err(_) if file.is_some() && common.config.is_none() => None,
        Err(e) => return Err(e),
    };
    let store = match &config {
        Some(c) if c.store.exists() => Some(Store::open(&c.store, Mode::ReadOnly).await?),
        _ => None,
    };
    let (source, tables) = match (&file, &store) {
        (Some(file), _) => (file.display().to_string(), read(file)?),
        (None, Some(store)) => {
            let (number, tables) = lookup::in_force(store).await?;
            (format!("version {number}"), tables)
        }
        (None, None) => ("the built-in tables".to_owned(), TableSet::default_tables()),
    };
    let lints = lint(&tables, &lookup::lint_context(config.as_ref(), store.as_ref()).await?);
    let errors = lints.iter().filter(|l| l.level == LintLevel::Error).count();
    let exit = if errors > 0 { Exit::CheckFailed } else { Exit::Done };
    let warnings = lints.len() - errors;
    if json {
        output::print_json(&Checked { source, errors, warnings, lints })?;
        return Ok(exit);
    }
    for l in &lints {
        output::print_line(&lint_line(&tables, l))?;
    }
    output::print_line(&format!("{}: {errors} errors, {warnings} warnings", escape_line(&source)))?;
    Ok(exit)
}

fn lint_line(tables: &TableSet, l: &Lint) -> String {
    let row = l.row.map(|row| crate::mapping::RowRef { table: l.table, row });
    let place = row.map_or(String::new(), |r| {
        format!(" row {} ({})", r.row + 1, tables.describe(r).unwrap_or_default())
    });
    format!("{}: {}{place}: {} [{}]; {}", l.level.word(), l.table.word(), l.message, l.code, l.consequence)
}

async fn export(common: &Common, version: Option<i64>, file: Option<PathBuf>) -> Result<Exit, Failure> {
    let session = Session::reading(common).await?;
    let tables = match version {
        None => lookup::in_force(&session.store).await?.1,
        Some(number) => {
            let all = session.store.mapping_history(MOST_VERSIONS).await?;
            let hit = all.iter().find(|v| v.number == number).ok_or_else(|| {
                Failure::new(Exit::NotFound, format!("there is no mapping version {number}"))
                    .hint("see `diptych mappings history`")
            })?;
            lookup::tables(number, &hit.body)?
        }
    };
    match file {
        None => output::print_text(&tables.to_toml())?,
        Some(file) => std::fs::write(&file, tables.to_toml())
            .map_err(|e| Failure::new(Exit::Failed, format!("{} cannot be written: {e}", file.display())))?,
    }
    Ok(Exit::Done)
}

/// From the tables in force to those of a file, or from the built-in ones to those in force.
async fn differences(common: &Common, file: Option<PathBuf>, json: bool) -> Result<Exit, Failure> {
    let session = Session::reading(common).await?;
    let (_, current) = lookup::in_force(&session.store).await?;
    let changes = match file {
        Some(file) => diff(&current, &read(&file)?),
        None => diff(&TableSet::default_tables(), &current),
    };
    if json {
        output::print_json(&changes)?;
    } else {
        print_changes(&changes)?;
        say(&format!("{} differences", changes.len()));
    }
    Ok(Exit::Done)
}

fn print_changes(changes: &[RowDiff]) -> Result<(), Failure> {
    for c in changes {
        for (sign, line) in [("-", &c.before), ("+", &c.after)] {
            if let Some(line) = line {
                output::print_line(&format!("{sign} {}: {line}", c.table.word()))?;
            }
        }
    }
    Ok(())
}

async fn history(common: &Common, format: output::Format) -> Result<Exit, Failure> {
    let session = Session::reading(common).await?;
    let mut sheet = Sheet::new(&["version", "from", "at", "author", "reason"]);
    let mut shapes = Vec::new();
    for v in session.store.mapping_history(MOST_VERSIONS).await? {
        sheet.row(vec![
            v.number.to_string(),
            v.parent.to_string(),
            v.at.to_string(),
            v.author.clone(),
            v.reason.clone(),
        ]);
        shapes.push(Version {
            number: v.number,
            parent: v.parent,
            author: v.author,
            reason: v.reason,
            at: v.at.rfc3339(),
        });
    }
    output::print(format, &sheet, &shapes)?;
    Ok(Exit::Done)
}

async fn apply(session: &Session, tables: &TableSet, reason: &str, yes: bool) -> Result<Exit, Failure> {
    let lints = lint(tables, &lookup::lint_context(Some(&session.config), Some(&session.store)).await?);
    for l in &lints {
        say(&lint_line(tables, l));
    }
    if lints.iter().any(|l| l.level == LintLevel::Error) {
        return Err(Failure::new(Exit::CheckFailed, "the tables have errors; nothing was applied"));
    }
    let (number, current) = lookup::in_force(&session.store).await?;
    let changes = diff(&current, tables);
    if changes.is_empty() && current == *tables {
        output::print_line(&format!("version {number} is the same already"))?;
        return Ok(Exit::Done);
    }
    print_changes(&changes)?;
    prompt::confirm(&format!("Apply as version {}?", number + 1), yes)?;
    let body = tables
        .to_json()
        .map_err(|e| Failure::new(Exit::Failed, format!("the tables cannot be written: {e}")))?;
    match session.store.apply_mapping(&body, &who::os_user(), reason, number, who::now()).await? {
        Ok(made) => {
            output::print_line(&format!("version {made} is in force; the sync uses it at its next pass"))?;
            Ok(Exit::Done)
        }
        Err(now) => Err(Failure::new(
            Exit::Stale,
            format!("somebody applied version {now} meanwhile; nothing was applied"),
        )),
    }
}

async fn undo(common: &Common, yes: bool) -> Result<Exit, Failure> {
    let session = Session::commanding(common).await?;
    let all = session.store.mapping_history(MOST_VERSIONS).await?;
    let current =
        all.first().ok_or_else(|| Failure::new(Exit::NotFound, "there is no mapping version yet"))?;
    let before = all.iter().find(|v| v.number == current.parent).ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("version {} has none before it", current.number))
    })?;
    let tables = lookup::tables(before.number, &before.body)?;
    let reason = format!("undo of version {}: {}", current.number, current.reason);
    apply(&session, &tables, &reason, yes).await
}
