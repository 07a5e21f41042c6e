//! `links` from the outside: the built program against a sandbox with records made twice, by the store app and
//! by hand.

use std::path::Path;
use std::process::Command;

use diptych::cli::exit::Exit;
use diptych::config;
use diptych::sandbox::Sandbox;
use diptych::sandbox::options::SandboxOptions;
use diptych::sandbox::people::CAST;
use diptych::sandbox::sentinel::{IncidentAct, IncidentDraft};
use diptych::sandbox::servicenow::{DeskAct, RecordFacts};
use diptych::text::Stamp;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A sandbox whose incidents have been synced once by the program.
struct Bench {
    dir: TempDir,
    sandbox: Sandbox,
}

impl Bench {
    async fn new() -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("sandbox");
        let options = SandboxOptions { seed: 11, incidents: 4, dir: Some(at), ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let description = serde_json::to_value(sandbox.description()).unwrap();
        let (text, secrets) = config::sandbox_config(&description, dir.path()).unwrap();
        for (name, secret) in secrets {
            private(&dir.path().join(name), &secret);
        }
        private(&dir.path().join("diptych.toml"), &text);
        let bench = Self { dir, sandbox };
        assert_eq!(bench.run(&["sync", "--once"]).0, Exit::Done);
        bench
    }

    /// Runs the program; gives how it ended and what it printed.
    fn run(&self, args: &[&str]) -> (Exit, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diptych"));
        command.args(args).env_clear().env("HOME", self.dir.path());
        command.arg("--config").arg(self.dir.path().join("diptych.toml"));
        let done = tokio::task::block_in_place(|| command.output().unwrap());
        let code = done.status.code().unwrap();
        let exit = Exit::ALL.into_iter().find(|e| i32::from(e.code()) == code).unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        eprintln!("{args:?}: {code} {said}");
        (exit, String::from_utf8(done.stdout).unwrap())
    }

    fn duplicates(&self, more: &[&str]) -> (Exit, Vec<Value>) {
        let (exit, out) = self.run(&[&["links", "duplicates", "--json"], more].concat());
        (exit, serde_json::from_str(&out).unwrap())
    }

    fn records(&self) -> Vec<RecordFacts> {
        self.sandbox.stage().with_desk(|d| d.records("incident"))
    }

    fn record(&self, sys_id: &str) -> RecordFacts {
        self.records().into_iter().find(|r| r.sys_id == sys_id).unwrap()
    }

    /// A record that carries the correlation of another one, made by somebody.
    fn copy(&self, of: &RecordFacts, user: &str, correlation: Option<&str>) -> String {
        let mut fields: Vec<(String, String)> =
            ["short_description", "correlation_id", "correlation_display", "caller_id"]
                .iter()
                .map(|name| ((*name).to_owned(), of.fields[*name].clone()))
                .collect();
        if let Some(id) = correlation {
            fields[1].1 = id.to_owned();
        }
        let made = self.sandbox.stage().with_desk(|d| d.create("incident", &fields, user, now()));
        made.unwrap()
    }
}

fn now() -> Stamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Stamp(i64::try_from(since.as_micros()).unwrap())
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

/// What a row says of a record.
fn of<'a>(rows: &'a [Value], sys_id: &str) -> &'a Value {
    let records = rows.iter().flat_map(|r| r["records"].as_array().unwrap());
    records.into_iter().find(|r| r["sys_id"] == sys_id).unwrap_or_else(|| panic!("{sys_id}: {rows:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_we_wrote_is_closed_in_favour_of_the_linked_one_and_the_rest_is_left() {
    let bench = Bench::new().await;
    let us = bench.sandbox.description().servicenow.user.clone();
    assert_eq!(bench.duplicates(&[]), (Exit::Done, Vec::new()));

    let linked: Vec<RecordFacts> =
        bench.records().into_iter().filter(|r| r.fields["correlation_id"].starts_with("diptych:")).collect();
    assert!(linked.len() >= 2, "{}", linked.len());
    let ours = bench.copy(&linked[0], &us, None);
    let touched = bench.copy(&linked[0], &us, None);
    let note = DeskAct::WorkNote("I am on it".into());
    let act = |id: &str| {
        bench.sandbox.stage().with_desk(|d| d.act("incident", id, &note, CAST[0].user_name, now())).unwrap();
    };
    act(&touched);
    // Its last editor is we again; the note tells all the same.
    let quiet = [("sys_updated_by".to_owned(), us.clone())];
    bench.sandbox.stage().with_desk(|d| d.set_without_stamp("incident", &touched, &quiet, now())).unwrap();
    let guid = linked[1].fields["correlation_id"].rsplit(':').next().unwrap().to_owned();
    let apps = bench.copy(&linked[1], &us, Some(&format!("Sentinel-{guid}")));
    let before = bench.records();

    let (exit, rows) = bench.duplicates(&["--repair"]);
    assert_eq!((exit, rows.len()), (Exit::CheckFailed, 2), "{rows:?}");
    for kept in &linked[..2] {
        assert_eq!(of(&rows, &kept.sys_id)["fate"], "keep");
        assert_eq!(of(&rows, &kept.sys_id)["linked"], true);
    }
    assert_eq!((&of(&rows, &ours)["fate"], &of(&rows, &ours)["ours_alone"]), (&json!("close"), &json!(true)));
    assert_eq!(of(&rows, &touched)["fate"], "leave");
    assert_eq!(of(&rows, &touched)["ours_alone"], false);
    assert!(of(&rows, &touched)["why"].as_str().unwrap().contains(CAST[0].user_name), "{rows:?}");
    assert!(of(&rows, &apps)["why"].as_str().unwrap().contains("store app"), "{rows:?}");
    assert_eq!(bench.records(), before, "without --yes nothing is written");

    let (exit, rows) = bench.duplicates(&["--repair", "--yes"]);
    assert_eq!(exit, Exit::CheckFailed, "two are left");
    assert_eq!(of(&rows, &ours)["fate"], "closed");
    let closed = bench.record(&ours);
    assert_eq!((closed.fields["state"].as_str(), closed.fields["close_code"].as_str()), ("6", "Duplicate"));
    assert!(closed.journal.iter().any(|j| j.value.contains(&linked[0].number)), "{closed:?}");
    for other in before.iter().filter(|r| r.sys_id != ours) {
        assert_eq!(bench.record(&other.sys_id), *other, "only that one was written");
    }
    let (_, audit) = bench.run(&["audit", "export", "--chain", "store", "--json"]);
    for act in ["\"close_duplicate\"", "\"closed_duplicate\""] {
        assert_eq!(audit.matches(act).count(), 1, "{act}: {audit}");
    }
    assert_eq!(bench.run(&["audit", "verify"]).0, Exit::Done);

    // Whoever looks again finds what is left, and the closed one only when asked for.
    let closed_too = |rows: &[Value]| rows.iter().any(|r| r.to_string().contains("closed already"));
    assert_eq!(bench.duplicates(&["--repair", "--yes"]).0, Exit::CheckFailed);
    for id in [&touched, &apps] {
        let end = ["state", "close_code", "close_notes"].map(String::from);
        let fields: Vec<(String, String)> =
            end.into_iter().zip(["6", "Duplicate", "done"].map(String::from)).collect();
        let set = DeskAct::Set(fields);
        let by = CAST[0].user_name;
        bench.sandbox.stage().with_desk(|d| d.act("incident", id, &set, by, now())).unwrap();
    }
    assert_eq!(bench.duplicates(&[]), (Exit::Done, Vec::new()));
    let (exit, rows) = bench.duplicates(&["--all"]);
    assert!(exit == Exit::Done && closed_too(&rows), "{rows:?}");

    // The sync goes on as if nothing were.
    assert_eq!(bench.run(&["sync", "--once"]).0, Exit::Done);
    assert_eq!(bench.record(&linked[0].sys_id).fields["state"], linked[0].fields["state"]);
    bench.sandbox.stop().await;
}

impl Bench {
    fn json(&self, args: &[&str]) -> (Exit, Value) {
        let (exit, out) = self.run(&[args, &["--json"]].concat());
        (exit, serde_json::from_str(&out).unwrap_or_default())
    }

    fn once(&self) {
        assert_eq!(self.run(&["sync", "--once"]).0, Exit::Done);
    }

    /// A record with these columns, made by somebody.
    fn make(&self, fields: &[(&str, &str)]) -> RecordFacts {
        let mut all = vec![("caller_id".to_owned(), CAST[0].sys_id.to_owned())];
        all.extend(fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let user = CAST[0].user_name;
        let made = self.sandbox.stage().with_desk(|d| d.create("incident", &all, user, now())).unwrap();
        self.record(&made)
    }

    /// An incident that the filter keeps out; gives its number and GUID.
    fn raise(&self) -> (i64, String) {
        let draft =
            IncidentDraft { title: "Port scan".into(), severity: "Low".into(), ..IncidentDraft::default() };
        let name = self.sandbox.description().sentinel.workspaces[0].clone();
        let stage = self.sandbox.stage();
        let guid = stage.with_sentinel(|s| s.raise(&name, draft, now()));
        let all = stage.with_sentinel(|s| s.facts(&name));
        (all.iter().find(|i| i.guid == guid).unwrap().number, guid)
    }

    /// Address, link and record of a link that is in step.
    fn linked(&self) -> (String, String, String) {
        let (_, rows) = self.json(&["incidents", "list"]);
        let row = rows.as_array().unwrap().iter().find(|r| r["step"] == "in step").unwrap();
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        (text("address"), row["link"].to_string(), text("record"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_made_and_ended_by_hand() {
    let bench = Bench::new().await;
    let (number, guid) = bench.raise();
    let address = format!("sandbox/{number}");
    let equal = [("short_description", "Port scan"), ("impact", "3"), ("urgency", "2"), ("state", "1")];
    let record = bench.make(&equal);
    let (taken, link, theirs) = bench.linked();

    // Refused, each with its reason and what to do.
    for (args, exit) in [
        ([address.as_str(), theirs.as_str()], Exit::Stale),
        ([taken.as_str(), record.number.as_str()], Exit::Stale),
        ([address.as_str(), "INC9999999"], Exit::NotFound),
        (["sandbox/999999", record.number.as_str()], Exit::NotFound),
    ] {
        assert_eq!(bench.run(&["links", "link", args[0], args[1], "--yes"]).0, exit, "{args:?}");
    }
    // Shown first, and nothing without a yes.
    let (exit, shown) = bench.run(&["links", "link", &address, &record.number]);
    assert_eq!(exit, Exit::Unconfirmed);
    assert!(shown.contains("equal") && shown.contains("severity: Low = Low (impact/urgency 3/2)"), "{shown}");
    assert!(shown.contains("nothing that stands on either side is written over"), "{shown}");

    let (exit, given) = bench.json(&["links", "link", &guid, &record.sys_id, "--yes"]);
    assert_eq!((exit, &given[0]["state"]), (Exit::Done, &json!("pending")), "{given}");
    assert_eq!((&given[0]["address"], &given[0]["record"]), (&json!(address), &json!(record.number)));
    bench.once();
    assert_eq!(bench.record(&record.sys_id), record, "nothing was written");
    let (_, shown) = bench.json(&["incidents", "show", &record.number]);
    assert_eq!((&shown["link"]["step"], &shown["link"]["address"]), (&json!("in step"), &json!(address)));
    let (_, audit) = bench.run(&["audit", "export", "--chain", "sandbox", "--json"]);
    assert_eq!(audit.matches("\"act\":\"link\"").count() + audit.matches("\"act\": \"link\"").count(), 1);

    // Ended by its address; then nothing crosses.
    let (exit, given) = bench.json(&["links", "unlink", &address, "--yes"]);
    assert_eq!((exit, &given["verb"]), (Exit::Done, &json!("unlink")), "{given}");
    bench.once();
    let name = bench.sandbox.description().sentinel.workspaces[0].clone();
    let severe = IncidentAct::Severity("High".into());
    bench.sandbox.stage().with_sentinel(|s| s.act(&name, &guid, &severe, &CAST[0], now())).unwrap();
    bench.once();
    assert_eq!(bench.record(&record.sys_id), record, "an ended link writes nothing");
    assert_eq!(bench.run(&["links", "unlink", &address, "--yes"]).0, Exit::Stale, "it is ended already");
    assert_eq!(bench.run(&["incidents", "set", &address, "severity", "Low", "--yes"]).0, Exit::Stale);

    // Tied again by hand; what differs is left for a person.
    let (exit, given) = bench.json(&["links", "link", &address, &record.number, "--yes"]);
    assert_eq!(exit, Exit::Done);
    assert!(given[0]["fields"].to_string().contains("conflict"), "{given}");
    bench.once();
    let (_, shown) = bench.json(&["incidents", "show", &address]);
    assert_eq!(shown["link"]["step"], "conflict", "{shown}");
    assert_ne!(shown["link"]["link"].to_string(), link);
    assert_eq!(bench.record(&record.sys_id), record);
    assert_eq!(bench.run(&["audit", "verify"]).0, Exit::Done);
    bench.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_the_store_app_are_listed_and_adopted() {
    let bench = Bench::new().await;
    let ((number, guid), (_, other)) = (bench.raise(), bench.raise());
    let make = |guid: &str, title: &str| {
        let id = format!("Sentinel-{guid}");
        let fields = [("correlation_id", id.as_str()), ("short_description", title)];
        bench.make(&[&fields[..], &[("impact", "3"), ("urgency", "3"), ("state", "1")]].concat())
    };
    let (first, second) = (make(&guid, "Port scan - Incident number: 5"), make(&guid, "made again"));
    // One for an incident that has a record of ours.
    let ours =
        bench.records().into_iter().find(|r| r.fields["correlation_id"].starts_with("diptych:")).unwrap();
    let bound = make(ours.fields["correlation_id"].rsplit(':').next().unwrap(), "x");
    make(&other.replace(|c: char| c.is_ascii_digit(), "0"), "of nobody's");

    let (exit, rows) = bench.json(&["links", "adopt"]);
    assert_eq!((exit, rows.as_array().unwrap().len()), (Exit::Done, 3), "{rows}");
    let of =
        |rows: &Value, id: &str| rows.as_array().unwrap().iter().find(|r| r["sys_id"] == id).unwrap().clone();
    let taken = of(&rows, &first.sys_id);
    assert_eq!((&taken["becomes"], &taken["order"]), (&json!("primary"), &json!(null)), "{taken}");
    assert_eq!(taken["address"], format!("sandbox/{number}"));
    for (id, says) in [(&second.sys_id, first.number.as_str()), (&bound.sys_id, "links unlink")] {
        let left = of(&rows, id);
        assert_eq!(left["becomes"], "leave", "{left}");
        assert!(left["why"].as_str().unwrap().contains(says), "{left}");
    }
    bench.once();
    assert_eq!(bench.record(&first.sys_id), first, "a dry run orders nothing");

    let (exit, rows) = bench.json(&["links", "adopt", "--workspace", "sandbox", "--yes"]);
    assert_eq!((exit, &of(&rows, &first.sys_id)["state"]), (Exit::Done, &json!("pending")), "{rows}");
    bench.once();
    let (_, shown) = bench.json(&["incidents", "show", &format!("sandbox/{number}")]);
    assert_eq!(shown["link"]["record"], first.number, "{shown}");
    assert_eq!(bench.record(&first.sys_id).fields["short_description"], first.fields["short_description"]);
    let (_, rows) = bench.json(&["links", "adopt"]);
    assert!(of(&rows, &first.sys_id)["why"].as_str().unwrap().contains("tied already"), "{rows}");
    assert_eq!(bench.run(&["links", "adopt", "--workspace", "nowhere"]).0, Exit::NotFound);
    bench.sandbox.stop().await;
}
