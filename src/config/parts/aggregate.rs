//! `[workspace.route.aggregate]`: when incidents share a record.

use crate::config::nearest::did_you_mean;
use crate::config::raw::RawAggregate;
use crate::config::tree::Path;
use crate::model::aggregation::{Aggregation, Part};
use crate::model::settings::{ClosedPartner, StoreApp, WorkspaceSettings};

use super::Resolver;

const YEAR: u64 = 366 * 24 * 3600 * 1000;

/// Resolves the criteria by which incidents share a record.
pub fn aggregate(r: &mut Resolver<'_>, at: &Path, raw: RawAggregate) -> Aggregation {
    let known: Vec<&str> = Part::ALL.iter().map(|p| p.word()).collect();
    let mut by = Vec::new();
    for (i, words) in raw.by.unwrap_or_default().into_iter().enumerate() {
        let at = at.key("by").index(i);
        if words.is_empty() {
            r.error(&at, "names nothing", format!("choose of {}", known.join(", ")));
        }
        let mut criterion = Vec::new();
        for word in words {
            match Part::from_word(&word) {
                Some(part) => criterion.push(part),
                None => {
                    let message = format!("{word} is nothing that incidents are compared by");
                    r.error(&at, message, did_you_mean(&word, &known));
                }
            }
        }
        by.push(criterion);
    }
    Aggregation {
        by,
        most: r.number(&at.key("most"), raw.most, (2, 1000)),
        within: r.span(&at.key("within"), raw.within, (0, YEAR)),
    }
}

/// Refuses what does not go together.
pub fn check(r: &mut Resolver<'_>, at: &Path, settings: &WorkspaceSettings) {
    if settings.route.aggregate.by.is_empty() {
        return;
    }
    let at = at.key("route").key("aggregate").key("by");
    if settings.store_app != StoreApp::Ignore {
        r.error(
            &at,
            "is not empty while store_app looks for a record of each incident",
            "say store_app = \"ignore\", or by = []",
        );
    }
    // One incident cannot leave a closed record for a new one while others stay in it.
    if settings.closed_partner == ClosedPartner::New {
        r.error(
            &at,
            "is not empty while closed_partner gives each reopened incident a record of its own",
            "say closed_partner = \"reopen\" or \"comment\", or by = []",
        );
    }
}
