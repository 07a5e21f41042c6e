//! `audit`: the hash chains, verified and printed.

use std::path::PathBuf;

use serde::Serialize;

use super::args::{AuditArgs, AuditVerb, Common, Listing};
use super::exit::{Exit, Failure};
use super::output::{self, Format, Sheet};
use super::session::Session;
use crate::model::ledger::AuditRow;
use crate::store::{ChainVerdict, read_heads};
use crate::text::escape_line;

const PAGE: u32 = 500;

/// `audit verify --json`: an array of these.
#[derive(Serialize)]
struct Verdict {
    chain: String,
    rows: i64,
    /// Hash of the last row.
    head: Option<String>,
    /// Number of the first row that does not fit.
    broken_at: Option<i64>,
    /// How.
    broken: Option<String>,
    /// Number up to which a head kept outside vouches; null when the tail is not checkable.
    vouched: Option<i64>,
}

/// `audit export --json`: one of these per line.
#[derive(Serialize)]
struct Line<'a> {
    chain: &'a str,
    seq: i64,
    at: String,
    who: &'a str,
    act: &'a str,
    link: Option<i64>,
    subject: &'a str,
    side: &'a str,
    what: &'a str,
    before: &'a str,
    after: &'a str,
    why: &'a str,
    intent: Option<i64>,
    prev: &'a str,
    hash: &'a str,
}

/// Runs `audit`.
pub async fn run(common: &Common, args: AuditArgs) -> Result<Exit, Failure> {
    let session = Session::reading(common).await?;
    match args.verb {
        AuditVerb::Verify { heads, json } => verify(&session, heads, json).await,
        AuditVerb::Export { chain, listing } => export(&session, chain, listing).await,
    }
}

async fn verify(session: &Session, heads: Option<PathBuf>, json: bool) -> Result<Exit, Failure> {
    let path = heads.unwrap_or_else(|| session.store.heads_path());
    let verdicts = session.store.verify_audit(&read_heads(&path)?).await?;
    let broken = verdicts.iter().any(|v| v.broken.is_some());
    if json {
        let rows: Vec<Verdict> = verdicts.into_iter().map(verdict).collect();
        output::print_json(&rows)?;
    } else {
        for v in &verdicts {
            output::print_line(&words(v))?;
        }
        if verdicts.is_empty() {
            output::print_line("there is no audit row yet")?;
        }
    }
    Ok(if broken { Exit::CheckFailed } else { Exit::Done })
}

fn verdict(v: ChainVerdict) -> Verdict {
    let (broken_at, broken) = v.broken.unzip();
    Verdict { chain: v.chain, rows: v.rows, head: v.head.map(|h| h.1), broken_at, broken, vouched: v.vouched }
}

fn words(v: &ChainVerdict) -> String {
    let chain = escape_line(&v.chain);
    if let Some((seq, how)) = &v.broken {
        return format!("{chain}: BROKEN at row {seq}: {}", escape_line(how));
    }
    let head = v.head.as_ref().map_or(0, |h| h.0);
    match v.vouched {
        Some(seq) if seq == head => format!("{chain}: {} rows verified, the tail too", v.rows),
        Some(seq) => {
            format!(
                "{chain}: {} rows fit together; a head kept outside vouches up to row {seq} of {head}",
                v.rows
            )
        }
        None => format!(
            "{chain}: {} rows fit together; no head is kept outside, so a cut-off tail is not checkable",
            v.rows
        ),
    }
}

async fn export(session: &Session, chain: Option<String>, listing: Listing) -> Result<Exit, Failure> {
    let known = session.store.audit_chains().await?;
    let chains = match chain {
        Some(name) if known.contains(&name) => vec![name],
        Some(name) => {
            return Err(Failure::new(Exit::NotFound, format!("there is no chain {}", escape_line(&name)))
                .hint(format!("there are: {}", known.join(", "))));
        }
        None => known,
    };
    let mut first = true;
    for chain in chains {
        let mut after = 0;
        loop {
            let rows = session.store.audit_rows(&chain, after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            print(&rows, listing.format(), first)?;
            first = false;
        }
    }
    Ok(Exit::Done)
}

fn print(rows: &[AuditRow], format: Format, header: bool) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&[
        "chain", "seq", "at", "who", "act", "subject", "side", "what", "before", "after", "why", "hash",
    ]);
    for row in rows {
        let d = &row.draft;
        if format == Format::Json {
            output::print_line(&output::json_text(&line(row), false))?;
            continue;
        }
        let cells: [&str; 9] =
            [&d.who, &d.act, &d.subject, &d.side, &d.what, &d.before, &d.after, &d.why, &row.hash];
        let head = [row.chain.clone(), row.seq.to_string(), d.at.rfc3339()];
        sheet.row(head.into_iter().chain(cells.map(str::to_owned)).collect());
    }
    if format == Format::Json {
        return Ok(());
    }
    let text = sheet.render(format, None);
    // pages after the first have their header already
    let skip = if header || format == Format::Plain { 0 } else { 1 };
    let rest: Vec<&str> = text.splitn(skip + 1, '\n').collect();
    output::print_text(rest.last().unwrap_or(&""))?;
    Ok(())
}

fn line(row: &AuditRow) -> Line<'_> {
    let d = &row.draft;
    Line {
        chain: &row.chain,
        seq: row.seq,
        at: d.at.rfc3339(),
        who: &d.who,
        act: &d.act,
        link: d.link.map(|l| l.0),
        subject: &d.subject,
        side: &d.side,
        what: &d.what,
        before: &d.before,
        after: &d.after,
        why: &d.why,
        intent: d.intent.map(|i| i.0),
        prev: &row.prev,
        hash: &row.hash,
    }
}
