//! The ready-made config of a sandbox (D4): what `diptych sandbox` says about itself becomes a
//! file for `diptych run --config`.

use std::path::Path;

use serde_json::Value;
use toml::Table;

/// Files that a sandbox's config refers to, each to be written with mode 0600 into its folder:
/// name and content.
pub type SecretFiles = Vec<(&'static str, String)>;

/// Makes the text of `diptych.toml` from a sandbox's description, with the secret files that it
/// names. `folder` receives both; the CA's file is named by the description. The description is
/// the object that `diptych sandbox --json` prints.
///
/// # Errors
/// Names the member of the description that is missing.
pub fn sandbox_config(description: &Value, folder: &Path) -> Result<(String, SecretFiles), String> {
    let text = |path: &str| -> Result<String, String> {
        let value = description.pointer(path).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| format!("the sandbox's description has no {path}"))
    };
    let names = description.pointer("/sentinel/workspaces").and_then(Value::as_array);
    let names: Vec<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() {
        return Err("the sandbox's description has no /sentinel/workspaces".into());
    }
    let secrets = vec![
        ("sentinel.secret", text("/sentinel/client_secret")?),
        ("servicenow.secret", text("/servicenow/password")?),
        ("notes.secret", fresh_key()),
    ];
    let file = |name: &str| {
        let mut t = Table::new();
        t.insert("file".into(), folder.join(name).display().to_string().into());
        toml::Value::Table(t)
    };
    let mut credential = Table::new();
    credential.insert("client_id".into(), text("/sentinel/client_id")?.into());
    credential.insert("secret".into(), file("sentinel.secret"));
    let mut instance = Table::new();
    for (key, value) in [
        ("key", "sandbox".to_owned()),
        ("url", text("/servicenow/url")?),
        ("user", text("/servicenow/user")?),
        ("settle", "2s".to_owned()),
    ] {
        instance.insert(key.into(), value.into());
    }
    instance.insert("password".into(), file("servicenow.secret"));
    let mut workspaces = Vec::new();
    for (i, name) in names.iter().enumerate() {
        workspaces.push(toml::Value::Table(workspace(i, name, &text)?));
    }
    let mut notes = Table::new();
    notes.insert("name".into(), "k1".into());
    notes.insert("secret".into(), file("notes.secret"));
    let mut root = Table::new();
    root.insert("version".into(), 1.into());
    root.insert("store".into(), one("path", folder.join("store.db").display().to_string().into()));
    if let Ok(ca) = text("/ca") {
        // a plain sandbox has none
        root.insert("transport".into(), one("ca_file", ca.into()));
    }
    root.insert("credential".into(), one("sandbox", toml::Value::Table(credential)));
    root.insert("instance".into(), toml::Value::Array(vec![toml::Value::Table(instance)]));
    root.insert("workspace".into(), toml::Value::Array(workspaces));
    root.insert("notes".into(), one("keys", toml::Value::Array(vec![toml::Value::Table(notes)])));
    let body = toml::to_string_pretty(&root).map_err(|e| e.to_string())?;
    let head =
        "# Written by `diptych sandbox`. For these two servers only: short settle, no first-contact plan.\n";
    Ok((format!("{head}{body}"), secrets))
}

fn workspace(
    index: usize,
    name: &str,
    text: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Table, String> {
    let mut w = Table::new();
    let pairs = [
        ("key", if index == 0 { "sandbox".to_owned() } else { format!("sandbox-{}", index + 1) }),
        ("name", name.to_owned()),
        ("tenant", text("/sentinel/tenant")?),
        ("subscription", text("/sentinel/subscription")?),
        ("resource_group", text("/sentinel/resource_group")?),
        ("credential", "sandbox".to_owned()),
        ("cloud", "custom".to_owned()),
        ("authority", text("/sentinel/authority")?),
        ("url", text("/sentinel/url")?),
        ("scope", "https://management.azure.com/.default".to_owned()),
        ("poll", "1s".to_owned()),
        ("first_contact", "go".to_owned()),
    ];
    for (key, value) in pairs {
        w.insert(key.into(), value.into());
    }
    let mut route = Table::new();
    route.insert("instance".into(), "sandbox".into());
    route.insert("table".into(), "incident".into());
    w.insert("route".into(), toml::Value::Table(route));
    Ok(w)
}

fn one(key: &str, value: toml::Value) -> toml::Value {
    let mut t = Table::new();
    t.insert(key.into(), value);
    toml::Value::Table(t)
}

fn fresh_key() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}
