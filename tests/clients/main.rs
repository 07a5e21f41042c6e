//! Real clients made by others against the sandbox, over TLS: Microsoft's SDK for Sentinel in both
//! generations, ServiceNow's PySNC, and pysnow.
//!
//! Needs `python3` with `venv` and `pip`, and once the packages named in `requirements/`. Where
//! they are absent the test says so and passes; with `DIPTYCH_CLIENTS=required` it fails instead.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use diptych::sandbox::wire::World;
use diptych::sandbox::{Sandbox, SandboxOptions};
use sha2::{Digest, Sha256};

/// Says something although the test harness keeps the output of passing tests to itself.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A command that sees no proxy and no Python settings of the machine.
fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "*");
    command
}

/// Runs a command to its end; its output is the error's text.
fn run(command: &mut Command) -> Result<String, String> {
    judge(command.output().map_err(|e| format!("{:?}: {e}", command.get_program()))?)
}

/// Runs a command beside the sandbox, for at most three minutes.
async fn run_beside(command: Command) -> Result<String, String> {
    let mut command = tokio::process::Command::from(command);
    let ending = command.kill_on_drop(true).output();
    match tokio::time::timeout(Duration::from_secs(180), ending).await {
        Ok(output) => judge(output.map_err(|e| e.to_string())?),
        Err(_) => Err("no end after three minutes".into()),
    }
}

fn judge(output: std::process::Output) -> Result<String, String> {
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() { Ok(text) } else { Err(text) }
}

/// The Python of a virtual environment with these requirements, made once per content of the file.
fn environment(name: &str) -> Result<PathBuf, String> {
    let requirements = here().join("requirements").join(format!("{name}.txt"));
    let text = fs::read(&requirements).map_err(|e| e.to_string())?;
    let hash: String = Sha256::digest(&text).iter().take(6).map(|b| format!("{b:02x}")).collect();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target folder")?;
    let folder = target.join(format!("clients-venv-{name}-{hash}"));
    let python = folder.join("bin/python");
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&folder);
    run(quiet("python3").args(["-m", "venv"]).arg(&folder))?;
    // Proxies stay: the package index may lie behind one.
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"]);
    run(pip.arg(&requirements))?;
    fs::write(&complete, "").map_err(|e| e.to_string())?;
    Ok(python)
}

/// All environments, or the reason why there are none.
fn environments() -> Result<[PathBuf; 3], String> {
    Ok([environment("azure1")?, environment("azure2")?, environment("snow")?])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_clients_work_against_the_sandbox() {
    let [azure1, azure2, snow] = match environments() {
        Ok(pythons) => pythons,
        Err(reason) => {
            let last = reason.lines().last().unwrap_or_default();
            say(&format!("SKIPPED clients: install python3 with venv and pip ({last})"));
            assert!(std::env::var("DIPTYCH_CLIENTS").as_deref() != Ok("required"), "{reason}");
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let options =
        SandboxOptions { incidents: 130, dir: Some(folder.path().into()), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    // Deleting incidents takes more than the role that a sync needs.
    let role = sandbox.stage().with_sentinel(|world| world.set_switch("role", &"contributor".into()));
    role.unwrap();
    let description = folder.path().join("sandbox.json");
    fs::write(&description, serde_json::to_string(sandbox.description()).unwrap()).unwrap();
    let ca = sandbox.description().ca.clone().unwrap();

    let mut failures = Vec::new();
    for (python, script, name) in [
        (&azure1, "azure_sdk.py", "azure-mgmt-securityinsight 1.0.0"),
        (&azure2, "azure_sdk.py", "azure-mgmt-securityinsight 2.0.0b4"),
        (&snow, "pysnc_client.py", "PySNC 1.2.1"),
        (&snow, "pysnow_client.py", "pysnow 0.7.17"),
    ] {
        let mut command = quiet(python);
        command.arg(here().join(script)).current_dir(folder.path());
        command.env("DIPTYCH_SANDBOX", &description).env("REQUESTS_CA_BUNDLE", &ca);
        let began = Instant::now();
        let result = run_beside(command).await;
        let seconds = began.elapsed().as_secs_f64();
        match result {
            Ok(text) => say(&format!("{name}: {} in {seconds:.1} s", text.trim())),
            Err(text) => failures.push(format!("{name}:\n{text}")),
        }
    }
    sandbox.stop().await;
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// What the servers themselves add to a call: TLS, keep-alive, an answer of one record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_costs_about_a_millisecond_unoptimised_and_less_in_release() {
    let sandbox =
        Sandbox::start(SandboxOptions { incidents: 10, ..SandboxOptions::default() }).await.unwrap();
    let ca = reqwest::Certificate::from_pem(sandbox.ca_pem().unwrap().as_bytes()).unwrap();
    let client =
        reqwest::Client::builder().no_proxy().tls_certs_only([ca]).tcp_nodelay(true).build().unwrap();
    let n = &sandbox.description().servicenow;
    let url = format!("{}/api/now/table/incident?sysparm_limit=1", n.url);
    let mut times = Vec::new();
    for _ in 0..400 {
        let began = Instant::now();
        let answer = client.get(&url).basic_auth(&n.user, Some(&n.password)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
        times.push(began.elapsed());
    }
    times.sort();
    let (middle, slow) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    say(&format!("sandbox overhead per call, client included: median {middle:?}, 95 % below {slow:?}"));
    // The promise is for release builds. Unoptimised, the bound only has to catch the 40 ms of a
    // split write behind Nagle's algorithm.
    let bound = if cfg!(debug_assertions) { Duration::from_millis(10) } else { Duration::from_millis(1) };
    assert!(middle < bound, "{middle:?}");
    sandbox.stop().await;
}
