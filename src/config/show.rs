//! Every key with its value and where the value came from, for `config show`.

use std::collections::BTreeMap;

use serde::Serialize;
use toml::Value;

use super::keys::KEYS;
use super::tree::{Path, Step, Tree};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// This line of the file.
    File(usize),
    /// This environment variable.
    Env(String),
}

impl Origin {
    /// In one word or two: `default`, `line 12`, `env NAME`.
    pub fn words(&self) -> String {
        match self {
            Self::Default => "default".into(),
            Self::File(line) => format!("line {line}"),
            Self::Env(name) => format!("env {name}"),
        }
    }
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// `workspace.prod.poll`
    pub key: String,
    /// As TOML; secrets as references.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// The concrete places that a key's pattern stands for in this file: one per workspace and so on.
pub fn places(tree: &Tree, pattern: &str) -> Vec<Path> {
    let mut places = vec![Path::default()];
    for part in pattern.split('.') {
        places = match part {
            "*" => {
                let names = |p: &Path| {
                    let table = tree.get(p).and_then(Value::as_table);
                    table.map(|t| t.keys().map(|k| p.key(k)).collect::<Vec<_>>()).unwrap_or_default()
                };
                places.iter().flat_map(names).collect()
            }
            _ if part.ends_with("[]") => {
                let items = |p: &Path| {
                    let list = p.key(part.trim_end_matches("[]"));
                    let n = tree.get(&list).and_then(Value::as_array).map_or(0, Vec::len);
                    (0..n).map(move |i| list.index(i)).collect::<Vec<_>>()
                };
                places.iter().flat_map(items).collect()
            }
            _ => places.iter().map(|p| p.key(part)).collect(),
        };
    }
    places
}

/// The pattern of a place: `workspace[].poll` for `workspace[0].poll`.
pub fn pattern(path: &Path) -> String {
    let mut out = String::new();
    for (i, step) in path.0.iter().enumerate() {
        match step {
            Step::Index(_) => out.push_str("[]"),
            Step::Key(_) if i == 1 && path.0[0] == Step::Key("credential".into()) => out.push_str(".*"),
            Step::Key(k) if i == 0 => out.push_str(k),
            Step::Key(k) => out.push_str(&format!(".{k}")),
        }
    }
    out
}

/// Lists a filled tree.
pub fn list(tree: &Tree, from_env: &BTreeMap<Path, String>) -> Vec<Entry> {
    let mut out = Vec::new();
    for key in KEYS {
        for path in places(tree, key.path) {
            let Some(value) = tree.get(&path) else { continue };
            let origin = match (from_env.get(&path), tree.lines.get(&path)) {
                (Some(name), _) => Origin::Env(name.clone()),
                (None, Some(line)) => Origin::File(*line),
                (None, None) => Origin::Default,
            };
            out.push(Entry { key: tree.label(&path), value: value_text(key.path, value), origin });
        }
    }
    out
}

fn value_text(pattern: &str, value: &Value) -> String {
    let secret = pattern.ends_with("secret") || pattern.ends_with("password");
    match value {
        Value::Table(t) if secret => {
            let parts = t.iter().map(|(k, v)| match v {
                // only the program: its arguments may say too much
                Value::Array(words) => format!("{k} = [{}, …]", words.first().map(text).unwrap_or_default()),
                v => format!("{k} = {}", text(v)),
            });
            format!("{{ {} }}", parts.collect::<Vec<_>>().join(", "))
        }
        v => text(v),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Table(t) if t.is_empty() => "{}".into(),
        Value::Table(t) => {
            let parts: Vec<String> = t.iter().map(|(k, v)| format!("{k} = {}", text(v))).collect();
            format!("{{ {} }}", parts.join(", "))
        }
        v => v.to_string(),
    }
}
