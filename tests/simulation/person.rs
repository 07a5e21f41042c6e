//! A person at a command line of ours, who reads both services by themselves: what they are shown before they
//! tie an incident and a record, and what they order.

use std::sync::Arc;

use async_trait::async_trait;
use diptych::http::{FailKind, HttpRequest, HttpResponse, Sent as Fate, Transport, TransportError};
use diptych::mapping::{Directory, TableSet, Tables};
use diptych::model::call::{DeskCall, DeskReply, SentinelCall, SentinelReply, UserKey, UserQuery};
use diptych::model::ledger::{Ask, Told};
use diptych::model::settings::WorkspaceSettings;
use diptych::model::{
    Command, CommandId, CommandState, Compared, IncidentId, InstanceKey, Link, LinkOrder, LinkState,
    LinkVerb, Shown, SysId, TableName, Verb, WorkspaceKey,
};
use diptych::sandbox::side::Side;
use diptych::sandbox::stage::Stage;
use diptych::sandbox::wire::Request;
use diptych::servicenow::RecordDesk;
use diptych::sync::PlanContext;
use diptych::sync::custom::custom_fields;
use diptych::sync::tie::{Pairing, compared, first_bases, refusal};

use super::process::clients;
use super::scheduler::Simulation;
use super::setting::{KEY, engine_settings};
use super::time::Time;
use super::wire::{DESK, SENTINEL, answer};

/// Who orders it.
const WHO: &str = "noor";
/// Times that users are looked up for one pair.
const LOOKUPS: u32 = 4;

/// A way to both services that no fault strikes, and that is none of the sync's.
struct Beside {
    stage: Arc<Stage>,
    time: Arc<Time>,
}

#[async_trait]
impl Transport for Beside {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let origin = request.url.origin().ascii_serialization();
        let side = match origin.as_str() {
            SENTINEL => Side::Sentinel,
            DESK => Side::ServiceNow,
            _ => {
                let message = "nobody answers there".into();
                return Err(TransportError { sent: Fate::NotSent, kind: FailKind::Connect, message });
            }
        };
        let carried = Request {
            method: request.method.word().to_owned(),
            origin,
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers: request.headers.iter().map(|(n, v)| (n.to_lowercase(), v.clone())).collect(),
            body: request.body.clone(),
        };
        let now = self.time.world();
        Ok(answer(self.stage.with_world(side, |w| w.handle(&carried, now)), Some(now)))
    }
}

impl Simulation {
    /// Every link of an incident, ended ones too, the oldest first.
    pub fn links_of(&self, guid: &str) -> Vec<LinkState> {
        self.ask_links(Ask::ByIncident(key(), vec![IncidentId::new(guid)]))
    }

    fn ask_links(&self, ask: Ask) -> Vec<LinkState> {
        match self.with_store(async |s| s.ask(ask).await) {
            Ok(Told::Links(links)) => links,
            _ => Vec::new(),
        }
    }

    /// A person ends a link. `None` when the store takes no order at this moment.
    pub fn unlink(&self, state: &LinkState) -> Option<CommandId> {
        let from = state.record.as_ref().map(|r| r.number.clone()).unwrap_or_default();
        let side = diptych::model::Side::ServiceNow;
        let command = Command {
            id: CommandId(0),
            workspace: key(),
            link: state.link.id,
            verb: Verb::Unlink,
            shown: vec![Shown { side, what: "link".into(), from, to: "unlinked".into() }],
            who: WHO.into(),
            at: self.world_time(),
            state: CommandState::Pending,
            result: String::new(),
        };
        self.with_store(async |s| s.give_command(command).await).ok()
    }

    /// A person ties an incident and a record, after a look at both. `None` when that is refused, or when
    /// neither service nor the store can be asked at this moment.
    pub fn tie(&self, guid: &str, sys_id: &str) -> Option<i64> {
        let order = LinkOrder {
            id: 0,
            workspace: key(),
            incident: IncidentId::new(guid),
            instance: instance(),
            table: self.table(),
            sys_id: SysId::new(sys_id),
            verb: LinkVerb::Link,
            shown: self.shown(guid, sys_id)?,
            who: WHO.into(),
            at: self.world_time(),
            state: CommandState::Pending,
            result: String::new(),
        };
        self.with_store(async |s| s.give_link_order(order).await).ok()
    }

    /// Where an order about a link that is to be made stands.
    pub fn order(&self, id: i64) -> Option<LinkOrder> {
        self.with_store(async |s| s.link_order(id).await).ok().flatten()
    }

    /// Where a command stands.
    pub fn command(&self, id: CommandId) -> Option<Command> {
        self.with_store(async |s| s.command(id).await).ok().flatten()
    }

    fn table(&self) -> TableName {
        TableName::new(self.setting.table).unwrap()
    }

    /// How both sides stand to each other, as the command line works it out.
    fn shown(&self, guid: &str, sys_id: &str) -> Option<Vec<Compared>> {
        let settings = engine_settings(&self.setting, WHO.into());
        let workspace = settings.workspaces.first()?;
        let way = Beside { stage: self.stage.clone(), time: self.time.clone() };
        let (source, desks) = clients(&self.setting, Arc::new(way), &self.time);
        let desk = desks.get(&settings.desk(&workspace.route))?;
        let (tables, mut directory) = self.known();
        let id = IncidentId::new(guid);
        let incident = match self.runtime.block_on(source.call(SentinelCall::Get(id.clone()))).ok()?.value {
            SentinelReply::Incident(incident) => *incident,
            _ => return None,
        };
        let mut shape = workspace.route.shape.clone();
        shape.custom =
            custom_fields(&context(workspace, &tables, &directory)).map(|f| f.column.clone()).collect();
        let sys_id = SysId::new(sys_id);
        let call = DeskCall::Get { table: self.table(), shape, sys_id: sys_id.clone() };
        let record = match self.runtime.block_on(desk.call(call)).ok()?.value {
            DeskReply::Record(record) => *record,
            _ => return None,
        };
        let of_incident = self.links_of(guid);
        let of_record = self.ask_links(Ask::AboutRecord(instance(), self.table(), sys_id.clone()));
        let pair = Pairing {
            verb: LinkVerb::Link,
            incident: &incident,
            record: &record,
            of_incident: &of_incident,
            of_record: &of_record,
        };
        if refusal(&pair, &context(workspace, &tables, &directory)).is_some() {
            return None;
        }
        let now = self.world_time();
        let mut state = LinkState::new(Link::new(key(), id, (instance(), self.table(), sys_id), now));
        (state.incident, state.incident_seen) = (Some(incident), now);
        (state.record, state.record_seen) = (Some(record), now);
        for _ in 0..LOOKUPS {
            let ctx = context(workspace, &tables, &directory);
            match first_bases(&state, &ctx, LinkVerb::Link, now) {
                Ok(bases) => return Some(compared(&state, &ctx, &bases)),
                Err(keys) => self.look_up(desk.as_ref(), &mut directory, keys)?,
            }
        }
        None
    }

    /// The tables in force and the users that the store knows.
    fn known(&self) -> (Tables, Directory) {
        let version = self.with_store(async |s| s.mapping_current().await).ok().flatten();
        let set = version.and_then(|v| TableSet::from_json(&v.body).ok());
        let mut directory = Directory::new();
        for user in self.with_store(async |s| s.users(&instance()).await).unwrap_or_default() {
            directory.insert(user);
        }
        (Tables::compile(&set.unwrap_or_else(TableSet::default_tables)), directory)
    }

    fn look_up(&self, desk: &dyn RecordDesk, directory: &mut Directory, keys: Vec<UserKey>) -> Option<()> {
        let call = DeskCall::Users(UserQuery::Keys(keys.clone()));
        let users = match self.runtime.block_on(desk.call(call)).ok()?.value {
            DeskReply::Users(users) => users,
            _ => Vec::new(),
        };
        directory.answer(&keys, users);
        Some(())
    }
}

fn context<'a>(
    workspace: &'a WorkspaceSettings,
    tables: &'a Tables,
    directory: &'a Directory,
) -> PlanContext<'a> {
    PlanContext { workspace, tables, directory }
}

fn key() -> WorkspaceKey {
    WorkspaceKey::new(KEY).unwrap()
}

fn instance() -> InstanceKey {
    InstanceKey::new("sn").unwrap()
}
