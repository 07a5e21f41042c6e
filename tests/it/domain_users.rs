//! Two workspaces on one instance, each with a domain whose user signs in for it: the real engine against the
//! sandbox over TLS.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use diptych::config;
use diptych::engine::shell::{EngineOptions, once};
use diptych::sandbox::Sandbox;
use diptych::sandbox::options::SandboxOptions;
use diptych::sandbox::servicenow::RecordFacts;
use diptych::sandbox::wire::World;
use diptych::store::{Mode, Store};
use secrecy::SecretString;
use serde_json::json;

const DOMAINS: [(&str, &str); 2] = [("TOP/emea", "diptych.emea"), ("TOP/americas", "diptych.americas")];

fn write_secret(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(folder.join(name)).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

/// The sandbox's own file, with a domain for each of its workspaces.
fn engine_options(sandbox: &Sandbox, store: &Store, folder: &Path) -> EngineOptions {
    let description = serde_json::to_value(sandbox.description()).unwrap();
    let (text, secrets) = config::sandbox_config(&description, folder).unwrap();
    for (name, secret) in secrets {
        write_secret(folder, name, &secret);
    }
    let mut file: toml::Table = text.parse().unwrap();
    let mut domains = Vec::new();
    for (i, (domain, user)) in DOMAINS.iter().enumerate() {
        write_secret(folder, &format!("{user}.secret"), &format!("{user}-pw"));
        file["workspace"][i]["route"].as_table_mut().unwrap().insert("domain".into(), (*domain).into());
        let secret = folder.join(format!("{user}.secret")).display().to_string();
        let section = format!("id = {domain:?}\nuser = {user:?}\npassword = {{ file = {secret:?} }}\n");
        domains.push(toml::Value::Table(section.parse().unwrap()));
    }
    file["instance"][0].as_table_mut().unwrap().insert("domain".into(), domains.into());
    let text = toml::to_string(&file).unwrap();
    let config = config::parse(&text, &folder.join("diptych.toml"), &BTreeMap::new()).into_config().unwrap();
    EngineOptions {
        settings: config.engine("test somebody@here pid 0", 5),
        connections: config.connections.clone(),
        store: store.clone(),
        marker_keys: vec![("k1".into(), SecretString::from("a key of the test"))],
        section_hashes: config.section_hashes.clone(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_domains_of_one_instance_are_served_by_a_user_each() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let options = SandboxOptions {
        seed: 12,
        incidents: 16,
        workspaces: 2,
        dir: Some(folder.path().join("sandbox")),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let integration = sandbox.description().servicenow.user.clone();
    sandbox.stage().with_desk(|d| {
        let mut sees = json!({integration.as_str(): []});
        let mut home = json!({});
        for (domain, user) in DOMAINS {
            d.add_integration(user, &format!("{user}-pw"));
            sees[user] = json!([domain]);
            home[user] = json!(domain);
        }
        d.set_switch("visible_domains", &sees).unwrap();
        d.set_switch("user_domains", &home).unwrap();
    });
    let store = Store::open(&folder.path().join("store.db"), Mode::ReadWrite).await.unwrap();
    let begun = Instant::now();
    let report = once(engine_options(&sandbox, &store, folder.path())).await.unwrap();
    assert!(report.ok, "{:?}", report.passes);
    assert!(begun.elapsed() < Duration::from_secs(300));

    let records = sandbox.stage().with_desk(|d| d.records("incident"));
    for (key, (domain, user)) in ["sandbox", "sandbox-2"].into_iter().zip(DOMAINS) {
        let prefix = format!("diptych:{key}:");
        let of = |r: &&RecordFacts| r.fields["correlation_id"].starts_with(&prefix);
        let mine: Vec<&RecordFacts> = records.iter().filter(of).collect();
        assert!(!mine.is_empty(), "{key} has records");
        for record in mine {
            assert_eq!(record.fields["sys_domain"], domain, "{key}");
            assert_eq!(record.fields["sys_created_by"], user, "{key}");
        }
    }
    let wrote = sandbox.stage().with_desk(|d| d.history().iter().any(|c| c.user_name == integration));
    assert!(!wrote, "the instance's own user has nothing to do");
    sandbox.stop().await;
}
