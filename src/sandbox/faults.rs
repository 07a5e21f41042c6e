//! Named faults of a server and of the network before it, and the plan that decides when one
//! strikes.
//!
//! A plan is pure: the seed, the requests in their order and the moments they arrive decide
//! everything. Each kind counts how often it struck, so that a run can prove it met them all.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};

use super::latency::Latency;
use super::side::{Side, is_write, operation};
use super::wire::Request;
use crate::text::Stamp;

mod bodies;
mod kinds;

pub(crate) use bodies::fault_response;
pub use kinds::FaultKind;

/// How often faults strike, and which.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Profile {
    /// Never.
    #[default]
    None,
    /// 1 % of exchanges, any kind.
    Light,
    /// 5 % of exchanges, any kind.
    Default,
    /// 30 % of exchanges, any kind.
    Heavy,
    /// Like `default`, but the first 30 s of every 120 s are an outage that fails 80 % of
    /// exchanges with 503, 429 and time-outs.
    Storm,
    /// One kind only, on one side or on both.
    Only {
        /// The kind.
        kind: FaultKind,
        /// The side, or both.
        side: Option<Side>,
        /// Share of the exchanges it applies to, 0 to 1.
        rate: f64,
    },
}

/// Period and length of a storm in microseconds of world time.
const STORM: (i64, i64) = (120_000_000, 30_000_000);

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Profile::None => f.write_str("none"),
            Profile::Light => f.write_str("light"),
            Profile::Default => f.write_str("default"),
            Profile::Heavy => f.write_str("heavy"),
            Profile::Storm => f.write_str("storm"),
            Profile::Only { kind, side: None, rate } => write!(f, "only:{kind}={rate}"),
            Profile::Only { kind, side: Some(side), rate } => write!(f, "only:{side}.{kind}={rate}"),
        }
    }
}

impl FromStr for Profile {
    type Err = String;

    /// Reads `none`, `light`, `default`, `heavy`, `storm`, or `only:<kind>[=rate]` where the kind
    /// may carry a side (`only:servicenow.timeout-after=0.2`) and the rate is 1 when absent.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some(only) = text.strip_prefix("only:") else {
            return match text {
                "none" => Ok(Profile::None),
                "light" => Ok(Profile::Light),
                "default" => Ok(Profile::Default),
                "heavy" => Ok(Profile::Heavy),
                "storm" => Ok(Profile::Storm),
                other => Err(format!(
                    "{other:?} is no fault profile; use none, light, default, heavy, storm or only:<kind>[=rate]"
                )),
            };
        };
        let (target, rate) = match only.split_once('=') {
            Some((target, rate)) => (target, rate.parse::<f64>().unwrap_or(f64::NAN)),
            None => (only, 1.0),
        };
        if !(0.0..=1.0).contains(&rate) {
            return Err(format!("the rate in {text:?} must lie between 0 and 1"));
        }
        let (side, kind) = match target.split_once('.') {
            Some((side, kind)) => (Some(side.parse()?), kind),
            None => (None, target),
        };
        Ok(Profile::Only { kind: kind.parse()?, side, rate })
    }
}

/// A time in which one side fails most of its exchanges with 503, 429 and time-outs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outage {
    /// The side.
    pub side: Side,
    /// When it begins.
    pub from: Stamp,
    /// When it is over.
    pub until: Stamp,
    /// Share of the exchanges that fail, 0 to 1.
    pub share: f64,
}

/// Decides for each exchange whether a fault strikes and which, and holds the injected latency.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    profile: Profile,
    rng: fastrand::Rng,
    struck: BTreeMap<(Side, FaultKind), u64>,
    exchanges: BTreeMap<Side, u64>,
    /// Side, kind, and whether only a write may have it.
    ordered: Vec<(Side, FaultKind, bool)>,
    outages: Vec<Outage>,
    /// Delays that hold for every answer, fault or not.
    pub latency: Latency,
    /// How long a time-out keeps the connection open without a byte before it closes it.
    pub hang: Duration,
    /// How long a ServiceNow transaction may go on after its client gave up; a client's settle
    /// time must be longer. A real instance has 60 s, the sandbox 1 s.
    pub transaction: Duration,
    /// The latest that a late answer comes, and the time that a dripping body takes.
    pub late: Duration,
}

impl FaultPlan {
    /// A plan whose draws depend on the seed and on the requests it is asked about.
    pub fn new(profile: Profile, latency: Latency, seed: u64) -> Self {
        Self {
            profile,
            rng: fastrand::Rng::with_seed(seed ^ 0xFA17_FA17),
            struck: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            ordered: Vec::new(),
            outages: Vec::new(),
            latency,
            hang: Duration::from_secs(40),
            transaction: Duration::from_secs(1),
            late: Duration::from_secs(5),
        }
    }

    /// The profile in force.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Changes the profile from the next exchange on; counters go on.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// Orders one fault: it strikes the next exchange of that side that it fits, whatever the
    /// profile says. Several orders wait for their exchanges in turn.
    pub fn strike_next(&mut self, side: Side, kind: FaultKind) {
        self.ordered.push((side, kind, false));
    }

    /// The same, for the next write.
    pub fn strike_next_write(&mut self, side: Side, kind: FaultKind) {
        self.ordered.push((side, kind, true));
    }

    /// Orders an outage, whatever the profile says.
    pub fn add_outage(&mut self, outage: Outage) {
        self.outages.push(outage);
    }

    /// Forgets every order and outage that has not come to pass.
    pub fn forget_orders(&mut self) {
        self.ordered.clear();
        self.outages.clear();
    }

    /// How often each kind struck each side; kinds that never did are absent.
    pub fn struck(&self) -> &BTreeMap<(Side, FaultKind), u64> {
        &self.struck
    }

    /// Faults that struck one side in total.
    pub fn struck_on(&self, side: Side) -> u64 {
        self.struck.iter().filter(|((s, _), _)| *s == side).map(|(_, n)| n).sum()
    }

    /// Profile, exchanges and counters as JSON, with every kind named once so that a reader can
    /// see what there is.
    pub fn report(&self) -> Value {
        let mut counts = serde_json::Map::new();
        for side in Side::BOTH {
            let kinds: serde_json::Map<String, Value> = FaultKind::all()
                .filter(|kind| kind.belongs_to(side))
                .map(|kind| {
                    let n = self.struck.get(&(side, kind)).copied().unwrap_or(0);
                    (kind.to_string(), json!(n))
                })
                .collect();
            let exchanges = self.exchanges.get(&side).copied().unwrap_or(0);
            counts.insert(side.name().into(), json!({"exchanges": exchanges, "struck": kinds}));
        }
        json!({"profile": self.profile.to_string(), "sides": counts})
    }

    /// Draws for one exchange at `now`. The caller reports back with [`FaultPlan::count`] when
    /// the fault really struck.
    pub(crate) fn draw(&mut self, side: Side, request: &Request, now: Stamp) -> Option<FaultKind> {
        *self.exchanges.entry(side).or_default() += 1;
        if let Some(kind) = self.take_order(side, request) {
            return Some(kind);
        }
        let raging = |o: &&Outage| o.side == side && o.from <= now && now < o.until;
        let raging = self.outages.iter().find(raging).map(|o| o.share);
        let (rate, outage) = match self.profile {
            _ if raging.is_some() => (raging.unwrap_or_default(), true),
            Profile::None => return None,
            Profile::Light => (0.01, false),
            Profile::Default => (0.05, false),
            Profile::Heavy => (0.30, false),
            Profile::Storm if now.0.rem_euclid(STORM.0) < STORM.1 => (0.80, true),
            Profile::Storm => (0.05, false),
            Profile::Only { kind, side: at, rate } => {
                let here = at.is_none_or(|s| s == side) && kind.fits(side, &nature(side, request));
                return (here && self.rng.f64() < rate).then_some(kind);
            }
        };
        if self.rng.f64() >= rate {
            return None;
        }
        let nature = nature(side, request);
        let fitting: Vec<FaultKind> = FaultKind::all()
            .filter(|kind| kind.fits(side, &nature) && kind.comes_and_goes() && (!outage || kind.is_outage()))
            // A journal entry has no key: delivered twice it stands there twice, and no client in
            // the world can help it. Only asked for by name.
            .filter(|kind| *kind != FaultKind::Duplicate || !appends(side, request))
            .collect();
        self.rng.choice(fitting)
    }

    /// The first ordered fault that fits this exchange.
    fn take_order(&mut self, side: Side, request: &Request) -> Option<FaultKind> {
        let here = self.ordered.iter().any(|(s, ..)| *s == side);
        let nature = here.then(|| nature(side, request))?;
        // What cannot be survived is only played by a profile that names it.
        let hopeless = |kind: FaultKind| kind == FaultKind::Duplicate && appends(side, request);
        let fits = |(s, kind, write): &(Side, FaultKind, bool)| {
            *s == side && kind.fits(side, &nature) && (!write || nature.write) && !hopeless(*kind)
        };
        let at = self.ordered.iter().position(fits)?;
        Some(self.ordered.remove(at).1)
    }

    pub(crate) fn count(&mut self, side: Side, kind: FaultKind) {
        *self.struck.entry((side, kind)).or_default() += 1;
    }

    /// A number below `end` from the plan's own draws; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.rng.usize(..end) }
    }
}

/// What a request asks, as far as faults care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nature {
    /// Asks for a token, or where to ask for one.
    pub token: bool,
    /// Can change something.
    pub write: bool,
    /// Follows a link to a further page.
    pub follows: bool,
    /// One of [`super::side::operations`].
    pub operation: &'static str,
}

pub(crate) fn nature(side: Side, request: &Request) -> Nature {
    let operation = operation(side, request);
    let token = matches!(operation, "token" | "discovery");
    let follows = request.query.to_lowercase().contains("skiptoken=");
    Nature { token, write: is_write(side, request), follows, operation }
}

/// True for a write that appends to a journal.
fn appends(side: Side, request: &Request) -> bool {
    let has = |name: &str| request.body.windows(name.len()).any(|w| w == name.as_bytes());
    side == Side::ServiceNow && (has("\"work_notes\"") || has("\"comments\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request { method: "PATCH".into(), path: "/api/now/table/incident/1".into(), ..Request::default() }
    }

    fn draws(profile: Profile, seed: u64, now: i64) -> Vec<Option<FaultKind>> {
        let mut plan = FaultPlan::new(profile, Latency::default(), seed);
        (0..2000).map(|_| plan.draw(Side::ServiceNow, &request(), Stamp(now))).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        assert_eq!(draws(Profile::Heavy, 7, 0), draws(Profile::Heavy, 7, 0));
        assert_ne!(draws(Profile::Heavy, 7, 0), draws(Profile::Heavy, 8, 0));
    }

    #[test]
    fn rates_are_what_the_profiles_promise() {
        let share = |p| draws(p, 1, 60_000_000).iter().flatten().count() as f64 / 2000.0;
        assert_eq!(share(Profile::None), 0.0);
        assert!((share(Profile::Default) - 0.05).abs() < 0.02);
        assert!((share(Profile::Heavy) - 0.30).abs() < 0.04);
        assert!((share(Profile::Storm) - 0.05).abs() < 0.02, "calm part of the period");
    }

    #[test]
    fn a_storm_fails_most_calls_with_outage_kinds_only() {
        let outage = draws(Profile::Storm, 1, 1_000_000);
        assert!(outage.iter().flatten().count() > 1400);
        assert!(outage.iter().flatten().all(|k| k.is_outage()));
    }

    #[test]
    fn profiles_read_back_as_written() {
        for text in ["none", "light", "default", "heavy", "storm", "only:timeout-after=0.2"] {
            assert_eq!(text.parse::<Profile>().unwrap().to_string(), text);
        }
        assert_eq!(
            "only:servicenow.duplicate".parse::<Profile>().unwrap().to_string(),
            "only:servicenow.duplicate=1"
        );
        assert!("only:nothing".parse::<Profile>().unwrap_err().contains("timeout-before"));
        assert!("only:duplicate=2".parse::<Profile>().is_err());
        assert!("wild".parse::<Profile>().unwrap_err().contains("storm"));
    }

    #[test]
    fn an_ordered_fault_waits_for_its_exchange_and_strikes_once() {
        let mut plan = FaultPlan::new(Profile::None, Latency::default(), 1);
        plan.strike_next(Side::Sentinel, FaultKind::Conflict);
        plan.strike_next(Side::ServiceNow, FaultKind::CommitThenDrop);
        let get = Request { method: "GET".into(), ..request() };
        assert_eq!(plan.draw(Side::ServiceNow, &get, Stamp(0)), None);
        assert_eq!(plan.draw(Side::ServiceNow, &request(), Stamp(0)), Some(FaultKind::CommitThenDrop));
        assert_eq!(plan.draw(Side::ServiceNow, &request(), Stamp(0)), None);
    }

    #[test]
    fn an_ordered_outage_has_a_beginning_and_an_end() {
        let mut plan = FaultPlan::new(Profile::None, Latency::default(), 1);
        plan.add_outage(Outage { side: Side::ServiceNow, from: Stamp(10), until: Stamp(20), share: 1.0 });
        assert_eq!(plan.draw(Side::ServiceNow, &request(), Stamp(9)), None);
        assert!(plan.draw(Side::ServiceNow, &request(), Stamp(10)).is_some_and(FaultKind::is_outage));
        assert_eq!(plan.draw(Side::ServiceNow, &request(), Stamp(20)), None);
        assert_eq!(plan.draw(Side::Sentinel, &request(), Stamp(15)), None);
    }

    #[test]
    fn one_kind_alone_strikes_only_where_it_fits() {
        let profile = Profile::Only { kind: FaultKind::Conflict, side: None, rate: 1.0 };
        let mut plan = FaultPlan::new(profile, Latency::default(), 1);
        assert_eq!(plan.draw(Side::ServiceNow, &request(), Stamp(0)), None);
        let path = "/x/providers/Microsoft.SecurityInsights/incidents/1";
        let put = Request { method: "PUT".into(), path: path.into(), ..Request::default() };
        assert_eq!(plan.draw(Side::Sentinel, &put, Stamp(0)), Some(FaultKind::Conflict));
    }
}
