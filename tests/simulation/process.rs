//! One engine process: its machine and its clients, which die and are born together.

use std::collections::BTreeMap;
use std::sync::Arc;

use diptych::engine::machine::{Machine, Mode, Now};
use diptych::http::{Base, Clock, Secret, TokenCache, Transport};
use diptych::model::{DeskKey, InstanceKey, WorkspaceKey};
use diptych::sentinel::{
    ArmClient, ArmGates, ArmRates, ArmSettings, EntraGrant, EntraSettings, IncidentSource,
};
use diptych::servicenow::{DeskClient, DeskLogin, DeskSettings, RecordDesk, desk_tokens};
use diptych::sync::marker::MarkerKeys;

use super::setting::{KEY, SUBSCRIPTION, Setting, TENANT, USER, WORKSPACE, engine_settings};
use super::time::Time;
use super::wire::{DESK, OfLife, SENTINEL, WorldTransport};

/// One life of one engine process.
pub struct Process {
    /// Counts all lives of all processes; replies of an earlier one are lost.
    pub life: u32,
    pub machine: Machine,
    pub source: Arc<dyn IncidentSource>,
    pub desks: Desks,
}

/// A desk for each user that signs in to ServiceNow.
pub type Desks = BTreeMap<DeskKey, Arc<dyn RecordDesk>>;

impl Process {
    pub fn new(
        setting: &Setting,
        life: u32,
        now: Now,
        transport: &Arc<WorldTransport>,
        time: &Arc<Time>,
    ) -> Self {
        let keys = MarkerKeys::new([b"simulation".to_vec()]);
        let settings = engine_settings(setting, holder(life));
        let machine = Machine::new(settings, keys, BTreeMap::new(), Mode::Run, now);
        let transport: Arc<dyn Transport> = Arc::new(OfLife { transport: transport.clone(), life });
        let (source, desks) = clients(setting, transport, time);
        Self { life, machine, source, desks }
    }
}

/// How the process of that life signs a lease.
pub fn holder(life: u32) -> String {
    format!("simulation {life}")
}

pub(super) fn clients(
    setting: &Setting,
    transport: Arc<dyn Transport>,
    time: &Arc<Time>,
) -> (Arc<dyn IncidentSource>, Desks) {
    let clock: Arc<dyn Clock> = time.clone();
    let base = Base::parse(SENTINEL, false).unwrap();
    let entra = EntraSettings {
        authority: base.clone(),
        audience: base.clone(),
        tenant: TENANT.into(),
        client_id: "app".into(),
        scope: format!("{SENTINEL}/.default"),
    };
    let grant =
        EntraGrant::new(entra, vec![Secret::new("secret")], transport.clone(), clock.clone()).unwrap();
    let tokens = Arc::new(TokenCache::new(grant, clock.clone()));
    let gates = Arc::new(ArmGates::new(&ArmRates::off()));
    let key = WorkspaceKey::new(KEY).unwrap();
    let mut arm = ArmSettings::new(base, key, SUBSCRIPTION, "soc", WORKSPACE);
    arm.page_size = setting.page.0;
    let source = ArmClient::new(arm, transport.clone(), clock.clone(), gates, tokens).unwrap();
    let base = Base::parse(DESK, false).unwrap();
    let instance = InstanceKey::new("sn").unwrap();
    let desk = |user: &str| -> Arc<dyn RecordDesk> {
        let login = DeskLogin::Basic { user: user.into(), password: Secret::new("password") };
        let tokens = desk_tokens(&base, login, transport.clone(), clock.clone()).unwrap();
        let mut settings = DeskSettings::new(base.clone(), instance.clone());
        settings.page_limit = setting.page.1;
        Arc::new(DeskClient::new(settings, transport.clone(), clock.clone(), tokens).unwrap())
    };
    let key = |domain: &str| DeskKey { instance: instance.clone(), domain: domain.into() };
    let mut desks = Desks::from([(key(""), desk(USER))]);
    if !setting.domain_user.is_empty() {
        desks.insert(key(setting.domain), desk(setting.domain_user));
    }
    (Arc::new(source), desks)
}
