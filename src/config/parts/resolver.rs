//! The small checks that every section shares.

use std::collections::BTreeSet;
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use url::{Host, Url};

use crate::config::problem::Problem;
use crate::config::raw::{RawSecret, Span};
use crate::config::secret::Secret;
use crate::config::tree::Path;
use crate::text::format_span;

/// Collects problems while values are checked.
pub struct Resolver<'a> {
    folder: PathBuf,
    broken: &'a BTreeSet<Path>,
    found: &'a mut Vec<(Path, Problem)>,
}

impl<'a> Resolver<'a> {
    /// `file` is where relative paths start; places in `broken` were complained about already.
    pub fn new(file: &FilePath, broken: &'a BTreeSet<Path>, found: &'a mut Vec<(Path, Problem)>) -> Self {
        let folder = file.parent().map(FilePath::to_path_buf).unwrap_or_default();
        Self { folder, broken, found }
    }

    /// True when a place or anything below it was wrong already.
    pub fn is_broken(&self, at: &Path) -> bool {
        self.broken.iter().any(|p| p.0.starts_with(&at.0))
    }

    /// Notes an error.
    pub fn error(&mut self, at: &Path, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push((at.clone(), Problem::error("", message).hint(hint)));
    }

    /// Notes a warning.
    pub fn warning(&mut self, at: &Path, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push((at.clone(), Problem::warning("", message).hint(hint)));
    }

    /// Notes that a required key is missing, unless it was there and wrong.
    pub fn missing(&mut self, at: &Path, hint: &str) {
        if !self.is_broken(at) {
            self.error(at, "is missing", hint);
        }
    }

    /// A required text.
    pub fn need(&mut self, at: &Path, value: Option<String>) -> String {
        match value.filter(|v| !v.trim().is_empty()) {
            Some(v) => v,
            None => {
                self.missing(at, "");
                String::new()
            }
        }
    }

    /// A required text that becomes part of an address: `allowed` besides letters and digits.
    pub fn need_plain(&mut self, at: &Path, value: Option<String>, allowed: &str) -> String {
        let text = self.need(at, value);
        let plain = |c: char| c.is_alphanumeric() || allowed.contains(c);
        if !text.chars().all(plain) || matches!(text.as_str(), "." | "..") {
            self.error(at, format!("may hold only letters, digits and {allowed}"), "");
        }
        text
    }

    /// A secret, if there is one.
    pub fn secret(&mut self, at: &Path, raw: Option<RawSecret>) -> Option<Secret> {
        let raw = raw?;
        let folder = self.folder.clone();
        let mut all: Vec<Secret> = Vec::new();
        all.extend(raw.env.map(Secret::env));
        all.extend(raw.file.map(|p| Secret::file(home(&folder, p))));
        all.extend(raw.command.map(Secret::command));
        all.extend(raw.credential.map(Secret::credential));
        all.extend(raw.keyring.map(Secret::keyring));
        if all.len() != 1 && !self.is_broken(at) {
            self.error(at, "must name exactly one of env, file, command, credential, keyring", "");
        }
        all.into_iter().next()
    }

    /// A required secret.
    pub fn need_secret(&mut self, at: &Path, raw: Option<RawSecret>) -> Secret {
        if raw.is_none() {
            self.missing(at, "write for example { file = \"secret.txt\" }");
        }
        // stands in only until the config is thrown away
        self.secret(at, raw).unwrap_or_else(|| Secret::given(""))
    }

    /// A span between `least` and `most` milliseconds.
    pub fn span(&mut self, at: &Path, value: Option<Span>, (least, most): (u64, u64)) -> Duration {
        let span = value.map(|s| s.0).unwrap_or_default();
        let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
        if value.is_some() && !(least..=most).contains(&span) {
            self.error(at, format!("must be from {} to {}", format_span(least), format_span(most)), "");
        }
        span
    }

    /// A number between two others.
    pub fn number<N: PartialOrd + Copy + Default + std::fmt::Display>(
        &mut self,
        at: &Path,
        value: Option<N>,
        (least, most): (N, N),
    ) -> N {
        let n = value.unwrap_or_default();
        if value.is_some() && !(least..=most).contains(&n) {
            self.error(at, format!("must be from {least} to {most}"), "");
        }
        n
    }

    /// A path, from the file's folder; an empty one counts as none.
    pub fn path(&mut self, value: Option<PathBuf>) -> Option<PathBuf> {
        value.filter(|p| !p.as_os_str().is_empty()).map(|p| home(&self.folder, p))
    }

    /// A path of a file that must be there.
    pub fn existing(&mut self, at: &Path, value: Option<PathBuf>) -> Option<PathBuf> {
        let path = self.path(value)?;
        if !path.is_file() {
            self.error(at, format!("{} is not there", path.display()), "");
        }
        Some(path)
    }

    /// The address of a service: https, or http on this machine; no user, path or query.
    pub fn address(&mut self, at: &Path, text: &str) -> Url {
        let parsed = Url::parse(text).ok().filter(Url::has_host);
        let Some(url) = parsed else {
            // never quoted: it may hold a password
            self.error(at, "is not an address", "write https://host");
            return stand_in();
        };
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if !(url.scheme() == "https" || url.scheme() == "http" && local) {
            self.error(at, "must begin with https://", "secrets travel over this connection");
        }
        if !url.username().is_empty() || url.password().is_some() {
            self.error(at, "must not hold a user or a password", "use the keys for signing in");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            self.error(at, "must be a host alone, without a path", "the program adds the paths itself");
        }
        url
    }
}

fn stand_in() -> Url {
    #[expect(clippy::expect_used, reason = "a constant")]
    Url::parse("https://invalid.invalid").expect("a constant")
}

fn home(folder: &FilePath, path: PathBuf) -> PathBuf {
    if let Ok(rest) = path.strip_prefix("~")
        && let Some(dirs) = directories::BaseDirs::new()
    {
        return dirs.home_dir().join(rest);
    }
    folder.join(path)
}
