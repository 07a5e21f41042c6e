//! An incident and a record as they are now, read from both services, and how they stand to each other.

use std::sync::Arc;

use super::find::failed;
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::cli::{lookup, who};
use crate::engine::shell;
use crate::mapping::{Directory, Tables};
use crate::model::call::{
    DeskCall, DeskReply, ListFrom, RecordQuery, RowQuery, SentinelCall, SentinelReply, UserKey, UserQuery,
};
use crate::model::ledger::{Ask, Told};
use crate::model::settings::WorkspaceSettings;
use crate::model::{
    CallError, Compared, FaultKind, Incident, IncidentId, Link, LinkState, LinkVerb, Record, RecordShape,
    SysId,
};
use crate::sentinel::IncidentSource;
use crate::servicenow::RecordDesk;
use crate::store::Store;
use crate::sync::PlanContext;
use crate::sync::custom::custom_fields;
use crate::sync::tie::{Pairing, compared, first_bases, refusal};
use crate::text::escape_line;

/// Times that users are looked up for one pair.
const LOOKUPS: u32 = 4;

/// A workspace with both of its services.
pub struct Both<'a> {
    /// The workspace.
    pub settings: &'a WorkspaceSettings,
    store: &'a Store,
    source: Arc<dyn IncidentSource>,
    desk: Arc<dyn RecordDesk>,
    shape: RecordShape,
    tables: Tables,
    directory: Directory,
}

/// The workspaces of these settings, each with both of its services. Nothing is sent yet.
pub async fn open<'a>(
    session: &'a Session,
    chosen: Vec<&'a WorkspaceSettings>,
) -> Result<Vec<Both<'a>>, Failure> {
    let engine = session.config.engine(&who::holder("links"), 0);
    let sources = shell::sources(&engine, &session.config.connections)?;
    let desks = shell::desks(&engine, &session.config.connections)?;
    let tables = Tables::compile(&lookup::in_force(&session.store).await?.1);
    let mut all = Vec::new();
    for settings in chosen {
        let desk = desks.get(&engine.desk(&settings.route));
        let (Some(source), Some(desk)) = (sources.get(&settings.key), desk) else {
            continue;
        };
        let mut directory = Directory::new();
        for user in session.store.users(&settings.route.instance).await? {
            directory.insert(user);
        }
        let mut both = Both {
            settings,
            store: &session.store,
            source: source.clone(),
            desk: desk.clone(),
            shape: settings.route.shape.clone(),
            tables: tables.clone(),
            directory,
        };
        both.shape.custom = custom_fields(&both.context()).map(|f| f.column.clone()).collect();
        all.push(both);
    }
    Ok(all)
}

impl Both<'_> {
    /// The context of a plan.
    pub fn context(&self) -> PlanContext<'_> {
        PlanContext { workspace: self.settings, tables: &self.tables, directory: &self.directory }
    }

    /// `workspace/4711`.
    pub fn address(&self, incident: &Incident) -> String {
        format!("{}/{}", self.settings.key, incident.number)
    }

    /// One incident; `None` when there is none.
    pub async fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, Failure> {
        match self.source.call(SentinelCall::Get(id.clone())).await {
            Ok(answer) => Ok(match answer.value {
                SentinelReply::Incident(incident) => Some(*incident),
                _ => None,
            }),
            Err(error) if error.kind == FaultKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Every incident of that list, which begins there.
    pub async fn incidents(&self, mut from: ListFrom) -> Result<Vec<Incident>, Failure> {
        let mut all = Vec::new();
        loop {
            let answer = self.source.call(SentinelCall::List(from)).await.map_err(failed)?;
            let SentinelReply::Page(page) = answer.value else { return Ok(all) };
            all.extend(page.incidents);
            match page.next {
                Some(next) => from = ListFrom::Next(next),
                None => return Ok(all),
            }
        }
    }

    /// The one record of that number or key in the table of the route.
    pub async fn record(&self, text: &str) -> Result<Record, Failure> {
        let (route, text) = (&self.settings.route, text.trim());
        let id = SysId::new(text.to_ascii_lowercase());
        let where_to = format!(
            "table {} of instance {}, to which the route of workspace {} leads",
            route.table.as_str(),
            route.instance,
            self.settings.key
        );
        let nothing = || {
            Failure::new(Exit::NotFound, format!("there is no record {} in {where_to}", escape_line(text)))
                .hint(
                    "a record of another table or instance cannot be linked; write its number or its sys_id",
                )
        };
        let id = if text.len() == 32 && id.is_plain() {
            id
        } else {
            let fields = vec!["number".to_owned()];
            let query = RowQuery::All(vec![("number".to_owned(), text.to_uppercase())]);
            let call = DeskCall::Rows { table: route.table.clone(), fields, query };
            let rows = match self.desk.call(call).await.map_err(failed)?.value {
                DeskReply::Rows(rows) => rows,
                _ => Vec::new(),
            };
            match rows.as_slice() {
                [one] => one.sys_id.clone(),
                [] => return Err(nothing()),
                many => {
                    let ids: Vec<String> = many.iter().map(|r| r.sys_id.to_string()).collect();
                    let text = format!("{} means several records in {where_to}:", escape_line(text));
                    return Err(Failure::new(Exit::NotFound, format!("{text}\n  {}", ids.join("\n  ")))
                        .hint("name one by its sys_id"));
                }
            }
        };
        let call = DeskCall::Get { table: route.table.clone(), shape: self.shape.clone(), sys_id: id };
        match self.desk.call(call).await {
            Ok(answer) => match answer.value {
                DeskReply::Record(record) => Ok(*record),
                _ => Err(nothing()),
            },
            Err(error) if error.kind == FaultKind::NotFound => Err(nothing()),
            Err(error) => Err(failed(error)),
        }
    }

    /// The records that carry one of these correlation ids.
    pub async fn correlated(&self, ids: Vec<String>) -> Result<Vec<Record>, CallError> {
        let call = DeskCall::Records {
            table: self.settings.route.table.clone(),
            shape: self.shape.clone(),
            query: RecordQuery::Correlation(ids),
        };
        match self.desk.call(call).await?.value {
            DeskReply::Page(page) => Ok(page.records),
            _ => Ok(Vec::new()),
        }
    }

    /// How both sides stand to each other, or why they may not be tied.
    pub async fn compare(
        &mut self,
        verb: LinkVerb,
        incident: &Incident,
        record: &Record,
    ) -> Result<Result<Vec<Compared>, String>, Failure> {
        let route = &self.settings.route;
        let key = (route.instance.clone(), route.table.clone(), record.sys_id.clone());
        let of_incident = Ask::ByIncident(self.settings.key.clone(), vec![incident.id.clone()]);
        let of_incident = links(self.store, of_incident).await?;
        let (instance, table, sys_id) = key.clone();
        let of_record = links(self.store, Ask::AboutRecord(instance, table, sys_id)).await?;
        let pair = Pairing { verb, incident, record, of_incident: &of_incident, of_record: &of_record };
        if let Some(why) = refusal(&pair, &self.context()) {
            return Ok(Err(why));
        }
        let link = Link::new(self.settings.key.clone(), incident.id.clone(), key, who::now());
        let mut state = LinkState::new(link);
        (state.incident, state.incident_seen) = (Some(incident.clone()), who::now());
        (state.record, state.record_seen) = (Some(record.clone()), who::now());
        for _ in 0..LOOKUPS {
            match first_bases(&state, &self.context(), verb, who::now()) {
                Ok(bases) => return Ok(Ok(compared(&state, &self.context(), &bases))),
                Err(keys) => self.look_up(keys).await?,
            }
        }
        Ok(Err("who owns them cannot be looked up in ServiceNow".into()))
    }

    async fn look_up(&mut self, keys: Vec<UserKey>) -> Result<(), Failure> {
        let users = match self.desk.call(DeskCall::Users(UserQuery::Keys(keys.clone()))).await {
            Ok(answer) => match answer.value {
                DeskReply::Users(users) => users,
                _ => Vec::new(),
            },
            Err(error) if error.is_side_wide() && error.kind != FaultKind::Config => {
                return Err(failed(error));
            }
            // Our user may not read users: nobody is found, as the sync finds nobody.
            Err(_) => Vec::new(),
        };
        self.directory.answer(&keys, users);
        Ok(())
    }
}

async fn links(store: &Store, ask: Ask) -> Result<Vec<LinkState>, Failure> {
    match store.ask(ask).await? {
        Told::Links(links) => Ok(links),
        _ => Ok(Vec::new()),
    }
}

/// Where an incident is meant to be, and which one.
enum Meant {
    Number(i64),
    Guid(IncidentId),
}

/// The one incident of that address, and which of the workspaces it is of.
pub async fn incident_at(
    session: &Session,
    all: &[Both<'_>],
    address: &str,
) -> Result<(usize, Incident), Failure> {
    let address = address.trim();
    let guid = |text: &str| (text.len() == 36).then(|| IncidentId::new(text));
    let (place, meant) = match address.split_once('/') {
        Some((place, rest)) => match (guid(rest), rest.parse::<i64>()) {
            (Some(id), _) => (Some(place.to_owned()), Meant::Guid(id)),
            (None, Ok(number)) => (Some(place.to_owned()), Meant::Number(number)),
            _ => return Err(nothing(address)),
        },
        None => match guid(address) {
            Some(id) => (None, Meant::Guid(id)),
            None => {
                let (workspace, id) = linked(session, address).await?;
                (Some(workspace), Meant::Guid(id))
            }
        },
    };
    let mut hits = Vec::new();
    for (i, both) in all.iter().enumerate() {
        if place.as_ref().is_some_and(|p| both.settings.key.as_str() != p) {
            continue;
        }
        match &meant {
            Meant::Number(number) => {
                let listed = both.incidents(ListFrom::Number(*number)).await?;
                // What the service makes of a filter is looked at, as ever.
                let ours = listed.into_iter().filter(|found| found.number == *number);
                hits.extend(ours.map(|found| (i, found)));
            }
            Meant::Guid(id) => hits.extend(both.incident(id).await?.map(|found| (i, found))),
        }
    }
    if hits.len() > 1 {
        let lines: Vec<String> = hits
            .iter()
            .map(|(i, n)| format!("  {}/{} {}", all[*i].settings.key, n.id.as_str(), n.title))
            .collect();
        let text = format!("{} means {} incidents:\n{}", escape_line(address), hits.len(), lines.join("\n"));
        return Err(Failure::new(Exit::NotFound, text).hint("name one as workspace/GUID"));
    }
    hits.pop().ok_or_else(|| nothing(address))
}

/// The incident of a link, ended or not.
async fn linked(session: &Session, address: &str) -> Result<(String, IncidentId), Failure> {
    let mut views = session.store.find(address).await?;
    views.dedup_by(|a, b| (&a.workspace, &a.incident) == (&b.workspace, &b.incident));
    match views.as_slice() {
        [one] => Ok((one.workspace.as_str().to_owned(), one.incident.clone())),
        [] => Err(nothing(address)),
        many => {
            let lines: Vec<String> =
                many.iter().map(|v| format!("  {}/{} {}", v.workspace, v.incident_number, v.title)).collect();
            let text =
                format!("{} means {} incidents:\n{}", escape_line(address), many.len(), lines.join("\n"));
            Err(Failure::new(Exit::NotFound, text).hint("name one as workspace/4711"))
        }
    }
}

fn nothing(address: &str) -> Failure {
    let text = format!("no enabled workspace of the config has the incident {}", escape_line(address));
    Failure::new(Exit::NotFound, text).hint("write workspace/4711, workspace/GUID or a GUID")
}
