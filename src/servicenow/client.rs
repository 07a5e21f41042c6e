//! One instance: settings, and which call goes where.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::desk::RecordDesk;
use crate::http::{Base, Clock, Gate, Rate, Sender, TokenSource, Transport};
use crate::model::call::{Answer, DeskCall, DeskOutcome, DeskReply};
use crate::model::{CallError, InstanceKey};

/// Most rows that the platform gives by default in one page (documented).
const MOST: u32 = 10_000;

/// Where an instance is and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskSettings {
    /// Root of the instance.
    pub base: Base,
    /// Key of the instance, for messages.
    pub key: InstanceKey,
    /// Rows per page, 1 to 10,000.
    pub page_limit: u32,
    /// Rate limit of our own; none by default, because a default instance has none.
    pub rate: Option<Rate>,
    /// Longest that a call waits at that limit before it is given back as throttled.
    pub patience: Duration,
    /// Language of choice labels, as `sys_choice` writes it.
    pub language: String,
    /// True when we sign in with Basic, for the advice after a refusal.
    pub basic: bool,
}

impl DeskSettings {
    /// Settings with the defaults: pages of 1000 rows, no rate limit, English.
    pub fn new(base: Base, key: InstanceKey) -> Self {
        Self {
            base,
            key,
            page_limit: 1000,
            rate: None,
            patience: Duration::from_secs(2),
            language: "en".into(),
            basic: false,
        }
    }
}

/// Client of one instance.
pub struct DeskClient {
    pub(super) settings: DeskSettings,
    pub(super) sender: Sender,
    pub(super) gate: Option<Gate>,
    pub(super) tokens: Arc<dyn TokenSource<CallError>>,
    pub(super) basic: bool,
}

impl DeskClient {
    /// A client. Gives the reason when a setting cannot be right.
    pub fn new(
        settings: DeskSettings,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        tokens: Arc<dyn TokenSource<CallError>>,
    ) -> Result<Self, String> {
        if !(1..=MOST).contains(&settings.page_limit) {
            return Err(format!("a page has 1 to {MOST} rows"));
        }
        let base = Arc::new(settings.base.clone());
        let sender =
            Sender::new(base, transport, clock, settings.patience).keeping_cookie("glide_user_route");
        let gate = settings.rate.map(Gate::new);
        Ok(Self { basic: settings.basic, settings, sender, gate, tokens })
    }

    /// Divides our own rate limit by the number of live lease holders (D36).
    pub fn set_share(&self, holders: u32) {
        if let Some(gate) = &self.gate {
            gate.set_share(holders);
        }
    }

    async fn carry_out(&self, call: &DeskCall) -> DeskOutcome {
        Ok(match call {
            DeskCall::Records { table, shape, query } => {
                told(self.records(table, shape, query).await?, DeskReply::Page)
            }
            DeskCall::Get { table, shape, sys_id } => {
                told(self.get(table, shape, sys_id).await?, |r| DeskReply::Record(Box::new(r)))
            }
            DeskCall::Create { table, shape, sys_id, write } => {
                let made = self.create(table, shape, sys_id.as_ref(), write).await?;
                told(made, |r| DeskReply::Record(Box::new(r)))
            }
            DeskCall::Patch { table, shape, sys_id, write } => {
                told(self.patch(table, shape, sys_id, write).await?, |r| DeskReply::Record(Box::new(r)))
            }
            DeskCall::Journal { records, elements, since } => {
                told(self.journal(records, elements, *since).await?, DeskReply::Journal)
            }
            DeskCall::JournalText { table, records, elements } => {
                told(self.journal_text(table, records, elements).await?, DeskReply::Journal)
            }
            DeskCall::Rows { table, fields, query } => {
                told(self.rows(table, fields, query).await?, DeskReply::Rows)
            }
            DeskCall::AddRow { table, sys_id, write } => {
                let made = self.add_row(table, sys_id.as_ref(), write).await?;
                told(made, |row| DeskReply::Rows(vec![row]))
            }
            DeskCall::Users(query) => told(self.users(query).await?, DeskReply::Users),
            DeskCall::Me => told(self.me().await?, DeskReply::Users),
            DeskCall::Choices { table, elements } => {
                told(self.choices(table, elements).await?, DeskReply::Choices)
            }
        })
    }
}

fn told<T, U>(answer: Answer<T>, into: impl FnOnce(T) -> U) -> Answer<U> {
    Answer { value: into(answer.value), date: answer.date, calls_left: answer.calls_left }
}

fn subject(call: &DeskCall) -> String {
    match call {
        DeskCall::Records { table, .. } => format!("reading {table}"),
        DeskCall::Get { table, sys_id, .. } => format!("reading {table} {sys_id}"),
        DeskCall::Create { table, sys_id: Some(id), .. } => format!("creating {table} {id}"),
        DeskCall::Create { table, .. } => format!("creating {table}"),
        DeskCall::Patch { table, sys_id, .. } => format!("writing {table} {sys_id}"),
        DeskCall::Journal { .. } => "reading journals".into(),
        DeskCall::JournalText { table, .. } => format!("reading journals as {table} shows them"),
        DeskCall::Rows { table, .. } => format!("reading {table}"),
        DeskCall::AddRow { table, .. } => format!("creating a row of {table}"),
        DeskCall::Users(_) => "reading users".into(),
        DeskCall::Me => "asking who we are".into(),
        DeskCall::Choices { table, .. } => format!("reading choices of {table}"),
    }
}

#[async_trait]
impl RecordDesk for DeskClient {
    async fn call(&self, call: DeskCall) -> DeskOutcome {
        self.carry_out(&call).await.map_err(|mut e| {
            e.message = format!("instance {}: {}: {}", self.settings.key, subject(&call), e.message);
            e
        })
    }
}
