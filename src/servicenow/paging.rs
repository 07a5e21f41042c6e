//! Reading a table by key. `X-Total-Count` counts rows that access rules hide, and the limit is
//! applied before those rules (measured), so a short page proves nothing: only the count does.

use super::query::{Atom, FieldName, NotSafe, Query};
use crate::model::call::PageKey;
use crate::model::{RecordShape, SysId};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

/// A field whose name is a literal of this program.
pub(super) fn field(name: &str) -> Result<FieldName, NotSafe> {
    FieldName::new(name)
}

/// The query of one page of changed records. The group is repeated in both branches: `^NQ`
/// starts over.
pub(super) fn changed(
    shape: &RecordShape,
    groups: &[Atom],
    since: Stamp,
    after: Option<&PageKey>,
) -> Result<Query, NotSafe> {
    let (group, on, id) = (field(&shape.correlation_display)?, field("sys_updated_on")?, field("sys_id")?);
    let query = Query::new().any(&group, groups);
    let query = match after {
        None if mutant::is_on(Mutant::CursorExclusive) => query.above(&on, &Atom::stamp(since)),
        None => query.at_least(&on, &Atom::stamp(since)),
        // Nothing could be seen yet: still the first page's query, further down.
        Some(key) if key.sys_id.is_empty() => query.at_least(&on, &Atom::stamp(key.updated_on)),
        Some(key) => {
            let at = Atom::stamp(key.updated_on);
            query
                .above(&on, &at)
                .or_else()
                .any(&group, groups)
                .is(&on, &at)
                .above(&id, &Atom::id(&key.sys_id)?)
        }
    };
    Ok(query.order(&on).order(&id))
}

/// Where a list continues, `None` when this page reached the last row. `last` is the last row
/// that was seen; when all rows of the page were hidden, the offset moves on instead.
pub(super) fn next(
    since: Stamp,
    after: Option<&PageKey>,
    limit: u32,
    total: u64,
    last: Option<(Stamp, SysId)>,
) -> Option<PageKey> {
    let offset = after.map_or(0, |k| k.offset);
    if total <= u64::from(offset) + u64::from(limit) {
        return None;
    }
    Some(match last {
        Some((updated_on, sys_id)) => PageKey { updated_on, sys_id, offset: 0 },
        None => PageKey {
            updated_on: after.map_or(since, |k| k.updated_on),
            sys_id: after.map(|k| k.sys_id.clone()).unwrap_or_default(),
            offset: offset.saturating_add(limit),
        },
    })
}
