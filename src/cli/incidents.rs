//! `incidents`: the console's list and panels for pipes.

use std::collections::BTreeMap;

use super::actions::{self, Wish};
use super::args::{Common, IncidentsArgs, IncidentsVerb, ListArgs, Target};
use super::exit::{Exit, Failure};
use super::output::{self, Sheet};
use super::session::Session;
use super::shapes::{CommandRow, Detail, EntryRow, FieldRow, LinkRow};
use super::{address, lookup};
use crate::model::Verb;
use crate::model::view::{LinkView, Step};
use crate::store::Store;
use crate::sync;

const PAGE: u32 = 2000;

/// Runs `incidents`.
pub async fn run(common: &Common, args: IncidentsArgs) -> Result<Exit, Failure> {
    let (at, wish, how) = match args.verb {
        IncidentsVerb::List(a) => return list(&Session::reading(common).await?, &a).await,
        IncidentsVerb::Show { address, json } => {
            return show(&Session::reading(common).await?, &address, json).await;
        }
        IncidentsVerb::Set { address, field, value, how } => (address, Wish::Set(field, value), how),
        IncidentsVerb::Comment { address, text, how } => (address, Wish::Verb(actions::comment(text)?), how),
        IncidentsVerb::Close { address, closure, notes, how } => {
            (address, Wish::Verb(Verb::Close { closure, notes }), how)
        }
        IncidentsVerb::Reopen(Target { address, how }) => (address, Wish::Verb(Verb::Reopen), how),
        IncidentsVerb::Retry(Target { address, how }) => (address, Wish::Verb(Verb::Retry), how),
        IncidentsVerb::Resolve { address, field, take, how } => {
            (address, Wish::Verb(Verb::Resolve { field, take: take.into() }), how)
        }
    };
    actions::give(&Session::commanding(common).await?, &at, wish, how).await
}

/// Every published link.
pub async fn all(store: &Store) -> Result<Vec<LinkView>, Failure> {
    let (mut rows, mut after) = (Vec::new(), BTreeMap::new());
    loop {
        let batch = store.link_views(&after, PAGE).await?;
        rows.extend(batch.rows);
        after = batch.upto;
        if !batch.more {
            return Ok(rows);
        }
    }
}

async fn list(session: &Session, args: &ListArgs) -> Result<Exit, Failure> {
    let keys: Vec<&str> = session.config.workspaces.iter().map(|w| w.key.as_str()).collect();
    if let Some(asked) = args.workspace.as_deref().filter(|w| !keys.contains(w)) {
        let text = format!("the config has no workspace {}", crate::text::escape_line(asked));
        return Err(Failure::new(Exit::NotFound, text).hint(format!("there are: {}", keys.join(", "))));
    }
    let mut rows = all(&session.store).await?;
    rows.retain(|v| wanted(v, args));
    rows.sort_by(|a, b| b.changed.cmp(&a.changed).then(a.id.cmp(&b.id)));
    rows.truncate(args.limit.unwrap_or(usize::MAX));
    let mut sheet = Sheet::new(&[
        "address",
        "record",
        "severity",
        "status",
        "owner",
        "step",
        "changed",
        "title",
        "servicenow severity",
        "servicenow state",
        "servicenow owner",
        "why",
    ]);
    for v in &rows {
        sheet.row(vec![
            format!("{}/{}", v.workspace.as_str(), v.incident_number),
            v.record_number.clone(),
            v.severity.sentinel.raw().to_owned(),
            v.status.sentinel.raw().to_owned(),
            v.owner.sentinel.raw().to_owned(),
            v.step.word().to_owned(),
            v.changed.to_string(),
            v.title.raw().to_owned(),
            v.severity.servicenow.raw().to_owned(),
            v.status.servicenow.raw().to_owned(),
            v.owner.servicenow.raw().to_owned(),
            v.why.clone(),
        ]);
    }
    let shapes: Vec<LinkRow> = rows.iter().map(LinkRow::from).collect();
    output::print(args.listing.format(), &sheet, &shapes)?;
    Ok(Exit::Done)
}

fn wanted(v: &LinkView, a: &ListArgs) -> bool {
    let holds = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
    let any =
        |list: &[String], text: &str| list.is_empty() || list.iter().any(|w| w.eq_ignore_ascii_case(text));
    let owner = a.owner.as_deref().is_none_or(|part| match part {
        "-" => v.owner.sentinel.is_empty() && v.owner.servicenow.is_empty(),
        part => holds(v.owner.sentinel.raw(), part) || holds(v.owner.servicenow.raw(), part),
    });
    owner
        && (a.all || !v.closed || v.step == Step::Unlinked && a.step.contains(&v.step))
        && a.workspace.as_deref().is_none_or(|w| w == v.workspace.as_str())
        && (a.step.is_empty() || a.step.contains(&v.step))
        && any(&a.severity, v.severity.sentinel.raw())
        && any(&a.status, v.status.sentinel.raw())
        && a.title.as_deref().is_none_or(|part| holds(v.title.raw(), part))
}

async fn show(session: &Session, at: &str, json: bool) -> Result<Exit, Failure> {
    let store = &session.store;
    let link = address::one(store, at).await?;
    let workspace = lookup::workspace(&session.config, &link)?;
    let insight = lookup::Insight::read(store, &link.instance).await?;
    let state = store.link_state(link.id).await?;
    let fields =
        state.as_ref().map(|s| sync::field_views(s, &insight.context(workspace))).unwrap_or_default();
    let row = LinkRow::from(&link);
    let detail = Detail {
        fields: fields.iter().map(FieldRow::from).collect(),
        conversation: state.iter().flat_map(|s| &s.entries).map(EntryRow::from).collect(),
        commands: store
            .commands(link.id, 20)
            .await?
            .iter()
            .map(|c| CommandRow::of(c, &row.address))
            .collect(),
        link: row,
    };
    if json {
        output::print_json(&detail)?;
    } else {
        output::print_text(&page(&link, &detail))?;
    }
    Ok(Exit::Done)
}

/// The detail as text, every part escaped.
fn page(link: &LinkView, detail: &Detail) -> String {
    let safe = crate::text::escape_line;
    let mut out = format!(
        "{} · {} · {}{}\n{}\n\n",
        safe(&detail.link.address),
        if detail.link.record.is_empty() { "no record yet".into() } else { safe(&detail.link.record) },
        detail.link.step,
        if detail.link.why.is_empty() { String::new() } else { format!(": {}", safe(&detail.link.why)) },
        link.title
    );
    let mut fields = Sheet::new(&["field", "sentinel", "servicenow", "step", "rule"]);
    for f in &detail.fields {
        fields.row(vec![
            f.field.to_owned(),
            f.shown.sentinel.clone(),
            f.shown.servicenow.clone(),
            f.step.to_owned(),
            f.rule.clone(),
        ]);
    }
    out.push_str(&fields.render(output::Format::Table, None));
    for entry in &detail.conversation {
        out.push_str(&format!("\n{}  {}  {}\n", entry.at, entry.origin, safe(&entry.author)));
        for line in crate::text::escape_lines(&entry.text) {
            out.push_str(&format!("    {line}\n"));
        }
        if !entry.reason.is_empty() {
            out.push_str(&format!("    (held: {})\n", safe(&entry.reason)));
        }
    }
    for url in [&detail.link.url.sentinel, &detail.link.url.servicenow] {
        if !url.is_empty() {
            out.push_str(&format!("\n{}", safe(url)));
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pair;

    #[test]
    fn filters_narrow_and_closed_ones_hide() {
        let v = LinkView {
            title: "Odd sign-in".into(),
            severity: Pair::new("High".into(), "2/2".into()),
            owner: Pair::new("".into(), "Ann".into()),
            step: Step::Held,
            ..LinkView::default()
        };
        let hits = |a: ListArgs| wanted(&v, &a);
        assert!(hits(ListArgs::default()));
        assert!(hits(ListArgs {
            severity: vec!["high".into()],
            step: vec![Step::Held],
            ..ListArgs::default()
        }));
        assert!(hits(ListArgs {
            owner: Some("ann".into()),
            title: Some("SIGN".into()),
            ..ListArgs::default()
        }));
        assert!(!hits(ListArgs { owner: Some("-".into()), ..ListArgs::default() }));
        assert!(!hits(ListArgs { workspace: Some("other".into()), ..ListArgs::default() }));
        let closed = LinkView { closed: true, ..v };
        assert!(
            !wanted(&closed, &ListArgs::default())
                && wanted(&closed, &ListArgs { all: true, ..ListArgs::default() })
        );
    }
}
