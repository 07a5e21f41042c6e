//! From the store to messages: what was published, what is followed, one link in full.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::console::{Detail, Msg, TableVersion};
use crate::mapping::TableSet;
use crate::model::ledger::StoreFault;
use crate::model::settings::EngineSettings;
use crate::model::view::{LaneView, WorkspaceView};
use crate::model::{Choice, CommandId, CommandState, InstanceKey, LinkId, TableName, User, WorkspaceKey};
use crate::store::{MappingVersion, Store};

/// Rows per batch: small enough that a key is never kept waiting by one.
const BATCH: u32 = 2000;
/// Happenings read at first.
const EVENTS: u32 = 500;
/// Versions of the tables that are read.
const VERSIONS: u32 = 50;
/// Users and choices change seldom; they are looked at again after this long.
const DIRECTORY_EVERY: Duration = Duration::from_secs(15);
/// After a failure the store is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// What the console asks of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// A link in full; the latest counts.
    Detail(LinkId),
    /// A command until it is settled.
    Follow(CommandId),
}

/// What was read so far.
pub(super) struct Feed {
    store: Store,
    settings: EngineSettings,
    upto: BTreeMap<WorkspaceKey, (i64, i64)>,
    last_event: Option<i64>,
    lanes: Vec<LaneView>,
    workspaces: Vec<WorkspaceView>,
    version: Option<i64>,
    following: BTreeSet<CommandId>,
    directory: BTreeMap<(InstanceKey, TableName), (Vec<User>, Vec<Choice>)>,
    looked: Option<Instant>,
    first: bool,
}

impl Feed {
    pub fn new(store: Store, settings: EngineSettings) -> Self {
        Self {
            store,
            settings,
            upto: BTreeMap::new(),
            last_event: None,
            lanes: Vec::new(),
            workspaces: Vec::new(),
            version: None,
            following: BTreeSet::new(),
            directory: BTreeMap::new(),
            looked: None,
            first: true,
        }
    }

    /// Follows a command.
    pub fn follow(&mut self, id: CommandId) {
        self.following.insert(id);
    }

    /// Reads what is new, one batch of links at most; true when there is more at once.
    pub async fn read(&mut self, out: &mut Vec<Msg>) -> Result<bool, StoreFault> {
        self.read_small(out).await?;
        let batch = self.store.link_views(&self.upto, BATCH).await?;
        self.upto = batch.upto;
        if !batch.rows.is_empty() || self.first {
            out.push(Msg::Links { rows: batch.rows, more: batch.more });
        }
        self.first &= batch.more;
        if !batch.more {
            self.read_commands(out).await?;
        }
        Ok(batch.more)
    }

    async fn read_small(&mut self, out: &mut Vec<Msg>) -> Result<(), StoreFault> {
        let workspaces = self.store.workspaces().await?;
        if workspaces != self.workspaces {
            self.workspaces.clone_from(&workspaces);
            out.push(Msg::Workspaces(workspaces));
        }
        let lanes = self.store.lanes().await?;
        if lanes != self.lanes {
            self.lanes.clone_from(&lanes);
            out.push(Msg::Lanes(lanes));
        }
        out.push(Msg::Leases(self.store.leases().await?));
        let events = self.store.events(self.last_event.unwrap_or(-1), EVENTS).await?;
        if let Some((id, _)) = events.last() {
            self.last_event = Some(*id);
            out.push(Msg::Events(events));
        }
        self.read_tables(out).await?;
        if self.looked.is_none_or(|at| at.elapsed() >= DIRECTORY_EVERY) {
            self.looked = Some(Instant::now());
            self.read_directory(out).await?;
        }
        Ok(())
    }

    async fn read_tables(&mut self, out: &mut Vec<Msg>) -> Result<(), StoreFault> {
        let current = self.store.mapping_current().await?.map(|v| v.number);
        if current != self.version {
            self.version = current;
            let history = self.store.mapping_history(VERSIONS).await?;
            out.push(Msg::Tables(history.into_iter().map(table_version).collect()));
        }
        Ok(())
    }

    async fn read_directory(&mut self, out: &mut Vec<Msg>) -> Result<(), StoreFault> {
        let routes: BTreeSet<_> = self
            .settings
            .workspaces
            .iter()
            .map(|w| (w.route.instance.clone(), w.route.table.clone()))
            .collect();
        for (instance, table) in routes {
            let users = self.store.users(&instance).await?;
            let choices = self.store.choices(&instance, &table).await?;
            let key = (instance.clone(), table.clone());
            let known = self.directory.get(&key);
            if known.map(|k| &k.0) != Some(&users) {
                out.push(Msg::Users(instance.clone(), users.clone()));
            }
            if known.map(|k| &k.1) != Some(&choices) {
                out.push(Msg::Choices(instance, table, choices.clone()));
            }
            self.directory.insert(key, (users, choices));
        }
        Ok(())
    }

    async fn read_commands(&mut self, out: &mut Vec<Msg>) -> Result<(), StoreFault> {
        for id in self.following.clone() {
            let Some(command) = self.store.command(id).await? else {
                self.following.remove(&id);
                continue;
            };
            if !matches!(command.state, CommandState::Pending | CommandState::Taken) {
                self.following.remove(&id);
            }
            out.push(Msg::CommandNow(Box::new(command)));
        }
        Ok(())
    }

    /// One link in full.
    pub async fn detail(&self, id: LinkId) -> Result<Msg, StoreFault> {
        Ok(Msg::Detail(Box::new(Detail {
            id,
            state: self.store.link_state(id).await?,
            audit: self.store.audit_for_link(id, 200).await?,
            commands: self.store.commands(id, 50).await?,
        })))
    }
}

/// A version as the console takes it.
fn table_version(version: MappingVersion) -> TableVersion {
    TableVersion {
        number: version.number,
        parent: version.parent,
        author: version.author,
        reason: version.reason,
        at: version.at,
        tables: TableSet::from_json(&version.body).map_err(|e| e.to_string()),
    }
}

/// Feeds the console until it stops listening.
pub(super) async fn run(mut feed: Feed, mut wants: mpsc::Receiver<Want>, out: mpsc::Sender<Vec<Msg>>) {
    let mut watcher = feed.store.watch().await;
    let mut lost = false;
    loop {
        let mut batch = Vec::new();
        let read = feed.read(&mut batch).await;
        if lost != read.is_err() {
            lost = read.is_err();
            batch.push(Msg::Store(read.as_ref().err().map(ToString::to_string)));
        }
        if !batch.is_empty() && out.send(batch).await.is_err() {
            return;
        }
        if matches!(read, Ok(true)) {
            // More links follow at once, but a wish of the person comes first.
            if let Ok(want) = wants.try_recv()
                && !serve(&mut feed, want, &mut wants, &out).await
            {
                return;
            }
            continue;
        }
        tokio::select! {
            biased;
            want = wants.recv() => {
                let Some(want) = want else { return };
                if !serve(&mut feed, want, &mut wants, &out).await {
                    return;
                }
            }
            () = out.closed() => return,
            () = watcher.changed(), if !lost => {}
            () = tokio::time::sleep(RETRY), if lost => {}
        }
    }
}

/// Serves one wish and those that wait behind it; of the details only the latest. False when
/// nobody listens any more.
async fn serve(
    feed: &mut Feed,
    first: Want,
    wants: &mut mpsc::Receiver<Want>,
    out: &mpsc::Sender<Vec<Msg>>,
) -> bool {
    let mut detail = None;
    let mut next = Some(first);
    while let Some(want) = next {
        match want {
            Want::Detail(id) => detail = Some(id),
            Want::Follow(id) => feed.follow(id),
        }
        next = wants.try_recv().ok();
    }
    let Some(id) = detail else { return true };
    // A failure is seen by the next read, which says so.
    match feed.detail(id).await {
        Ok(msg) => out.send(vec![msg]).await.is_ok(),
        Err(_) => true,
    }
}
