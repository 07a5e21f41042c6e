//! How journals are read: from their table, or, where our user may not read that, from the text that
//! each record shows (D9). Either way an entry is known again.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::call::{DeskCall, DeskReply, UserKey, UserQuery};
use crate::model::settings::CustomerComments;
use crate::model::view::{EventView, Level};
use crate::model::{CallError, Entry, FaultKind, JournalEntry, LinkState, SysId};
use crate::sync::aggregation::siblings_words;
use crate::sync::conversation::absorb_journal;
use crate::sync::customer::COLUMN;
use crate::sync::journal_text::{Own, keyed};
use crate::text::Stamp;

use super::Mode;
use super::board::lock;
use super::ctx::Ws;
use super::recovery::Recovery;

/// Refusals without an answer between them after which our user counts as one that may not read the table.
const REFUSALS: u32 = 3;
/// After this long the table is tried again: it may have been opened to us.
const TRIED_AGAIN: Duration = Duration::from_secs(3600);
/// Records whose texts are read in one call: each shows its whole journal.
const TEXTS: usize = 20;

/// What is remembered of how journals can be read.
#[derive(Default)]
pub(super) struct Journals {
    refused: u32,
    /// Until when texts are read without trying the table.
    texts_until: Option<Duration>,
    /// True since somebody has to be told of a change of way.
    news: bool,
}

impl Journals {
    fn reads_texts(&self) -> bool {
        self.refused >= REFUSALS
    }
}

impl Ws {
    /// Journal entries of these records since a moment at the latest: texts show all.
    pub async fn read_journal(
        &self,
        records: Vec<SysId>,
        since: Stamp,
    ) -> Result<Vec<JournalEntry>, CallError> {
        self.read_columns(records, self.journal_columns(false), since).await
    }

    /// The columns whose entries are read. `asked` for the customers' too, because something of ours may be
    /// there from when that was allowed.
    pub fn journal_columns(&self, asked: bool) -> Vec<String> {
        let customers = asked || self.settings().customer_comments != CustomerComments::Off;
        let notes = self.settings().route.shape.notes.clone();
        [notes].into_iter().chain(customers.then(|| COLUMN.to_owned())).collect()
    }

    /// The same of these columns.
    pub async fn read_columns(
        &self,
        mut records: Vec<SysId>,
        elements: Vec<String>,
        since: Stamp,
    ) -> Result<Vec<JournalEntry>, CallError> {
        // Every link of a shared record names it. One that two calls show would have all of its notes twice
        // (seed 1297), and no call takes more than a chunk of records, however many share each.
        let mut named = BTreeSet::new();
        records.retain(|r| named.insert(r.clone()));
        let now = self.now().mono;
        if self.memory(|m| m.journals.texts_until.is_some_and(|until| now < until)) {
            return self.read_texts(&records, &elements, since).await;
        }
        let call = DeskCall::Journal { records: records.clone(), elements: elements.clone(), since };
        match self.read_record_desk(call).await {
            Ok(answer) => {
                let rows = journal_of(answer.value);
                // No rows are no proof that any may be seen.
                if !rows.is_empty() {
                    self.memory(|m| {
                        m.journals.news |= m.journals.reads_texts();
                        (m.journals.refused, m.journals.texts_until) = (0, None);
                    });
                }
                Ok(rows)
            }
            Err(error) if error.kind == FaultKind::Forbidden && self.is_refused(now, &error) => {
                self.read_texts(&records, &elements, since).await
            }
            Err(error) => Err(error),
        }
    }

    /// Counts a refusal of the table. True once there were enough of them: one, when it is certain, or
    /// there will be no other pass.
    fn is_refused(&self, now: Duration, error: &CallError) -> bool {
        let certain = error.status.is_none() || self.shared.mode != Mode::Run;
        self.memory(|m| {
            let journals = &mut m.journals;
            let before = journals.reads_texts();
            journals.refused = journals.refused.saturating_add(if certain { REFUSALS } else { 1 });
            if !journals.reads_texts() {
                return false;
            }
            journals.news |= !before;
            journals.texts_until = Some(now + TRIED_AGAIN);
            true
        })
    }

    async fn read_texts(
        &self,
        records: &[SysId],
        elements: &[String],
        since: Stamp,
    ) -> Result<Vec<JournalEntry>, CallError> {
        self.recovered(Recovery::TextRead);
        let route = &self.settings().route;
        let own = self.own_names().await?;
        let mut rows = Vec::new();
        for some in records.chunks(TEXTS) {
            let (table, elements) = (route.table.clone(), elements.to_vec());
            let call = DeskCall::JournalText { table, records: some.to_vec(), elements };
            rows.extend(journal_of(self.read_record_desk(call).await?.value));
        }
        let mut rows = keyed(rows, &own);
        // What customers were told before that was asked for stays where it is.
        rows.retain(|r| r.element == route.shape.notes || r.created_on >= since);
        Ok(rows)
    }

    /// Our own login, and the name that texts show for it.
    async fn own_names(&self) -> Result<Own, CallError> {
        let login = self.own_user();
        let known = |ws: &Self| {
            let directory = ws.directory();
            directory.by_user_name(&login).first().map(|u| u.name.raw().to_owned())
        };
        if known(self).is_none() {
            let keys = vec![UserKey::UserName(login.clone())];
            let call = DeskCall::Users(UserQuery::Keys(keys.clone()));
            if let DeskReply::Users(users) = self.read_record_desk(call).await?.value {
                let desk = self.desk_key();
                let mut board = lock(&self.shared.board);
                let directory = board.directories.entry(desk).or_default();
                std::sync::Arc::make_mut(directory).answer(&keys, users);
            }
        }
        match known(self).filter(|name| !name.is_empty()) {
            Some(name) => Ok(Own { login, name }),
            None => {
                let why = format!(
                    "instance {}: the name of our own user {} cannot be read, so its notes could not be told \
                     from others'",
                    self.instance().key,
                    crate::text::escape_line(&login)
                );
                Err(CallError::new(FaultKind::Config, why)
                    .hint("let the user read its own row of sys_user, or sys_journal_field"))
            }
        }
    }

    /// What there is to tell of a change of the way in which journals are read, once.
    pub fn journal_news(&self) -> Vec<EventView> {
        let Some(texts) =
            self.memory(|m| std::mem::take(&mut m.journals.news).then(|| m.journals.reads_texts()))
        else {
            return Vec::new();
        };
        let instance = &self.instance().key;
        let (level, text) = if texts {
            let text = format!(
                "our user may not read sys_journal_field of instance {instance}: work notes are read from the text \
                 of each record, which costs more; the role audit_viewer opens the table"
            );
            (Level::Warning, text)
        } else {
            (Level::Info, format!("sys_journal_field of instance {instance} can be read again"))
        };
        vec![self.event(level, None, self.key.to_string(), text)]
    }

    /// Entries that these journal rows add to or change in a link.
    pub fn absorb_notes(&self, state: &LinkState, journal: &[JournalEntry]) -> Vec<Entry> {
        let element = &self.settings().route.shape.notes;
        let (own, all) = (self.own_users(), self.settings().customer_comments != CustomerComments::Off);
        let ours = |r: &JournalEntry| own.iter().any(|own| r.created_by.eq_ignore_ascii_case(own));
        // A pass hands over what it read of many records at once.
        let here = |r: &JournalEntry| r.record == state.link.sys_id;
        let wanted = |r: &&JournalEntry| here(r) && (all || r.element == *element || ours(r));
        let journal: Vec<JournalEntry> = journal.iter().filter(wanted).cloned().collect();
        let changed = absorb_journal(state, &journal, &own, element, &self.shared.keys);
        self.count_known_again(&changed);
        let theirs = siblings_words(state, &changed, &self.shared.keys);
        let own = |e: &Entry| {
            let same = |t: &&Entry| (&t.origin, &t.origin_id) == (&e.origin, &e.origin_id);
            theirs.iter().find(same).unwrap_or(e).clone()
        };
        changed.iter().map(own).collect()
    }
}

fn journal_of(reply: DeskReply) -> Vec<JournalEntry> {
    match reply {
        DeskReply::Journal(rows) => rows,
        _ => Vec::new(),
    }
}
