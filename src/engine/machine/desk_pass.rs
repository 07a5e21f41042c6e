//! The reader of one table of one desk, which is an instance as one of our users sees it: one poll covers
//! every workspace that asks for it (D14), and what everybody needs to know of the instance is learnt once.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;

use crate::mapping::Directory;
use crate::model::call::{Answer, DeskCall, DeskReply, RecordPage, RecordQuery, UserQuery};
use crate::model::ledger::Ask;
use crate::model::{CallError, DeskKey, FaultKind, Record, RecordShape, TableName, User, WorkspaceKey};
use crate::sync::identity::correlation_display;
use crate::text::Stamp;

use super::Mode;
use super::board::lock;
use super::ctx::Shared;
use super::passes::read_desk;

/// What one pass read for one workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct DeskPass {
    /// Records of the workspace that were updated.
    pub records: Vec<Record>,
    /// Keys and versions of all its records, when a sweep was asked for.
    pub swept: Option<Vec<Record>>,
    /// The server's date of the first answer.
    pub date: Option<Stamp>,
}

/// A pass, or why there was none.
pub(super) type DeskOutcomeOfPass = Result<DeskPass, CallError>;

/// One workspace's wish for a pass.
pub(super) struct DeskRequest {
    pub workspace: WorkspaceKey,
    pub shape: RecordShape,
    pub since: Stamp,
    pub sweep: bool,
    pub sender: oneshot::Sender<DeskOutcomeOfPass>,
}

/// How often users and choices are read again.
const LEARN_EVERY: Duration = Duration::from_secs(3600);
/// Pages of active users that are read; whoever is not among them is looked up when met.
const USER_PAGES: usize = 5;

/// Serves passes for ever.
pub(super) async fn serve(shared: Arc<Shared>, desk: DeskKey, table: TableName) {
    let mut learnt: Option<Duration> = None;
    loop {
        let requests = NextRequests { shared: shared.clone(), key: (desk.clone(), table.clone()) }.await;
        let now = shared.now().mono;
        if learnt.is_none_or(|at| now.saturating_sub(at) > LEARN_EVERY) {
            match learn(&shared, &desk, &table, &requests).await {
                Ok(()) => learnt = Some(now),
                Err(error) => {
                    for request in requests {
                        let _ = request.sender.send(Err(error.clone()));
                    }
                    continue;
                }
            }
        }
        let outcome = read(&shared, &desk, &table, &requests).await;
        for request in requests {
            let _ = request.sender.send(share(&outcome, &shared, &request.workspace, request.sweep));
        }
    }
}

/// A workspace's part of a pass: the rows that carry its group key.
fn share(
    outcome: &DeskOutcomeOfPass,
    shared: &Shared,
    workspace: &WorkspaceKey,
    sweep: bool,
) -> DeskOutcomeOfPass {
    let pass = outcome.as_ref().map_err(Clone::clone)?;
    let Some(settings) = shared.settings.workspace(workspace) else { return Ok(DeskPass::default()) };
    let group = correlation_display(workspace);
    let mine = |r: &&Record| r.value(&settings.route.shape.correlation_display) == Some(group.as_str());
    Ok(DeskPass {
        records: pass.records.iter().filter(mine).cloned().collect(),
        swept: pass.swept.as_ref().filter(|_| sweep).map(|rows| rows.iter().filter(mine).cloned().collect()),
        date: pass.date,
    })
}

fn shape_of(requests: &[DeskRequest], table: &TableName) -> RecordShape {
    let mut shape = requests.first().map_or_else(|| RecordShape::for_table(table), |r| r.shape.clone());
    let custom: BTreeSet<String> = requests.iter().flat_map(|r| r.shape.custom.iter().cloned()).collect();
    shape.custom = custom.into_iter().collect();
    shape
}

async fn read(
    shared: &Shared,
    desk: &DeskKey,
    table: &TableName,
    requests: &[DeskRequest],
) -> DeskOutcomeOfPass {
    let shape = shape_of(requests, table);
    let groups: BTreeSet<String> = requests.iter().map(|r| correlation_display(&r.workspace)).collect();
    let groups: Vec<String> = groups.into_iter().collect();
    let since = requests.iter().map(|r| r.since).min().unwrap_or_default();
    let mut pass = DeskPass::default();
    let mut after = None;
    loop {
        let query = RecordQuery::Changed { groups: groups.clone(), since, after: after.take() };
        let (page, date) = page(shared, desk, table, &shape, query, requests).await?;
        pass.date = pass.date.or(date);
        pass.records.extend(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if requests.iter().any(|r| r.sweep) {
        pass.swept = Some(sweep(shared, desk, table, &shape, &groups, requests).await?);
    }
    Ok(pass)
}

async fn sweep(
    shared: &Shared,
    desk: &DeskKey,
    table: &TableName,
    shape: &RecordShape,
    groups: &[String],
    requests: &[DeskRequest],
) -> Result<Vec<Record>, CallError> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let query = RecordQuery::Keys { groups: groups.to_vec(), after: after.take() };
        let (page, _) = page(shared, desk, table, shape, query, requests).await?;
        rows.extend(page.records);
        match page.next {
            Some(next) => after = Some(next.sys_id),
            None => return Ok(rows),
        }
    }
}

async fn page(
    shared: &Shared,
    desk: &DeskKey,
    table: &TableName,
    shape: &RecordShape,
    query: RecordQuery,
    requests: &[DeskRequest],
) -> Result<(RecordPage, Option<Stamp>), CallError> {
    for request in requests {
        lock(&shared.board).count_desk_read(&request.workspace);
    }
    let call = DeskCall::Records { table: table.clone(), shape: shape.clone(), query };
    let Answer { value, date, .. } = read_desk(shared, desk, call).await?;
    match value {
        DeskReply::Page(page) => Ok((page, date)),
        _ => Err(CallError::new(FaultKind::Garbled, format!("{desk}: an answer of another kind"))),
    }
}

/// Learns who we are, who works there and which choices there are. What our user may not read
/// is not needed: owners are then looked up one by one, choices stay unchecked.
async fn learn(
    shared: &Shared,
    desk: &DeskKey,
    table: &TableName,
    requests: &[DeskRequest],
) -> Result<(), CallError> {
    learn_own_user(shared, desk).await?;
    learn_others(shared, desk).await;
    let users = active_users(shared, desk).await?;
    let mut directory = Directory::new();
    // What the store knows of people it knows from all of our users; where those see different ones, each
    // counts on what it sees itself.
    let apart = shared.settings.instance(&desk.instance).is_some_and(|i| !i.domain_users.is_empty());
    if !apart
        && let Ok(crate::model::ledger::Told::Users(known)) =
            shared.ask(Ask::Users(desk.instance.clone())).await
    {
        for user in known {
            directory.insert(user);
        }
    }
    {
        let mut board = lock(&shared.board);
        if let Some(old) = board.directories.get(desk) {
            directory.merge(old);
        }
        // What was read just now is what people are called.
        for user in &users {
            directory.insert(user.clone());
        }
        directory.forget_misses();
        board.learnt += 1;
        board.directories.insert(desk.clone(), Arc::new(directory));
    }
    let shape = shape_of(requests, table);
    let mut elements = vec![shape.status.clone(), shape.close_code.clone()];
    elements.extend(shape.severity.clone());
    let choices = DeskCall::Choices { table: table.clone(), elements };
    let choices = tolerate(read_desk(shared, desk, choices).await)?;
    if shared.mode != Mode::Plan {
        let _ = shared.ask(Ask::SaveUsers(desk.instance.clone(), users)).await;
        if let Some(DeskReply::Choices(choices)) = choices {
            let _ = shared.ask(Ask::SaveChoices(desk.instance.clone(), table.clone(), choices)).await;
        }
    }
    Ok(())
}

/// Learns under which name we write. Without it our own notes could not be told from others',
/// so nothing is synced until it is known: from the instance or from the config.
async fn learn_own_user(shared: &Shared, desk: &DeskKey) -> Result<(), CallError> {
    let configured = shared.settings.instance(&desk.instance).map(|i| i.own_user_of(desk));
    if configured.is_some_and(|user| !user.is_empty()) {
        return Ok(());
    }
    let answer = read_desk(shared, desk, DeskCall::Me).await?;
    let DeskReply::Users(users) = answer.value else { return Ok(()) };
    match users.into_iter().find(|u| !u.user_name.is_empty()) {
        Some(me) => {
            lock(&shared.board).own_users.insert(desk.clone(), me.user_name);
            Ok(())
        }
        None => Err(CallError::new(
            FaultKind::Forbidden,
            format!("{desk}: our own user cannot be read, so our notes could not be known again"),
        )
        .hint("let the user read its own row of sys_user, or set own_user for the instance")),
    }
}

/// Learns under which names our other users write to the instance, as far as each can sign in: what one of them
/// wrote before this route got another is ours all the same.
async fn learn_others(shared: &Shared, desk: &DeskKey) {
    let Some(instance) = shared.settings.instance(&desk.instance) else { return };
    for other in instance.desks() {
        let known = !instance.own_user_of(&other).is_empty()
            || lock(&shared.board).own_users.contains_key(&other)
            || other == *desk;
        if known {
            continue;
        }
        if let Ok(Answer { value: DeskReply::Users(users), .. }) =
            shared.desk(&other, DeskCall::Me, None).await
            && let Some(me) = users.into_iter().find(|u| !u.user_name.is_empty())
        {
            lock(&shared.board).own_users.insert(other, me.user_name);
        }
    }
}

async fn active_users(shared: &Shared, desk: &DeskKey) -> Result<Vec<User>, CallError> {
    let mut users: Vec<User> = Vec::new();
    for _ in 0..USER_PAGES {
        let after = users.last().map(|u| u.sys_id.clone());
        let call = DeskCall::Users(UserQuery::Active(after));
        let Some(DeskReply::Users(page)) = tolerate(read_desk(shared, desk, call).await)? else {
            break;
        };
        if page.is_empty() {
            break;
        }
        users.extend(page);
    }
    Ok(users)
}

/// What could not be read for lack of rights is done without; a side that is out is an error.
fn tolerate(outcome: Result<Answer<DeskReply>, CallError>) -> Result<Option<DeskReply>, CallError> {
    match outcome {
        Ok(answer) => Ok(Some(answer.value)),
        Err(error) if error.is_side_wide() && error.kind != FaultKind::Config => Err(error),
        Err(_) => Ok(None),
    }
}

/// Waits until somebody asks for a pass.
struct NextRequests {
    shared: Arc<Shared>,
    key: (DeskKey, TableName),
}

impl Future for NextRequests {
    type Output = Vec<DeskRequest>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut doors = self.shared.desk_requests.lock().unwrap_or_else(PoisonError::into_inner);
        let door = doors.entry(self.key.clone()).or_default();
        if door.requests.is_empty() {
            door.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(std::mem::take(&mut door.requests))
    }
}
