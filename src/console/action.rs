//! The one table of actions. Keys, footer, help, palette, the key table in the README and the
//! sentence that says why something is disabled are all views of it.

mod enabled;
mod table;

use super::key::Key;
use super::model::Model;

pub use table::ACTIONS;

/// Everything a key can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is documented by its row in the table")]
pub enum ActionId {
    ShowIncidents,
    ShowMappings,
    ShowSync,
    NextScreen,
    Help,
    Palette,
    Back,
    Quit,
    QuitNow,
    Redraw,
    Mouse,
    Suspend,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Open,
    Filter,
    SortNext,
    SortReverse,
    Menu,
    Severity,
    Status,
    Owner,
    Comment,
    Close,
    Reopen,
    Resolve,
    Retry,
    CopyNumber,
    CopyRow,
    OpenIncident,
    OpenRecord,
    NextTab,
    PreviousTab,
    PreviousIncident,
    NextIncident,
    CellLeft,
    CellRight,
    NextTable,
    PreviousTable,
    EditCell,
    ToggleCell,
    AddRow,
    DeleteRow,
    Discard,
    Diff,
    ApplyTables,
    UndoTables,
    History,
    Pause,
    Resume,
    SyncNow,
    AcceptPlan,
    Cancel,
    DialogUp,
    DialogDown,
    DialogPageUp,
    DialogPageDown,
    Choose,
    Apply,
    SwitchButton,
    PressButton,
    Done,
    NextPart,
    Accept,
    KeepFilter,
    DropFilter,
}

/// Where an action is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everywhere, above every dialog.
    Anywhere,
    /// On every screen.
    Screens,
    /// On a screen with rows.
    Rows,
    /// The Incidents screen.
    Incidents,
    /// The Incident screen.
    Incident,
    /// One incident is selected or open.
    Link,
    /// The Mappings screen.
    Mappings,
    /// The Sync screen.
    Sync,
    /// A list to choose from, with a filter.
    Choosing,
    /// A plan that waits for a decision.
    Plan,
    /// A text of several lines.
    Writing,
    /// The form that closes an incident.
    Closing,
    /// A text of one line.
    Asking,
    /// The help page.
    Helping,
    /// Something to read.
    Reading,
    /// The filter line.
    Filtering,
    /// A table cell that is being typed.
    Cell,
}

impl Scope {
    /// The heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Anywhere => "Anywhere",
            Self::Screens => "Every screen",
            Self::Rows => "Rows",
            Self::Incidents => "Incidents",
            Self::Incident => "Incident",
            Self::Link => "One incident",
            Self::Mappings => "Mappings",
            Self::Sync => "Sync",
            Self::Choosing => "Choosing from a list",
            Self::Plan => "A plan",
            Self::Writing => "Writing a comment",
            Self::Closing => "Closing an incident",
            Self::Asking => "Answering a question",
            Self::Helping => "Help",
            Self::Reading => "Reading",
            Self::Filtering => "Typing a filter",
            Self::Cell => "Typing a cell",
        }
    }

    /// True where letters are text and not keys.
    pub fn takes_text(self) -> bool {
        matches!(
            self,
            Self::Choosing
                | Self::Writing
                | Self::Closing
                | Self::Asking
                | Self::Helping
                | Self::Filtering
                | Self::Cell
        )
    }
}

/// What an action may do to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// It only changes what is seen.
    None,
    /// It opens a plan or a question first; nothing is written before that is confirmed.
    Asks,
    /// It confirms.
    Writes,
}

/// What groups an action in the palette and the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Screens and the program itself.
    Session,
    /// Moving about.
    Move,
    /// What is seen and copied.
    Look,
    /// Changing incidents.
    Work,
    /// Mapping tables.
    Tables,
    /// The sync.
    Control,
    /// Inside a dialog.
    Dialog,
}

/// Says whether an action can run now, or why it cannot, in a sentence for people.
pub type Enabled = fn(&Model) -> Result<(), String>;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Which.
    pub id: ActionId,
    /// Its name in the palette: `set-severity`.
    pub name: &'static str,
    /// Its title: `Set severity`.
    pub title: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Where it is heard.
    pub scopes: &'static [Scope],
    /// Its group.
    pub group: Group,
    /// What it may do.
    pub danger: Danger,
    /// Its keys, the one that is shown first.
    pub keys: &'static [Key],
    /// Its word in the footer and how early it stands there; zero keeps it out.
    pub hint: (u8, &'static str),
    /// Whether it can run now.
    pub enabled: Enabled,
}

/// The row of an action.
pub fn action(id: ActionId) -> &'static Action {
    // Every id has a row (tested); the first row stands in so that nothing can panic.
    ACTIONS.iter().find(|a| a.id == id).unwrap_or(&ACTIONS[0])
}

/// What a key means where the model is now.
pub fn lookup(model: &Model, key: Key) -> Option<&'static Action> {
    let scopes = model.scopes();
    if key.text().is_some() && scopes.iter().any(|s| s.takes_text()) {
        return None;
    }
    scopes.iter().find_map(|scope| ACTIONS.iter().find(|a| a.scopes.contains(scope) && a.keys.contains(&key)))
}

/// Key and word of what can be done now, most useful first, for the footer.
pub fn hints(model: &Model) -> Vec<(Key, &'static str)> {
    let scopes = model.scopes();
    let mut rows: Vec<(u8, Key, &'static str)> = ACTIONS
        .iter()
        .filter(|a| a.hint.0 > 0 && a.scopes.iter().any(|s| scopes.contains(s)))
        .filter(|a| (a.enabled)(model).is_ok())
        .filter_map(|a| a.keys.first().map(|k| (a.hint.0, *k, a.hint.1)))
        .collect();
    rows.sort_by_key(|r| r.0);
    rows.into_iter().map(|(_, key, word)| (key, word)).collect()
}

/// The key table of the README, in Markdown.
pub fn key_table_markdown() -> String {
    let mut out = String::from("| where | key | does |\n|---|---|---|\n");
    let mut last = None;
    for scope in SCOPES {
        for a in ACTIONS.iter().filter(|a| a.scopes.first() == Some(&scope)) {
            let keys: Vec<String> =
                a.keys.iter().map(|k| format!("`{}`", k.to_string().replace('|', "\\|"))).collect();
            let place = if last == Some(scope) { "" } else { scope.title() };
            last = Some(scope);
            out.push_str(&format!("| {place} | {} | {} |\n", keys.join(" "), a.help));
        }
    }
    out
}

/// Every scope in the order of help and README.
pub const SCOPES: [Scope; 17] = [
    Scope::Screens,
    Scope::Rows,
    Scope::Incidents,
    Scope::Link,
    Scope::Incident,
    Scope::Mappings,
    Scope::Sync,
    Scope::Plan,
    Scope::Choosing,
    Scope::Writing,
    Scope::Closing,
    Scope::Asking,
    Scope::Reading,
    Scope::Helping,
    Scope::Filtering,
    Scope::Cell,
    Scope::Anywhere,
];
