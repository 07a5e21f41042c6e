//! From Microsoft's store app to us: which records it made, and what was said before.
//!
//! The store app has carried comments and notes across for as long as it worked. Whatever the other side
//! has already is not sent there again; what it has not is, so that nothing is lost in between.

use std::time::Duration;

use crate::mapping::Directory;
use crate::model::call::UserKey;
use crate::model::{CommentOrigin, Delivery, Entry, EntryId, IncidentId, LinkState, Side};
use crate::mutant::{self, Mutant};
use crate::text::Stamp;

use super::identity::{Correlation, read_correlation};
use super::journal_text::is_of_text;
use super::markup::html_to_text;

/// Why an entry is not carried over.
const BEFORE: &str = "there already, from before the hand-over";
/// What marks a comment as the store app's own.
pub const BY_THE_APP: &str = "written by the store app";
/// Shorter words may be a part of others by chance, and count only at their end.
const LONG: usize = 12;
/// How far the clocks of the two sides may be apart.
const SKEW: Duration = Duration::from_secs(300);

/// True for a comment that the store app wrote: it wraps each in a `div` of a class of its own
/// (existing-apps c.4, from its published source).
pub fn is_the_apps(message: &str) -> bool {
    let start: String = message.trim_start().chars().take(40).collect::<String>().to_ascii_lowercase();
    start.starts_with("<div class=\"snow\"") || start.starts_with("<div class='snow'")
}

/// The three correlation ids under which the store app may have made the record of an incident
/// (existing-apps c.1): by its GUID alone, with a prefix, and with the workspace's name.
pub fn store_app_ids(workspace: &str, incident: &IncidentId) -> Vec<String> {
    let guid = incident.as_str();
    let mut ids = vec![guid.to_owned(), format!("Sentinel-{guid}"), format!("Sentinel-{workspace}-{guid}")];
    // The column holds no more.
    ids.retain(|id| id.len() <= 100);
    ids
}

/// True for the correlation id of a record that the store app made for this incident of this workspace.
pub fn is_store_apps(correlation: &str, workspace: &str, incident: &IncidentId) -> bool {
    match read_correlation(correlation) {
        Correlation::StoreApp(name, id) => {
            id == *incident && name.is_none_or(|n| n.eq_ignore_ascii_case(workspace))
        }
        Correlation::Ours(..) | Correlation::Foreign => false,
    }
}

/// What whoever made the record of a link is called: by its login in the record and in the journal's table, by
/// its name where a journal was read from its record's text (D9, seed 9834587).
pub fn makers(state: &LinkState, directory: &Directory) -> Vec<String> {
    let login = state.record.as_ref().map(|r| r.created_by.clone()).unwrap_or_default();
    let names = directory.by_user_name(&login).into_iter().map(|u| u.name.raw().to_owned()).collect();
    let mut all: Vec<String> = [vec![login], names].concat();
    all.retain(|name| !name.is_empty());
    all
}

/// Whoever made the record, where notes that may be its own name their author as texts do and nobody was asked
/// yet what it is called: the app's account is often an inactive one by now, which no list of users shows.
pub fn unnamed(state: &LinkState, directory: &Directory) -> Option<UserKey> {
    let login = state.record.as_ref().map(|r| r.created_by.clone()).filter(|login| !login.is_empty())?;
    let by_name = |e: &Entry| is_of_text(e) && is_all_code(e.text.raw());
    let key = UserKey::UserName(login);
    (state.entries.iter().any(by_name) && !directory.is_settled(&key)).then_some(key)
}

/// Entries that wait and that the other side has already, or that the store app wrote: they wait no longer.
/// `makers` are the names of who made the record, under which the app works in ServiceNow; its notes come in
/// `[code]`, which tells them from those of a person who made a record by hand (existing-apps c.5, c.6).
pub fn said_before(state: &LinkState, makers: &[String]) -> Vec<Entry> {
    if mutant::is_on(Mutant::HistoryReposted) {
        return Vec::new();
    }
    let theirs = |entry: &&Entry| match entry.origin {
        CommentOrigin::Sentinel => entry.reason == BY_THE_APP,
        CommentOrigin::ServiceNow => {
            is_all_code(entry.text.raw())
                && makers.iter().any(|maker| entry.author.raw().eq_ignore_ascii_case(maker))
        }
        CommentOrigin::Console | CommentOrigin::Sync => false,
    };
    let (apps, people): (Vec<&Entry>, Vec<&Entry>) = state.entries.iter().partition(theirs);
    let mut there: Vec<EntryId> = Vec::new();
    for copy in &apps {
        there.extend(original_of(copy, &people, &there));
    }
    let apps: Vec<EntryId> = apps.iter().map(|e| e.id).collect();
    let silenced = |entry: &Entry| {
        let to = entry.origin.side()?.other();
        // Where the app signs in as we do, its notes look like ours without a marker.
        let held = entry.delivery(to) == Delivery::Held && apps.contains(&entry.id);
        let done = apps.contains(&entry.id) || there.contains(&entry.id);
        let waits = entry.delivery(to) == Delivery::Waiting && done;
        (waits || held).then(|| {
            let mut entry = Entry { reason: BEFORE.to_owned(), ..entry.clone() };
            entry.set_delivery(to, Delivery::None);
            entry
        })
    };
    state.entries.iter().filter_map(silenced).collect()
}

/// True for a note that is code from end to end, as every one of the app is. One that only quotes some code
/// is a person's, who may work under the app's account.
fn is_all_code(note: &str) -> bool {
    let note = note.trim().to_ascii_lowercase();
    note.starts_with("[code]") && note.ends_with("[/code]")
}

/// What a copy that the app made is a copy of: the longest words from the other side that it holds and that
/// no earlier copy stands for.
fn original_of(copy: &Entry, people: &[&Entry], taken: &[EntryId]) -> Option<EntryId> {
    let held = message_of(copy);
    let fits = |e: &&&Entry| {
        // The app writes what looks like markup as it is, so that the copy reads as if it were some.
        let spoken = [squashed(e.text.raw()), squashed(&html_to_text(e.text.raw()))];
        let length = spoken[0].chars().count();
        let within = spoken
            .iter()
            .filter(|said| !said.is_empty())
            .any(|said| if said.chars().count() < LONG { held.ends_with(said) } else { held.contains(said) });
        e.origin.side() == copy.origin.side().map(Side::other)
            && e.at <= copy.at.plus(SKEW)
            && length > 0
            && within
            && !taken.contains(&e.id)
    };
    let longest = people.iter().filter(fits).max_by_key(|e| {
        let first = std::cmp::Reverse::<Stamp>(e.at);
        (squashed(e.text.raw()).chars().count(), first)
    });
    longest.map(|e| e.id)
}

/// What a copy says, without the heading that one in ServiceNow has: `CreatedTimeUtc`, `Author`, `Message`
/// (existing-apps c.5).
fn message_of(copy: &Entry) -> String {
    let all = squashed(&html_to_text(copy.text.raw())).replace("[/code]", "");
    if copy.origin != CommentOrigin::ServiceNow {
        return all;
    }
    all.split_once("message:").map_or(all.clone(), |(_, message)| message.to_owned())
}

/// Words without their spaces, in lower case: copies break their lines elsewhere.
fn squashed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EntryId, InstanceKey, Link, Record, SysId, TableName, User, WorkspaceKey};
    use crate::text::{Stamp, UntrustedText};

    const GUID: &str = "11111111-2222-3333-4444-555555555555";

    fn entry(n: i64, origin: CommentOrigin, author: &str, text: &str) -> Entry {
        let to = |side| if origin.side() == Some(side) { Delivery::None } else { Delivery::Waiting };
        Entry {
            id: EntryId(n),
            link: crate::model::LinkId(1),
            origin,
            origin_id: format!("o{n}"),
            author: UntrustedText::new(author),
            at: Stamp(n),
            text: UntrustedText::new(text),
            sentinel_id: String::new(),
            to_sentinel: to(Side::Sentinel),
            marker: String::new(),
            journal_id: String::new(),
            to_servicenow: to(Side::ServiceNow),
            reason: String::new(),
        }
    }

    fn noted(message: &str) -> String {
        format!(
            "[code]<b>CreatedTimeUtc:</b> 2026-09-21T10:00:00Z<br><b>Author:</b> Noor(noor@contoso.example)<br>\
             <b>Message:</b> {message}[/code]"
        )
    }

    #[test]
    fn its_comments_are_known_by_their_wrapping_alone() {
        assert!(is_the_apps("<div class=\"snow\">hello</div>") && is_the_apps(" <DIV class='snow'>x</div>"));
        assert!(!is_the_apps("it wrote <div class=\"snow\"> around it") && !is_the_apps("<div>x</div>"));
    }

    #[test]
    fn its_records_are_known_by_three_forms_and_only_for_their_own_incident() {
        let id = IncidentId::new(GUID);
        for form in store_app_ids("soc-prod", &id) {
            assert!(is_store_apps(&form, "SOC-prod", &id), "{form}");
            assert!(!is_store_apps(&form, "soc-prod", &IncidentId::new(&GUID.replace('1', "9"))), "{form}");
        }
        assert!(!is_store_apps(&format!("Sentinel-other-{GUID}"), "soc-prod", &id), "of another workspace");
        assert_eq!(store_app_ids(&"w".repeat(63), &id).len(), 2, "the column holds 100 characters");
        assert!(!is_store_apps(&format!("diptych:prod:{GUID}"), "soc-prod", &id));
    }

    fn linked() -> LinkState {
        let record = (
            InstanceKey::new("sn").unwrap(),
            TableName::new("incident").unwrap(),
            SysId::new("a".repeat(32)),
        );
        let link = Link::new(WorkspaceKey::new("prod").unwrap(), IncidentId::new(GUID), record, Stamp(0));
        LinkState::new(link)
    }

    /// Texts name people as they are called, and a record its maker by the login (seed 9834587).
    #[test]
    fn its_notes_are_known_by_its_name_too() {
        use CommentOrigin::{Sentinel, ServiceNow};
        let mut state = linked();
        let by_text = |n: i64, author: &str, text: &str| {
            let origin_id = format!("text:{n}");
            Entry { origin_id, ..entry(n, ServiceNow, author, text) }
        };
        state.record = Some(Record { created_by: "app".into(), ..Record::default() });
        let key = UserKey::UserName("app".into());
        let mut directory = Directory::new();
        state.entries = vec![
            entry(1, Sentinel, "Noor", "Looks like a scanner to me"),
            by_text(2, "beth", "[quoted] by a person"),
            entry(3, ServiceNow, "app", "[code]<table><tr><td>Alerts</td></tr></table>[/code]"),
        ];
        assert_eq!(unnamed(&state, &directory), None, "its login is enough");
        state.entries.push(by_text(4, "The App", &noted("<p>Looks like a scanner to me</p>")));
        state.entries.push(by_text(5, "Beth Anglin", "[code]a person's own[/code]"));
        assert_eq!(unnamed(&state, &directory), Some(key.clone()));
        let user = User {
            sys_id: SysId::new("b".repeat(32)),
            user_name: "app".into(),
            name: UntrustedText::new("The App"),
            ..User::default()
        };
        directory.answer(&[key], vec![user]);
        assert_eq!(unnamed(&state, &directory), None);
        let makers = makers(&state, &directory);
        assert_eq!(makers, ["app", "The App"]);
        let done: Vec<i64> = said_before(&state, &makers).iter().map(|e| e.id.0).collect();
        assert_eq!(done, [1, 3, 4]);
    }

    #[test]
    fn what_was_carried_over_before_is_not_sent_again_and_the_rest_is() {
        use CommentOrigin::{Sentinel, ServiceNow};
        let mut state = linked();
        state.entries = vec![
            entry(1, Sentinel, "Noor", "Looks like a scanner to me"),
            entry(2, ServiceNow, "app", &noted("<p>Looks like a\n scanner to me</p>")),
            entry(3, ServiceNow, "beth", "Called the user,\nit was them"),
            Entry { reason: BY_THE_APP.into(), ..entry(4, Sentinel, "app", "Called the user, it was them") },
            entry(5, ServiceNow, "beth", "said after the last pass of the app"),
            entry(6, ServiceNow, "beth", "ok"),
            entry(7, Sentinel, "Noor", "token revoked"),
            entry(8, ServiceNow, "app", "[code]<table><tr><td>Alerts</td></tr></table>[/code]"),
            entry(9, ServiceNow, "app", "typed by a person under the account of the app"),
            entry(
                17,
                ServiceNow,
                "app",
                "[code]<b>quoted</b>[/code] by a person under the account of the app",
            ),
            entry(10, Sentinel, "Noor", "Called the user, it was them, and told them so"),
            entry(11, ServiceNow, "beth", "Looks like a scanner to me, too"),
            Entry { reason: BY_THE_APP.into(), ..entry(12, Sentinel, "app", "all ok") },
            entry(13, ServiceNow, "beth", "all ok"),
            // Only copies in ServiceNow have a heading, and what looks like markup the app writes as it is.
            entry(14, ServiceNow, "beth", "Error message: disk full, see <bob@x.example> please"),
            Entry {
                reason: BY_THE_APP.into(),
                ..entry(15, Sentinel, "app", "Error message: disk full, see please")
            },
            // Signed in as we are, its notes pass for ours without a marker, and are held.
            Entry {
                to_sentinel: Delivery::Held,
                ..entry(16, ServiceNow, "app", "[code]<table><tr><td>Entities</td></tr></table>[/code]")
            },
        ];
        let makers = ["app".to_owned()];
        let done: Vec<i64> = said_before(&state, &makers).iter().map(|e| e.id.0).collect();
        assert_eq!(done, [1, 2, 3, 4, 8, 12, 13, 14, 15, 16]);
        let silent = |e: &Entry| e.to_sentinel == Delivery::None && e.to_servicenow == Delivery::None;
        assert!(said_before(&state, &makers).iter().all(silent));
    }
}
