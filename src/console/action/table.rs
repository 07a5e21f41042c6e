//! The rows. Their order is the order of help, palette and README.

use super::enabled as when;
use super::{Action, ActionId, Danger, Enabled, Group, Scope};
use crate::console::key::{Code, Key};

const fn row(
    id: ActionId,
    name: &'static str,
    title: &'static str,
    help: &'static str,
    scopes: &'static [Scope],
    keys: &'static [Key],
) -> Action {
    Action {
        id,
        name,
        title,
        help,
        scopes,
        group: Group::Dialog,
        danger: Danger::None,
        keys,
        hint: (0, ""),
        enabled: when::always,
    }
}

impl Action {
    const fn group(mut self, group: Group) -> Self {
        self.group = group;
        self
    }

    const fn hint(mut self, rank: u8, word: &'static str) -> Self {
        self.hint = (rank, word);
        self
    }

    const fn when(mut self, enabled: Enabled) -> Self {
        self.enabled = enabled;
        self
    }

    const fn asks(mut self) -> Self {
        self.danger = Danger::Asks;
        self
    }

    const fn writes(mut self) -> Self {
        self.danger = Danger::Writes;
        self
    }
}

const fn k(c: char) -> Key {
    Key::char(c)
}

const fn p(code: Code) -> Key {
    Key::plain(code)
}

const DIALOGS: &[Scope] = &[
    Scope::Choosing,
    Scope::Plan,
    Scope::Writing,
    Scope::Closing,
    Scope::Asking,
    Scope::Reading,
    Scope::Helping,
    Scope::Cell,
];
const LISTS: &[Scope] = &[Scope::Choosing, Scope::Closing, Scope::Reading, Scope::Helping, Scope::Filtering];

/// Every action.
pub static ACTIONS: &[Action] = &{
    use ActionId as A;
    use Group as G;
    use Scope as S;
    [
        row(A::ShowIncidents, "incidents", "Incidents", "Shows the list of incidents.", &[S::Screens], &[k('1')])
            .group(G::Session),
        row(A::ShowMappings, "mappings", "Mappings", "Shows the mapping tables.", &[S::Screens], &[k('2')])
            .group(G::Session),
        row(A::ShowSync, "sync", "Sync", "Shows what the sync is doing.", &[S::Screens], &[k('3')])
            .group(G::Session),
        row(A::Help, "help", "Help", "Shows every key that works here; typing filters.", &[S::Screens], &[k('?')])
            .group(G::Session)
            .hint(90, "help"),
        row(A::Palette, "palette", "Actions by name", "Lists every action by name.", &[S::Screens], &[k(':'), Key::ctrl('p')])
            .group(G::Session)
            .hint(91, "actions"),
        row(A::Back, "back", "Back", "Goes one level out; never writes.", &[S::Screens], &[p(Code::Esc), p(Code::Backspace)])
            .group(G::Move)
            .hint(40, "back")
            .when(when::back),
        row(A::Quit, "quit", "Quit", "Leaves; asks while a command is under way or tables are not applied.", &[S::Screens], &[k('q')])
            .group(G::Session)
            .hint(92, "quit"),
        row(A::Up, "up", "Up", "Moves up.", &[S::Rows], &[p(Code::Up), k('k')]).group(G::Move),
        row(A::Down, "down", "Down", "Moves down.", &[S::Rows], &[p(Code::Down), k('j')]).group(G::Move),
        row(A::PageUp, "page-up", "Page up", "Moves a page up.", &[S::Rows], &[p(Code::PageUp)]).group(G::Move),
        row(A::PageDown, "page-down", "Page down", "Moves a page down.", &[S::Rows], &[p(Code::PageDown)])
            .group(G::Move),
        row(A::First, "first", "First", "Moves to the first row.", &[S::Rows], &[k('g'), p(Code::Home)]).group(G::Move),
        row(A::Last, "last", "Last", "Moves to the last row.", &[S::Rows], &[k('G'), p(Code::End)]).group(G::Move),
        row(A::Mouse, "mouse", "Mouse on or off", "Gives the mouse back to the terminal, for marking text, and takes it again.", &[S::Screens], &[k('m')])
            .group(G::Session),
        row(A::NextScreen, "next-screen", "Next screen", "Shows the next screen.", &[S::Incidents, S::Sync], &[p(Code::Tab)])
            .group(G::Session),
        row(A::Open, "open", "Open", "Opens the incident: both sides, field by field.", &[S::Incidents], &[p(Code::Enter)])
            .group(G::Move)
            .hint(10, "open")
            .when(when::target),
        row(A::Filter, "filter", "Filter", "Filters while you type: words, `!` in front for not, `sev:` `status:` `owner:` `ws:` `step:` for one field.", &[S::Incidents], &[k('/')])
            .group(G::Look)
            .hint(11, "filter"),
        row(A::SortNext, "sort", "Sort by the next column", "Sorts by the next column.", &[S::Incidents], &[k('s')])
            .group(G::Look)
            .hint(12, "sort"),
        row(A::SortReverse, "sort-reverse", "Reverse the order", "Turns the order around.", &[S::Incidents], &[k('i')])
            .group(G::Look),
        row(A::Menu, "menu", "What can be done", "Lists what can be done with this incident, and why not.", &[S::Link], &[k('x')])
            .group(G::Work)
            .hint(19, "menu")
            .when(when::target),
        row(A::Severity, "set-severity", "Set severity", "Sets the severity on both sides.", &[S::Link], &[k('S')])
            .group(G::Work)
            .asks()
            .hint(20, "severity")
            .when(when::open_link),
        row(A::Status, "set-status", "Set status", "Sets New or Active on both sides.", &[S::Link], &[k('T')])
            .group(G::Work)
            .asks()
            .hint(21, "status")
            .when(when::open_link),
        row(A::Owner, "set-owner", "Assign", "Assigns both sides to a person, or to nobody.", &[S::Link], &[k('A')])
            .group(G::Work)
            .asks()
            .hint(22, "owner")
            .when(when::open_link),
        row(A::Comment, "comment", "Comment", "Adds an entry to the conversation of both sides.", &[S::Link], &[k('C')])
            .group(G::Work)
            .asks()
            .hint(23, "comment")
            .when(when::live_link),
        row(A::Close, "close", "Close", "Closes both sides with a classification and notes.", &[S::Link], &[k('X')])
            .group(G::Work)
            .asks()
            .hint(24, "close")
            .when(when::closable),
        row(A::Reopen, "reopen", "Reopen", "Opens both sides again.", &[S::Link], &[k('R')])
            .group(G::Work)
            .asks()
            .hint(24, "reopen")
            .when(when::reopenable),
        row(A::Resolve, "resolve", "Resolve a conflict", "Decides a field that both sides changed.", &[S::Link], &[k('V')])
            .group(G::Work)
            .asks()
            .hint(18, "resolve")
            .when(when::resolvable),
        row(A::Retry, "retry", "Retry", "Forgets failures of this incident and plans anew.", &[S::Link], &[k('E')])
            .group(G::Work)
            .asks()
            .hint(25, "retry")
            .when(when::retryable),
        row(A::CopyNumber, "copy-number", "Copy the number", "Sends the record number, or the incident's, to the terminal's clipboard.", &[S::Link], &[k('y')])
            .group(G::Look)
            .when(when::target),
        row(A::CopyRow, "copy-row", "Copy the row", "Sends the whole row to the terminal's clipboard.", &[S::Link], &[k('Y')])
            .group(G::Look)
            .when(when::target),
        row(A::OpenIncident, "browse-incident", "Incident in the browser", "Opens the incident in the browser and shows its address.", &[S::Link], &[k('o')])
            .group(G::Look)
            .hint(30, "browser")
            .when(when::has_incident_url),
        row(A::OpenRecord, "browse-record", "Record in the browser", "Opens the record in the browser and shows its address.", &[S::Link], &[k('O')])
            .group(G::Look)
            .when(when::has_record_url),
        row(A::NextTab, "next-tab", "Next tab", "Shows fields, conversation or history.", &[S::Incident], &[p(Code::Tab), p(Code::Right), k('l')])
            .group(G::Move)
            .hint(13, "tabs"),
        row(A::PreviousTab, "previous-tab", "Previous tab", "Shows the tab before.", &[S::Incident], &[Key::shift(Code::Tab), p(Code::Left), k('h')])
            .group(G::Move),
        row(A::PreviousIncident, "previous-incident", "Previous incident", "Opens the incident above in the list.", &[S::Incident], &[k('[')])
            .group(G::Move),
        row(A::NextIncident, "next-incident", "Next incident", "Opens the incident below in the list.", &[S::Incident], &[k(']')])
            .group(G::Move),
        row(A::CellLeft, "left", "Left", "Moves one cell to the left.", &[S::Mappings], &[p(Code::Left), k('h')]).group(G::Move),
        row(A::CellRight, "right", "Right", "Moves one cell to the right.", &[S::Mappings], &[p(Code::Right), k('l')])
            .group(G::Move),
        row(A::NextTable, "next-table", "Next table", "Shows the next table.", &[S::Mappings], &[p(Code::Tab)])
            .group(G::Move)
            .hint(13, "tables"),
        row(A::PreviousTable, "previous-table", "Previous table", "Shows the table before.", &[S::Mappings], &[Key::shift(Code::Tab)])
            .group(G::Move),
        row(A::EditCell, "edit-cell", "Edit the cell", "Edits the cell in place; a draft, nothing is applied.", &[S::Mappings], &[p(Code::Enter), k('e')])
            .group(G::Tables)
            .hint(10, "edit")
            .when(when::cell),
        row(A::ToggleCell, "next-value", "Next value", "Turns the flag, or takes the next value of the cell's vocabulary.", &[S::Mappings], &[k(' ')])
            .group(G::Tables)
            .when(when::cell),
        row(A::AddRow, "add-row", "Add a row", "Adds a row below, a copy of this one.", &[S::Mappings], &[k('a')])
            .group(G::Tables)
            .hint(14, "add")
            .when(when::tables),
        row(A::DeleteRow, "delete-row", "Delete the row", "Takes the row out of the draft.", &[S::Mappings], &[k('d')])
            .group(G::Tables)
            .hint(15, "delete")
            .when(when::cell),
        row(A::Discard, "discard", "Discard the draft", "Throws the draft away after a question.", &[S::Mappings], &[k('D')])
            .group(G::Tables)
            .asks()
            .when(when::draft),
        row(A::Diff, "diff", "Show the difference", "Shows what the draft would change.", &[S::Mappings], &[k('v')])
            .group(G::Tables)
            .hint(16, "difference")
            .when(when::draft),
        row(A::ApplyTables, "apply-tables", "Apply the draft", "Shows the difference, asks for a reason and applies a new version.", &[S::Mappings], &[k('W')])
            .group(G::Tables)
            .asks()
            .hint(17, "apply")
            .when(when::applicable),
        row(A::UndoTables, "undo-tables", "Undo the version", "Applies the version before as a new one, after its difference was shown.", &[S::Mappings], &[k('u')])
            .group(G::Tables)
            .asks()
            .hint(18, "undo")
            .when(when::undoable),
        row(A::History, "table-history", "History of versions", "Lists the versions: who, when, why.", &[S::Mappings], &[k('H')])
            .group(G::Tables)
            .hint(19, "history"),
        row(A::Pause, "pause", "Pause", "Stops reading and sending of this workspace until resumed, after a question.", &[S::Sync], &[k('P')])
            .group(G::Control)
            .asks()
            .hint(10, "pause")
            .when(when::pausable),
        row(A::Resume, "resume", "Resume", "Lets this workspace go on.", &[S::Sync], &[k('R')])
            .group(G::Control)
            .writes()
            .hint(10, "resume")
            .when(when::resumable),
        row(A::SyncNow, "sync-now", "Sync now", "Starts a pass of this workspace at once.", &[S::Sync], &[k('N')])
            .group(G::Control)
            .writes()
            .hint(11, "sync now")
            .when(when::syncable),
        row(A::AcceptPlan, "accept-plan", "Accept what waits", "Accepts the plan of a first contact, or lets through a mass change or too many writes, after a question.", &[S::Sync], &[k('F')])
            .group(G::Control)
            .asks()
            .hint(9, "accept")
            .when(when::plan_waiting),
        row(A::Apply, "confirm", "Confirm", "Does what the plan says.", &[S::Plan], &[k('y')])
            .writes()
            .hint(1, "confirm")
            .when(when::confirmable),
        row(A::SwitchButton, "other-button", "Other button", "Moves to the other button; Cancel is first.", &[S::Plan], &[p(Code::Tab), p(Code::Left), p(Code::Right), Key::shift(Code::Tab)]),
        row(A::PressButton, "press", "Press", "Presses the button that is marked.", &[S::Plan], &[p(Code::Enter)]),
        row(A::Choose, "choose", "Choose", "Takes the marked line.", &[S::Choosing], &[p(Code::Enter)]).hint(1, "choose"),
        row(A::Done, "done", "Go on to the plan", "Goes on to the plan.", &[S::Writing, S::Closing], &[Key::ctrl('d')]).hint(1, "to the plan"),
        row(A::NextPart, "next-part", "Next part", "Moves between the classification and the notes.", &[S::Closing], &[p(Code::Tab), Key::shift(Code::Tab)])
            .hint(2, "notes"),
        row(A::Accept, "accept", "Take it", "Takes what was typed.", &[S::Asking, S::Cell], &[p(Code::Enter)]).hint(1, "take it"),
        row(A::KeepFilter, "keep-filter", "Keep the filter", "Keeps the filter and goes back to the list.", &[S::Filtering], &[p(Code::Enter)])
            .hint(1, "keep"),
        row(A::DropFilter, "drop-filter", "Drop the filter", "Drops the filter.", &[S::Filtering], &[p(Code::Esc)]).hint(2, "drop"),
        row(A::Cancel, "cancel", "Cancel", "Closes the dialog; nothing is written. A comment's text is kept.", DIALOGS, &[p(Code::Esc)])
            .hint(3, "cancel"),
        row(A::DialogUp, "previous-line", "Line up", "Moves a line up.", LISTS, &[p(Code::Up)]),
        row(A::DialogDown, "next-line", "Line down", "Moves a line down.", LISTS, &[p(Code::Down)]),
        row(A::DialogPageUp, "previous-page", "Page up", "Moves a page up.", LISTS, &[p(Code::PageUp)]),
        row(A::DialogPageDown, "following-page", "Page down", "Moves a page down.", LISTS, &[p(Code::PageDown)]),
        row(A::QuitNow, "quit-now", "Quit at once", "Leaves without a question.", &[S::Anywhere], &[Key::ctrl('c')])
            .group(G::Session),
        row(A::Redraw, "redraw", "Draw anew", "Draws the whole screen anew.", &[S::Anywhere], &[Key::ctrl('l')])
            .group(G::Session),
        row(A::Suspend, "suspend", "Suspend", "Goes to the shell; `fg` comes back.", &[S::Anywhere], &[Key::ctrl('z')])
            .group(G::Session),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::action::{SCOPES, key_table_markdown};
    use std::collections::BTreeSet;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        let together: &[&[Scope]] = &[
            &[Scope::Incidents, Scope::Link, Scope::Rows, Scope::Screens, Scope::Anywhere],
            &[Scope::Incident, Scope::Link, Scope::Rows, Scope::Screens, Scope::Anywhere],
            &[Scope::Mappings, Scope::Rows, Scope::Screens, Scope::Anywhere],
            &[Scope::Sync, Scope::Rows, Scope::Screens, Scope::Anywhere],
        ];
        let dialogs = SCOPES.iter().filter(|s| !together.iter().any(|t| t.contains(s)));
        let stacks = together.iter().map(|t| t.to_vec()).chain(dialogs.map(|s| vec![*s, Scope::Anywhere]));
        for stack in stacks {
            let mut seen = BTreeSet::new();
            for a in ACTIONS.iter().filter(|a| a.scopes.iter().any(|s| stack.contains(s))) {
                for key in a.keys {
                    assert!(seen.insert(*key), "{key} in {stack:?}: {}", a.name);
                }
            }
        }
    }

    #[test]
    fn every_action_is_complete_and_keys_are_safe_on_any_terminal() {
        let mut names = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for a in ACTIONS {
            assert!(names.insert(a.name) && ids.insert(a.id), "{}", a.name);
            assert!(!a.keys.is_empty() && !a.title.is_empty() && a.help.ends_with('.'), "{}", a.name);
            for key in a.keys {
                let flow = ['s', 'q', 'b', 'a', 'i', 'm', 'h', 'j'].map(Key::ctrl);
                assert!(!flow.contains(key), "{}: {key} is taken by terminals", a.name);
                assert!(!key.alt, "{}", a.name);
            }
            if a.scopes.iter().any(|s| s.takes_text()) {
                assert!(a.keys.iter().all(|k| k.text().is_none()), "{} would swallow text", a.name);
            }
            if a.danger == Danger::Asks {
                assert!(
                    a.keys.iter().all(|k| !action_keys(ActionId::Apply).contains(k)),
                    "{}: the key that confirms must differ from the one that asks",
                    a.name
                );
            }
        }
        let table = key_table_markdown();
        assert!(ACTIONS.iter().all(|a| table.contains(a.help)), "{table}");
    }

    fn action_keys(id: ActionId) -> &'static [Key] {
        ACTIONS.iter().find(|a| a.id == id).unwrap().keys
    }
}
