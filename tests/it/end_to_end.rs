//! The real engine against the sandbox over TLS: 200 incidents, people on both sides, faults;
//! then quiet; then everything is in step and stays so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use diptych::config;
use diptych::engine::shell::{EngineOptions, run};
use diptych::model::ledger::{Ask, Told};
use diptych::model::{Command, CommandId, CommandState, LinkId, Verb, WorkspaceKey};
use diptych::sandbox::analysts::Deed;
use diptych::sandbox::options::SandboxOptions;
use diptych::sandbox::sentinel::IncidentFacts;
use diptych::sandbox::{Sandbox, side::Side};
use diptych::store::{Mode, Store};
use secrecy::SecretString;
use tokio::sync::watch;

use crate::simulation::{Dialect, Discord, Worlds, check_in_step};

const ANALYST_ACTS: u64 = 150;

/// The longest that nothing at all may come to the sandbox: the longest rest of a side, and some more.
const STANDSTILL: Duration = Duration::from_secs(400);

/// Looks again and again, with a pause between, until it is so. It fails after so many exchanges, which a slow
/// machine needs as well as a fast one, or when nothing is exchanged any more.
async fn until(sandbox: &Sandbox, what: &str, most: u64, look: impl FnMut() -> Result<(), String>) {
    let outcome = within(sandbox, most, look).await;
    assert!(outcome.is_ok(), "{what} not within {most} exchanges: {outcome:?}");
}

async fn within(
    sandbox: &Sandbox,
    most: u64,
    mut look: impl FnMut() -> Result<(), String>,
) -> Result<(), String> {
    let begun = exchanges(sandbox);
    let mut last = (begun, Instant::now());
    loop {
        let Err(why) = look() else { return Ok(()) };
        let now = exchanges(sandbox);
        if now != last.0 {
            last = (now, Instant::now());
        }
        if now - begun > most {
            return Err(why);
        }
        assert!(last.1.elapsed() < STANDSTILL, "nothing is exchanged any more: {why}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Somebody presses retry wherever something failed: after several failures a link rests for minutes.
async fn press_retry(store: &Store, workspace: &WorkspaceKey) {
    let all = Ask::ById((1..1000).map(LinkId).collect());
    let Told::Links(links) = store.ask(all).await.unwrap() else { panic!("no links") };
    for link in links.into_iter().filter(|l| l.link.failures > 0) {
        let command = Command {
            id: CommandId(0),
            workspace: workspace.clone(),
            link: link.link.id,
            verb: Verb::Retry,
            shown: Vec::new(),
            who: "somebody".into(),
            at: link.incident_seen,
            state: CommandState::Pending,
            result: String::new(),
        };
        store.give_command(command).await.unwrap();
    }
}

fn worlds(sandbox: &Sandbox, workspace: &str) -> Worlds {
    let (incidents, records): (Vec<IncidentFacts>, _) = (
        sandbox.stage().with_sentinel(|s| s.facts(workspace)),
        sandbox.stage().with_desk(|d| d.records("incident")),
    );
    Worlds {
        deleted: std::collections::BTreeSet::new(),
        incidents,
        records,
        integration_user: sandbox.description().servicenow.user.clone(),
        dialect: Dialect { alerts: true, ..Dialect::ours("sandbox") },
    }
}

fn lines(problems: &[Discord]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn writes(sandbox: &Sandbox) -> u64 {
    sandbox.traffic().values().map(|t| t.writes).sum()
}

fn exchanges(sandbox: &Sandbox) -> u64 {
    sandbox.traffic().values().map(|t| t.requests).sum()
}

fn reads(sandbox: &Sandbox) -> u64 {
    sandbox.traffic().get(&Side::Sentinel).map_or(0, |t| t.requests)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_incidents_end_in_step_after_people_and_faults() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let options = SandboxOptions {
        seed: 11,
        incidents: 200,
        analysts: 0.0,
        faults: "default".parse().unwrap(),
        dir: Some(folder.path().join("sandbox")),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let workspace = sandbox.description().sentinel.workspaces[0].clone();
    sandbox.stage().with_faults(|f| {
        f.hang = Duration::from_millis(300);
        f.late = Duration::from_millis(800);
    });
    sandbox.stage().with_analysts(|a| {
        for deed in [Deed::Merge, Deed::AutoClose, Deed::AutoReopen] {
            a.set_weight(deed, 0);
        }
    });

    let store = Store::open(&folder.path().join("store.db"), Mode::ReadWrite).await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let engine = tokio::spawn(run(engine_options(&sandbox, &store, folder.path()), stopping));

    sandbox.stage().set_rate(12.0);
    let mut entries = sandbox.entries();
    for _ in 0..ANALYST_ACTS {
        tokio::time::timeout(Duration::from_secs(60), entries.recv()).await.unwrap().unwrap();
    }
    sandbox.stage().set_rate(0.0);
    let struck = || -> u64 {
        let on = |side| sandbox.stage().with_faults(|f| f.struck_on(side));
        on(Side::Sentinel) + on(Side::ServiceNow)
    };
    until(&sandbox, "forty faults", 5000, || {
        if struck() >= 40 { Ok(()) } else { Err(format!("{} struck", struck())) }
    })
    .await;
    sandbox.stage().with_faults(|f| f.set_profile("none".parse().unwrap()));

    let in_step = || {
        let problems = check_in_step(&worlds(&sandbox, &workspace));
        if problems.is_empty() { Ok(()) } else { Err(lines(&problems)) }
    };
    for _ in 0..10 {
        if within(&sandbox, 500, in_step).await.is_ok() {
            break;
        }
        press_retry(&store, &WorkspaceKey::new("sandbox").unwrap()).await;
    }
    until(&sandbox, "both sides in step", 500, in_step).await;
    // In step says nothing of what is still on its way: wait until no write comes for a while.
    let mut seen = (writes(&sandbox), reads(&sandbox));
    until(&sandbox, "quiet", 5000, || {
        let now = (writes(&sandbox), reads(&sandbox));
        if now.0 != seen.0 {
            seen = now;
        }
        if now.1 >= seen.1 + 5 { Ok(()) } else { Err("still writing".into()) }
    })
    .await;
    let before = (writes(&sandbox), reads(&sandbox));
    until(&sandbox, "ten idle passes", 5000, || {
        if reads(&sandbox) >= before.1 + 10 { Ok(()) } else { Err("too few passes".into()) }
    })
    .await;
    assert_eq!(writes(&sandbox), before.0, "writes in idle passes");
    let problems = check_in_step(&worlds(&sandbox, &workspace));
    assert!(problems.is_empty(), "{}", lines(&problems));
    stop.send_replace(true);
    engine.await.unwrap().unwrap();
    let verdicts = store.verify_audit(&BTreeMap::new()).await.unwrap();
    assert!(verdicts.iter().all(|v| v.broken.is_none()), "{verdicts:?}");
    store.integrity().await.unwrap();
    sandbox.stop().await;
}

fn engine_options(sandbox: &Sandbox, store: &Store, folder: &std::path::Path) -> EngineOptions {
    let description = serde_json::to_value(sandbox.description()).unwrap();
    let (text, secrets) = config::sandbox_config(&description, folder).unwrap();
    for (name, secret) in secrets {
        use std::os::unix::fs::OpenOptionsExt;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(folder.join(name))
            .unwrap();
        std::io::Write::write_all(&mut file, secret.as_bytes()).unwrap();
    }
    let checked = config::parse(&text, &folder.join("diptych.toml"), &BTreeMap::new());
    let mut config = checked.into_config().unwrap();
    for workspace in &mut config.workspaces {
        workspace.poll = Duration::from_millis(300);
        workspace.born_closed = diptych::model::settings::BornClosed::Create;
        workspace.alerts = diptych::model::settings::AlertNotes::Note;
        workspace.alert_reads = 10_000;
    }
    EngineOptions {
        settings: config.engine("test somebody@here pid 0", 5),
        connections: config.connections.clone(),
        store: store.clone(),
        marker_keys: vec![("k1".into(), SecretString::from("a key of the test"))],
        section_hashes: config.section_hashes.clone(),
    }
}
