//! The clients of every workspace and instance, built when they are first needed and built anew
//! after a refused sign-in, so that a rotated secret heals a source without a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use crate::config::{self, Connections, WorkspaceConnection};
use crate::http::{
    Base, Clock, Roots, Secret, SystemClock, TokenCache, Transport, WireOptions, WireTransport,
};
use crate::model::call::{SentinelCall, SentinelOutcome};
use crate::model::settings::{EngineSettings, InstanceSettings};
use crate::model::{CallError, DeskKey, FaultKind, InstanceKey, WorkspaceKey};
use crate::sentinel::{
    ArmClient, ArmGates, ArmRates, ArmSettings, EntraGrant, EntraSettings, IncidentSource,
};
use crate::servicenow::RecordDesk;

use super::lazy_desk::{LazyDesk, Signing};
use super::{EngineError, EngineOptions};

/// Incident sources by workspace.
pub type Sources = BTreeMap<WorkspaceKey, Arc<dyn IncidentSource>>;
/// Record desks by instance and the user that signs in there.
pub type Desks = BTreeMap<DeskKey, Arc<dyn RecordDesk>>;

/// Every client.
pub struct Clients {
    /// Incident sources.
    pub sources: Sources,
    /// Record desks.
    pub desks: Desks,
    /// The clock they share.
    pub clock: Arc<dyn Clock>,
    gates: Vec<Arc<ArmGates>>,
}

impl Clients {
    /// Prepares the clients of the enabled workspaces and their instances. No secret is read and
    /// nothing is sent yet.
    ///
    /// # Errors
    /// Says which address, certificate file or name cannot be right.
    pub fn build(options: &EngineOptions) -> Result<Self, EngineError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let connections = &options.connections;
        let shared = transport(connections, None)?;
        let (sources, gates) = sources_at(&options.settings, connections, &clock, &shared)?;
        let desks = desks_at(&options.settings, connections, &clock, &shared)?;
        Ok(Self { sources, desks, clock, gates })
    }
}

impl Clients {
    /// Divides the documented limits by the number of processes that share them (D36).
    pub fn share_limits(&self, holders: u32) {
        for gates in &self.gates {
            gates.set_share(holders.max(1));
        }
    }
}

/// The record desks alone, for a command that asks no incident source. No secret is read and nothing is sent
/// yet.
///
/// # Errors
/// As of [`Clients::build`].
pub fn desks(settings: &EngineSettings, connections: &Connections) -> Result<Desks, EngineError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let shared = transport(connections, None)?;
    desks_at(settings, connections, &clock, &shared)
}

/// The incident sources alone, as [`desks`].
///
/// # Errors
/// As of [`Clients::build`].
pub fn sources(settings: &EngineSettings, connections: &Connections) -> Result<Sources, EngineError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let shared = transport(connections, None)?;
    Ok(sources_at(settings, connections, &clock, &shared)?.0)
}

/// A source for each enabled workspace, and the gates that those of one principal share.
fn sources_at(
    settings: &EngineSettings,
    connections: &Connections,
    clock: &Arc<dyn Clock>,
    shared: &Arc<dyn Transport>,
) -> Result<(Sources, Vec<Arc<ArmGates>>), EngineError> {
    let mut sources = Sources::new();
    let mut gates: BTreeMap<(String, String), Arc<ArmGates>> = BTreeMap::new();
    for settings in settings.workspaces.iter().filter(|w| w.enabled) {
        let Some(connection) = connections.workspace(&settings.key) else {
            return Err(setup(format!("workspace {} has no connection", settings.key)));
        };
        let principal = (connection.subscription.clone(), connection.client_id.clone());
        let gates = gates.entry(principal).or_insert_with(|| Arc::new(ArmGates::new(&rates()))).clone();
        let source = LazySource {
            arm: arm_settings(connection)?,
            connection: connection.clone(),
            gates,
            transport: shared.clone(),
            clock: clock.clone(),
            client: Mutex::new(None),
        };
        sources.insert(settings.key.clone(), Arc::new(source));
    }
    Ok((sources, gates.into_values().collect()))
}

/// A desk for each user of an instance that an enabled workspace needs.
fn desks_at(
    settings: &EngineSettings,
    connections: &Connections,
    clock: &Arc<dyn Clock>,
    shared: &Arc<dyn Transport>,
) -> Result<Desks, EngineError> {
    let mut desks = Desks::new();
    let used = settings.workspaces.iter().filter(|w| w.enabled).map(|w| &w.route.instance);
    let used: BTreeSet<&InstanceKey> = used.collect();
    if let Some(key) = used.iter().find(|key| settings.instance(key).is_none()) {
        return Err(setup(format!("instance {key} has no connection")));
    }
    for key in used.into_iter().filter_map(|key| settings.instance(key)).flat_map(InstanceSettings::desks) {
        let connection = connections.instance(&key.instance);
        let Some((connection, sign_in)) = connection.and_then(|c| Some((c, c.sign_in_of(&key)?))) else {
            return Err(setup(format!("{key} has no connection")));
        };
        let transport = match &connection.ca_file {
            Some(_) => transport(connections, connection.ca_file.clone())?,
            None => shared.clone(),
        };
        let base =
            Base::parse(connection.url.as_str(), true).map_err(|why| setup(format!("{key}: {why}")))?;
        let signing =
            Signing { desk: key.clone(), sign_in: sign_in.clone(), page_size: connection.page_size };
        desks.insert(key, Arc::new(LazyDesk::new(base, signing, transport, clock.clone())));
    }
    Ok(desks)
}

fn setup(message: String) -> EngineError {
    EngineError::Setup(message)
}

/// The resource manager's own limits are kept. The provider's five-minute figures are documented
/// as minimum values that may be higher in practice, so its own refusals are heeded instead of
/// assuming the lowest.
fn rates() -> ArmRates {
    ArmRates { parts: None, puts: None, ..ArmRates::default() }
}

fn transport(
    connections: &Connections,
    ca_file: Option<std::path::PathBuf>,
) -> Result<Arc<dyn Transport>, EngineError> {
    let settings = &connections.transport;
    let roots = match ca_file.or_else(|| settings.ca_file.clone()) {
        Some(file) => Roots::SystemAnd(file),
        None => Roots::System,
    };
    let options = WireOptions {
        roots,
        proxy: settings.proxy.as_ref().map(ToString::to_string),
        connect_timeout: settings.connect_timeout,
        total_timeout: settings.timeout,
        ..WireOptions::default()
    };
    let transport = WireTransport::new(&options).map_err(|why| setup(format!("transport: {why}")))?;
    Ok(Arc::new(transport))
}

fn arm_settings(connection: &WorkspaceConnection) -> Result<ArmSettings, EngineError> {
    let wrong = |why: String| setup(format!("workspace {}: {why}", connection.key));
    let base = Base::parse(connection.url.as_str(), true).map_err(wrong)?;
    let mut arm = ArmSettings::new(
        base,
        connection.key.clone(),
        &connection.subscription,
        &connection.resource_group,
        &connection.name,
    );
    arm.api_version.clone_from(&connection.api_version);
    arm.merge_api_version.clone_from(&connection.merge_api_version);
    arm.page_size = connection.page_size;
    arm.check().map_err(wrong)?;
    Ok(arm)
}

/// Reads secrets off the runtime's threads: a command may take seconds.
pub(super) async fn fetch(secrets: Vec<config::Secret>, who: &str) -> Result<Vec<Secret>, CallError> {
    let read = tokio::task::spawn_blocking(move || {
        secrets.iter().map(config::Secret::fetch).collect::<Result<Vec<_>, _>>()
    })
    .await;
    match read {
        Ok(Ok(texts)) => Ok(texts.iter().map(|t| Secret::new(t.expose_secret())).collect()),
        Ok(Err(problem)) => {
            Err(CallError::new(FaultKind::SignIn, format!("{who}: a secret cannot be read: {problem}"))
                .hint(problem.hint))
        }
        Err(_) => Err(CallError::new(FaultKind::SignIn, format!("{who}: reading a secret was cut short"))),
    }
}

/// A workspace's client, built with the secrets of the moment.
struct LazySource {
    arm: ArmSettings,
    connection: WorkspaceConnection,
    gates: Arc<ArmGates>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    client: Mutex<Option<Arc<ArmClient>>>,
}

impl LazySource {
    async fn client(&self) -> Result<Arc<ArmClient>, CallError> {
        let mut kept = self.client.lock().await;
        if let Some(client) = kept.as_ref() {
            return Ok(client.clone());
        }
        let who = format!("workspace {}", self.connection.key);
        let wrong = |why: String| CallError::new(FaultKind::Config, format!("{who}: {why}"));
        let secrets = fetch(self.connection.secrets.clone(), &who).await?;
        let authority = Base::parse(self.connection.authority.as_str(), true).map_err(wrong)?;
        let settings = EntraSettings {
            authority,
            audience: self.arm.base.clone(),
            tenant: self.connection.tenant.clone(),
            client_id: self.connection.client_id.clone(),
            scope: self.connection.scope.clone(),
        };
        let grant =
            EntraGrant::new(settings, secrets, self.transport.clone(), self.clock.clone()).map_err(wrong)?;
        let tokens = Arc::new(TokenCache::new(grant, self.clock.clone()));
        let client = ArmClient::new(
            self.arm.clone(),
            self.transport.clone(),
            self.clock.clone(),
            self.gates.clone(),
            tokens,
        )
        .map_err(wrong)?;
        let client = Arc::new(client);
        *kept = Some(client.clone());
        Ok(client)
    }
}

#[async_trait::async_trait]
impl IncidentSource for LazySource {
    async fn call(&self, call: SentinelCall) -> SentinelOutcome {
        let outcome = self.client().await?.call(call).await;
        if outcome.as_ref().is_err_and(|e| e.kind == FaultKind::SignIn) {
            *self.client.lock().await = None;
        }
        outcome
    }
}
