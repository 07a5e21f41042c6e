//! What Microsoft's store app leaves behind: records under its own correlation ids, and words that it has
//! carried across already, in the forms of its published source.

use diptych::sandbox::people::{CAST, Person};
use diptych::sandbox::sentinel::{IncidentAct, IncidentFacts, SentinelWorld};
use diptych::sandbox::servicenow::{DeskAct, DeskWorld};
use diptych::text::Stamp;

use super::setting::WORKSPACE;

/// Said in Sentinel, and carried over by the app.
pub const FROM_SENTINEL: &str = "looks like a scanner to me";
/// Said in ServiceNow, and carried over by the app.
pub const FROM_SERVICENOW: &str = "called the user, it was them";
/// Written by the app for nobody else.
pub const ITS_OWN: &str = "Impossible travel, Medium, as the app lists it";

/// Its account on both sides.
pub fn app() -> &'static Person {
    &CAST[4]
}

/// The incident that a correlation id of the app names.
pub fn incident_of(correlation: &str) -> Option<&str> {
    let guid = correlation.strip_prefix("Sentinel-").unwrap_or(correlation);
    let named = guid.get(..WORKSPACE.len()).filter(|name| name.eq_ignore_ascii_case(WORKSPACE));
    let guid = named.and_then(|name| guid[name.len()..].strip_prefix('-')).unwrap_or(guid);
    uuid::Uuid::try_parse(guid).is_ok().then_some(guid)
}

/// Makes the record of an incident under one of the app's three forms; gives its key.
pub fn make(desk: &mut DeskWorld, incident: &IncidentFacts, form: usize, now: Stamp) -> String {
    let guid = &incident.guid;
    // Its settings spell the workspace as somebody typed it.
    let name = WORKSPACE.to_uppercase();
    let forms = [guid.clone(), format!("Sentinel-{guid}"), format!("Sentinel-{name}-{guid}")];
    let number = match incident.severity.as_str() {
        "High" => "1",
        "Medium" => "2",
        _ => "3",
    };
    let title = format!("{} - Incident number: {}", incident.title, incident.number);
    let state = if incident.status == "New" { "1" } else { "2" };
    let owner =
        incident.owner_upn.as_deref().and_then(|u| CAST.iter().find(|p| p.upn.eq_ignore_ascii_case(u)));
    let fields = [
        ("correlation_id", forms[form % 3].as_str()),
        ("short_description", &title),
        ("impact", number),
        ("urgency", number),
        ("state", state),
        ("assigned_to", owner.map_or("", |p| p.sys_id)),
    ];
    let fields: Vec<(String, String)> = fields.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
    desk.create("incident", &fields, app().user_name, now).unwrap()
}

/// What people said, and what the app made of it on the other side; `missed` it did not see.
pub fn talk(
    sentinel: &mut SentinelWorld,
    desk: &mut DeskWorld,
    (guid, sys_id): (&str, &str),
    missed: &str,
    now: Stamp,
) {
    let mut comment = |text: &str, who: &Person| {
        sentinel.act(WORKSPACE, guid, &IncidentAct::Comment(text.into()), who, now).unwrap();
    };
    let mut note = |text: &str, who: &Person| {
        desk.act("incident", sys_id, &DeskAct::WorkNote(text.into()), who.user_name, now).unwrap();
    };
    let person = &CAST[0];
    comment(&format!("<p>{FROM_SENTINEL}</p>"), person);
    let heading = format!("<b>Author:</b> {}({})<br><b>Message:</b>", person.name, person.upn);
    note(&format!("[code]<b>CreatedTimeUtc:</b> now<br>{heading} <p>{FROM_SENTINEL}</p>[/code]"), app());
    note(FROM_SERVICENOW, person);
    comment(&format!("<div class=\"snow\">{FROM_SERVICENOW}</div>"), app());
    note(&format!("[code]<h3>Alerts</h3><table><tr><td>{ITS_OWN}</td></tr></table>[/code]"), app());
    note(missed, person);
}
