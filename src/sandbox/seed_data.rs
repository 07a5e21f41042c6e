//! The sandbox's first days: incident templates, filled in from a seed and spread over the past.

use serde_json::{Map, Value};

use super::analysts::{classifications, phrases};
use super::people::{CAST, Person};
use super::sentinel::{AlertDraft, EntityDraft, IncidentAct, IncidentDraft, SentinelWorld};
use crate::text::Stamp;

mod desk;
mod fill;
mod template;

pub use desk::populate_desk;
use fill::Fill;
pub use template::{AlertTemplate, Template, templates};

/// Days before the start over which creation is spread.
const DAYS: i64 = 6;
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// Makes an incident from one of the templates, its variables drawn from `rng`. Nearly all carry
/// the label `snow`, which the default filter of a sync asks for.
pub fn draft(rng: &mut fastrand::Rng) -> Result<IncidentDraft, String> {
    let templates = templates()?;
    let index = rng.usize(..templates.len());
    Ok(draft_of(&templates[index], rng))
}

/// Makes an incident from the given template.
pub fn draft_of(template: &Template, rng: &mut fastrand::Rng) -> IncidentDraft {
    let fill = Fill::draw(rng);
    let text = |t: &str| fill.text(t);
    let mut labels = Vec::new();
    if rng.f64() < 0.94 {
        labels.push("snow".to_owned());
    }
    if rng.f64() < 0.25 {
        labels.push(rng.choice(["vip", "prod", "pilot", "Région Est", "tier-0"]).unwrap_or("vip").to_owned());
    }
    IncidentDraft {
        title: text(&template.title),
        description: text(&template.description),
        severity: template.severity.clone(),
        labels,
        alerts: template.alerts.iter().map(|a| alert(a, template, &fill)).collect(),
        entities: template.entities.iter().map(|e| entity(e, &fill)).collect(),
        tactics: template.tactics.clone(),
        techniques: template.techniques.clone(),
        product: template.product.clone(),
        owner: None,
        defender: template.defender,
    }
}

/// One more alert of the kind that incident templates carry, for an incident that grows.
pub fn more_alert(rng: &mut fastrand::Rng) -> Result<AlertDraft, String> {
    let all = templates()?;
    let with: Vec<&Template> = all.iter().filter(|t| !t.alerts.is_empty()).collect();
    let template = rng.choice(with).ok_or("no template has an alert")?;
    let fill = Fill::draw(rng);
    let index = rng.usize(..template.alerts.len());
    Ok(alert(&template.alerts[index], template, &fill))
}

fn alert(a: &AlertTemplate, template: &Template, fill: &Fill) -> AlertDraft {
    AlertDraft {
        display_name: fill.text(&a.name),
        description: fill.text(&a.description),
        severity: a.severity.clone(),
        product: template.product.clone(),
        vendor: a.vendor.clone(),
        tactics: template.tactics.clone(),
        remediation: a.remediation.iter().map(|r| fill.text(r)).collect(),
        custom_details: a.details.iter().map(|(k, v)| (k.clone(), fill.text(v))).collect(),
    }
}

fn entity(template: &Map<String, Value>, fill: &Fill) -> EntityDraft {
    let mut properties = template.clone();
    let kind = match properties.remove("kind") {
        Some(Value::String(kind)) => kind,
        _ => "Unknown".to_owned(),
    };
    properties.values_mut().for_each(|v| fill.value(v));
    EntityDraft { kind, properties }
}

/// Something that happens to a populated incident after its creation.
enum Step {
    Raise,
    Act(Box<IncidentAct>, &'static Person),
}

/// Fills the workspaces with `incidents` incidents created over the last days before `now`; some
/// have comments, owners, another status, or are closed. The same seed gives the same incidents,
/// whatever `now` is.
pub fn populate(
    world: &mut SentinelWorld,
    workspaces: &[String],
    incidents: usize,
    seed: u64,
    now: Stamp,
) -> Result<(), String> {
    if workspaces.is_empty() {
        return Err("no workspace to fill".into());
    }
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5EED);
    let mut steps: Vec<(i64, usize, Step)> = Vec::new();
    for index in 0..incidents {
        // The youngest is minutes old, so that a first look shows something fresh.
        let age = (rng.f64() * (DAYS * 24 * 60) as f64) as i64 + 3;
        steps.push((-age * MICROS_PER_MINUTE, index, Step::Raise));
        let mut left = age - 1;
        for act in past(&mut rng) {
            left -= rng.i64(0..=(left / 3).max(0)).max(0);
            let (act, who) = act;
            steps.push((-left.max(1) * MICROS_PER_MINUTE, index, Step::Act(Box::new(act), who)));
        }
    }
    // Stable: steps of one incident keep their order within the same minute.
    steps.sort_by_key(|(at, _, _)| *at);
    let mut guids: Vec<Option<String>> = vec![None; incidents];
    for (at, index, step) in steps {
        let workspace = &workspaces[index % workspaces.len()];
        let at = Stamp(now.0.saturating_add(at));
        match step {
            Step::Raise => guids[index] = Some(world.raise(workspace, draft(&mut rng)?, at)),
            Step::Act(act, who) => {
                if let Some(guid) = &guids[index] {
                    world.act(workspace, guid, &act, who, at)?;
                }
            }
        }
    }
    Ok(())
}

/// What people did to an incident before the sandbox started.
fn past(rng: &mut fastrand::Rng) -> Vec<(IncidentAct, &'static Person)> {
    let staff = &CAST[..CAST.len() - 1];
    let who = |rng: &mut fastrand::Rng| &staff[rng.usize(..staff.len())];
    let mut acts = Vec::new();
    if rng.f64() < 0.5 {
        let owner = who(rng);
        acts.push((IncidentAct::Owner(Some(owner)), owner));
        if rng.f64() < 0.8 {
            acts.push((IncidentAct::Status("Active".into()), owner));
        }
    }
    for _ in 0..rng.usize(0..6).saturating_sub(2) {
        acts.push((IncidentAct::Comment(phrases::comment(rng, "")), who(rng)));
    }
    if rng.f64() < 0.15 {
        let (classification, reason) = classifications(rng);
        let comment = phrases::closing(rng, "");
        acts.push((IncidentAct::Close { classification, reason, comment }, who(rng)));
    }
    acts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn templates_are_many_and_varied() {
        let all = templates().unwrap();
        assert!(all.len() >= 40, "{}", all.len());
        let kinds: BTreeSet<&str> =
            all.iter().flat_map(|t| &t.entities).filter_map(|e| e.get("kind")?.as_str()).collect();
        assert!(kinds.len() >= 18, "{kinds:?}");
        assert!(all.iter().any(|t| t.title.chars().count() > 160));
        assert!(all.iter().any(|t| t.title.contains('\u{1b}')));
        assert!(all.iter().any(|t| t.title.contains('\u{202e}')));
        assert!(all.iter().any(|t| t.description.lines().count() > 3));
        assert!(all.iter().any(|t| t.alerts.is_empty()));
        assert!(all.iter().all(|t| t.alerts.len() <= 5));
        let severities: BTreeSet<&str> = all.iter().map(|t| t.severity.as_str()).collect();
        assert_eq!(severities, BTreeSet::from(["High", "Medium", "Low", "Informational"]));
    }

    #[test]
    fn no_variable_is_left_unfilled() {
        let mut rng = fastrand::Rng::with_seed(5);
        for template in templates().unwrap() {
            let text = format!("{:?}", draft_of(template, &mut rng));
            for name in fill::NAMES {
                assert!(!text.contains(&format!("{{{name}}}")), "{name} in {}", template.title);
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_drafts() {
        let draws = |seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            (0..50).map(|_| format!("{:?}", draft(&mut rng).unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let snow = draws(3).iter().filter(|d| d.contains("\"snow\"")).count();
        assert!((40..50).contains(&snow), "nearly all, not all: {snow}");
    }

    fn populated(seed: u64, now: &str, incidents: usize) -> Vec<crate::sandbox::sentinel::IncidentFacts> {
        let workspaces = vec!["a".to_owned(), "b".to_owned()];
        let mut world = SentinelWorld::new(crate::sandbox::sentinel::SentinelOptions {
            seed,
            tenant: String::new(),
            client_id: String::new(),
            client_secrets: Vec::new(),
            subscription: String::new(),
            resource_group: String::new(),
            workspaces: workspaces.clone(),
        });
        let now = Stamp::parse_rfc3339(now).unwrap();
        populate(&mut world, &workspaces, incidents, seed, now).unwrap();
        let all: Vec<_> = workspaces.iter().flat_map(|w| world.facts(w)).collect();
        assert!(all.iter().all(|f| f.modified <= now), "nothing lies in the future");
        all
    }

    #[test]
    fn population_is_lively_and_the_same_at_any_time() {
        let facts = populated(1, "2026-11-21T08:00:00Z", 120);
        assert_eq!(facts.len(), 120);
        assert!(facts.iter().any(|f| f.status == "Closed" && f.classification.is_some()));
        assert!(facts.iter().any(|f| f.status == "Active" && f.owner_upn.is_some()));
        assert!(facts.iter().filter(|f| f.status == "New").count() > 30);
        assert!(facts.iter().any(|f| f.comments.len() > 1));
        let later = populated(1, "2026-12-24T21:30:11.5Z", 120);
        let text = |all: &[crate::sandbox::sentinel::IncidentFacts]| {
            all.iter().map(|f| (f.title.clone(), f.status.clone(), f.guid.clone())).collect::<Vec<_>>()
        };
        assert_eq!(text(&facts), text(&later));
        assert_ne!(text(&facts), text(&populated(2, "2026-11-21T08:00:00Z", 120)));
    }
}
