//! The config from the outside: the example, every kind of bad input, the environment, the
//! sandbox's file.

use std::collections::BTreeMap;
use std::path::Path;

use diptych::config::{self, Checked, Config, Origin, Weight, keys};

const EXAMPLE: &str = include_str!("../../config.example.toml");

fn check(text: &str) -> Checked {
    config::parse(text, Path::new("/etc/diptych/diptych.toml"), &BTreeMap::new())
}

fn good(text: &str) -> Config {
    check(text).into_config().unwrap_or_else(|e| panic!("{e}"))
}

/// The example with every commented default switched on.
fn spelt_out() -> String {
    let line = |l: &str| match l.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
        _ => l.to_owned(),
    };
    EXAMPLE.lines().map(|l| line(l) + "\n").collect()
}

fn problem(text: &str, part: &str) -> config::Problem {
    let checked = check(text);
    assert!(checked.config.is_none(), "{part}: was accepted");
    let hit = checked.problems.iter().find(|p| format!("{} {} {}", p.key, p.message, p.hint).contains(part));
    hit.cloned().unwrap_or_else(|| panic!("{part} is not in {:#?}", checked.problems))
}

#[test]
fn the_example_is_good_and_its_comments_are_the_defaults() {
    let (plain, spelt) = (good(EXAMPLE), good(&spelt_out()));
    assert_eq!(plain.engine("h", 1), spelt.engine("h", 1));
    assert_eq!(format!("{:?}", plain.connections), format!("{:?}", spelt.connections));
    assert_eq!((plain.store, plain.console, plain.log), (spelt.store, spelt.console, spelt.log));
    assert!(plain.warnings.is_empty(), "{:?}", plain.warnings);
    let values =
        |list: &[config::Entry]| list.iter().map(|e| (e.key.clone(), e.value.clone())).collect::<Vec<_>>();
    assert_eq!(values(&plain.listing), values(&spelt.listing));
}

#[test]
fn what_a_label_of_ours_begins_with_is_told_from_the_filters_labels() {
    let with =
        |prefix: &str| EXAMPLE.replace("#number_label = \"\"", &format!("number_label = \"{prefix}\""));
    let settings = good(&with("snow:")).engine("h", 1);
    assert_eq!(settings.workspaces[0].number_label, "snow:");
    problem(&with("snow "), "number_label is no beginning of a label");
    problem(&with("sno"), "the filter's label snow begins with it");
}

#[test]
fn what_customers_see_is_asked_for_twice() {
    let with = |comments: &str, guard: &str| {
        EXAMPLE
            .replace("#customer_comments = \"off\"", &format!("customer_comments = \"{comments}\""))
            .replace("#leak_guard = \"on\"", &format!("leak_guard = \"{guard}\""))
    };
    let word = |text: &str| good(text).engine("h", 1).workspaces[0].customer_word().map(str::to_owned);
    assert_eq!(word(EXAMPLE), None);
    assert_eq!(word(&with("read", "on")), None);
    assert_eq!(word(&with("both", "confirmed")).as_deref(), Some("[customer]"));
    problem(&with("both", "on"), "the leak guard is on");
    problem(&with("read", "confirmed"), "nothing is to go to customers");
    problem(&EXAMPLE.replace("#notes = \"work_notes\"", "notes = \"comments\""), "customers see that column");
    let said = "on_create = { comments = \"hello\" }";
    problem(&EXAMPLE.replace("#on_create = {}", said), "comments is a column that people talk in");
}

#[test]
fn the_example_holds_every_key_at_its_default() {
    let mut section = String::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for line in EXAMPLE.lines() {
        if let Some(name) =
            line.trim_start_matches("# ").strip_prefix("[[").and_then(|l| l.strip_suffix("]]"))
        {
            section = format!("{}[].", name.replace('.', "[].").replace("notes[]", "notes"));
        } else if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            let name = name.replace("credential.sandbox", "credential.*");
            section = match name.split_once('.') {
                Some((list @ ("workspace" | "instance"), rest)) => format!("{list}[].{rest}."),
                _ => format!("{name}."),
            };
        }
        let bare = line.trim_start_matches("# ").trim_start_matches('#');
        if let Some((key, value)) = bare.split_once(" = ")
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            seen.entry(format!("{section}{key}"))
                .or_insert(format!("{}{value}", if line.starts_with("# ") { "alternative " } else { "" }));
        }
    }
    for key in keys::KEYS {
        let value = seen.get(key.path).unwrap_or_else(|| panic!("{} is not in the example", key.path));
        if let Some(default) = key.default {
            assert_eq!(value, default, "{}", key.path);
        }
        assert!(!key.required || !value.starts_with("alternative"), "{}", key.path);
    }
    for path in seen.keys() {
        assert!(keys::find(path).is_some(), "{path} is in the example only");
    }
}

#[test]
fn every_problem_is_found_at_its_line() {
    let text = EXAMPLE
        .replace("#poll = \"10s\"", "poll = 10\npol = \"10s\"")
        .replace("#severity = \"latest\"", "severity = \"lates\"")
        .replace("instance = \"sandbox\"", "instance = \"sandbx\"")
        .replace("#title = \"sentinel\"", "title = \"ratchet\"")
        .replace("client_id = \"90e9e2d2-6ec1-57e4-b8a4-2481da4fb88b\"", "");
    let checked = check(&text);
    let line = |key: &str| checked.problems.iter().find(|p| p.key == key).map(|p| (p.line, p.hint.clone()));
    let at = |part: &str| text.lines().position(|l| l.starts_with(part)).map(|n| n + 1);
    assert_eq!(line("workspace.sandbox.poll").map(|l| l.0), Some(at("poll = 10")));
    assert_eq!(line("workspace.sandbox.pol"), Some((at("pol = "), "did you mean poll?".into())));
    assert!(
        line("workspace.sandbox.policies.severity")
            .is_some_and(|l| l.0 == at("severity = ") && l.1.contains("latest"))
    );
    assert!(line("workspace.sandbox.route.instance").is_some_and(|l| l.1 == "did you mean sandbox?"));
    assert!(line("workspace.sandbox.policies.title").is_some());
    assert!(line("credential.sandbox.client_id").is_some());
    assert_eq!(
        checked.problems.iter().filter(|p| p.weight == Weight::Error).count(),
        6,
        "{:#?}",
        checked.problems
    );
}

#[test]
fn no_message_quotes_a_secret() {
    let secret = "hunter2-hunter2";
    for (from, to) in [
        ("password = { file = \"servicenow.secret\" }", format!("password = \"{secret}\"")),
        ("password = { file = \"servicenow.secret\" }", format!("password = {{ command = \"{secret}\" }}")),
        ("password = { file = \"servicenow.secret\" }", format!("password = {secret}")),
        ("url = \"https://localhost:8444\"", format!("url = \"https://u:{secret}@localhost:8444\"")),
        ("#proxy = \"\"", format!("proxy = \"https://u:{secret}@:bad\"")),
    ] {
        let checked = check(&EXAMPLE.replace(from, &to));
        assert!(checked.config.is_none(), "{to}");
        assert!(!format!("{:?}", checked.problems).contains(secret), "{to}: {:?}", checked.problems);
    }
    let two = EXAMPLE.replace("{ file = \"servicenow.secret\" }", "{ file = \"a\", env = \"B\" }");
    problem(&two, "exactly one of");
}

#[test]
fn bad_input_says_what_to_do() {
    for (from, to, part) in [
        ("version = 1", "version = 2", "newer program"),
        ("version = 1", "", "version"),
        ("version = 1", "version = 1 1", ""),
        ("https://localhost:8444", "http://snow.example", "https"),
        ("https://localhost:8444", "https://snow.example/api", "host alone"),
        ("key = \"sandbox\"", "key = \"Sand Box\"", "1 to 16"),
        ("#cloud = \"public\"", "cloud = \"custom\"", "custom cloud needs"),
        ("#auth = \"basic\"", "auth = \"oauth-client\"", "client_id"),
        ("#settle = \"390s\"", "settle = \"390\"", "unit"),
        ("#page_size = 1000", "page_size = 5000", "from 1 to 1000"),
        ("#table = \"incident\"", "table = \"incident^active=true\"", "table name"),
        ("#severities = []", "severities = [\"Hgh\"]", "did you mean"),
        ("#api_version = \"2025-09-01\"", "api_version = \"latest\"", "2025-09-01"),
        ("[[workspace]]", "[workspace]", "double brackets"),
        ("#ca_file = \"\"", "ca_file = \"/no/such.pem\"", "not there"),
        ("#on_create = {}", "on_create = { category = 3 }", "on_create"),
    ] {
        assert!(EXAMPLE.contains(from), "{from}");
        problem(&EXAMPLE.replacen(from, to, 1), part);
    }
    let absent = config::load(Path::new("/no/such/diptych.toml"), &BTreeMap::new());
    assert!(absent.problems[0].hint.contains("diptych demo"));
}

#[test]
fn group_company_and_domain_are_written_on_create_and_stand_once() {
    let text = EXAMPLE.replacen("#company = \"\"", "company = \"c1\"", 1).replacen(
        "#domain = \"\"",
        "domain = \"d1\"",
        1,
    );
    let c = config::parse(&text, Path::new("/d.toml"), &BTreeMap::new()).into_config().unwrap();
    let route = &c.workspaces[0].route;
    let should = [("company", "c1"), ("sys_domain", "d1")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(route.on_create, should.into());
    problem(
        &text.replacen("#on_create = {}", "on_create = { sys_domain = \"d2\" }", 1),
        "keep one of the two",
    );
}

#[test]
fn the_way_of_a_state_is_the_tables_unless_it_is_listed() {
    let with = |table: &str, path: &str| {
        let table = format!("table = \"{table}\"");
        let text = EXAMPLE.replacen("#table = \"incident\"", &table, 1);
        text.replacen("#state_path = [\"usual\"]", path, 1)
    };
    let path = |text: &str| good(text).workspaces[0].route.state_path.clone();
    let (usual, none) = ("state_path = [\"usual\"]", "state_path = []");
    assert_eq!(path(&with("sn_si_incident", "")).len(), 7);
    assert_eq!(path(&with("sn_si_incident", usual)).at("3"), Some(6));
    assert!(path(&with("sn_si_incident", none)).is_empty() && path(&with("incident", usual)).is_empty());
    let own = path(&with("incident", "state_path = [\"1\", \"2\", \"6\"]"));
    assert_eq!((own.at("2"), own.at("3")), (Some(1), None));
    for bad in ["state_path = [\"1\"]", "state_path = [\"1\", \"2\", \"1\"]"] {
        problem(&with("incident", bad), "list raw states in their order");
    }
}

#[test]
fn the_environment_goes_over_the_file_and_is_said() {
    let env: BTreeMap<String, String> = [
        ("DIPTYCH_WORKSPACE__SANDBOX__POLL", "30s"),
        ("DIPTYCH_LOG__LEVEL", "debug"),
        ("DIPTYCH_CONSOLE__READONLY", "true"),
        ("DIPTYCH_INSTANCE__SANDBOX__PASWORD", "x"),
        ("DIPTYCH_CONFIG", "elsewhere"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into();
    let c = config::parse(EXAMPLE, Path::new("/d.toml"), &env).into_config().unwrap();
    assert_eq!(c.workspaces[0].poll.as_secs(), 30);
    assert!(c.console.readonly && c.log.level == config::LogLevel::Debug);
    let poll = c.listing.iter().find(|e| e.key == "workspace.sandbox.poll").unwrap();
    assert_eq!(poll.origin, Origin::Env("DIPTYCH_WORKSPACE__SANDBOX__POLL".into()));
    let user = c.listing.iter().find(|e| e.key == "instance.sandbox.user").unwrap();
    assert!(matches!(user.origin, Origin::File(_)));
    assert!(c.warnings.iter().any(|w| w.message.contains("PASWORD") && w.hint.contains("password")));
}

#[test]
fn a_section_hash_follows_values_and_not_their_form() {
    let hash = |text: &str| good(text).section_hashes.into_values().next().unwrap();
    let same = hash(EXAMPLE);
    assert_eq!(same, hash(&spelt_out()));
    assert_eq!(same, hash(&EXAMPLE.replace("sentinel.secret", "elsewhere.secret")));
    assert_ne!(same, hash(&EXAMPLE.replace("#poll = \"10s\"", "poll = \"11s\"")));
    assert_ne!(same, hash(&EXAMPLE.replace("#settle = \"390s\"", "settle = \"400s\"")));
}

#[test]
fn the_sandbox_writes_a_config_that_is_good() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), "x").unwrap();
    let description = serde_json::json!({
        "ca": dir.path().join("ca.pem"),
        "sentinel": {"authority": "https://localhost:1", "url": "https://localhost:1",
            "tenant": "t", "client_id": "c", "client_secret": "hunter2", "subscription": "s",
            "resource_group": "rg", "workspaces": ["soc-emea", "soc-apac"]},
        "servicenow": {"url": "https://localhost:2", "user": "u", "password": "hunter3",
            "client_id": "x", "client_secret": "y"},
        "admin": {"url": "https://localhost:3", "token": "z"},
    });
    let (text, secrets) = config::sandbox_config(&description, dir.path()).unwrap();
    assert!(!text.contains("hunter"));
    let c = config::parse(&text, &dir.path().join("diptych.toml"), &BTreeMap::new()).into_config().unwrap();
    assert_eq!(c.workspaces.len(), 2);
    assert_eq!(c.instances[0].settle.as_secs(), 2);
    assert!(c.check_can_sync().is_ok());
    assert_eq!(secrets.len(), 3);
    assert!(config::sandbox_config(&serde_json::json!({}), dir.path()).is_err());
}

#[test]
fn two_clouds_stand_side_by_side() {
    let other = r#"
[[workspace]]
key = "gov"
name = "soc-gov"
tenant = "a822869f-bcad-55b1-b815-d115d6ea42dd"
subscription = "961b797f-db90-5187-89ce-0679f4a4e82c"
resource_group = "rg-gov"
credential = "sandbox"
cloud = "us-gov"
[workspace.route]
instance = "sandbox"
"#;
    let both = good(&format!("{EXAMPLE}{other}"));
    let hosts: Vec<_> = both
        .connections
        .workspaces
        .iter()
        .map(|w| {
            (w.key.as_str(), w.authority.host_str().unwrap(), w.url.host_str().unwrap(), w.scope.as_str())
        })
        .collect();
    let public =
        ("login.microsoftonline.com", "management.azure.com", "https://management.azure.com/.default");
    let gov = (
        "login.microsoftonline.us",
        "management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
    );
    assert_eq!(hosts, [("sandbox", public.0, public.1, public.2), ("gov", gov.0, gov.1, gov.2)]);
    assert_eq!(both.engine("h", 1).workspaces.len(), 2);
}

#[test]
fn a_domain_may_have_a_user_of_its_own() {
    let block = |lines: &str| {
        let named = EXAMPLE.replacen("#domain = \"\"", "domain = \"d1\"", 1);
        let at = named.find("# ── Notes").unwrap();
        format!("{}{lines}\n{}", &named[..at], &named[at..])
    };
    let soc = "[[instance.domain]]\nid = \"d1\"\nuser = \"soc\"\npassword = { file = \"soc.secret\" }\n";
    let c = good(&block(soc));
    let settings = c.engine("h", 1);
    let desk = settings.desk(&settings.workspaces[0].route);
    assert_eq!((desk.instance.as_str(), desk.domain.as_str()), ("sandbox", "d1"));
    assert_eq!(settings.instances[0].own_user_of(&desk), "soc");
    let signs = c.connections.instances[0].sign_in_of(&desk).unwrap();
    assert!(matches!(signs, config::SignIn::Basic { user, .. } if user == "soc"), "{signs:?}");
    assert!(c.connections.secrets().iter().any(|(who, _)| who == "instance.sandbox.domain.d1"));
    assert!(c.warnings.is_empty(), "{:?}", c.warnings);

    // A route of another domain goes the instance's own way, and a domain of no route is worth a word.
    let c = good(&block(&soc.replace("d1", "d2")));
    let settings = c.engine("h", 1);
    assert_eq!(settings.desk(&settings.workspaces[0].route).domain, "");
    assert!(c.warnings.iter().any(|p| p.message.contains("no route names this domain")), "{:?}", c.warnings);

    problem(&block(&format!("{soc}{soc}")), "d1 stands twice");
    problem(&block(&soc.replace("id = \"d1\"\n", "")), "instance.sandbox.domain.#1.id is missing");
    problem(&block(&soc.replace("user = \"soc\"\n", "")), "instance.sandbox.domain.d1.user is missing");
    problem(&block("[[instance.domain]]\nid = \"d1\"\nuser = \"soc\"\npassword = \"hunter2\"\n"), "a secret");
}

#[test]
fn the_user_of_a_domain_may_sign_in_through_the_application_of_the_instance() {
    let own = "auth = \"oauth-password\"\nclient_id = \"app\"\nclient_secret = { file = \"app.secret\" }";
    let soc = "[[instance.domain]]\nid = \"d1\"\nuser = \"soc\"\npassword = { file = \"soc.secret\" }\n\n";
    let text = EXAMPLE
        .replacen("#domain = \"\"", "domain = \"d1\"", 1)
        .replacen("#auth = \"basic\"", own, 1)
        .replacen("# ── Notes", &format!("{soc}# ── Notes"), 1);
    let signs = good(&text).connections.instances[0].domains["d1"].clone();
    let config::SignIn::OAuthPassword { client_id, user, password, .. } = signs else { panic!("{signs:?}") };
    assert_eq!((client_id.as_str(), user.as_str()), ("app", "soc"));
    assert!(password.to_string().contains("soc.secret"), "{password}");
}
