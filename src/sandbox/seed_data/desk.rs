//! Tickets that have nothing to do with any incident, because no real instance is empty.

use crate::sandbox::people::{CAST, GROUPS};
use crate::sandbox::servicenow::{DeskAct, DeskWorld};
use crate::text::Stamp;

/// Most unrelated tickets.
const MOST: usize = 60;

const TICKETS: &[(&str, &str)] = &[
    ("Printer on floor 3 prints only pink", "Since this morning. Paper was changed, toner is full."),
    ("Cannot open shared calendar", "It says I have no permission, but I am the owner."),
    ("VPN drops every 20 minutes", "Home office, cable. Colleagues nearby have no such trouble."),
    ("New laptop for Máire", "Starts on the 1st. Standard model, Irish keyboard."),
    ("Passwort vergessen", "Nach dem Urlaub. Bitte zurücksetzen."),
    ("Outlook search finds nothing", "Index was rebuilt twice."),
    ("会議室のプロジェクターが映らない", "3 階、会議室 B。ケーブルは交換済み。"),
    ("Invoice system slow", "Opening one invoice takes 40 seconds.\n\nSince the update on Sunday."),
    ("Badge does not open the garage", "It did yesterday."),
    ("Phishing? Mail about my parcel", "I did not click. Please look at it. (forwarded)"),
    ("Please install R 4.5", "Needed for the yearly report; approved by my manager."),
    ("Telephone shows the wrong name", "It still shows the one of the person before me."),
];

/// Adds up to 60 tickets of the days before `now`; some are in work, some resolved. None carries
/// a correlation. The same seed gives the same tickets.
pub fn populate_desk(world: &mut DeskWorld, tickets: usize, seed: u64, now: Stamp) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0xDE5C);
    let tickets = tickets.min(MOST);
    // Oldest first, so that numbers follow time.
    let mut ages: Vec<i64> = (0..tickets).map(|_| rng.i64(30..6 * 24 * 60)).collect();
    ages.sort_unstable_by(|a, b| b.cmp(a));
    for age in ages {
        let at = |minutes: i64| Stamp(now.0.saturating_sub(minutes * 60_000_000));
        let (title, text) = TICKETS[rng.usize(..TICKETS.len())];
        let staff: Vec<_> = CAST.iter().filter(|p| p.active).collect();
        let caller = staff[rng.usize(..staff.len())];
        let agent = staff[rng.usize(..staff.len())];
        let (group, _) = GROUPS[rng.usize(..GROUPS.len())];
        let urgency = rng.u8(1..=3).to_string();
        let fields = fields(&[
            ("short_description", title),
            ("description", text),
            ("caller_id", caller.sys_id),
            ("urgency", &urgency),
            ("assignment_group", group),
        ]);
        let id = world.create("incident", &fields, caller.user_name, at(age))?;
        if rng.f64() < 0.6 {
            let work = self::fields(&[("state", "2"), ("assigned_to", agent.sys_id)]);
            world.act("incident", &id, &DeskAct::Set(work), agent.user_name, at(age / 2))?;
            let note = DeskAct::WorkNote("Called back, looking into it.".into());
            world.act("incident", &id, &note, agent.user_name, at(age / 3))?;
        }
    }
    Ok(())
}

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::servicenow::DeskOptions;

    #[test]
    fn unrelated_tickets_are_many_states_and_no_correlation() {
        let fill = |now: &str| {
            let mut world = DeskWorld::new(DeskOptions::default());
            populate_desk(&mut world, 500, 1, Stamp::parse_rfc3339(now).unwrap()).unwrap();
            world.records("incident")
        };
        let records = fill("2026-11-21T08:00:00Z");
        assert_eq!(records.len(), MOST);
        assert!(records.iter().all(|r| r.fields["correlation_id"].is_empty()));
        assert!(records.iter().any(|r| r.fields["state"] == "2" && !r.journal.is_empty()));
        assert!(records.iter().any(|r| r.fields["state"] == "1"));
        let text = |all: &[crate::sandbox::servicenow::RecordFacts]| {
            all.iter().map(|r| (r.number.clone(), r.fields["short_description"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(text(&records), text(&fill("2027-01-01T00:00:00Z")));
    }
}
