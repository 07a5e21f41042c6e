//! What a plan depends on, read from the store: tables in force, users, choices.

use std::collections::BTreeMap;

use super::exit::{Exit, Failure};
use crate::config::Config;
use crate::mapping::{Directory, LintContext, TableSet, Tables};
use crate::model::settings::WorkspaceSettings;
use crate::model::view::LinkView;
use crate::model::{InstanceKey, User};
use crate::store::Store;
use crate::sync::PlanContext;

/// Tables and users, for the plan of one link.
pub struct Insight {
    tables: Tables,
    directory: Directory,
}

impl Insight {
    /// Reads both.
    pub async fn read(store: &Store, instance: &InstanceKey) -> Result<Self, Failure> {
        let tables = Tables::compile(&in_force(store).await?.1);
        Ok(Self { tables, directory: directory(store, instance).await? })
    }

    /// The context of a plan in a workspace.
    pub fn context<'a>(&'a self, workspace: &'a WorkspaceSettings) -> PlanContext<'a> {
        PlanContext { workspace, tables: &self.tables, directory: &self.directory }
    }
}

/// Users of an instance, as far as the sync has read them; nothing is looked up from here.
pub async fn directory(store: &Store, instance: &InstanceKey) -> Result<Directory, Failure> {
    let mut directory = Directory::new();
    for user in store.users(instance).await? {
        directory.insert(user);
    }
    directory.mark_complete();
    Ok(directory)
}

/// The settings of a link's workspace.
pub fn workspace<'a>(config: &'a Config, link: &LinkView) -> Result<&'a WorkspaceSettings, Failure> {
    config.workspaces.iter().find(|w| w.key == link.workspace).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("the config has no workspace {}, to which this link belongs", link.workspace),
        )
        .hint("use the config of the process that syncs it")
    })
}

/// Number and tables of the version in force; number 0 and the built-in tables before the first.
pub async fn in_force(store: &Store) -> Result<(i64, TableSet), Failure> {
    match store.mapping_current().await? {
        Some(version) => Ok((version.number, tables(version.number, &version.body)?)),
        None => Ok((0, TableSet::default_tables())),
    }
}

/// The tables of a stored version.
pub fn tables(number: i64, body: &str) -> Result<TableSet, Failure> {
    TableSet::from_json(body)
        .map_err(|e| Failure::new(Exit::Failed, format!("mapping version {number} cannot be read: {e}")))
}

/// What the tables are checked against: the routes of the config, and what the sync has read of
/// their instances.
pub async fn lint_context(config: Option<&Config>, store: Option<&Store>) -> Result<LintContext, Failure> {
    let mut ctx = LintContext::default();
    let Some(config) = config else { return Ok(ctx) };
    if let Some(first) = config.workspaces.first() {
        let shape = &first.route.shape;
        ctx.severity_fields = shape.severity.clone();
        ctx.status_field = shape.status.clone();
        ctx.closure_field = shape.close_code.clone();
    }
    let mut users: BTreeMap<String, User> = BTreeMap::new();
    for w in &config.workspaces {
        let route = &w.route;
        ctx.own_columns.entry(route.table.clone()).or_default().extend(route.shape.own_columns());
        if ctx.tables.contains(&route.table) {
            continue;
        }
        ctx.tables.push(route.table.clone());
        let Some(store) = store else { continue };
        for choice in store.choices(&route.instance, &route.table).await? {
            ctx.choices.entry((route.table.clone(), choice.element.clone())).or_default().push(choice);
        }
        for user in store.users(&route.instance).await? {
            users.insert(user.sys_id.as_str().to_owned(), user);
        }
    }
    ctx.users = users.into_values().collect();
    Ok(ctx)
}
