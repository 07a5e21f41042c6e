//! `sandbox`: both reference servers on loopback, with a config that fits them (D4).

use std::io::Write;
use std::path::{Path, PathBuf};

use super::args::{Common, SandboxArgs};
use super::exit::{Exit, Failure};
use super::output;
use super::run::signal;
use crate::config::sandbox_config;
use crate::sandbox::{Sandbox, SandboxError, SandboxOptions};
use crate::text::escape_line;

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let exit = if matches!(error, SandboxError::Options(_)) { Exit::Usage } else { Exit::Failed };
        Self::new(exit, format!("the sandbox does not start: {error}"))
    }
}

/// Runs `sandbox` until it is stopped by a signal or through its admin endpoint.
pub async fn run(_common: &Common, args: SandboxArgs) -> Result<Exit, Failure> {
    // without a folder of the caller's the CA still needs one
    let own = if args.dir.is_none() { Some(Folder::new("diptych-sandbox")?) } else { None };
    let dir = args.dir.clone().or_else(|| own.as_ref().map(|f| f.path().to_path_buf()));
    let sandbox = Sandbox::start(SandboxOptions {
        seed: args.seed,
        incidents: args.incidents,
        workspaces: args.workspaces,
        analysts: args.analysts,
        latency: args.latency,
        throttle: args.throttle,
        faults: args.faults,
        plain: args.plain,
        dir: dir.clone(),
    })
    .await?;
    let description = serde_json::to_value(sandbox.description())
        .map_err(|e| Failure::new(Exit::Failed, format!("the sandbox cannot be described: {e}")))?;
    let config = match &dir {
        Some(dir) if args.dir.is_some() => Some(write_config(&description, dir)?),
        _ => None,
    };
    if args.json {
        output::print_line(&output::json_text(&description, false))?;
    } else {
        output::print_text(&words(&description, config.as_deref()))?;
    }
    tokio::select! {
        () = signal() => {}
        () = sandbox.stopped() => {}
    }
    sandbox.stop().await;
    Ok(Exit::Done)
}

fn words(d: &serde_json::Value, config: Option<&Path>) -> String {
    let text = |path: &str| escape_line(d.pointer(path).and_then(serde_json::Value::as_str).unwrap_or("-"));
    let mut out = format!(
        "Sentinel    {}\nServiceNow  {}\nadmin       {}\nCA          {}\n",
        text("/sentinel/url"),
        text("/servicenow/url"),
        text("/admin/url"),
        text("/ca")
    );
    match config {
        Some(path) => {
            out.push_str(&format!("\ndiptych run --config {}\n", escape_line(&path.display().to_string())))
        }
        None => {
            out.push_str("\n--json prints the credentials; --dir DIR writes a config for `diptych run`.\n")
        }
    }
    out
}

/// Writes `diptych.toml` and the secrets that it names into `dir`; gives the file.
pub fn write_config(description: &serde_json::Value, dir: &Path) -> Result<PathBuf, Failure> {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    std::fs::create_dir_all(&dir)
        .map_err(|e| Failure::new(Exit::Failed, format!("{} cannot be made: {e}", dir.display())))?;
    let (text, secrets) = sandbox_config(description, &dir).map_err(|e| Failure::new(Exit::Failed, e))?;
    for (name, secret) in &secrets {
        write_private(&dir.join(name), secret)?;
    }
    let file = dir.join("diptych.toml");
    write_private(&file, &text)?;
    Ok(file)
}

/// Writes a file that only its owner can read, in place of one of that name.
fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let failed =
        |e: std::io::Error| Failure::new(Exit::Failed, format!("{} cannot be written: {e}", path.display()));
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    // new, so that no link or file of somebody else's is written through
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// A folder of our own under the system's temporary folder, gone at the end.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one, readable by its owner only.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("{name}-{}", uuid::Uuid::new_v4().simple()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&path)
            .map_err(|e| Failure::new(Exit::Failed, format!("{} cannot be made: {e}", path.display())))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
