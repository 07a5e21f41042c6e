//! What failed in other integrations, by their release notes, issues and forums: each case with the
//! test that holds it here, and how that ends. A name is a function of a test; `Gauntlet` means that
//! every range of seeds plays it, under the property that is named.
//!
//! | area | case | held by | result |
//! |---|---|---|---|
//! | text | quotes, slashes and escape characters in a comment | `quotes_slashes_and_escapes_arrive_as_they_were_written` | holds |
//! | text | rich text shown raw | `rich_text_arrives_as_text` | holds |
//! | text | an answer that ends within a string | `an_answer_that_breaks_off_is_read_again` | holds |
//! | text | a comma inside a value | `a_comma_inside_a_value_stays_in_it` | holds |
//! | text | a filter label of more than 40 characters | `a_long_label_lets_in_and_a_part_of_it_does_not` | holds |
//! | text | a note of more than 30,000 characters | `a_note_that_is_too_long_arrives_cut_and_says_so` | holds |
//! | text | more than 100 comments | `the_hundredth_comment_is_not_the_last_word` | holds |
//! | text | a batch of more than 32 MiB | `text_comes_back_and_bombs_do_not` | holds: nothing is sent in batches, and answers are read up to a limit |
//! | comments | two notes within one second | `two_notes_within_one_second_are_two` | holds |
//! | comments | notes older than the link | `what_was_said_before_the_link_is_carried_too` | holds |
//! | comments | a note that quotes our own marker | `a_marker_in_somebody_elses_text_swallows_nothing` | holds |
//! | comments | repeated for each aggregated incident | `words_of_one_incident_are_told_once_and_those_of_the_record_to_each` | holds |
//! | comments | wrong order | `notes_keep_their_order_through_an_outage` | holds |
//! | comments | localised labels of the journal | `entries_come_out_oldest_first_with_their_lines` | holds |
//! | comments | lag with many incidents | `a_note_among_two_hundred_incidents_waits_for_one_pass` | holds |
//! | state | closed within milliseconds of its creation | `what_automation_closes_at_once_gets_no_record_and_the_rest_gets_it_later` | holds |
//! | state | born closed | `an_incident_that_was_born_closed_is_closed_on_both_sides` | holds |
//! | state | closed, reopened, closed | `closed_reopened_and_closed_again_ends_closed_with_the_last_words` | holds |
//! | state | a reason set before closing | `early_close_notes_stay_when_the_incident_is_closed` | holds |
//! | state | late touch of a closed ticket | `a_late_touch_of_a_closed_record_reopens_nothing` | holds |
//! | state | a record that is opened again behind the cursor | `a_reopening_that_becomes_visible_late_arrives` | holds |
//! | state | an inactive close code offered | `what_the_instance_says` | holds |
//! | state | a process that lets no phase be skipped | `a_close_goes_through_every_phase_and_nothing_of_it_comes_back` | holds |
//! | state | a custom state that is a part of another's name | `a_state_is_matched_whole` | holds |
//! | write | a partial PUT resets owner and labels | `a_change_of_one_field_leaves_owner_and_labels` | holds |
//! | write | a storm of 409 | `a_storm_of_refused_versions_ends_in_step` | holds |
//! | write | 429 with and without a header | `being_throttled_costs_time_and_nothing_else` | holds |
//! | write | HTTP 500 in the middle | `an_error_after_the_write_doubles_nothing` | holds |
//! | write | the page of a sleeping instance, status 200 | `the_page_of_a_sleeping_instance_is_no_answer` | holds |
//! | write | the connection ends after the commit | `a_comment_whose_answer_is_lost_is_there_once` | holds |
//! | mapping | a severity without a row | `an_unmapped_value_is_held_and_the_rest_flows` | holds |
//! | mapping | a pair that loses | `informational_never_becomes_low_by_itself` | holds |
//! | mapping | an empty value wipes the other side | `an_empty_title_is_not_sent_to_sentinel` | holds |
//! | mapping | a rule with a delimiter | `a_value_is_taken_apart_at_a_delimiter` | holds |
//! | mapping | aggregation by two fields that uses one | `both_fields_of_a_criterion_have_to_be_the_same` | holds |
//! | paging, time | more changes than a page | `more_changes_than_a_page_all_arrive` | holds |
//! | paging, time | edits within the second of the cursor | Gauntlet, P4 | holds |
//! | paging, time | milliseconds and zones | `reads_every_shape_the_services_write` | holds |
//! | paging, time | AM and PM | `entries_come_out_oldest_first_with_their_lines` | holds: refused aloud |
//! | paging, time | visible ten minutes late | `a_reopening_that_becomes_visible_late_arrives` | holds |
//! | paging, time | a look-back that is raised later | | not ours: cursors follow the servers' clock, and a deep pass reaches back by itself |
//! | topology | the same GUID in two workspaces | `the_same_incident_always_gets_the_same_key` | holds |
//! | topology | a chain of merges | `a_chain_of_merges_is_followed_to_its_end` | holds |
//! | topology | several incidents for one ticket | `incidents_that_are_the_same_share_one_record` | holds |
//! | topology | a user of a domain who cannot see a row | `records_of_another_domain_are_not_taken_for_deleted` | holds |
//! | topology | a government host | `two_clouds_stand_side_by_side` | holds |
//! | topology | government and commercial together | `two_clouds_stand_side_by_side` | holds |
//! | resilience | a passing refusal leaves a profile in error | `a_passing_refusal_heals_by_itself` | holds |
//! | resilience | an endless loop on an error | `a_record_that_refuses_for_good_is_given_up_and_said` | holds |
//! | resilience | a failed item is passed over while the cursor moves | `an_item_that_fails_is_not_passed_over` | holds |
//! | resilience | an empty ticket | `no_record_is_made_without_its_fields` | holds |
//! | resilience | an upgrade of the platform breaks its keys | | not ours: nothing of us runs inside the platform |
//! | resilience | the state file is lost | `a_lost_store_doubles_no_note_and_no_record` | holds |
//! | guards | a list is suddenly empty | `records_of_another_domain_are_not_taken_for_deleted`, and `a_table_that_shows_no_rows_deletes_and_closes_nothing` | holds |
//! | guards | a thousand closes at once | `closing_everything_at_once_waits_for_a_person` | holds |
//! | guards | the owner of all is taken away | `taking_every_owner_away_at_once_waits_for_a_person` | holds |
//! | guards | two automations disagree for ever | `rules_on_both_sides_do_not_send_a_field_to_and_fro_without_end` | holds |
//! | guards | a secret expires in the night | `an_expired_secret_is_said_and_nothing_is_lost` | holds |

mod comments;
mod guards;
mod resilience;
mod state;
mod text;
mod write;

use std::path::Path;
use std::time::Duration;

use diptych::sandbox::people::{CAST, Person};
use diptych::sandbox::sentinel::{IncidentAct, IncidentDraft, IncidentFacts};
use diptych::sandbox::servicenow::DeskAct;
use diptych::sandbox::side::Side;

use crate::simulation::{Simulation, USER, WORKSPACE};

const MINUTE: Duration = Duration::from_secs(60);

fn noor() -> &'static Person {
    &CAST[0]
}

/// Some incident that is open.
fn first_open(sim: &Simulation) -> IncidentFacts {
    sim.worlds().incidents.into_iter().find(|i| i.status != "Closed").unwrap()
}

fn incident(sim: &Simulation, guid: &str) -> IncidentFacts {
    sim.worlds().incidents.into_iter().find(|i| i.guid == guid).unwrap()
}

/// Raises an incident that is let in, and gives its GUID.
fn raise(sim: &Simulation, title: &str) -> String {
    let draft = IncidentDraft {
        title: title.into(),
        severity: "Medium".into(),
        labels: vec!["snow".into()],
        ..IncidentDraft::default()
    };
    let now = sim.world_time();
    sim.stage.with_sentinel(|s| s.raise(WORKSPACE, draft, now))
}

fn write_note(sim: &Simulation, guid: &str, text: &str) {
    let record = sim.record_of(guid);
    sim.act_in_servicenow(&record.sys_id, &DeskAct::WorkNote(text.into()), noor().user_name);
}

fn set(sim: &Simulation, guid: &str, fields: &[(&str, &str)]) {
    let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    sim.act_in_servicenow(&sim.record_of(guid).sys_id, &DeskAct::Set(fields), noor().user_name);
}

fn close(sim: &Simulation, guid: &str, comment: &str) {
    let act = IncidentAct::Close {
        classification: "TruePositive".into(),
        reason: Some("SuspiciousActivity".into()),
        comment: comment.into(),
    };
    sim.act_in_sentinel(guid, &act, noor());
}

/// Turns a switch of the ServiceNow world.
fn turn(sim: &Simulation, switch: &str, value: &serde_json::Value) {
    sim.stage.with_world(Side::ServiceNow, |w| w.set_switch(switch, value)).unwrap();
}

/// Our notes of a record that hold these words.
fn notes(sim: &Simulation, guid: &str, words: &str) -> Vec<String> {
    let ours = sim.record_of(guid).journal.into_iter().filter(|j| j.created_by == USER);
    ours.map(|j| j.value).filter(|v| v.contains(words)).collect()
}

/// Comments of an incident that hold these words.
fn comments(sim: &Simulation, guid: &str, words: &str) -> Vec<String> {
    incident(sim, guid).comments.into_iter().map(|c| c.message).filter(|m| m.contains(words)).collect()
}

#[test]
fn every_case_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        read(&root.join(folder), &mut sources);
    }
    let rows: Vec<Vec<&str>> = include_str!("acceptance.rs")
        .lines()
        .filter_map(|l| l.strip_prefix("//! |")?.strip_suffix('|'))
        .map(|l| l.split('|').map(str::trim).collect())
        .filter(|cells: &Vec<&str>| !matches!(cells[0], "area" | "---"))
        .collect();
    assert!(rows.len() >= 55, "{} cases", rows.len());
    for row in &rows {
        let &[_, _, held, result] = row.as_slice() else { panic!("{row:?}") };
        let held = held.trim_matches('`');
        let is_open = ["open: ", "not ours: "].iter().any(|w| result.starts_with(w));
        let is_played = held.starts_with("Gauntlet, P");
        let exists = held.split("`, and `").all(|name| sources.contains(&format!("fn {name}(")));
        assert!(result.starts_with("holds") && (exists || is_played) || is_open, "{row:?}");
    }
}

fn read(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
