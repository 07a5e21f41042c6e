//! The one owner of everything the console shows.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::time::Duration;

use super::action::Scope;
use super::canvas::Look;
use super::glyphs::Glyphs;
use super::links::Links;
use super::msg::Detail;
use super::overlays::Overlay;
use super::screens::{incident, incidents, mappings, sync};
use super::theme::{Theme, ThemeError};
use super::toasts::Toasts;
use crate::mapping::{Directory, Tables};
use crate::model::ledger::Lease;
use crate::model::settings::EngineSettings;
use crate::model::view::{EventView, FieldView, LaneView, Level, LinkView, WorkspaceView};
use crate::model::{Choice, CommandId, CommandState, InstanceKey, LinkId, TableName, User, WorkspaceKey};
use crate::text::Stamp;

/// What a console is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What the engine runs on; the console plans with the same settings.
    pub settings: EngineSettings,
    /// The name of the environment, shown in the header and in every plan; empty for one whose workspaces
    /// and instances say enough.
    pub environment: String,
    /// Who sits here, as commands are signed.
    pub who: String,
    /// Nothing may be written.
    pub readonly: bool,
    /// The name of a theme; `terminal` by default.
    pub theme: String,
    /// ASCII signs only.
    pub ascii: bool,
    /// The mouse is taken.
    pub mouse: bool,
    /// A sentence about who syncs, shown once at the start.
    pub background: Option<String>,
    /// The time.
    pub now: Stamp,
}

/// Which screen is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    Incidents,
    Incident,
    Mappings,
    Sync,
}

/// Whether something is to be drawn, and how soon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dirty {
    /// Nothing changed.
    #[default]
    Clean,
    /// Data changed; frames for it are spaced.
    Data,
    /// A person did something; it is drawn at once.
    Key,
}

/// A command of this console that is not settled.
#[derive(Clone, Debug)]
pub(crate) struct Tracked {
    pub ticket: u64,
    pub id: Option<CommandId>,
    pub link: LinkId,
    /// In words: `severity High for INC0010023`.
    pub what: String,
    pub state: CommandState,
}

/// What waits for a link to be read in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub link: LinkId,
    pub action: super::action::ActionId,
}

/// Happenings that are kept.
pub(crate) const EVENTS_KEPT: usize = 2000;

/// Everything the console shows.
pub struct Model {
    pub(crate) setup: Setup,
    pub(crate) look: Look,
    pub(crate) size: (u16, u16),
    pub(crate) now: Stamp,
    pub(crate) screen: Screen,
    pub(crate) mouse: bool,
    pub(crate) links: Links,
    pub(crate) incidents: incidents::State,
    pub(crate) incident: incident::State,
    pub(crate) mappings: mappings::State,
    pub(crate) sync: sync::State,
    pub(crate) workspaces: Vec<WorkspaceView>,
    pub(crate) lanes: Vec<LaneView>,
    pub(crate) leases: Vec<Lease>,
    pub(crate) events: VecDeque<(i64, EventView)>,
    pub(crate) detail: Option<Detail>,
    pub(crate) fields: Vec<FieldView>,
    pub(crate) users: BTreeMap<InstanceKey, Vec<User>>,
    pub(crate) directories: BTreeMap<InstanceKey, Directory>,
    pub(crate) choices: BTreeMap<(InstanceKey, TableName), Vec<Choice>>,
    pub(crate) tables: Tables,
    pub(crate) overlays: Vec<Overlay>,
    pub(crate) toasts: Toasts,
    pub(crate) tracked: Vec<Tracked>,
    pub(crate) wanted: Option<Wanted>,
    pub(crate) drafts: BTreeMap<LinkId, String>,
    pub(crate) store_lost: Option<String>,
    pub(crate) next_ticket: u64,
    dirty: Dirty,
    due: Option<Stamp>,
}

impl Model {
    /// Where a plan happens, for its first lines.
    pub(crate) fn where_to(&self, workspace: &impl Display, instance: &impl Display) -> String {
        self.named(format!("workspace {workspace} to instance {instance}"))
    }

    /// A line with the name of the environment before it, if it has one.
    pub(crate) fn named(&self, line: String) -> String {
        match self.setup.environment.as_str() {
            "" => line,
            name => format!("{name}: {line}"),
        }
    }

    /// An empty console. Fails when the theme does not exist.
    pub fn new(setup: Setup) -> Result<Self, ThemeError> {
        let look = Look { theme: Theme::named(&setup.theme)?, glyphs: Glyphs { ascii: setup.ascii } };
        let mut model = Self {
            look,
            size: (80, 24),
            now: setup.now,
            screen: Screen::Incidents,
            mouse: setup.mouse,
            links: Links::default(),
            incidents: incidents::State::default(),
            incident: incident::State::default(),
            mappings: mappings::State::default(),
            sync: sync::State::default(),
            workspaces: Vec::new(),
            lanes: Vec::new(),
            leases: Vec::new(),
            events: VecDeque::new(),
            detail: None,
            fields: Vec::new(),
            users: BTreeMap::new(),
            directories: BTreeMap::new(),
            choices: BTreeMap::new(),
            tables: Tables::default(),
            overlays: Vec::new(),
            toasts: Toasts::default(),
            tracked: Vec::new(),
            wanted: None,
            drafts: BTreeMap::new(),
            store_lost: None,
            next_ticket: 0,
            dirty: Dirty::Key,
            due: None,
            setup,
        };
        if let Some(text) = model.setup.background.clone() {
            model.say(Level::Info, text);
        }
        Ok(model)
    }

    /// Whether something is to be drawn, and how soon.
    pub fn dirty(&self) -> Dirty {
        self.dirty
    }

    /// Notes that everything was drawn.
    pub fn drawn(&mut self) {
        self.dirty = Dirty::Clean;
        self.due = self.compute_due();
    }

    /// When the picture changes without anything happening: a toast is over, an age rolls over.
    pub fn next_deadline(&self) -> Option<Stamp> {
        self.due
    }

    /// The time as it knows it.
    pub fn clock(&self) -> Stamp {
        self.now
    }

    /// The theme it is drawn in.
    pub fn theme(&self) -> &Theme {
        &self.look.theme
    }

    pub(crate) fn touch(&mut self, dirty: Dirty) {
        self.dirty = self.dirty.max(dirty);
    }

    pub(crate) fn say(&mut self, level: Level, text: impl Into<String>) {
        self.toasts.say(self.now, level, text);
    }

    /// It is now this late; only what the clock changes makes a new picture.
    pub(crate) fn tick(&mut self, now: Stamp) {
        self.now = now;
        if self.toasts.expire(now) || self.due.is_some_and(|d| d <= now) {
            self.touch(Dirty::Data);
            self.due = None;
        }
    }

    fn compute_due(&self) -> Option<Stamp> {
        let second = 1_000_000;
        // Ages are shown in whole minutes; only the Sync screen counts seconds.
        let unit = if self.screen == Screen::Sync && !self.lanes.is_empty() { second } else { 60 * second };
        let next = self.now.0.div_euclid(unit).saturating_add(1).saturating_mul(unit);
        [Some(Stamp(next)), self.toasts.deadline(), self.stale_at()].into_iter().flatten().min()
    }

    /// When the data shown becomes stale, if it is not yet.
    fn stale_at(&self) -> Option<Stamp> {
        let ends = self.leases.iter().map(|l| l.ends);
        let lanes = self.lanes.iter().filter_map(|l| {
            Some(
                l.last_pass?
                    .plus(self.poll(&l.workspace).saturating_mul(2).saturating_add(Duration::from_millis(1))),
            )
        });
        ends.chain(lanes).filter(|at| *at > self.now).min()
    }

    /// The poll interval of a workspace as published.
    pub(crate) fn poll(&self, key: &WorkspaceKey) -> Duration {
        let micros = self.workspaces.iter().find(|w| w.workspace == *key).map_or(0, |w| w.poll.max(0));
        Duration::from_micros(micros.unsigned_abs())
    }

    /// The link that an action is about: the open one, or the selected one.
    pub(crate) fn target(&self) -> Option<&LinkView> {
        let id = match self.screen {
            Screen::Incidents => self.incidents.selected,
            Screen::Incident => self.incident.link,
            Screen::Mappings | Screen::Sync => None,
        };
        id.and_then(|id| self.links.get(id))
    }

    /// The workspace that the Sync screen is at.
    pub(crate) fn workspace(&self) -> Option<&WorkspaceView> {
        self.workspaces.get(self.sync.at.min(self.workspaces.len().saturating_sub(1)))
    }

    /// What is known in full about a link.
    pub(crate) fn detail_of(&self, id: LinkId) -> Option<&Detail> {
        self.detail.as_ref().filter(|d| d.id == id)
    }

    /// Where keys are heard now, innermost first.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        if let Some(overlay) = self.overlays.last() {
            return vec![overlay.scope(), Scope::Anywhere];
        }
        let mut scopes = match self.screen {
            Screen::Incidents if self.incidents.filtering => return vec![Scope::Filtering, Scope::Anywhere],
            Screen::Incidents => vec![Scope::Incidents, Scope::Link],
            Screen::Incident => vec![Scope::Incident, Scope::Link],
            Screen::Mappings if self.mappings.editing.is_some() => {
                return vec![Scope::Cell, Scope::Anywhere];
            }
            Screen::Mappings => vec![Scope::Mappings],
            Screen::Sync => vec![Scope::Sync],
        };
        scopes.extend([Scope::Rows, Scope::Screens, Scope::Anywhere]);
        scopes
    }
}
