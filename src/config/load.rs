//! From a file to a config, or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};

use toml::Value;

use super::keys::{self, KEYS};
use super::nearest::did_you_mean;
use super::problem::{ConfigError, Problem, Weight};
use super::raw::Raw;
use super::resolved::{Config, resolve};
use super::tree::{Path, Tree};
use super::{overlay, shape, show};

const LARGEST: u64 = 1024 * 1024;
const MOST_FAULTS: usize = 500;

/// What came of a file.
#[derive(Debug)]
pub struct Checked {
    /// The file.
    pub file: PathBuf,
    /// The config, when nothing in it is wrong.
    pub config: Option<Config>,
    /// Errors and warnings, in the order of the lines.
    pub problems: Vec<Problem>,
}

impl Checked {
    /// The config, or its errors.
    ///
    /// # Errors
    /// When the file cannot be used; warnings alone do not hinder.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        match self.config {
            Some(config) => Ok(config),
            None => Err(ConfigError { file: self.file, problems: self.problems }),
        }
    }
}

/// The usual place of the config: `~/.config/diptych/diptych.toml` on Linux.
pub fn default_file() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "diptych").map(|d| d.config_dir().join("diptych.toml"))
}

/// Reads a file; `env` is the environment, of which `DIPTYCH_SECTION__KEY` counts.
pub fn load(file: &FilePath, env: &BTreeMap<String, String>) -> Checked {
    let refuse = |message: String, hint: &str| Checked {
        file: file.to_path_buf(),
        config: None,
        problems: vec![Problem::error("", message).hint(hint)],
    };
    match std::fs::metadata(file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return refuse(
                "there is no such file".into(),
                "name it with --config, start from config.example.toml, or try `diptych demo`",
            );
        }
        Ok(m) if m.len() > LARGEST => return refuse("is larger than 1 MiB".into(), ""),
        _ => {}
    }
    match std::fs::read_to_string(file) {
        Ok(text) => parse(&text, file, env),
        Err(e) => refuse(format!("cannot be read: {e}"), ""),
    }
}

/// Reads a file's text; relative paths in it start at the file's folder.
pub fn parse(text: &str, file: &FilePath, env: &BTreeMap<String, String>) -> Checked {
    let mut tree = match Tree::parse(text) {
        Ok(tree) => tree,
        Err(faults) => {
            let problems = faults
                .into_iter()
                .map(|(line, message)| Problem { line, ..Problem::error("", message) })
                .collect();
            return Checked { file: file.to_path_buf(), config: None, problems };
        }
    };
    let mut found: Vec<(Path, Problem)> = Vec::new();
    shape::keep_known(&mut tree.values, &shape::root(), &Path::default(), &mut found);
    let from_env = overlay::apply(&mut tree, env, &mut found);
    fill_defaults(&mut tree);
    let raw = read_raw(&mut tree, &mut found);
    let broken: BTreeSet<Path> = found.iter().map(|(p, _)| p.clone()).collect();
    let listing = show::list(&tree, &from_env);
    let mut config = resolve(raw, file, &broken, &mut found);
    config.listing = listing;
    let mut problems: Vec<Problem> = found
        .into_iter()
        .map(|(path, p)| Problem { key: tree.label(&path), line: tree.line(&path), ..p })
        .collect();
    problems.sort_by_key(|p| (p.line, p.weight));
    let usable = problems.iter().all(|p| p.weight == Weight::Warning);
    config.warnings.clone_from(&problems);
    Checked { file: file.to_path_buf(), config: usable.then_some(config), problems }
}

fn fill_defaults(tree: &mut Tree) {
    for key in KEYS {
        let Some(value) = key.default_value() else { continue };
        for path in show::places(tree, key.path) {
            if tree.get(&path).is_none() {
                tree.set(&path, value.clone());
            }
        }
    }
}

/// Reads the types, one fault at a time: what is wrong is noted, replaced by its default, and
/// the rest is read again.
fn read_raw(tree: &mut Tree, found: &mut Vec<(Path, Problem)>) -> Raw {
    for _ in 0..MOST_FAULTS {
        let error = match serde_path_to_error::deserialize(Value::Table(tree.values.clone())) {
            Ok(raw) => return raw,
            Err(error) => error,
        };
        let mut path = Path::parse(&error.path().to_string());
        found.push((path.clone(), type_problem(&path, error.inner().message())));
        // a fault inside a list or a secret takes the whole of it out
        while !path.0.is_empty() {
            let default = keys::find(&show::pattern(&path)).and_then(keys::Key::default_value);
            let removed = tree.remove(&path).is_some();
            if let Some(value) = default {
                tree.set(&path, value);
            }
            if removed {
                break;
            }
            path.0.pop();
        }
        if path.0.is_empty() {
            break;
        }
    }
    Raw::default()
}

fn type_problem(path: &Path, message: &str) -> Problem {
    let pattern = show::pattern(path);
    if pattern.contains("secret") || pattern.contains("password") {
        // the reader's own message would quote the value
        return Problem::error("", "is not a reference to a secret").hint(
            "write { file = \"…\" }, { env = \"…\" }, { command = [\"…\"] } or { credential = \"…\" }",
        );
    }
    let message = message.lines().next().unwrap_or_default();
    let problem = Problem::error("", message);
    let Some((wrong, known)) = message.strip_prefix("unknown variant ").and_then(|m| m.split_once(", "))
    else {
        return problem;
    };
    let words: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    problem.hint(did_you_mean(wrong.trim_matches('`'), &words))
}
