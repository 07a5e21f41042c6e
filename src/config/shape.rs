//! Which keys may stand where, taken from the types that read them, so that the two cannot
//! drift apart.

use serde::de::{self, DeserializeOwned, Visitor};
use toml::{Table, Value};

use super::nearest::did_you_mean;
use super::problem::Problem;
use super::raw;
use super::tree::Path;

/// What may stand at a place.
pub enum Shape {
    /// A value; its type is checked when it is read.
    Leaf,
    /// A table that names a secret; its content is never quoted.
    Secret,
    /// A table of these keys.
    Table(Vec<(&'static str, Shape)>),
    /// A list of tables of this shape.
    List(Box<Shape>),
    /// Tables of this shape under names of the author's choice.
    Named(Box<Shape>),
}

/// The shape of the whole file.
pub fn root() -> Shape {
    let secret = || Shape::Secret;
    let route = table::<raw::RawRoute>(vec![
        ("fields", table::<raw::RawFields>(vec![])),
        ("affected_users", table::<raw::RawUserRows>(vec![])),
        ("aggregate", table::<raw::RawAggregate>(vec![])),
    ]);
    let workspace = table::<raw::RawWorkspace>(vec![
        ("route", route),
        ("filter", table::<raw::RawFilter>(vec![])),
        ("policies", table::<raw::RawPolicies>(vec![])),
    ]);
    let domain = table::<raw::RawDomain>(vec![
        ("password", secret()),
        ("client_secret", secret()),
        ("second_secret", secret()),
    ]);
    let instance = table::<raw::RawInstance>(vec![
        ("password", secret()),
        ("client_secret", secret()),
        ("second_secret", secret()),
        ("deep", table::<raw::RawPass>(vec![])),
        ("domain", Shape::List(Box::new(domain))),
    ]);
    let credential = table::<raw::RawCredential>(vec![("secret", secret()), ("second_secret", secret())]);
    let marker = table::<raw::RawMarkerKey>(vec![("secret", secret())]);
    table::<raw::Raw>(vec![
        ("store", table::<raw::RawStore>(vec![])),
        ("workspace", Shape::List(Box::new(workspace))),
        ("instance", Shape::List(Box::new(instance))),
        ("credential", Shape::Named(Box::new(credential))),
        ("notes", table::<raw::RawNotes>(vec![("keys", Shape::List(Box::new(marker)))])),
        ("console", table::<raw::RawConsole>(vec![])),
        ("log", table::<raw::RawLog>(vec![])),
        ("transport", table::<raw::RawTransport>(vec![])),
    ])
}

/// Every table of a shape with its keys: `workspace[].route` and so on.
pub fn places(shape: &Shape) -> Vec<(String, Vec<&'static str>)> {
    let mut out = Vec::new();
    collect("", shape, &mut out);
    out
}

fn collect(at: &str, shape: &Shape, out: &mut Vec<(String, Vec<&'static str>)>) {
    match shape {
        Shape::Leaf | Shape::Secret => {}
        Shape::List(inner) => collect(&format!("{at}[]"), inner, out),
        Shape::Named(inner) => collect(&format!("{at}.*"), inner, out),
        Shape::Table(keys) => {
            out.push((at.to_owned(), keys.iter().map(|(k, _)| *k).collect()));
            for (key, inner) in keys {
                let below = if at.is_empty() { (*key).to_owned() } else { format!("{at}.{key}") };
                collect(&below, inner, out);
            }
        }
    }
}

/// Takes out of `table` what has no place in it, and says so.
pub fn keep_known(table: &mut Table, shape: &Shape, at: &Path, found: &mut Vec<(Path, Problem)>) {
    let Shape::Table(known) = shape else { return };
    let names: Vec<&str> = known.iter().map(|(k, _)| *k).collect();
    let keys: Vec<String> = table.keys().cloned().collect();
    for key in keys {
        let path = at.key(&key);
        let Some((_, inner)) = known.iter().find(|(k, _)| *k == key) else {
            table.remove(&key);
            let problem = Problem::error("", "is not a key that may stand here");
            found.push((path, problem.hint(did_you_mean(&key, &names))));
            continue;
        };
        let keep = table.get_mut(&key).is_none_or(|v| value_fits(v, inner, &path, found));
        if !keep {
            table.remove(&key);
        }
    }
}

fn value_fits(value: &mut Value, shape: &Shape, at: &Path, found: &mut Vec<(Path, Problem)>) -> bool {
    let wrong = |found: &mut Vec<(Path, Problem)>, message: &str, hint: &str| {
        found.push((at.clone(), Problem::error("", message).hint(hint)));
        false
    };
    match (shape, value) {
        (Shape::Leaf, _) => true,
        (Shape::Secret, Value::Table(_)) => true,
        (Shape::Secret, _) => wrong(
            found,
            "a secret does not stand in this file",
            "write { file = \"…\" }, { env = \"…\" }, { command = […] } or { credential = \"…\" }",
        ),
        (Shape::Table(_), Value::Table(t)) => {
            keep_known(t, shape, at, found);
            true
        }
        (Shape::Table(_), _) => wrong(found, "must be a table", ""),
        (Shape::List(inner), Value::Array(list)) => {
            let mut tables = true;
            for (i, item) in list.iter_mut().enumerate() {
                tables &= value_fits(item, inner, &at.index(i), found);
            }
            tables
        }
        (Shape::List(_), _) => {
            wrong(found, "must be a list of tables", &format!("write [[{at}]] with double brackets"))
        }
        (Shape::Named(inner), Value::Table(t)) => {
            let names: Vec<String> = t.keys().cloned().collect();
            for name in names {
                let keep = t.get_mut(&name).is_none_or(|v| value_fits(v, inner, &at.key(&name), found));
                if !keep {
                    t.remove(&name);
                }
            }
            true
        }
        (Shape::Named(_), _) => wrong(found, "must hold one table per name", &format!("write [{at}.NAME]")),
    }
}

fn table<T: DeserializeOwned>(children: Vec<(&'static str, Shape)>) -> Shape {
    let mut children: Vec<Option<(&'static str, Shape)>> = children.into_iter().map(Some).collect();
    let shapes = field_names::<T>()
        .iter()
        .map(|name| {
            let child = children
                .iter_mut()
                .find(|c| c.as_ref().is_some_and(|(k, _)| k == name))
                .and_then(Option::take);
            child.unwrap_or((*name, Shape::Leaf))
        })
        .collect();
    Shape::Table(shapes)
}

/// The names of a struct's fields, as its derived reader asks for them.
fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // the reader below refuses on purpose, after it noted the names
    let _ = T::deserialize(NameCatcher(&mut names));
    names
}

struct NameCatcher<'a>(&'a mut &'static [&'static str]);

impl<'de> de::Deserializer<'de> for NameCatcher<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("names only"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(de::Error::custom("names only"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::KEYS;
    use super::*;

    #[test]
    fn the_key_list_and_the_types_name_the_same_keys() {
        let shape = root();
        let tables: Vec<String> = places(&shape).into_iter().map(|(p, _)| p).collect();
        let mut leaves: Vec<String> = Vec::new();
        for (place, names) in places(&shape) {
            for name in names {
                let path = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
                let inner = tables.iter().any(|t| {
                    t.strip_prefix(path.as_str()).is_some_and(|rest| {
                        rest.is_empty() || rest.starts_with("[]") || rest.starts_with(".*")
                    })
                });
                if !inner {
                    leaves.push(path);
                }
            }
        }
        let mut listed: Vec<String> = KEYS.iter().map(|k| k.path.to_owned()).collect();
        leaves.sort();
        listed.sort();
        assert_eq!(leaves, listed);
    }
}
