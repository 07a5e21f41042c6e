//! Environment variables over the file: `DIPTYCH_SECTION__KEY` for scalar keys.

use std::collections::BTreeMap;

use toml::Value;

use super::keys::{self, KEYS, Key};
use super::nearest::nearest;
use super::problem::Problem;
use super::tree::{Path, Tree};

/// Sets what the environment names; gives the place of each value with its variable.
pub fn apply(
    tree: &mut Tree,
    env: &BTreeMap<String, String>,
    found: &mut Vec<(Path, Problem)>,
) -> BTreeMap<Path, String> {
    let mut set = BTreeMap::new();
    for (name, text) in env {
        let Some(rest) = name.strip_prefix("DIPTYCH_").filter(|r| r.contains("__")) else { continue };
        if names_a_secret(&Value::Table(tree.values.clone()), name) {
            continue;
        }
        match place(tree, rest).and_then(|(path, key)| value(key, text).map(|v| (path, v))) {
            Ok((path, value)) => {
                tree.set(&path, value);
                set.insert(path, name.clone());
            }
            Err((message, hint)) => {
                let problem = Problem::warning("", format!("the variable {name} {message}")).hint(hint);
                found.push((Path::default(), problem));
            }
        }
    }
    set
}

type Refusal = (String, String);

fn place(tree: &Tree, rest: &str) -> Result<(Path, &'static Key), Refusal> {
    let words: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
    let (path, pattern) = match words.as_slice() {
        [list, name, keys @ ..] if (list == "workspace" || list == "instance") && !keys.is_empty() => {
            let index = list_index(tree, list, name)
                .ok_or_else(|| (format!("names no {list} of this file"), String::new()))?;
            let path = keys.iter().fold(Path::default().key(list).index(index), |p, k| p.key(k));
            (path, format!("{list}[].{}", keys.join(".")))
        }
        [section, name, keys @ ..] if section == "credential" && !keys.is_empty() => {
            let known = tree.values.get("credential").and_then(Value::as_table);
            let own = known
                .and_then(|t| t.keys().find(|k| same_name(k, name)))
                .ok_or_else(|| ("names no credential of this file".to_owned(), String::new()))?;
            let path = keys.iter().fold(Path::default().key(section).key(own), |p, k| p.key(k));
            (path, format!("credential.*.{}", keys.join(".")))
        }
        keys => (keys.iter().fold(Path::default(), |p, k| p.key(k)), keys.join(".")),
    };
    match keys::find(&pattern) {
        Some(key) => Ok((path, key)),
        None => {
            let near = nearest(&pattern, KEYS.iter().map(|k| k.path));
            let hint = near.map(|k| format!("did you mean {k}?")).unwrap_or_default();
            Err(("names no key".into(), hint))
        }
    }
}

fn list_index(tree: &Tree, list: &str, name: &str) -> Option<usize> {
    let items = tree.values.get(list)?.as_array()?;
    items.iter().position(|i| i.get("key").and_then(Value::as_str).is_some_and(|k| same_name(k, name)))
}

fn same_name(key: &str, word: &str) -> bool {
    key.to_lowercase().replace('-', "_") == word
}

fn value(key: &Key, text: &str) -> Result<Value, Refusal> {
    if key.path.ends_with("secret") || key.path.ends_with("password") {
        return Err((
            "cannot set a secret".into(),
            "point the key at the variable: { env = \"NAME\" }".into(),
        ));
    }
    match key.default_value() {
        Some(Value::Boolean(_)) => {
            text.parse().map(Value::Boolean).map_err(|_| ("must be true or false".to_owned(), String::new()))
        }
        Some(Value::Integer(_)) => {
            text.parse().map(Value::Integer).map_err(|_| ("must be a whole number".to_owned(), String::new()))
        }
        Some(Value::Array(_) | Value::Table(_)) => {
            Err(("names a list or a table".into(), "only single values can be set from outside".into()))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn names_a_secret(value: &Value, variable: &str) -> bool {
    match value {
        Value::Table(t) => {
            t.get("env").and_then(Value::as_str) == Some(variable)
                || t.values().any(|v| names_a_secret(v, variable))
        }
        Value::Array(list) => list.iter().any(|v| names_a_secret(v, variable)),
        _ => false,
    }
}
