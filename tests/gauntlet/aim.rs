//! What a hunt adds to every script: what brings a mistake to light that few scripts reach by chance.

use std::time::Duration;

use diptych::model::aggregation::Part;
use diptych::model::settings::ClosedPartner;
use diptych::mutant::Mutant;
use diptych::sandbox::analysts::Deed;
use diptych::sandbox::faults::FaultKind;
use diptych::sandbox::side::Side;
use fastrand::Rng;
use serde_json::json;

use crate::script::{Script, What};
use crate::simulation::Boundary;
use crate::trick::Trick;

/// The script of a seed, sharpened for one mistake.
pub fn script_for(mutant: Mutant, seed: u64) -> Script {
    let mut script = Script::of(seed);
    let rng = &mut Rng::with_seed(seed ^ 0x6169_6d65_6421);
    match mutant {
        Mutant::LeaseIgnored => two_engines(&mut script, rng),
        Mutant::TrustRowZero => astray_lookups(&mut script, rng),
        Mutant::MassChangeFollowed => script.mass_change(rng),
        Mutant::NotesToCustomers => script.customers(rng),
        Mutant::WriteRateIgnored => script.write_rate(rng),
        Mutant::FlappingFollowed => script.tug_of_war(rng),
        Mutant::TextKeysOnly => script.hidden_journals(rng),
        Mutant::CustomForgotten | Mutant::HandEditOverwritten => script.custom_fields(rng),
        Mutant::LabelRepeated => script.number_labels(rng),
        Mutant::GoneForGood => script.deletions(rng),
        Mutant::MergeUntold => merges(&mut script, rng),
        Mutant::LastWordsForgotten => script.last_words(rng),
        Mutant::HistoryReposted => script.taken_over(rng),
        Mutant::ClosedPartnerReopened | Mutant::ReopeningUntold => script.closed_partners(rng),
        Mutant::NewRecordAdoptsOld => {
            script.new_records(rng);
            // An instance that refuses our keys, so that its records are found by what they carry.
            script.setting.switches.retain(|(name, _)| *name != "client_sys_id");
            script.setting.switches.push(("client_sys_id", json!("refused")));
        }
        Mutant::RelatedRowDoubled => {
            script.related_rows(rng);
            // Nothing else that a seed of this hunt could be caught by: records that stay closed have their own.
            script.setting.closed_partner = ClosedPartner::Reopen;
            let apart = [Trick::CloseThere, Trick::CloseFurther, Trick::ReopenHere, Trick::CloseHere];
            script.events.retain(|e| !matches!(&e.what, What::Trick { trick, .. } if apart.contains(trick)));
        }
        Mutant::StepEchoed | Mutant::WalkForgotten => closes(&mut script, rng),
        Mutant::GroupByFirst | Mutant::GuestLeftOpen => shared_records(mutant, &mut script, rng),
        Mutant::UnlinkedStillWritten => script.unlinks(rng),
        Mutant::LocalClockCursor => fast_clocks(&mut script, rng),
        Mutant::CursorBeforeRows => long_deaths(&mut script, rng),
        Mutant::SharedNewestOnly => script.setting.crowded = 96,
        _ => {}
    }
    script.events.sort_by_key(|e| e.at);
    script
}

/// A second engine beside the first, several times, while people act.
fn two_engines(script: &mut Script, rng: &mut Rng) {
    for _ in 0..4 {
        let at = script.moment(rng);
        script.add(at, What::Second { effects: rng.u32(100..400) });
    }
}

/// Closes of security incidents, with deaths in the midst of what follows.
fn closes(script: &mut Script, rng: &mut Rng) {
    script.phases(rng);
    script.setting.switches.retain(|(name, _)| *name != "sir_process");
    let process = ["stateful_rejects", "stateful_ignores"][rng.usize(..2)];
    script.setting.switches.push(("sir_process", json!(process)));
    for n in 0..8 {
        let at = script.moment(rng);
        script.add(at, What::Act { deed: Deed::Close, draw: rng.u64(..), serial: 600_000 + n });
        let boundary = Boundary { effects: rng.u32(8..60), applied: rng.bool() };
        script.add(at, What::Kill { boundary, down: Duration::from_secs(rng.u64(1..20)) });
    }
}

/// Incidents that share records by several fields, whose records are closed.
fn shared_records(mutant: Mutant, script: &mut Script, rng: &mut Rng) {
    script.shared_records(rng);
    let parts = match mutant {
        Mutant::GroupByFirst => vec![Part::Labels, Part::Severity],
        _ => vec![Part::Labels],
    };
    script.setting.aggregate.by = vec![parts];
    script.setting.aggregate.most = 100;
    for n in 0..8 {
        let at = script.moment(rng);
        script.add(at, What::Act { deed: Deed::Resolve, draw: rng.u64(..), serial: 960_000 + n });
    }
}

/// Incidents that are merged one into the other, all through a run.
fn merges(script: &mut Script, rng: &mut Rng) {
    for n in 0..8 {
        let at = script.moment(rng);
        script.add(at, What::Act { deed: Deed::Merge, draw: rng.u64(..), serial: 90_000 + n });
    }
}

/// A local clock that is wrong by more than what reads overlap.
fn fast_clocks(script: &mut Script, rng: &mut Rng) {
    for seconds in [3600, 0, 3600] {
        let at = script.moment(rng);
        script.add(at, What::ClockAhead { seconds });
    }
}

/// Deaths in the midst of a pass, each longer than what reads overlap.
fn long_deaths(script: &mut Script, rng: &mut Rng) {
    for _ in 0..8 {
        let boundary = Boundary { effects: rng.u32(0..12), applied: rng.bool() };
        let down = Duration::from_secs(rng.u64(330..900));
        let at = script.moment(rng);
        script.add(at, What::Kill { boundary, down });
    }
}

/// Creates whose answer is lost, and somebody who takes records over before they are found.
fn astray_lookups(script: &mut Script, rng: &mut Rng) {
    let (poll, settle) = (script.setting.poll, script.setting.settle);
    for _ in 0..5 {
        let at = script.moment(rng);
        let serial = 1_000 + u64::from(rng.u16(..));
        script.add(at, What::Act { deed: Deed::Raise, draw: rng.u64(..), serial });
        let side = Side::ServiceNow;
        script.add(at, What::Strike { side, kind: FaultKind::CommitThenDrop, write: true });
        for _ in 0..3 {
            script.add(at, What::Strike { side, kind: FaultKind::HiddenRecord, write: false });
        }
        for step in [0.3, 0.6] {
            let at = at + poll + settle.mul_f64(step);
            let (trick, draw) = (Trick::ChangeCorrelation, rng.u64(..));
            script.add(at, What::Trick { trick, draw, span: Duration::ZERO });
        }
    }
}
