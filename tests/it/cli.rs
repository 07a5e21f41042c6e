//! The command line from the outside: the built program, its three outputs, its exit code.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use diptych::cli::exit::Exit;
use diptych::mapping::TableSet;
use diptych::model::ledger::{Ask, CommandUpdate, Commit, Committed, Told};
use diptych::model::view::{LaneView, LinkView, Step, WorkspaceView};
use diptych::model::{
    CommandId, CommandState, Incident, IncidentId, InstanceKey, Life, Link, LinkId, Pair, Record, Side,
    SysId, TableName, Verb, WorkspaceKey,
};
use diptych::store::{Mode, Store};
use diptych::text::Stamp;
use serde_json::Value;
use tempfile::TempDir;

const CONFIG: &str = r#"
version = 1
[store]
path = "store.db"
[credential.app]
client_id = "c"
secret = { file = "s" }
[[workspace]]
key = "prod"
name = "soc"
tenant = "t"
subscription = "s"
resource_group = "rg"
credential = "app"
[workspace.route]
instance = "snow"
[[instance]]
key = "snow"
url = "https://localhost:1"
user = "u"
password = { file = "s" }
[[notes.keys]]
name = "k1"
secret = { file = "s" }
"#;

const HOSTILE: &str = "=1+1\u{1b}]0;pwned\u{7}\u{202e}odd";

/// A folder with a config, and a way to run the program there.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("diptych.toml"), CONFIG).unwrap();
        let secret = dir.path().join("s");
        std::fs::write(&secret, "hunter2\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diptych"));
        command.args(args).env_clear().env("HOME", self.path()).current_dir(self.path());
        command.env("DIPTYCH_CONFIG", self.path().join("diptych.toml")).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    async fn store(&self) -> Store {
        Store::open(&self.path().join("store.db"), Mode::ReadWrite).await.unwrap()
    }
}

/// What a run gave.
#[derive(Debug)]
struct Ran {
    out: String,
    err: String,
    code: i32,
}

impl From<Output> for Ran {
    fn from(o: Output) -> Self {
        let ran = Self {
            out: String::from_utf8(o.stdout).unwrap(),
            err: String::from_utf8(o.stderr).unwrap(),
            code: o.status.code().unwrap_or(-1),
        };
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "a secret: {ran:?}");
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "an escape: {ran:?}");
        ran
    }
}

impl Ran {
    fn ends(&self, exit: Exit) -> &Self {
        assert_eq!(self.code, i32::from(exit.code()), "{self:?}");
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

fn prod() -> WorkspaceKey {
    WorkspaceKey::new("prod").unwrap()
}

fn snow() -> InstanceKey {
    InstanceKey::new("snow").unwrap()
}

fn incident_table() -> TableName {
    TableName::new("incident").unwrap()
}

async fn commit(store: &Store, c: Commit) -> Committed {
    match store.ask(Ask::Commit(Box::new(c))).await.unwrap() {
        Told::Committed(done) => done,
        other => panic!("{other:?}"),
    }
}

fn link(n: u32) -> Link {
    Link {
        life: Life::Live,
        ..Link::new(
            prod(),
            IncidentId::new(&format!("0000000{n}-aaaa-bbbb-cccc-ddddeeeeffff")),
            (snow(), incident_table(), SysId::new(format!("{n:032x}"))),
            Stamp(1),
        )
    }
}

fn view(id: LinkId, n: u32) -> LinkView {
    LinkView {
        id,
        workspace: prod(),
        instance: snow(),
        table: incident_table(),
        incident: link(n).incident,
        incident_number: 4710 + i64::from(n),
        record_number: format!("INC000000{n}"),
        title: HOSTILE.into(),
        severity: Pair::new("Medium".into(), "2/2".into()),
        status: Pair::new("New".into(), "New".into()),
        step: if n == 1 { Step::InStep } else { Step::Conflict },
        changed: Stamp(i64::from(n)),
        ..LinkView::default()
    }
}

/// Two links as the lease holder publishes them; the second has a record number that a third
/// shares.
async fn filled(bench: &Bench) -> Store {
    let store = bench.store().await;
    let lease = Ask::TakeLease {
        workspace: prod(),
        holder: "test".into(),
        life_ms: 600_000,
        section_hash: "h".into(),
        idle: None,
    };
    assert!(matches!(store.ask(lease).await.unwrap(), Told::Lease(Some(_))));
    let base = Commit { workspace: prod(), epoch: 1, ..Commit::default() };
    let links = (1..=3).map(link).collect();
    let ids = commit(&store, Commit { new_links: links, ..base.clone() }).await.links;
    let incident = Incident {
        id: link(1).incident,
        number: 4711,
        title: HOSTILE.into(),
        severity: "Medium".into(),
        status: "New".into(),
        ..Incident::default()
    };
    let values = [("impact", "2"), ("urgency", "2"), ("state", "1"), ("short_description", HOSTILE)];
    let record = Record {
        table: incident_table(),
        sys_id: link(1).sys_id,
        number: "INC0000001".into(),
        values: values.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..Record::default()
    };
    let mut views: Vec<LinkView> = ids.iter().zip(1..).map(|(id, n)| view(*id, n)).collect();
    views[2].record_number = "INC0000002".into();
    let workspace = WorkspaceView {
        workspace: prod(),
        name: "soc".into(),
        instance: snow(),
        table: incident_table(),
        poll: 10_000_000,
        paused: false,
        holder: "test".into(),
        epoch: 1,
        mapping_version: 1,
        waiting_plan: None,
        surges: Vec::new(),
        section_hash: "h".into(),
        at: Stamp(1),
    };
    let done = Commit {
        incidents: vec![(incident, Stamp(5))],
        records: vec![(snow(), record, Stamp(5))],
        views,
        lanes: vec![LaneView::starting(prod(), Side::Sentinel), LaneView::starting(prod(), Side::ServiceNow)],
        workspace_view: Some(workspace),
        ..base
    };
    commit(&store, done).await;
    store
}

#[test]
fn help_names_every_exit_code_and_bad_usage_is_2() {
    let bench = Bench::new();
    let help = bench.run(&["--help"]);
    for exit in Exit::ALL {
        assert!(help.ends(Exit::Done).out.contains(exit.meaning()), "{}", help.out);
    }
    bench.run(&["--version"]).ends(Exit::Done);
    bench.run(&["incidents", "lst"]).ends(Exit::Usage);
    let both = bench.run(&["--readonly", "sync", "status"]);
    assert!(both.ends(Exit::Usage).err.contains("belong to the console"));
    let console = bench.run(&[]);
    assert!(console.ends(Exit::Usage).err.contains("needs a terminal") && console.err.contains("--headless"));
}

#[test]
fn the_config_is_checked_and_shown_without_its_secrets() {
    let bench = Bench::new();
    let shown = bench.run(&["config", "show", "--json"]);
    let rows = shown.ends(Exit::Done).json();
    let of = |key: &str| rows.as_array().unwrap().iter().find(|r| r["key"] == key).unwrap().clone();
    assert_eq!(of("instance.snow.password")["value"], "{ file = \"s\" }");
    assert_eq!(of("workspace.prod.poll")["origin"], "default");
    bench.run(&["config", "check"]).ends(Exit::Done);

    std::fs::write(bench.path().join("diptych.toml"), CONFIG.replace("tenant", "tennant")).unwrap();
    let bad = bench.run(&["config", "check"]);
    assert!(
        bad.ends(Exit::Usage).out.contains("did you mean tenant?") && bad.out.contains("diptych.toml:11"),
        "{bad:?}"
    );
    assert!(bench.run(&["run"]).ends(Exit::Usage).err.contains("did you mean tenant?"));

    std::fs::write(bench.path().join("diptych.toml"), CONFIG).unwrap();
    std::fs::remove_file(bench.path().join("s")).unwrap();
    let gone = bench.run(&["config", "check", "--json"]);
    assert_eq!(gone.ends(Exit::Usage).json()["errors"], 3, "{gone:?}");
}

#[test]
fn without_a_store_the_answer_says_what_makes_one() {
    let bench = Bench::new();
    let ran = bench.run(&["incidents", "list"]);
    assert!(ran.ends(Exit::NotFound).err.contains("diptych run"));
    assert!(!bench.path().join("store.db").exists());
    std::fs::remove_file(bench.path().join("diptych.toml")).unwrap();
    assert!(bench.run(&["incidents", "list"]).ends(Exit::Usage).err.contains("diptych demo"));
}

#[tokio::test]
async fn lists_come_in_four_forms_and_foreign_text_is_tame() {
    let bench = Bench::new();
    filled(&bench).await;
    let json = bench.run(&["incidents", "list", "--json"]);
    let rows = json.ends(Exit::Done).json();
    assert_eq!(rows.as_array().unwrap().len(), 3);
    assert_eq!(rows[2]["address"], "prod/4711");
    assert_eq!(rows[2]["title"], HOSTILE, "JSON keeps the text for a parser");
    assert!(!json.out.contains('\u{202e}'), "and yet shows a terminal nothing");
    let csv = bench.run(&["incidents", "list", "--csv", "--step", "conflict"]);
    assert_eq!(csv.ends(Exit::Done).out.lines().count(), 3, "{csv:?}");
    assert!(csv.out.starts_with("address,record,") && csv.out.contains("'=1+1"), "{csv:?}");
    let plain = bench.run(&["incidents", "list", "--plain", "--limit", "1"]);
    assert_eq!(plain.ends(Exit::Done).out.split('\t').next(), Some("prod/4713"));
    let table = bench.run(&["incidents", "list"]);
    assert!(table.ends(Exit::Done).out.starts_with("ADDRESS"));
    let none = bench.run(&["incidents", "list", "--json", "--severity", "Low"]);
    assert_eq!(none.ends(Exit::Done).json(), serde_json::json!([]));
}

#[tokio::test]
async fn an_address_means_one_thing_or_is_refused() {
    let bench = Bench::new();
    filled(&bench).await;
    for address in ["INC0000001", "prod/4711", "00000001-AAAA-bbbb-cccc-ddddeeeeffff", "1"] {
        let ran = bench.run(&["incidents", "show", address, "--json"]);
        assert_eq!(ran.ends(Exit::Done).json()["link"]["incident_number"], 4711, "{address}");
    }
    let text = bench.run(&["incidents", "show", "1"]);
    assert!(text.ends(Exit::Done).out.contains("severity") && text.out.contains("prod/4711"), "{text:?}");
    let two = bench.run(&["incidents", "show", "INC0000002"]);
    assert!(two.ends(Exit::NotFound).err.contains("prod/4712") && two.err.contains("prod/4713"), "{two:?}");
    bench.run(&["incidents", "show", "INC9999999"]).ends(Exit::NotFound);
}

#[tokio::test]
async fn a_change_shows_its_plan_and_needs_a_yes() {
    let bench = Bench::new();
    let store = filled(&bench).await;
    let asked = bench.run(&["incidents", "set", "1", "severity", "High"]);
    assert!(asked.ends(Exit::Unconfirmed).out.contains("Medium → High"), "{asked:?}");
    assert!(asked.err.contains("--yes"));
    assert_eq!(store.command(CommandId(1)).await.unwrap(), None);

    let given = bench.run(&["incidents", "set", "1", "severity", "High", "--yes", "--json"]);
    let row = given.ends(Exit::Done).json();
    assert_eq!((&row["state"], &row["verb"]), (&"pending".into(), &"severity".into()));
    assert!(row["plan"].as_array().is_some_and(|p| !p.is_empty()), "{row}");
    let command = store.command(CommandId(1)).await.unwrap().unwrap();
    assert!(matches!(command.verb, Verb::Severity { .. }) && !command.who.is_empty());

    let same = bench.run(&["incidents", "set", "1", "severity", "medium", "--yes"]);
    assert!(same.ends(Exit::Stale).err.contains("nothing would change"), "{same:?}");
    bench.run(&["incidents", "set", "1", "severity", "Highest", "--yes"]).ends(Exit::Usage);
    let close = bench.run(&["incidents", "set", "1", "status", "Closed", "--yes"]);
    assert!(close.ends(Exit::Usage).err.contains("incidents close"));
    bench.run(&["incidents", "set", "1", "owner", "nobody.known", "--yes"]).ends(Exit::NotFound);
    bench.run(&["incidents", "reopen", "1", "--yes"]).ends(Exit::Stale);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wait_ends_as_the_command_ends() {
    let bench = Bench::new();
    let store = filled(&bench).await;
    for (n, state, exit) in [(1, CommandState::Done, Exit::Done), (2, CommandState::Stale, Exit::Stale)] {
        let mut watcher = store.watch().await;
        let mut command = bench.command(&["incidents", "comment", "1", "a note", "--yes", "--wait=30s"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while store.command(CommandId(n)).await.unwrap().is_none() {
            watcher.changed().await;
        }
        let update = CommandUpdate { id: CommandId(n), state, result: "as it went".into() };
        commit(&store, Commit { workspace: prod(), epoch: 1, commands: vec![update], ..Commit::default() })
            .await;
        let ran =
            Ran::from(tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap());
        assert!(ran.ends(exit).out.contains("as it went"), "{ran:?}");
    }
    let late = bench.run(&["incidents", "retry", "1", "--yes", "--wait=1ms", "--json"]);
    assert_eq!(late.ends(Exit::StillWaiting).json()["state"], "pending");
}

#[tokio::test]
async fn a_lease_that_lapsed_under_another_config_is_named_with_its_cure() {
    let bench = Bench::new();
    let store = filled(&bench).await;
    let fine = bench.run(&["sync", "status"]).ends(Exit::Done).out.clone();
    assert!(!fine.contains("--take-over"), "it is in force: {fine}");
    let lapse = Ask::RenewLease { workspace: prod(), epoch: 1, life_ms: 1 };
    assert!(matches!(store.ask(lapse).await.unwrap(), Told::Lease(Some(_))));
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let status = bench.run(&["sync", "status"]).ends(Exit::Done).out.clone();
    assert!(status.contains("differs from the one that test last synced it on"), "{status}");
    let row = bench.run(&["sync", "status", "--json"]).ends(Exit::Done).json()[0].clone();
    assert!(row["refused"].as_str().unwrap().contains("diptych run --take-over"), "{row}");
    store.ask(Ask::ReleaseLease { workspace: prod(), epoch: 1 }).await.unwrap();
    let row = bench.run(&["sync", "status", "--json"]).ends(Exit::Done).json()[0].clone();
    assert_eq!(row["refused"], "", "given back");
}

#[tokio::test]
async fn the_sync_is_seen_and_ordered() {
    let bench = Bench::new();
    let store = filled(&bench).await;
    let status = bench.run(&["sync", "status", "--json"]);
    let row = status.ends(Exit::Done).json()[0].clone();
    assert_eq!((&row["workspace"], &row["holder"]), (&"prod".into(), &"test".into()));
    assert_eq!(row["links"]["conflict"], 2);
    assert_eq!(row["lanes"].as_array().unwrap().len(), 2);
    assert!(bench.run(&["sync", "status"]).ends(Exit::Done).out.contains("synced by test"));
    assert!(bench.run(&["sync", "pause", "prod"]).ends(Exit::Done).out.contains("pause ordered"));
    match store.ask(Ask::Orders(prod())).await.unwrap() {
        Told::Orders(_, controls, _) => assert_eq!(controls.len(), 1),
        other => panic!("{other:?}"),
    }
    assert!(bench.run(&["sync", "now", "prd"]).ends(Exit::NotFound).err.contains("prod"));
    bench.run(&["sync"]).ends(Exit::Usage);
}

#[tokio::test]
async fn tables_are_checked_applied_and_undone() {
    let bench = Bench::new();
    let store = filled(&bench).await;
    let preset = TableSet::default_tables();
    store.seed_mapping(&preset.to_json().unwrap(), Stamp(1)).await.unwrap();
    bench.run(&["mappings", "check"]).ends(Exit::Done);
    bench.run(&["mappings", "export", "t.toml"]).ends(Exit::Done);
    let file = bench.path().join("t.toml");
    assert_eq!(TableSet::from_toml(&std::fs::read_to_string(&file).unwrap()).unwrap(), preset);

    let mut changed = preset.clone();
    let row = changed.owner.len();
    changed.owner.push(diptych::mapping::OwnerRow {
        servicenow: "ann".into(),
        sentinel: "ann@x.example".into(),
        workspace: String::new(),
    });
    std::fs::write(&file, changed.to_toml()).unwrap();
    let apply = |more: &[&str]| {
        bench.run(&[&["mappings", "apply", "t.toml", "--reason", "new colleague"], more].concat())
    };
    let would = bench.run(&["mappings", "diff", "t.toml", "--json"]).ends(Exit::Done).json();
    assert_eq!((would.as_array().unwrap().len(), &would[0]["table"]), (1, &Value::from("owner")));
    assert!(bench.run(&["mappings", "diff"]).ends(Exit::Done).err.contains("0 differences"));
    assert!(apply(&[]).ends(Exit::Unconfirmed).out.contains("ann"));
    assert!(apply(&["--yes"]).ends(Exit::Done).out.contains("version 2"));
    assert!(apply(&["--yes"]).ends(Exit::Done).out.contains("the same already"));
    bench.run(&["mappings", "undo", "--yes"]).ends(Exit::Done);
    let now = TableSet::from_json(&store.mapping_current().await.unwrap().unwrap().body).unwrap();
    assert_eq!(now.owner.len(), row);
    let history = bench.run(&["mappings", "history", "--json"]).ends(Exit::Done).json();
    assert_eq!(history.as_array().unwrap().len(), 3);
    assert_eq!(history[1]["reason"], "new colleague");
    let old = bench.run(&["mappings", "export", "--version", "2"]);
    assert_eq!(TableSet::from_toml(&old.ends(Exit::Done).out).unwrap(), changed);

    std::fs::write(&file, "severty = []").unwrap();
    assert!(bench.run(&["mappings", "check", "t.toml"]).ends(Exit::CheckFailed).err.contains("line 1"));
}

#[tokio::test]
async fn an_incident_explains_the_tables_those_in_force_and_a_draft() {
    let bench = Bench::new();
    let store = filled(&bench).await;
    let preset = TableSet::default_tables();
    store.seed_mapping(&preset.to_json().unwrap(), Stamp(1)).await.unwrap();
    let told = bench.run(&["mappings", "explain", "1", "--json"]).ends(Exit::Done).json();
    let of = |field: &str, from: &str| {
        let mut all = told.as_array().unwrap().iter();
        all.find(|e| e["field"] == field && e["from"] == from).unwrap_or_else(|| panic!("{told:#}"))
    };
    assert_eq!(of("severity", "sentinel")["output"], "2/2");
    assert!(of("severity", "sentinel")["row"]["row"].is_number());
    assert!(of("owner", "sentinel")["steps"].is_array());
    let text = bench.run(&["mappings", "explain", "prod/4711"]);
    assert!(text.ends(Exit::Done).out.contains("Medium toward incident: becomes 2/2"), "{text:?}");

    // By a draft that maps it nowhere it would be held.
    let mut draft = preset;
    draft.severity.retain(|row| row.sentinel != "Medium");
    std::fs::write(bench.path().join("draft.toml"), draft.to_toml()).unwrap();
    let text = bench.run(&["mappings", "explain", "1", "--file", "draft.toml"]);
    assert!(text.ends(Exit::Done).out.contains("Medium toward incident: held"), "{text:?}");
    bench.run(&["mappings", "explain", "INC9999999"]).ends(Exit::NotFound);
}

#[tokio::test]
async fn the_audit_is_verified_and_printed() {
    let bench = Bench::new();
    let store = filled(&bench).await;
    store.seed_mapping("{}", Stamp(1)).await.unwrap();
    let fine = bench.run(&["audit", "verify", "--json"]);
    assert_eq!(fine.ends(Exit::Done).json()[0]["broken"], Value::Null);
    assert!(bench.run(&["audit", "verify"]).ends(Exit::Done).out.contains("not checkable"));
    let lines = bench.run(&["audit", "export", "--json"]);
    let first: Value = serde_json::from_str(lines.ends(Exit::Done).out.lines().next().unwrap()).unwrap();
    assert_eq!((&first["chain"], &first["seq"]), (&"store".into(), &1.into()));
    assert!(bench.run(&["audit", "export", "--csv"]).ends(Exit::Done).out.starts_with("chain,seq,"));
    // a head that names a row which the store does not have: the tail was cut off
    std::fs::write(bench.path().join("heads.json"), format!("{{\"store\":[9,\"{}\"]}}", "0".repeat(64)))
        .unwrap();
    let cut = bench.run(&["audit", "verify", "--heads", "heads.json"]);
    assert!(cut.ends(Exit::CheckFailed).out.contains("BROKEN"), "{cut:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let bench = Bench::new();
    for args in [&["completions", "bash"][..], &["man"], &["--help"], &["config", "show"]] {
        let mut child = bench.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert!(ran.ends(Exit::Done).err.is_empty(), "{args:?}: {ran:?}");
    }
}

#[test]
fn completions_and_pages_are_made_for_every_command() {
    let bench = Bench::new();
    assert!(bench.run(&["completions", "zsh"]).ends(Exit::Done).out.contains("diptych"));
    assert!(bench.run(&["man"]).ends(Exit::Done).out.contains(".TH"));
    bench.run(&["man", "pages"]).ends(Exit::Done);
    for page in ["diptych.1", "diptych-sandbox.1", "diptych-incidents-close.1"] {
        assert!(bench.path().join("pages").join(page).exists(), "{page}");
    }
}

/// A sandbox in another process, stopped at the end.
#[cfg(unix)]
struct Servers(std::process::Child);

#[cfg(unix)]
impl Servers {
    /// Starts one that writes its config into `box`; gives what it says about itself.
    fn start(bench: &Bench, more: &[&str]) -> (Self, Value) {
        use std::io::{BufRead, BufReader};

        let mut command = bench.command(&["sandbox", "--json", "--dir", "box", "--incidents", "4"]);
        let mut child = command.args(more).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), serde_json::from_str(&line).unwrap())
    }

    fn stop(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

#[cfg(unix)]
impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[test]
fn the_sandbox_describes_itself_and_writes_a_config_that_is_good() {
    let bench = Bench::new();
    let (mut sandbox, d) = Servers::start(&bench, &["--workspaces", "2"]);
    assert!(Path::new(d["ca"].as_str().unwrap()).exists());
    assert_eq!(d["sentinel"]["workspaces"].as_array().unwrap().len(), 2);
    for member in ["url", "user", "password", "client_id", "client_secret"] {
        assert!(d["servicenow"][member].is_string(), "{member}");
    }
    let checked = bench.run(&["config", "check", "--config", "box/diptych.toml"]);
    assert!(checked.ends(Exit::Done).out.contains("0 errors, 0 warnings"), "{checked:?}");
    assert_eq!(sandbox.stop(), Some(0));
}

#[cfg(unix)]
#[test]
fn one_pass_syncs_two_other_processes_and_the_next_writes_nothing() {
    let bench = Bench::new();
    let (_sandbox, _) = Servers::start(&bench, &[]);
    let run = |args: &[&str]| bench.run(&[args, &["--config", "box/diptych.toml"]].concat());
    let planned = run(&["sync", "--plan", "--json"]).ends(Exit::Done).json();
    assert!(!planned.as_array().unwrap().is_empty());
    assert!(run(&["incidents", "list", "--json"]).ends(Exit::Done).json().as_array().unwrap().is_empty());

    let first = run(&["sync", "--once", "--json"]).ends(Exit::Done).json();
    assert!(first[0]["written"].as_u64().unwrap() > 0, "{first}");
    let links = run(&["incidents", "list", "--all", "--json"]).ends(Exit::Done).json();
    assert!(links.as_array().unwrap().iter().all(|l| l["step"] == "in step"), "{links}");
    let second = run(&["sync", "--once", "--json"]).ends(Exit::Done).json();
    assert_eq!(second[0]["written"], 0, "{second}");
    let audit = run(&["audit", "verify", "--json"]).ends(Exit::Done).json();
    assert!(audit.as_array().unwrap().iter().all(|c| c["vouched"].is_i64()), "{audit}");
}

#[cfg(unix)]
#[test]
fn a_first_contact_waits_until_its_plan_is_accepted() {
    let bench = Bench::new();
    let (_sandbox, _) = Servers::start(&bench, &[]);
    let file = bench.path().join("box/diptych.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("first_contact = \"go\"", "first_contact = \"plan\"")).unwrap();
    let run = |args: &[&str]| bench.run(&[args, &["--config", "box/diptych.toml"]].concat());
    for _ in 0..2 {
        let waits = run(&["sync", "--once", "--json"]).ends(Exit::Failed).json();
        assert!(waits[0]["note"].as_str().unwrap().contains("waits for acceptance"), "{waits}");
        assert_eq!(waits[0]["written"], 0);
    }
    let status = run(&["sync", "status"]).ends(Exit::Done).out.clone();
    assert!(status.contains("a first-contact plan waits"), "{status}");
    run(&["sync", "--accept-plan"]).ends(Exit::Done);
    let synced = run(&["sync", "--once", "--json"]).ends(Exit::Done).json();
    assert!(synced[0]["written"].as_u64().unwrap() > 0, "{synced}");
    let status = run(&["sync", "status"]).ends(Exit::Done).out.clone();
    assert!(!status.contains("plan waits"), "{status}");
}

#[cfg(unix)]
#[test]
fn one_pass_of_a_paused_workspace_is_refused_and_a_plan_is_not() {
    let bench = Bench::new();
    let (_sandbox, _) = Servers::start(&bench, &[]);
    let run = |args: &[&str]| bench.run(&[args, &["--config", "box/diptych.toml"]].concat());
    // It makes the store and nothing else: this workspace needs no acceptance.
    run(&["sync", "--accept-plan"]).ends(Exit::Done);
    run(&["sync", "pause"]).ends(Exit::Done);
    for _ in 0..2 {
        // The order itself first, then what is remembered of it.
        let refused = run(&["sync", "--once", "--json"]).ends(Exit::Failed).json();
        let note = refused[0]["note"].as_str().unwrap();
        assert!(note.contains("paused") && note.contains("sync resume sandbox"), "{refused}");
        assert_eq!((&refused[0]["read"], &refused[0]["written"]), (&0.into(), &0.into()), "{refused}");
    }
    let planned = run(&["sync", "--plan", "--json"]).ends(Exit::Done).json();
    assert!(!planned.as_array().unwrap().is_empty());
    run(&["sync", "resume"]).ends(Exit::Done);
    let synced = run(&["sync", "--once", "--json"]).ends(Exit::Done).json();
    assert!(synced[0]["written"].as_u64().unwrap() > 0, "{synced}");
}

#[cfg(unix)]
#[test]
fn what_a_service_refuses_is_said_with_its_name_and_a_cure() {
    let bench = Bench::new();
    let (_sandbox, _) = Servers::start(&bench, &[]);
    let file = bench.path().join("box/diptych.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let once = |change: &dyn Fn(&str) -> String| {
        std::fs::write(&file, change(&text)).unwrap();
        let ran = bench.run(&["sync", "--once", "--json", "--config", "box/diptych.toml"]);
        assert_ne!(ran.code, 0, "{ran:?}");
        ran.out + &ran.err
    };
    let table = once(&|t| t.replace("table = \"incident\"", "table = \"u_nowhere\""));
    assert!(table.contains("u_nowhere"), "{table}");
    let workspace = once(&|t| t.replace("name = \"soc-emea\"", "name = \"soc-nowhere\""));
    assert!(workspace.contains("soc-nowhere") || workspace.contains("sandbox"), "{workspace}");
    let secret = bench.path().join("box/servicenow.secret");
    let password = std::fs::read_to_string(&secret).unwrap();
    std::fs::write(&secret, "wrong").unwrap();
    let refused = once(&|t| t.to_owned());
    assert!(refused.contains("sign-in"), "{refused}");
    let again = bench.run(&["sync", "--once", "--config", "box/diptych.toml"]);
    assert_eq!(again.code, i32::from(Exit::Denied.code()), "{again:?}");
    let next = bench.path().join("box/servicenow-next.secret");
    std::fs::copy(&secret, &next).unwrap();
    let second = "[[instance]]\nsecond_secret = { file = \"servicenow-next.secret\" }";
    let rotating = |t: &str| t.replace("[[instance]]", second);
    let both = once(&rotating);
    let named = ["servicenow.secret", "servicenow-next.secret", "instance "];
    assert!(named.iter().all(|n| both.contains(n)) && !both.contains(&password), "{both}");
    std::fs::write(&next, &password).unwrap();
    let synced = bench.run(&["sync", "--once", "--json", "--config", "box/diptych.toml"]);
    assert!(synced.ends(Exit::Done).json()[0]["written"].as_u64().unwrap() > 0, "{synced:?}");
    std::fs::write(&secret, password).unwrap();
    std::fs::remove_file(bench.path().join("box/notes.secret")).unwrap();
    let key = once(&|t| t.to_owned());
    assert!(key.contains("notes.secret") && key.contains("not there"), "{key}");
}

#[test]
fn the_demo_lives_without_a_terminal_and_leaves_nothing() {
    let bench = Bench::new();
    let mut command =
        bench.command(&["demo", "--headless", "--json", "--for", "10s", "--incidents", "6", "--rate", "4/s"]);
    let ran = Ran::from(command.args(["--pictures", "pics"]).env("TMPDIR", bench.path()).output().unwrap());
    let lines: Vec<Value> =
        ran.ends(Exit::Done).out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let (summary, events) = lines.split_last().unwrap();
    assert!(events.iter().any(|e| e["level"] == "change"), "{ran:?}");
    for member in ["incidents", "records", "changes"] {
        assert!(summary[member].as_u64().unwrap() > 0, "{member}: {summary}");
    }
    assert!(std::fs::read_to_string(bench.path().join("pics/incidents.svg")).unwrap().starts_with("<svg"));
    let left: Vec<_> = std::fs::read_dir(bench.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|n| n.to_string_lossy().starts_with("diptych-demo")), "{left:?}");
}
