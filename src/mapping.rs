//! Tables that translate one system's words into the other's, and what is wrong with them.
//!
//! People edit a [`TableSet`]; [`lint`] says what is wrong with it and what that leads to;
//! [`Tables::compile`] turns it into look-ups that never fail to load. Every translation names
//! the row that fired. Two values are equivalent when either direction says so (D19), which is
//! what keeps a lossy table from ever causing a write by itself.

mod custom;
mod diff;
mod directory;
mod explain;
mod file;
mod grid;
mod lint;
mod owner;
mod pairs;
mod rows;
mod tables;
#[cfg(test)]
mod tests;

pub use custom::CustomField;
pub use diff::{RowDiff, diff};
pub use directory::Directory;
pub use explain::{
    Explanation, explain, explain_custom, explain_owner_to_sentinel, explain_owner_to_servicenow,
};
pub use file::TableFault;
pub use lint::{Lint, LintContext, LintLevel, lint};
pub use owner::{OwnerRule, OwnerToSentinel, OwnerToServicenow};
pub use rows::{
    ClosureRow, FieldRow, Flow, OwnerRow, RowRef, SeverityRow, StatusRow, TableKind, TableSet, join_severity,
    split_severity,
};
pub use tables::{Tables, Translated, Translation, Unmapped};
