//! What is written arrives as it was written.

use diptych::sandbox::sentinel::{IncidentAct, IncidentDraft};

use super::{MINUTE, comments, incident, noor, notes, raise, set, write_note};
use crate::interleavings::quiet;
use crate::simulation::{Setting, Simulation, WORKSPACE};

const AWKWARD: &str = r#"say "it's" C:\temp\new /etc/passwd \n \u0041 100% ${x} {{y}} a=b&c <ok> end"#;

#[test]
fn quotes_slashes_and_escapes_arrive_as_they_were_written() {
    let mut sim = quiet(2);
    let guid = sim.worlds().incidents[0].guid.clone();
    write_note(&sim, &guid, AWKWARD);
    let escaped = AWKWARD.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    sim.act_in_sentinel(&guid, &IncidentAct::Comment(format!("<p>back: {escaped}</p>")), noor());
    sim.run_for(MINUTE * 2);
    let arrived = notes(&sim, &guid, "back: ");
    assert_eq!(arrived.len(), 1);
    assert!(arrived[0].contains(AWKWARD), "{arrived:?}");
    let arrived = comments(&sim, &guid, "100%");
    assert_eq!(arrived.len(), 2, "the person's and the copy");
    let shown = diptych::sync::markup::html_to_text(&arrived[1]);
    assert!(shown.contains(AWKWARD), "{shown}");
}

#[test]
fn rich_text_arrives_as_text() {
    let mut sim = quiet(2);
    let guid = sim.worlds().incidents[0].guid.clone();
    let rich = "<div><p>Seen on <b>two</b> hosts:</p><ul><li>web-1</li><li>web-2</li></ul></div>";
    sim.act_in_sentinel(&guid, &IncidentAct::Comment(rich.into()), noor());
    sim.run_for(MINUTE);
    let arrived = notes(&sim, &guid, "Seen on two hosts:");
    assert_eq!(arrived.len(), 1);
    assert!(arrived[0].contains("web-2") && !arrived[0].contains('<'), "{arrived:?}");
}

#[test]
fn an_answer_that_breaks_off_is_read_again() {
    let mut sim = quiet(3);
    let guid = sim.worlds().incidents[0].guid.clone();
    for side in ["sentinel", "servicenow"] {
        sim.strike(&format!("only:{side}.truncated-json=0.5"));
        write_note(&sim, &guid, &format!("while {side} breaks off"));
        sim.run_for(MINUTE * 5);
        sim.strike("none");
        sim.run_for(MINUTE * 8);
        assert_eq!(comments(&sim, &guid, &format!("while {side}")).len(), 1);
    }
    sim.assert_in_step(21);
}

#[test]
fn a_comma_inside_a_value_stays_in_it() {
    let mut sim = quiet(2);
    let title = "Email, phishing, and \"more, of it\"";
    let guid = raise(&sim, title);
    sim.run_for(MINUTE);
    assert_eq!(sim.record_of(&guid).fields["short_description"], title);
    let words = "contained, cleaned, closed";
    set(&sim, &guid, &[("state", "6"), ("close_code", "Solution provided"), ("close_notes", words)]);
    sim.run_for(MINUTE);
    assert_eq!(incident(&sim, &guid).classification_comment.as_deref(), Some(words));
}

#[test]
fn a_long_label_lets_in_and_a_part_of_it_does_not() {
    let mut sim = quiet(1);
    let label = format!("snow-{}", "very-long-name-".repeat(5));
    let filter = diptych::model::settings::Filter { labels: vec![label.clone()], ..Default::default() };
    let incident = |label: &str| diptych::model::Incident {
        labels: vec![diptych::text::UntrustedText::new(label)],
        ..diptych::model::Incident::default()
    };
    assert!(diptych::sync::admission::matches_filter(&incident(&label), &filter));
    assert!(!diptych::sync::admission::matches_filter(&incident(&label[..40]), &filter));
    // And as it is read from the service.
    let draft = IncidentDraft {
        title: "long".into(),
        severity: "Low".into(),
        labels: vec![label.clone(), "snow".into()],
        ..IncidentDraft::default()
    };
    let now = sim.world_time();
    let guid = sim.stage.with_sentinel(|s| s.raise(WORKSPACE, draft, now));
    sim.run_for(MINUTE);
    set(&sim, &guid, &[("impact", "1"), ("urgency", "1")]);
    sim.run_for(MINUTE);
    let after = super::incident(&sim, &guid);
    assert_eq!((after.severity.as_str(), after.labels.contains(&label)), ("High", true));
}

#[test]
fn a_note_that_is_too_long_arrives_cut_and_says_so() {
    let mut sim = quiet(2);
    let guid = sim.worlds().incidents[0].guid.clone();
    write_note(&sim, &guid, &format!("long <&> {}", "word ".repeat(8_000)));
    write_note(&sim, &guid, "the one after it");
    sim.run_for(MINUTE * 2);
    let long = comments(&sim, &guid, "long &lt;");
    assert_eq!(long.len(), 1);
    assert!(long[0].chars().count() <= 30_000 && long[0].contains("cut here"), "{}", long[0].len());
    assert_eq!(comments(&sim, &guid, "the one after it").len(), 1);
}

#[test]
fn the_hundredth_comment_is_not_the_last_word() {
    let setting = Setting {
        seed: 21,
        incidents: 3,
        rate: 0.0,
        faults: "none".into(),
        crowded: 94,
        ..Setting::default()
    };
    let mut sim = Simulation::new(setting);
    sim.run_for(MINUTE * 10);
    let all = sim.worlds().incidents;
    let guid = all.iter().max_by_key(|i| i.comments.len()).unwrap().guid.clone();
    for n in 0..12 {
        write_note(&sim, &guid, &format!("note {n:02} of many"));
        if n % 4 == 3 {
            sim.strike("only:sentinel.commit-then-drop=1");
            sim.run_for(std::time::Duration::from_secs(15));
            sim.strike("none");
            sim.kill();
        }
        sim.run_for(MINUTE);
    }
    sim.run_for(MINUTE * 2);
    for n in 0..12 {
        assert_eq!(comments(&sim, &guid, &format!("note {n:02} of many")).len(), 1, "{n}");
    }
    let now = incident(&sim, &guid).comments;
    assert!((95..=96).contains(&now.len()), "{}", now.len());
    let shared = now.iter().find(|c| c.message.contains("note 11")).unwrap();
    let place = |n: u32| shared.message.find(&format!("note {n:02}")).unwrap();
    assert!((1..11).all(|n| place(n) < place(n + 1)), "in order: {}", shared.message);
    sim.assert_idle(5);
}
