//! The instance as clients see it: requests in, responses out, at moments of the test's choice.

mod access;
mod bulk;
mod failures;
mod incident;
mod journals;
mod queries;
mod security;
mod shapes;
mod signing;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{DeskOptions, DeskWorld};
use crate::sandbox::wire::{Request, Response, World};
use crate::text::Stamp;

/// Noor's `sys_id`.
const NOOR: &str = "5d1e0a4297bb4110d21cfa7b31e70101";
/// Beth's `sys_id`.
const BETH: &str = "5d1e0a4297bb4110d21cfa7b31e70102";

/// A world with a clock and a default user.
struct Desk {
    world: DeskWorld,
    now: Stamp,
    user: String,
}

impl Desk {
    fn new() -> Self {
        let options = DeskOptions {
            seed: 7,
            user: "svc.sentinel".into(),
            password: "s3cret".into(),
            client_id: "cid".into(),
            client_secret: "csecret".into(),
            api_key: "key-1".into(),
        };
        let now = Stamp::parse_servicenow("2026-03-01 10:00:00").unwrap();
        Self { world: DeskWorld::new(options), now, user: "svc.sentinel:s3cret".into() }
    }

    fn with(switch: &str, value: Value) -> Self {
        let mut desk = Self::new();
        desk.set(switch, value);
        desk
    }

    fn set(&mut self, switch: &str, value: Value) {
        self.world.set_switch(switch, &value).unwrap();
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(std::time::Duration::from_secs(seconds));
    }

    fn as_user(&mut self, user: &str) {
        self.user = format!("{user}:{user}-pw");
    }

    fn request(&self, method: &str, url: &str, body: &[u8]) -> Request {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Request {
            method: method.into(),
            origin: "https://desk.test:8443".into(),
            path: path.into(),
            query: query.into(),
            headers: vec![
                ("authorization".into(), format!("Basic {}", STANDARD.encode(&self.user))),
                ("accept".into(), "application/json".into()),
                ("content-type".into(), "application/json".into()),
            ],
            body: body.to_vec(),
        }
    }

    fn send(&mut self, request: &Request) -> Response {
        self.world.handle(request, self.now)
    }

    fn call(&mut self, method: &str, url: &str, body: Value) -> Response {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(&self.request(method, url, &bytes))
    }

    fn get(&mut self, url: &str) -> Value {
        let response = self.call("GET", url, Value::Null);
        assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
        json_of(&response)["result"].clone()
    }

    /// Inserts and gives the `sys_id`.
    fn post(&mut self, table: &str, body: Value) -> String {
        let response = self.call("POST", &format!("/api/now/table/{table}"), body);
        assert_eq!(response.status, 201, "{}", String::from_utf8_lossy(&response.body));
        json_of(&response)["result"]["sys_id"].as_str().unwrap().to_owned()
    }

    fn patch(&mut self, table: &str, id: &str, body: Value) -> Response {
        self.call("PATCH", &format!("/api/now/table/{table}/{id}"), body)
    }

    /// Updates, which must succeed, and gives the record.
    fn patched(&mut self, table: &str, id: &str, body: Value) -> Value {
        let response = self.patch(table, id, body);
        assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
        json_of(&response)["result"].clone()
    }

    /// Values of one column of a list, in order.
    fn column(&mut self, table: &str, query: &str, column: &str) -> Vec<String> {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let url = format!("/api/now/table/{table}?sysparm_query={query}&sysparm_fields={column}");
        let rows = self.get(&url);
        rows.as_array().unwrap().iter().map(|r| r[column].as_str().unwrap_or("").to_owned()).collect()
    }

    fn stored(&self, table: &str, id: &str, column: &str) -> String {
        self.world.record_facts(table, id).unwrap().fields[column].clone()
    }
}

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

fn detail(response: &Response) -> String {
    json_of(response)["error"]["detail"].as_str().unwrap_or("").to_owned()
}

#[test]
fn a_seed_gives_the_same_world_twice() {
    let run = || {
        let mut desk = Desk::with("clock_skew_seconds", json!(2));
        for n in 0..5 {
            desk.pass(1);
            desk.post("sn_si_incident", json!({"short_description": n.to_string()}));
        }
        (desk.world.records("sn_si_incident"), desk.world.history().to_vec())
    };
    assert_eq!(run(), run());
}

#[test]
fn every_switch_is_named_and_checked() {
    let mut desk = Desk::new();
    let all = desk.world.switches();
    for (name, value) in all.as_object().unwrap() {
        desk.world.set_switch(name, value).unwrap();
    }
    assert!(desk.world.set_switch("no_such_thing", &json!(1)).is_err());
    assert!(desk.world.set_switch("client_sys_id", &json!("sometimes")).is_err());
    assert!(desk.world.set_switch("custom_fields", &json!(["incident.short"])).is_err());
    assert_eq!(desk.world.switches(), all);
}
