//! Completions and manual pages, made from the command tree.

use std::path::Path;

use super::exit::{Exit, Failure};
use super::output;

/// Prints the completions of a shell.
pub fn completions(shell: clap_complete::Shell, mut tree: clap::Command) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut tree, "diptych", &mut text);
    output::print_text(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}

/// Prints the manual page, or writes one page per command into a folder.
pub fn man(dir: Option<&Path>, tree: clap::Command) -> Result<Exit, Failure> {
    match dir {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(tree).render(&mut page)?;
            output::print_text(&String::from_utf8_lossy(&page))?;
        }
        Some(dir) => {
            let failed = |e| Failure::new(Exit::Failed, format!("{} cannot be written: {e}", dir.display()));
            std::fs::create_dir_all(dir).map_err(failed)?;
            clap_mangen::generate_to(tree, dir).map_err(failed)?;
        }
    }
    Ok(Exit::Done)
}
