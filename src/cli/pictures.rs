//! Pictures of the console, made by the console itself from what is in the store: README's.

use std::path::Path;

use super::args::ConsoleArgs;
use super::exit::{Exit, Failure};
use super::{console, incidents, who};
use crate::config::Config;
use crate::model::view::LinkView;
use crate::store::Store;
use crate::terminal::Headless;

/// The pictures: name, size, whether an incident is chosen first, and the keys that lead there.
const SHOTS: &[(&str, (u16, u16), bool, &str)] = &[
    ("incidents", (132, 36), false, ""),
    ("incident", (132, 36), true, "Enter"),
    ("conversation", (132, 36), true, "Enter Tab"),
    ("mappings", (132, 36), false, "2"),
    ("sync", (132, 36), false, "3"),
    ("small", (80, 24), false, ""),
];

/// Writes every picture as SVG into `dir`; gives how many.
pub async fn write(dir: &Path, config: &Config, store: &Store, look: &ConsoleArgs) -> Result<usize, Failure> {
    let failed =
        |e: std::io::Error| Failure::new(Exit::Failed, format!("{} cannot be written: {e}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    let mut setup = console::setup(config, look, "demo".into());
    // The sync that made the data ran in this very process.
    setup.settings.holder = who::holder("demo");
    let chosen = talkative(&incidents::all(store).await?);
    for (name, (width, height), choose, keys) in SHOTS {
        let mut screen = Headless::new(setup.clone(), store.clone(), *width, *height)?;
        screen.refresh(who::now()).await?;
        if let (true, Some(record)) = (choose, &chosen) {
            screen.keys("/").await?;
            screen.text(record).await?;
            screen.keys("Enter").await?;
        }
        screen.keys(keys).await?;
        std::fs::write(dir.join(format!("{name}.svg")), screen.svg()).map_err(failed)?;
    }
    Ok(SHOTS.len())
}

/// The record number of the assigned, open incident with the longest conversation.
fn talkative(links: &[LinkView]) -> Option<String> {
    links
        .iter()
        .filter(|l| !l.closed && !l.record_number.is_empty())
        .max_by_key(|l| (!l.owner.sentinel.is_empty(), l.entries.sentinel + l.entries.servicenow, l.id))
        .map(|l| l.record_number.clone())
}
