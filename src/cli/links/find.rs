//! Reads which incidents of a workspace have more than one record: from the instance by correlation ids,
//! and from the store by links.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cli::exit::{Exit, Failure};
use crate::cli::{incidents, lookup};
use crate::config::Config;
use crate::mapping::Tables;
use crate::model::call::{DeskCall, DeskReply, RecordPage, RecordQuery};
use crate::model::ledger::{Ask, Told};
use crate::model::settings::WorkspaceSettings;
use crate::model::{CallError, Choice, IncidentId, Life, LinkState, Record, RecordShape, SysId};
use crate::servicenow::RecordDesk;
use crate::store::Store;
use crate::sync::closed_partner::went_on;
use crate::sync::duplicates::{Copy, Fate, Hands, Question, Tie, hands_of, incident_of, judge};
use crate::sync::hand_over::store_app_ids;
use crate::sync::identity::{correlation_display, correlation_id};
use crate::text::Stamp;

/// Incidents in one query: each has up to four correlation ids, and an address has its limit.
const INCIDENTS: usize = 20;
/// Keys in one query of records, and links in one question to the store.
const KEYS: usize = 200;
/// Records in one query of journals.
const JOURNALS: usize = 100;

/// One incident with all of its records.
pub struct Found {
    /// The incident.
    pub incident: IncidentId,
    /// `workspace/4711`, or with the GUID where the store does not know the number.
    pub address: String,
    /// Its records.
    pub copies: Vec<Copy>,
    /// What becomes of each.
    pub fates: Vec<Fate>,
}

impl Found {
    /// True while a record is left that should not be there.
    pub fn is_open(&self) -> bool {
        self.fates.iter().any(|f| matches!(f, Fate::Close(_) | Fate::Leave(_)))
    }
}

/// A workspace, and what is needed to look at its records.
pub struct Desk<'a> {
    /// The workspace.
    pub settings: &'a WorkspaceSettings,
    /// Every workspace whose links may be about the same table.
    pub config: &'a Config,
    /// The store.
    pub store: &'a Store,
    desk: Arc<dyn RecordDesk>,
    shape: RecordShape,
    tables: Tables,
    choices: Vec<Choice>,
    own_user: String,
}

impl<'a> Desk<'a> {
    /// Gets ready: the tables in force, and which user we are.
    pub async fn open(
        config: &'a Config,
        store: &'a Store,
        settings: &'a WorkspaceSettings,
        desk: Arc<dyn RecordDesk>,
    ) -> Result<Self, Failure> {
        let route = &settings.route;
        let tables = Tables::compile(&lookup::in_force(store).await?.1);
        let choices = store.choices(&route.instance, &route.table).await?;
        let key = config.engine("", 0).desk(route);
        let told = config.instances.iter().find(|i| i.key == route.instance);
        let told = told.map(|i| i.own_user_of(&key).to_owned());
        let own_user = match told.filter(|u| !u.is_empty()) {
            Some(user) => user,
            None => me(desk.as_ref(), settings).await?,
        };
        let mut shape = route.shape.clone();
        // Whether a record is active no link needs to know, but who looks at duplicates does.
        shape.custom = vec!["active".into()];
        Ok(Self { settings, config, store, desk, shape, tables, choices, own_user })
    }

    /// Calls the instance; what it answers was checked against what was asked.
    pub async fn call(&self, call: DeskCall) -> Result<DeskReply, CallError> {
        self.desk.call(call).await.map(|answer| answer.value)
    }

    /// Names of the fields that are read.
    pub fn shape(&self) -> RecordShape {
        self.shape.clone()
    }

    /// Every incident with more than one record.
    pub async fn duplicates(&self) -> Result<Vec<Found>, Failure> {
        let numbers: BTreeMap<IncidentId, i64> = incidents::all(self.store)
            .await?
            .into_iter()
            .filter(|v| v.workspace == self.settings.key)
            .map(|v| (v.incident, v.incident_number))
            .collect();
        let mut ids: BTreeSet<IncidentId> = numbers.keys().cloned().collect();
        ids.extend(self.listed().await.map_err(failed)?);
        let ids: Vec<IncidentId> = ids.into_iter().collect();
        let mut found: BTreeMap<IncidentId, Vec<Record>> = BTreeMap::new();
        for chunk in ids.chunks(INCIDENTS) {
            for (incident, record) in self.correlated(chunk).await.map_err(failed)? {
                found.entry(incident).or_default().push(record);
            }
        }
        let links = self.links(found.keys()).await?;
        self.add_linked(&mut found, &links).await.map_err(failed)?;
        let mut copies: Vec<(IncidentId, Vec<Copy>, Option<String>)> = Vec::new();
        for (incident, records) in found {
            let absent = absent(&links, &incident, &records);
            if records.len() + usize::from(absent.is_some()) > 1 {
                let mut all = self.tied(&links, records).await?;
                // Those that were closed before it went on in another are no doubles of that.
                all.retain(|c| c.tie != Tie::Before);
                if all.len() + usize::from(absent.is_some()) > 1 {
                    copies.push((incident, all, absent));
                }
            }
        }
        self.read_hands(&mut copies).await;
        let key = &self.settings.key;
        let judged = copies.into_iter().map(|(incident, copies, absent)| {
            let mut fates = judge(&self.question(&incident), &copies);
            if let Some(why) = absent {
                // Without the linked one nothing can be said of the others.
                fates.fill(Fate::Leave(why));
            }
            let address = numbers
                .get(&incident)
                .map_or_else(|| format!("{key}/{}", incident.as_str()), |number| format!("{key}/{number}"));
            Found { incident, address, copies, fates }
        });
        Ok(judged.collect())
    }

    fn question<'q>(&'q self, incident: &'q IncidentId) -> Question<'q> {
        let settings = self.settings;
        Question {
            workspace: &settings.key,
            name: &settings.name,
            incident,
            table: &settings.route.table,
            shape: &settings.route.shape,
            tables: &self.tables,
            choices: &self.choices,
            own_user: &self.own_user,
        }
    }

    async fn page(&self, query: RecordQuery) -> Result<RecordPage, CallError> {
        let call = DeskCall::Records { table: self.settings.route.table.clone(), shape: self.shape(), query };
        match self.call(call).await? {
            DeskReply::Page(page) => Ok(page),
            _ => Ok(RecordPage::default()),
        }
    }

    /// The incidents of every record that carries our group key, those among them that the store has
    /// forgotten.
    async fn listed(&self) -> Result<BTreeSet<IncidentId>, CallError> {
        let settings = self.settings;
        let groups = vec![correlation_display(&settings.key)];
        let (mut ids, mut after) = (BTreeSet::new(), None);
        loop {
            let page = self.page(RecordQuery::Keys { groups: groups.clone(), after }).await?;
            let correlations =
                page.records.iter().filter_map(|r| r.value(&settings.route.shape.correlation_id));
            ids.extend(correlations.filter_map(|c| incident_of(c, &settings.key, &settings.name)));
            match page.next {
                Some(next) => after = Some(next.sys_id),
                None => return Ok(ids),
            }
        }
    }

    /// The records of these incidents by correlation id, in every form that is recognised.
    async fn correlated(&self, ids: &[IncidentId]) -> Result<Vec<(IncidentId, Record)>, CallError> {
        let settings = self.settings;
        let forms = |id: &IncidentId| {
            let mut forms = vec![correlation_id(&settings.key, id)];
            forms.extend(store_app_ids(&settings.name, id));
            forms
        };
        let page = self.page(RecordQuery::Correlation(ids.iter().flat_map(forms).collect())).await?;
        let ours = |record: Record| {
            let correlation = record.value(&settings.route.shape.correlation_id)?;
            let incident = incident_of(correlation, &settings.key, &settings.name)?;
            ids.contains(&incident).then_some((incident, record))
        };
        Ok(page.records.into_iter().filter_map(ours).collect())
    }

    async fn links(
        &self,
        ids: impl Iterator<Item = &IncidentId>,
    ) -> Result<BTreeMap<IncidentId, Vec<LinkState>>, Failure> {
        let ids: Vec<IncidentId> = ids.cloned().collect();
        let mut links: BTreeMap<IncidentId, Vec<LinkState>> = BTreeMap::new();
        for chunk in ids.chunks(KEYS) {
            let ask = Ask::ByIncident(self.settings.key.clone(), chunk.to_vec());
            let Told::Links(states) = self.store.ask(ask).await? else { continue };
            for state in states {
                links.entry(state.link.incident.clone()).or_default().push(state);
            }
        }
        Ok(links)
    }

    /// Reads the linked records that no correlation id leads to, of incidents that have others.
    async fn add_linked(
        &self,
        found: &mut BTreeMap<IncidentId, Vec<Record>>,
        links: &BTreeMap<IncidentId, Vec<LinkState>>,
    ) -> Result<(), CallError> {
        let mut missing: BTreeMap<SysId, IncidentId> = BTreeMap::new();
        for (incident, records) in found.iter() {
            for state in links.get(incident).into_iter().flatten() {
                let here = self.is_here(state) && state.link.life == Life::Live;
                if here && records.iter().all(|r| r.sys_id != state.link.sys_id) {
                    missing.insert(state.link.sys_id.clone(), incident.clone());
                }
            }
        }
        let ids: Vec<SysId> = missing.keys().filter(|id| id.is_plain()).cloned().collect();
        for chunk in ids.chunks(KEYS) {
            for record in self.page(RecordQuery::Ids(chunk.to_vec())).await?.records {
                let Some(incident) = missing.get(&record.sys_id) else { continue };
                found.entry(incident.clone()).or_default().push(record);
            }
        }
        Ok(())
    }

    /// True for a link to the table that is read.
    fn is_here(&self, state: &LinkState) -> bool {
        let route = &self.settings.route;
        state.link.instance == route.instance && state.link.table == route.table
    }

    /// What the store knows of records, whatever workspace ties them.
    async fn tied(
        &self,
        links: &BTreeMap<IncidentId, Vec<LinkState>>,
        records: Vec<Record>,
    ) -> Result<Vec<Copy>, Failure> {
        let ids: Vec<SysId> = records.iter().map(|r| r.sys_id.clone()).collect();
        let elsewhere = self.ties(&ids).await?;
        // A record that is being made may be found by the sync under any key.
        let making = |record: &Record| {
            let correlation = record.value(&self.shape.correlation_id)?;
            let incident = incident_of(correlation, &self.settings.key, &self.settings.name)?;
            let states = links.get(&incident)?;
            states.iter().any(|s| s.link.life == Life::Creating).then(|| {
                Tie::Other("the record of its incident is being made; let the sync finish first".into())
            })
        };
        let copy = |record: Record| {
            let tie = elsewhere.get(&record.sys_id).cloned().or_else(|| making(&record));
            let hands = hands_of(&record, &self.own_user);
            Copy { tie: tie.unwrap_or(Tie::None), hands, record }
        };
        Ok(records.into_iter().map(copy).collect())
    }

    /// The records among these that a link is about, of any workspace on the same table.
    pub async fn ties(&self, ids: &[SysId]) -> Result<BTreeMap<SysId, Tie>, Failure> {
        let route = &self.settings.route;
        let mut ties = BTreeMap::new();
        for workspace in &self.config.workspaces {
            let (instance, table) = (route.instance.clone(), route.table.clone());
            let ask = Ask::ByRecord(workspace.key.clone(), instance, table, ids.to_vec());
            let Told::Links(states) = self.store.ask(ask).await? else { continue };
            for state in states {
                let life = state.link.life;
                let tie = match life {
                    Life::Live => Tie::Linked,
                    Life::Creating => Tie::Other("the sync is making it; let it finish first".into()),
                    Life::Unlinked if went_on(&state) => Tie::Before,
                    Life::Gone | Life::Unlinked => {
                        Tie::Other(format!("link {} is about it, which is {}", state.link.id, life.word()))
                    }
                };
                // A live link counts for more than one of earlier.
                if tie == Tie::Linked || !ties.contains_key(&state.link.sys_id) {
                    ties.insert(state.link.sys_id, tie);
                }
            }
        }
        Ok(ties)
    }

    /// Looks for other authors in the journals of what nobody else seems to have written on.
    async fn read_hands(&self, found: &mut [(IncidentId, Vec<Copy>, Option<String>)]) {
        let ids: Vec<SysId> = found
            .iter()
            .flat_map(|(_, copies, _)| copies.iter().filter(|c| c.hands == Hands::OursAlone))
            .map(|c| c.record.sys_id.clone())
            .collect();
        let mut told: BTreeMap<SysId, Hands> = BTreeMap::new();
        for chunk in ids.chunks(JOURNALS) {
            told.extend(self.authors(chunk).await);
        }
        for copy in found.iter_mut().flat_map(|(_, copies, _)| copies) {
            if let Some(hands) = told.remove(&copy.record.sys_id) {
                copy.hands = hands;
            }
        }
    }

    /// Who else wrote into the journals of these records.
    pub async fn authors(&self, ids: &[SysId]) -> BTreeMap<SysId, Hands> {
        let mut elements = BTreeSet::from(["work_notes".to_owned(), "comments".to_owned()]);
        elements.insert(self.shape.notes.clone());
        let call = DeskCall::Journal {
            records: ids.to_vec(),
            elements: elements.into_iter().collect(),
            since: Stamp(0),
        };
        match self.call(call).await {
            Ok(DeskReply::Journal(entries)) => {
                let others = entries.into_iter().filter(|e| e.created_by != self.own_user);
                others.map(|e| (e.record, Hands::Others(e.created_by))).collect()
            }
            Ok(_) => BTreeMap::new(),
            Err(e) => ids.iter().map(|id| (id.clone(), Hands::Unknown(e.message.clone()))).collect(),
        }
    }

    /// Our own user.
    pub fn own_user(&self) -> &str {
        &self.own_user
    }
}

/// Why the record of a live link is not among those that were read; `None` when it is, or there is no link.
fn absent(
    links: &BTreeMap<IncidentId, Vec<LinkState>>,
    incident: &IncidentId,
    records: &[Record],
) -> Option<String> {
    let states = links.get(incident)?;
    let live = |s: &&LinkState| s.link.life == Life::Live;
    let missing =
        |s: &&LinkState| records.iter().all(|r| r.sys_id != s.link.sys_id || r.table != s.link.table);
    let state = states.iter().filter(live).find(missing)?;
    let number = state.record.as_ref().map_or(state.link.sys_id.as_str(), |r| r.number.as_str());
    Some(format!("its linked record {number} cannot be read in this table; look at the link first"))
}

/// The user we sign in with, as the instance has it.
async fn me(desk: &dyn RecordDesk, settings: &WorkspaceSettings) -> Result<String, Failure> {
    let answer = desk.call(DeskCall::Me).await.map_err(failed)?;
    let users = match answer.value {
        DeskReply::Users(users) => users,
        _ => Vec::new(),
    };
    users.into_iter().map(|u| u.user_name).find(|name| !name.is_empty()).ok_or_else(|| {
        let instance = &settings.route.instance;
        let text =
            format!("instance {instance}: our own user cannot be read, so it cannot be told what it wrote");
        Failure::new(Exit::Denied, text).hint("name it as own_user under [[instance]]")
    })
}

/// A failed call as the command's own failure.
pub fn failed(error: CallError) -> Failure {
    Failure::new(Exit::from(&error), error.message.clone()).hint(error.hint.clone())
}
