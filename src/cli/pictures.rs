//! Pictures of the console, made by the console itself from what is in the store: README's.

use std::collections::BTreeMap;
use std::path::Path;

use super::args::ConsoleArgs;
use super::exit::{Exit, Failure};
use super::{console, incidents, lookup, who};
use crate::config::Config;
use crate::console::theme::Theme;
use crate::console::{Code, Detail, Effect, Effects, Key, Model, Msg, TableVersion, picture, render, update};
use crate::model::LinkId;
use crate::store::Store;

const EVENTS: u32 = 500;

/// The pictures: name, size, and the keys that lead there from the Incidents screen.
const SHOTS: &[(&str, (u16, u16), &[Key])] = &[
    ("incidents", (132, 36), &[]),
    ("incident", (132, 36), &[Key::plain(Code::Enter)]),
    ("conversation", (132, 36), &[Key::plain(Code::Enter), Key::plain(Code::Tab)]),
    ("mappings", (132, 36), &[Key::char('2')]),
    ("sync", (132, 36), &[Key::char('3')]),
    ("small", (80, 24), &[]),
];

/// Writes every picture as SVG into `dir`; gives how many.
pub async fn write(dir: &Path, config: &Config, store: &Store, look: &ConsoleArgs) -> Result<usize, Failure> {
    let failed =
        |e: std::io::Error| Failure::new(Exit::Failed, format!("{} cannot be written: {e}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    for (name, (width, height), keys) in SHOTS {
        let svg = shot(config, store, look, (*width, *height), keys).await?;
        std::fs::write(dir.join(format!("{name}.svg")), svg).map_err(failed)?;
    }
    Ok(SHOTS.len())
}

async fn shot(
    config: &Config,
    store: &Store,
    look: &ConsoleArgs,
    (width, height): (u16, u16),
    keys: &[Key],
) -> Result<String, Failure> {
    let setup = console::setup(config, look, "demo".into(), false, None);
    let theme = Theme::named(&setup.theme).map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    let mut model = Model::new(setup).map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    let mut stage = Stage { model: &mut model, store };
    stage.tell(Msg::Resize(width, height)).await?;
    let talkative = stage.fill(config).await?;
    let steps = talkative.and_then(|id| stage.model.links.place(id)).unwrap_or(0);
    for _ in 0..steps {
        stage.tell(Msg::Key(Key::plain(Code::Down))).await?;
    }
    for key in keys {
        stage.tell(Msg::Key(*key)).await?;
    }
    Ok(picture::svg(&render(&model, width, height), &theme))
}

/// A model that is fed from a store without a terminal.
struct Stage<'a> {
    model: &'a mut Model,
    store: &'a Store,
}

impl Stage<'_> {
    /// Tells everything that the store knows; gives the assigned, open link with the longest conversation.
    async fn fill(&mut self, config: &Config) -> Result<Option<LinkId>, Failure> {
        let rows = incidents::all(self.store).await?;
        let talkative = rows
            .iter()
            .filter(|l| !l.closed)
            .max_by_key(|l| (!l.owner.sentinel.is_empty(), l.entries.sentinel + l.entries.servicenow, l.id))
            .map(|l| l.id);
        self.tell(Msg::Tables(versions(self.store).await?)).await?;
        let mut seen = BTreeMap::new();
        for w in &config.workspaces {
            let (instance, table) = (&w.route.instance, &w.route.table);
            if seen.insert((instance.clone(), table.clone()), ()).is_none() {
                self.tell(Msg::Users(instance.clone(), self.store.users(instance).await?)).await?;
                let choices = self.store.choices(instance, table).await?;
                self.tell(Msg::Choices(instance.clone(), table.clone(), choices)).await?;
            }
        }
        self.tell(Msg::Workspaces(self.store.workspaces().await?)).await?;
        self.tell(Msg::Lanes(self.store.lanes().await?)).await?;
        self.tell(Msg::Leases(self.store.leases().await?)).await?;
        self.tell(Msg::Events(self.store.events(-1, EVENTS).await?)).await?;
        self.tell(Msg::Links { rows, more: false }).await?;
        self.tell(Msg::Clock(who::now())).await?;
        Ok(talkative)
    }

    /// Tells one thing, and reads what the console then asks for.
    async fn tell(&mut self, msg: Msg) -> Result<(), Failure> {
        let mut fx = Effects::default();
        update(self.model, msg, &mut fx);
        for effect in fx.take() {
            if let Effect::LoadDetail(id) = effect {
                let detail = Detail {
                    id,
                    state: self.store.link_state(id).await?,
                    audit: self.store.audit_for_link(id, 200).await?,
                    commands: self.store.commands(id, 50).await?,
                };
                update(self.model, Msg::Detail(Box::new(detail)), &mut Effects::default());
            }
        }
        Ok(())
    }
}

async fn versions(store: &Store) -> Result<Vec<TableVersion>, Failure> {
    let list = store.mapping_history(50).await?;
    Ok(list
        .into_iter()
        .map(|v| TableVersion {
            number: v.number,
            parent: v.parent,
            author: v.author,
            reason: v.reason,
            at: v.at,
            tables: lookup::tables(v.number, &v.body).map_err(|f| f.message),
        })
        .collect())
}
