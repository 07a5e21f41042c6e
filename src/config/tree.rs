//! The file as a tree of values in which every place has a path and a line.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// One step down the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A key of a table.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// A place in the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The place of a key below this one.
    pub fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    /// A place of a list below this one.
    pub fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }

    /// Reads `workspace[0].route.table`, as [`fmt::Display`] writes it.
    pub fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.split('.').filter(|p| !p.is_empty()) {
            let mut bits = part.split('[');
            if let Some(key) = bits.next().filter(|k| !k.is_empty()) {
                steps.push(Step::Key(key.to_owned()));
            }
            for bit in bits {
                steps.extend(bit.trim_end_matches(']').parse().ok().map(Step::Index));
            }
        }
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(k) if i == 0 => f.write_str(k)?,
                Step::Key(k) => write!(f, ".{k}")?,
                Step::Index(n) => write!(f, "[{n}]")?,
            }
        }
        Ok(())
    }
}

/// The file's values, and the line on which each stands.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Values.
    pub values: Table,
    /// Line of each key, from 1.
    pub lines: BTreeMap<Path, usize>,
}

/// A text that is not TOML: line and message for each fault. The message never quotes the line,
/// which may hold a secret.
pub type SyntaxFaults = Vec<(Option<usize>, String)>;

impl Tree {
    /// Reads TOML.
    pub fn parse(text: &str) -> Result<Self, SyntaxFaults> {
        let (root, faults) = DeTable::parse_recoverable(text);
        if !faults.is_empty() {
            return Err(faults
                .iter()
                .map(|e| (e.span().map(|s| line_at(text, s.start)), e.message().to_owned()))
                .collect());
        }
        let mut lines = BTreeMap::new();
        let values = table(root.get_ref(), text, &Path::default(), &mut lines);
        Ok(Self { values, lines })
    }

    /// The value at a place.
    pub fn get(&self, path: &Path) -> Option<&Value> {
        let mut steps = path.0.iter();
        let Some(Step::Key(first)) = steps.next() else { return None };
        let mut at = self.values.get(first)?;
        for step in steps {
            at = match step {
                Step::Key(k) => at.get(k.as_str())?,
                Step::Index(i) => at.get(*i)?,
            };
        }
        Some(at)
    }

    /// Sets a value, making the tables on the way; a list's place must exist.
    pub fn set(&mut self, path: &Path, value: Value) {
        let Some((Step::Key(last), way)) = path.0.split_last() else { return };
        if let Some(table) = self.table_mut(way, true) {
            table.insert(last.clone(), value);
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, path: &Path) -> Option<Value> {
        let (last, way) = path.0.split_last()?;
        match last {
            Step::Key(k) => self.table_mut(way, false)?.remove(k),
            // a list keeps its length, so that the other places keep their paths
            Step::Index(_) => None,
        }
    }

    fn table_mut(&mut self, way: &[Step], make: bool) -> Option<&mut Table> {
        let mut at = &mut self.values;
        let mut i = 0;
        while i < way.len() {
            let Step::Key(k) = &way[i] else { return None };
            if make && !at.contains_key(k) {
                at.insert(k.clone(), Value::Table(Table::new()));
            }
            let mut value = at.get_mut(k)?;
            while let Some(Step::Index(n)) = way.get(i + 1) {
                value = value.get_mut(*n)?;
                i += 1;
            }
            at = value.as_table_mut()?;
            i += 1;
        }
        Some(at)
    }

    /// The line of a place, or of the nearest place above it that stands in the file.
    pub fn line(&self, path: &Path) -> Option<usize> {
        (1..=path.0.len()).rev().find_map(|n| self.lines.get(&Path(path.0[..n].to_vec())).copied())
    }

    /// The place as people say it: `workspace.prod.poll` for `workspace[0].poll`.
    pub fn label(&self, path: &Path) -> String {
        let mut out: Vec<String> = Vec::new();
        for (i, step) in path.0.iter().enumerate() {
            match step {
                Step::Key(k) => out.push(k.clone()),
                Step::Index(n) => {
                    let here = self.get(&Path(path.0[..=i].to_vec()));
                    let name = ["key", "name", "id"]
                        .iter()
                        .find_map(|k| here.and_then(|v| v.get(k)).and_then(Value::as_str))
                        .filter(|n| !n.is_empty());
                    out.push(name.map_or_else(|| format!("#{}", n + 1), str::to_owned));
                }
            }
        }
        out.join(".")
    }
}

fn line_at(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|b| **b == b'\n').count() + 1
}

fn table(from: &DeTable<'_>, text: &str, at: &Path, lines: &mut BTreeMap<Path, usize>) -> Table {
    let mut out = Table::new();
    for (key, item) in from {
        let path = at.key(key.get_ref());
        lines.insert(path.clone(), line_at(text, key.span().start));
        out.insert(key.get_ref().to_string(), value(item.get_ref(), text, &path, lines));
    }
    out
}

fn value(from: &DeValue<'_>, text: &str, at: &Path, lines: &mut BTreeMap<Path, usize>) -> Value {
    match from {
        DeValue::String(s) => Value::String(s.to_string()),
        DeValue::Boolean(b) => Value::Boolean(*b),
        DeValue::Datetime(d) => Value::Datetime(*d),
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix())
            .map_or_else(|_| Value::String(i.as_str().to_owned()), Value::Integer),
        DeValue::Float(x) => {
            x.as_str().parse().map_or_else(|_| Value::String(x.as_str().to_owned()), Value::Float)
        }
        DeValue::Table(t) => Value::Table(table(t, text, at, lines)),
        DeValue::Array(list) => Value::Array(
            list.iter()
                .enumerate()
                .map(|(i, item)| {
                    let path = at.index(i);
                    lines.insert(path.clone(), line_at(text, item.span().start));
                    value(item.get_ref(), text, &path, lines)
                })
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_lines_and_places() {
        let t = Tree::parse("a = 1\n[[w]]\nkey = \"x\"\n[w.r]\nt = 2\n[[w]]\nz = [\n1]\n").unwrap();
        assert_eq!(t.line(&Path::parse("w[0].r.t")), Some(5));
        assert_eq!(t.line(&Path::parse("w[1].z")), Some(7));
        assert_eq!(t.line(&Path::parse("w[0].absent")), Some(2));
        assert_eq!(t.label(&Path::parse("w[0].r.t")), "w.x.r.t");
        assert_eq!(t.label(&Path::parse("w[1].z")), "w.#2.z");
        assert_eq!(t.get(&Path::parse("w[0].r.t")), Some(&Value::Integer(2)));
    }

    #[test]
    fn a_fault_has_a_line_and_does_not_quote_it() {
        let faults = Tree::parse("ok = 1\npassword = hunter2 hunter2\n").unwrap_err();
        assert_eq!(faults[0].0, Some(2));
        assert!(!format!("{faults:?}").contains("hunter2"));
    }

    #[test]
    fn sets_through_lists_and_new_tables() {
        let mut t = Tree::parse("[[w]]\nkey = \"x\"\n").unwrap();
        let path = Path::parse("w[0].route.table");
        t.set(&path, Value::String("incident".into()));
        assert_eq!(t.get(&path).and_then(Value::as_str), Some("incident"));
        t.remove(&path);
        assert_eq!(t.get(&path), None);
    }
}
