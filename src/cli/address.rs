//! From an address on the command line to exactly one link (D38).

use super::exit::{Exit, Failure};
use crate::model::view::{LinkView, Step};
use crate::store::Store;
use crate::text::escape_line;

/// The one link of that address; none, or several, is an error that says so.
pub async fn one(store: &Store, address: &str) -> Result<LinkView, Failure> {
    let mut hits = store.find(address).await?;
    // A link that was ended, or whose other side is gone, gives way to the one that lives, unless it is named
    // by its own id.
    let lives = |v: &LinkView| !matches!(v.step, Step::Unlinked | Step::Gone);
    if hits.iter().filter(|v| lives(v)).count() == 1 {
        hits.retain(lives);
    }
    match hits.len() {
        1 => Ok(hits.remove(0)),
        0 => Err(Failure::new(Exit::NotFound, format!("no link has the address {}", escape_line(address)))
            .hint("write INC0010023, workspace/4711, an incident's GUID or a link id; see `diptych incidents list --all`")),
        n => {
            let lines = hits.iter().map(|v| {
                format!("  link {}: {}/{} {} {}", v.id, v.workspace, v.incident_number, escape_line(&v.record_number), v.title)
            });
            let list: Vec<String> = lines.collect();
            Err(Failure::new(
                Exit::NotFound,
                format!("{} means {n} links:\n{}", escape_line(address), list.join("\n")),
            )
            .hint("name one by its link id"))
        }
    }
}
