//! The sandbox over real sockets.

use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};

use super::*;

async fn start(options: SandboxOptions) -> (Sandbox, Client) {
    let sandbox = Sandbox::start(options).await.unwrap();
    let mut builder = Client::builder().no_proxy().timeout(Duration::from_secs(10));
    if let Some(pem) = sandbox.ca_pem() {
        builder = builder.tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()]);
    }
    (sandbox, builder.build().unwrap())
}

async fn admin(sandbox: &Sandbox, client: &Client, method: Method, path: &str, body: Value) -> (u16, Value) {
    let d = &sandbox.description().admin;
    let call = client.request(method, format!("{}{path}", d.url)).bearer_auth(&d.token);
    let answer = call.body(body.to_string()).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

fn hang_free(profile: &str) -> SandboxOptions {
    SandboxOptions { incidents: 5, faults: profile.parse().unwrap(), ..SandboxOptions::default() }
}

#[tokio::test]
async fn describes_itself_as_promised_and_serves_tls_with_its_own_ca() {
    let tmp = tempfile::tempdir().unwrap();
    let options = SandboxOptions { dir: Some(tmp.path().into()), incidents: 3, ..SandboxOptions::default() };
    let (sandbox, client) = start(options).await;
    let d = serde_json::to_value(sandbox.description()).unwrap();
    let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&d), "ca sentinel servicenow admin");
    assert_eq!(
        keys(&d["sentinel"]),
        "authority url tenant client_id client_secret subscription resource_group workspaces"
    );
    assert_eq!(keys(&d["servicenow"]), "url user password client_id client_secret");
    assert_eq!(keys(&d["admin"]), "url token");
    let pem = std::fs::read_to_string(d["ca"].as_str().unwrap()).unwrap();
    assert_eq!(Some(pem.as_str()), sandbox.ca_pem());

    let url = format!("{}/api/now/table/incident", sandbox.description().servicenow.url);
    let answer = client.get(&url).send().await.unwrap();
    assert!(answer.headers().contains_key("date") && answer.headers().contains_key("content-length"));
    assert!(Client::builder().no_proxy().build().unwrap().get(&url).send().await.is_err(), "unknown CA");
    assert_eq!(sandbox.traffic()[&Side::ServiceNow].requests, 1);
    sandbox.stop().await;
    assert!(client.get(&url).send().await.is_err(), "nobody listens after the stop");
}

#[tokio::test]
async fn admin_sets_what_it_should_and_admits_nobody_without_the_token() {
    let (sandbox, client) = start(hang_free("none")).await;
    let url = format!("{}/switches", sandbox.description().admin.url);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(client.get(&url).bearer_auth("wrong").send().await.unwrap().status(), 401);

    let (status, switches) = admin(&sandbox, &client, Method::GET, "/switches", json!(null)).await;
    assert_eq!(status, 200);
    assert!(switches["sentinel"].is_object() && switches["servicenow"].is_object());
    let (status, refusal) =
        admin(&sandbox, &client, Method::PUT, "/switches/sentinel/no-such", json!(1)).await;
    assert_eq!(status, 400);
    assert!(refusal["error"].as_str().is_some_and(|e| !e.is_empty()));

    let (_, faults) = admin(&sandbox, &client, Method::POST, "/faults", json!({"profile": "heavy"})).await;
    assert_eq!(faults["profile"], "heavy");
    let order = json!({"late": "10ms", "hang": "20ms"});
    assert_eq!(admin(&sandbox, &client, Method::POST, "/faults", order).await.0, 200);
    assert_eq!(sandbox.stage().with_faults(|plan| plan.hang), Duration::from_millis(20));
    let misspelt = json!({"profil": "none"});
    assert_eq!(admin(&sandbox, &client, Method::POST, "/faults", misspelt).await.0, 400);
    sandbox.stage().with_faults(|plan| plan.set_profile(crate::sandbox::faults::Profile::None));
    let (_, rate) = admin(&sandbox, &client, Method::POST, "/analysts", json!({"rate": "30/m"})).await;
    assert_eq!(rate["rate"], 0.5);
    let (status, _) = admin(&sandbox, &client, Method::POST, "/analysts", json!({"rate": -1})).await;
    assert_eq!(status, 400);
    assert_eq!(admin(&sandbox, &client, Method::GET, "/nothing", json!(null)).await.0, 404);

    let mut entries = sandbox.entries();
    let raise = json!({"act": "raise", "title": "By hand", "severity": "Low", "labels": ["snow"]});
    let (_, made) = admin(&sandbox, &client, Method::POST, "/act", raise).await;
    let guid = made["incident"].as_str().unwrap();
    let status = json!({"act": "status", "incident": guid, "value": "Active", "by": "ksato"});
    assert_eq!(admin(&sandbox, &client, Method::POST, "/act", status).await.0, 200);
    let (_, facts) = admin(&sandbox, &client, Method::GET, "/facts/sentinel/soc-emea", json!(null)).await;
    let found = facts["incidents"].as_array().unwrap().iter().find(|f| f["guid"] == guid).unwrap();
    assert_eq!((found["title"].as_str(), found["status"].as_str()), (Some("By hand"), Some("Active")));
    assert!(entries.recv().await.unwrap().what.contains("By hand"));
    let create = json!({"act": "create", "fields": {"short_description": "Copy", "correlation_id": guid}});
    let (_, made) = admin(&sandbox, &client, Method::POST, "/act", create).await;
    let number = made["number"].as_str().unwrap();
    for (act, status) in [
        (json!({"act": "work_note", "record": number, "value": "x", "by": "amara.okafor"}), 200),
        (json!({"act": "quiet_set", "record": number, "fields": {"impact": 1}}), 200),
        (json!({"act": "set", "record": number, "fields": {"state": 6}}), 400),
        (json!({"act": "any"}), 200),
        (json!({"act": "revoke_tokens"}), 200),
        (json!({"act": "delete", "record": number}), 200),
        (json!({"act": "delete", "record": number}), 400),
        (json!({"act": "explode"}), 400),
    ] {
        let told = act.to_string();
        let (seen, answer) = admin(&sandbox, &client, Method::POST, "/act", act).await;
        assert_eq!(seen, status, "{told}: {answer}");
    }
    let (_, history) = admin(&sandbox, &client, Method::GET, "/history?from=0", json!(null)).await;
    assert!(history["sentinel"].as_array().unwrap().iter().any(|c| c["after"] == "By hand"));
    assert!(history["servicenow"].as_array().unwrap().iter().any(|c| c["after"] == "deleted"));

    assert_eq!(admin(&sandbox, &client, Method::POST, "/stop", json!({})).await.0, 200);
    sandbox.stopped().await;
    sandbox.stop().await;
}

#[tokio::test]
async fn faults_reach_the_wire() {
    for plain in [true, false] {
        let options = SandboxOptions { plain, ..hang_free("only:servicenow.drop-before") };
        let (sandbox, client) = start(options).await;
        let url = format!("{}/api/now/table/incident", sandbox.description().servicenow.url);
        let plan = |profile: &str| {
            let profile = profile.parse().unwrap();
            sandbox.stage().with_faults(|plan| plan.set_profile(profile));
        };
        assert!(client.get(&url).send().await.is_err(), "no byte of an answer");
        plan("only:reset-body");
        let answer = client.get(&url).send().await.unwrap();
        assert!(answer.bytes().await.is_err(), "the body breaks off");
        plan("only:accepted-nothing");
        assert_eq!(client.get(&url).send().await.unwrap().status(), 202);
        sandbox.stage().with_faults(|plan| plan.hang = Duration::from_millis(20));
        plan("only:timeout-after");
        assert!(client.get(&url).send().await.is_err());
        sandbox.stage().with_faults(|plan| plan.transaction = Duration::from_millis(1));
        plan("only:late-commit");
        let n = &sandbox.description().servicenow;
        let records = || sandbox.stage().with_desk(|desk| desk.records("incident").len());
        let before = records();
        let insert = client
            .post(&url)
            .basic_auth(&n.user, Some(&n.password))
            .header("content-type", "application/json")
            .body("{}");
        assert!(insert.send().await.is_err(), "no answer");
        while records() == before {
            tokio::task::yield_now().await;
        }
        plan("none");
        assert!(client.get(&url).send().await.is_ok());
        assert_eq!(sandbox.traffic()[&Side::ServiceNow].faults, 5);
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn limits_are_set_from_the_start() {
    let options = SandboxOptions { plain: true, throttle: Throttle::Floor, ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let switches = sandbox.stage().with_sentinel(|world| world.switches());
    assert_eq!(switches["throttle"], "floor");
    sandbox.stop().await;
}

#[tokio::test]
async fn four_threads_serve_fifty_wait_and_the_next_is_refused() {
    let options = SandboxOptions { plain: true, ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let threads = Arc::new(Semaphore::new(DESK_THREADS));
    let door = Door::new(sandbox.stage(), Side::ServiceNow, Some(threads));
    let mut serving = Vec::new();
    for _ in 0..DESK_THREADS {
        serving.push(door.worker().await.unwrap());
    }
    let mut queue: Vec<_> = (0..DESK_QUEUE).map(|_| Box::pin(door.worker())).collect();
    for waiting in &mut queue {
        assert!(futures::poll!(waiting.as_mut()).is_pending());
    }
    assert!(door.worker().await.is_none(), "429");
    assert_eq!(sandbox.traffic()[&Side::ServiceNow].errors, 1);
    serving.pop();
    assert!(queue.remove(0).await.is_some(), "the first in the queue is next");
    sandbox.stop().await;
}

#[tokio::test]
async fn analysts_act_while_it_runs() {
    let options = SandboxOptions { plain: true, incidents: 5, analysts: 200.0, ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let mut entries = sandbox.entries();
    for _ in 0..10 {
        let entry = tokio::time::timeout(Duration::from_secs(10), entries.recv()).await.unwrap();
        assert_eq!(entry.unwrap().side, Side::Sentinel, "no record is linked yet");
    }
    sandbox.stop().await;
}
