//! Who may use whom, and what a pure module may not touch: the table of the house, read against
//! the sources. A failure names the rule, the file and the line.

use std::path::{Path, PathBuf};

/// A part of the house and the parts it may use (`*` is every part).
const MAY_USE: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("mutant", &[]),
    ("model", &["text"]),
    ("mapping", &["model", "text"]),
    ("sync", &["mapping", "model", "text"]),
    ("http", &["text"]),
    ("config", &["model", "text"]),
    ("store", &["text", "model", "mapping", "sync", "http", "config"]),
    ("sentinel", &["text", "model", "mapping", "sync", "http", "config"]),
    ("servicenow", &["text", "model", "mapping", "sync", "http", "config"]),
    ("engine/machine", &["text", "model", "mapping", "sync"]),
    ("engine", &["text", "model", "mapping", "sync", "http", "config", "store", "sentinel", "servicenow"]),
    (
        "intake",
        &["text", "model", "mapping", "sync", "http", "config", "store", "sentinel", "servicenow", "engine"],
    ),
    ("enrich", &["text", "model", "mapping", "sync", "sentinel", "servicenow", "store"]),
    ("triage", &["text", "model", "mapping", "sync", "sentinel", "servicenow", "store"]),
    ("report", &["text", "model", "mapping", "sync", "sentinel", "servicenow", "store"]),
    ("console", &["text", "model", "mapping", "sync"]),
    ("sandbox", &["text"]),
    ("terminal", &["*"]),
    ("cli", &["*"]),
    ("telemetry", &["*"]),
    ("main", &["*"]),
    ("lib", &["*"]),
];

/// The part that every part may use: it asks whether a mistake is to be made, wherever one could
/// be. In production the answer is the constant `false`, so that purity is not touched either.
const FOR_ALL: &str = "mutant";

/// Parts without I/O, clock and randomness.
const PURE: &[&str] = &["text", "model", "mapping", "sync", "engine/machine", "console"];

/// Words that break purity, each with what it is.
const IMPURE: &[(&str, &str)] = &[
    ("tokio::", "the async runtime"),
    ("reqwest::", "the network"),
    ("hyper::", "the network"),
    ("rusqlite::", "the database"),
    ("crossterm::", "the terminal"),
    ("rustix::", "the system"),
    ("std::fs", "files"),
    ("std::net", "the network"),
    ("std::env", "the environment"),
    ("std::process", "processes"),
    ("std::io::std", "the standard streams"),
    ("std::thread", "threads"),
    ("Instant::now", "the clock"),
    ("SystemTime::now", "the clock"),
    ("Timestamp::now", "the clock"),
    ("Zoned::now", "the clock"),
    ("Uuid::new_v4", "randomness"),
    ("Uuid::now_v7", "the clock and randomness"),
    ("Rng::new", "randomness"),
    ("fastrand::u", "randomness"),
    ("fastrand::i", "randomness"),
    ("fastrand::shuffle", "randomness"),
];

/// Most lines of production code in one file (D41).
const MOST_LINES: usize = 500;

#[test]
fn the_house_keeps_its_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    let mut broken = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let source = std::fs::read_to_string(&file).unwrap();
        broken.extend(violations(&name, &source));
    }
    assert!(broken.is_empty(), "{} broken rules:\n{}", broken.len(), broken.join("\n"));
}

fn collect(dir: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Every rule that a file breaks.
fn violations(name: &str, source: &str) -> Vec<String> {
    let stem = name.trim_end_matches(".rs");
    if stem.split('/').any(|p| p == "tests") {
        return Vec::new();
    }
    let code = without_tests(&blank(source));
    let part = part_of(stem);
    let mut out = Vec::new();
    let Some((_, may)) = MAY_USE.iter().find(|(p, _)| *p == part) else {
        return vec![format!("{name}: {part} is not in the table of the house; give it a row")];
    };
    for (line, used) in uses(&code, stem) {
        let own =
            used == part || used.split('/').next() == part.split('/').next() && part != "engine/machine";
        let allowed = used == FOR_ALL || may.iter().any(|m| *m == "*" || *m == used);
        if !own && !allowed {
            let list = if may.is_empty() { "nothing".into() } else { may.join(", ") };
            out.push(format!("{name}:{line}: {part} may use {list}; it uses {used}"));
        }
    }
    if PURE.contains(&part) {
        for (number, line) in code.lines().enumerate() {
            for (word, what) in IMPURE.iter().filter(|(w, _)| stands_in(line, w)) {
                out.push(format!("{name}:{}: {part} is pure, but touches {what} ({word})", number + 1));
            }
        }
    }
    let lines = code.lines().enumerate().filter(|(i, _)| !is_removed(&code, *i)).count();
    if lines > MOST_LINES {
        out.push(format!("{name}: {lines} lines of production code; at most {MOST_LINES} (D41)"));
    }
    out
}

fn stands_in(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The part of the house that a file belongs to.
fn part_of(stem: &str) -> &str {
    if stem == "engine/machine" || stem.starts_with("engine/machine/") {
        return "engine/machine";
    }
    stem.split('/').next().unwrap_or(stem)
}

/// Parts of the house that are named in the code, with their lines.
fn uses(code: &str, stem: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    let mut roots = vec!["crate::".to_owned(), "diptych::".to_owned()];
    // a file knows its own depth, so that supers up to the root count as well
    roots.push("super::".repeat(stem.split('/').count()));
    for root in roots {
        for (at, _) in code.match_indices(&root) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            for path in first_words(&code[at + root.len()..]) {
                let part = match path.strip_prefix("engine::machine") {
                    Some(rest) if !rest.starts_with(char::is_alphanumeric) => "engine/machine".to_owned(),
                    _ => path.split("::").next().unwrap_or_default().to_owned(),
                };
                if MAY_USE.iter().any(|(p, _)| *p == part) {
                    out.push((line, part));
                }
            }
        }
    }
    out
}

/// `a::b` gives itself, `{a::b, c::{d, e}}` gives each path up to its first two words.
fn first_words(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect()
    };
    if !rest.starts_with('{') {
        return vec![word(rest)];
    }
    let (mut depth, mut start, mut out) = (0, 1, Vec::new());
    for (i, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    out.push(word(&rest[start..i]));
                    return out;
                }
            }
            ',' if depth == 1 => {
                out.push(word(&rest[start..i]));
                start = i + 1;
            }
            _ => {}
        }
    }
    out
}

/// The source with comments and the inside of literals turned into blanks, line by line.
fn blank(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut i = 0;
    let hide = |out: &mut String, c: char| out.push(if c == '\n' { '\n' } else { ' ' });
    while i < chars.len() {
        let next = chars.get(i + 1).copied().unwrap_or(' ');
        let end = match (chars[i], next) {
            ('/', '/') => until(&chars, i, |rest| rest.starts_with(&['\n'])),
            ('/', '*') => until(&chars, i + 2, |rest| rest.starts_with(&['*', '/'])) + 2,
            ('r', '"' | '#') if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                raw_end(&chars, i)
            }
            ('"', _) => quoted_end(&chars, i),
            ('\'', '\\') => until(&chars, i + 3, |rest| rest.starts_with(&['\''])) + 1,
            ('\'', _) if chars.get(i + 2) == Some(&'\'') => i + 3,
            _ => i,
        };
        if end == i {
            out.push(chars[i]);
            i += 1;
        } else {
            chars[i..end.min(chars.len())].iter().for_each(|c| hide(&mut out, *c));
            i = end;
        }
    }
    out
}

fn until(chars: &[char], from: usize, is_end: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|i| is_end(&chars[*i..])).unwrap_or(chars.len())
}

fn quoted_end(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn raw_end(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return start;
    }
    let mut close = vec!['"'];
    close.extend(std::iter::repeat_n('#', hashes));
    until(chars, start + 2 + hashes, |rest| rest.starts_with(&close)) + close.len()
}

const REMOVED: char = '\u{1}';

/// Blanked code with every item under `#[cfg(test)]` taken out; its lines stay, marked.
fn without_tests(code: &str) -> String {
    let mut out: Vec<char> = code.chars().collect();
    let marks = ["#[cfg(test)]", "#[cfg(all(test"];
    for mark in marks {
        let mut from = 0;
        while let Some(at) = find(&out, mark, from) {
            let end = item_end(&out, at);
            for c in &mut out[at..end] {
                *c = if *c == '\n' { '\n' } else { REMOVED };
            }
            from = end;
        }
    }
    out.into_iter().collect()
}

fn find(chars: &[char], word: &str, from: usize) -> Option<usize> {
    let word: Vec<char> = word.chars().collect();
    (from..chars.len()).find(|i| chars[*i..].starts_with(&word))
}

fn item_end(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    for (i, c) in chars.iter().enumerate().skip(start) {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            ';' if depth == 0 => return i + 1,
            _ => {}
        }
    }
    chars.len()
}

/// True for a line inside an item that was taken out.
fn is_removed(code: &str, line: usize) -> bool {
    code.lines().nth(line).is_some_and(|l| l.contains(REMOVED))
}

#[test]
fn a_forbidden_edge_is_found_in_every_spelling() {
    for (name, source) in [
        ("model/link.rs", "use crate::store::Store;"),
        ("model/link.rs", "fn f() { crate::store::open(); }"),
        ("model.rs", "use super::store;"),
        ("model/a/b.rs", "use super::super::super::store::Store;"),
        ("sentinel/client.rs", "use crate::{text::Stamp, servicenow::{Desk, query}};"),
        ("store/rows.rs", "use crate::engine::machine::Effect;"),
        ("engine/machine/step.rs", "use crate::engine::shell::Clock;"),
        ("engine/shell.rs", "use crate::cli::output;"),
        ("console/view.rs", "use crate::store::Store;"),
        ("sandbox/desk.rs", "use crate::model::Side;"),
        ("novelty/x.rs", "fn f() {}"),
        ("mutant.rs", "use crate::store::Store;"),
    ] {
        assert_eq!(violations(name, source).len(), 1, "{name}: {source}");
    }
}

#[test]
fn impurity_and_length_are_found() {
    for source in [
        "use std::fs;",
        "use tokio::sync::mpsc;",
        "fn f() { let t = std::time::Instant::now(); }",
        "fn f() -> String { format!(\"{}\", \"}\") } fn g() { std::env::var(\"X\").ok(); }",
        "const Q: char = '\"'; fn f() { std::fs::read(\"a\").ok(); }",
        "const R: &str = r#\"\"\"#; fn f() { let id = uuid::Uuid::new_v4(); }",
    ] {
        assert_eq!(violations("sync/plan.rs", source).len(), 1, "{source}");
    }
    assert!(violations("cli/a.rs", &"fn f() {}\n".repeat(501))[0].contains("D41"));
    assert!(violations("cli/a.rs", &"fn f() {}\n".repeat(500)).is_empty());
}

#[test]
fn what_is_allowed_passes() {
    let tests = "fn f() {}\n#[cfg(test)]\nmod tests {\n use crate::store::X; fn g() { let c = '{'; std::fs::read(\"}\"); }\n}\n";
    for (name, source) in [
        ("sync/plan.rs", "use crate::{mapping::Tables, model::{Side, Link}};"),
        ("sync/plan.rs", tests),
        ("sync/plan.rs", "// use crate::store::X;\nconst T: &str = \"std::fs crate::store::X\";"),
        ("sync/plan.rs", "#[cfg(test)]\nuse crate::store::X;\nfn f<'a>(x: &'a str) -> &'a str { x }"),
        ("sync/tests.rs", "use crate::store::X;"),
        ("engine/shell.rs", "use crate::engine::machine::Effect; use crate::store::Store;"),
        ("engine/machine/step.rs", "use crate::engine::machine::Effect; use super::Event;"),
        ("cli/a.rs", "use crate::sandbox::Sandbox;"),
        ("text/a.rs", "use crate::mutant::{self, Mutant};"),
    ] {
        assert!(violations(name, source).is_empty(), "{name}: {:?}", violations(name, source));
    }
    let long = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn g() {}\n".repeat(600));
    assert!(violations("cli/a.rs", &long).is_empty());
}
