//! Where a secret lies, and reading it when it is needed (D32).
//!
//! Nothing is kept: each [`Secret::fetch`] reads anew, so that a rotated file is used at the next
//! sign-in. Reading may block (a command runs up to ten seconds); async callers move it off
//! their thread. A [`Secret`] prints as its reference, never as its value.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::SecretString;

use crate::text::escape_line;

const LARGEST: u64 = 64 * 1024;
const COMMAND_TIME: Duration = Duration::from_secs(10);

/// A reference to a secret.
#[derive(Clone)]
pub struct Secret(Place);

#[derive(Clone)]
enum Place {
    Env(String),
    File(PathBuf),
    Command(Vec<String>),
    Credential(String),
    Keyring(String),
    Given(SecretString),
}

/// Why a secret could not be read; names the reference, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reference}: {message}")]
pub struct SecretProblem {
    /// The reference, as [`Secret`] prints.
    pub reference: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Secret {
    /// In an environment variable.
    pub fn env(name: impl Into<String>) -> Self {
        Self(Place::Env(name.into()))
    }

    /// In a file that only its owner may read.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// What a program prints; no shell is involved.
    pub fn command(words: Vec<String>) -> Self {
        Self(Place::Command(words))
    }

    /// In systemd's credential folder, `$CREDENTIALS_DIRECTORY`.
    pub fn credential(name: impl Into<String>) -> Self {
        Self(Place::Credential(name.into()))
    }

    /// In the desktop's keyring.
    pub fn keyring(name: impl Into<String>) -> Self {
        Self(Place::Keyring(name.into()))
    }

    /// A value at hand, for the sandbox and tests.
    pub fn given(value: impl Into<String>) -> Self {
        Self(Place::Given(SecretString::from(value.into())))
    }

    /// Reads it. One line end behind it is taken off.
    ///
    /// # Errors
    /// Says which reference could not be read and what to do about it.
    pub fn fetch(&self) -> Result<SecretString, SecretProblem> {
        let text = match &self.0 {
            Place::Env(name) => std::env::var(name).map_err(|_| {
                self.problem("the variable is not set", "set it for the process, or use a file")
            })?,
            Place::File(path) => self.read_file(path)?,
            Place::Command(words) => self.run(words)?,
            Place::Credential(name) => self.read_credential(name)?,
            Place::Keyring(_) => {
                return Err(self.problem(
                    "this build has no keyring support (cargo feature keyring)",
                    "use { file = \"…\" } or { command = […] }",
                ));
            }
            Place::Given(value) => return Ok(value.clone()),
        };
        let text = text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t));
        if text.is_empty() {
            return Err(self.problem("is empty", "put the secret into it"));
        }
        Ok(SecretString::from(text.to_owned()))
    }

    /// True when reading it runs a program, which a mere check should not do.
    pub fn runs_a_program(&self) -> bool {
        matches!(self.0, Place::Command(_))
    }

    fn problem(&self, message: impl Into<String>, hint: impl Into<String>) -> SecretProblem {
        SecretProblem { reference: self.to_string(), message: message.into(), hint: hint.into() }
    }

    fn read_credential(&self, name: &str) -> Result<String, SecretProblem> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
        if !plain {
            return Err(self.problem("is not a plain name", "name the credential as the unit does"));
        }
        let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
            return Err(self.problem(
                "CREDENTIALS_DIRECTORY is not set",
                "start diptych from a systemd unit with LoadCredential=",
            ));
        };
        self.read_file(&Path::new(&folder).join(name))
    }

    fn read_file(&self, path: &Path) -> Result<String, SecretProblem> {
        let file = self.open(path)?;
        let mut bytes = Vec::new();
        file.take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| self.problem(format!("cannot be read: {}", e.kind()), ""))?;
        self.text(bytes)
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String, SecretProblem> {
        if bytes.len() as u64 > LARGEST {
            return Err(self.problem("is larger than 64 KiB", "a secret is one line"));
        }
        String::from_utf8(bytes).map_err(|_| self.problem("is not text in UTF-8", ""))
    }

    #[cfg(unix)]
    fn open(&self, path: &Path) -> Result<std::fs::File, SecretProblem> {
        use rustix::fs::{FileType, Mode, OFlags, fstat, open};

        // NONBLOCK: a pipe laid in the file's place must not stop us
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = open(path, flags, Mode::empty()).map_err(|e| match e {
            rustix::io::Errno::LOOP => {
                self.problem("is a symbolic link", "name the file itself: a link can be turned elsewhere")
            }
            rustix::io::Errno::NOENT => {
                self.problem("is not there", "make the file, readable by its owner only")
            }
            e => self.problem(format!("cannot be opened: {}", std::io::Error::from(e).kind()), ""),
        })?;
        let stat = fstat(&fd).map_err(|e| {
            self.problem(format!("cannot be looked at: {}", std::io::Error::from(e).kind()), "")
        })?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(self.problem("is not a regular file", ""));
        }
        if stat.st_mode & 0o077 != 0 {
            return Err(self.problem(
                format!("can be read by others (mode {:04o})", stat.st_mode & 0o7777),
                format!("chmod 600 {}", escape_line(&path.display().to_string())),
            ));
        }
        Ok(std::fs::File::from(fd))
    }

    #[cfg(not(unix))]
    fn open(&self, path: &Path) -> Result<std::fs::File, SecretProblem> {
        std::fs::File::open(path).map_err(|e| self.problem(format!("cannot be opened: {}", e.kind()), ""))
    }

    fn run(&self, words: &[String]) -> Result<String, SecretProblem> {
        let Some((program, args)) = words.split_first() else {
            return Err(self.problem("names no program", "write command = [\"program\", \"argument\"]"));
        };
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| {
                self.problem(format!("cannot be started: {}", e.kind()), "check the program's path")
            })?;
        let Some(pipe) = child.stdout.take() else {
            return Err(self.problem("gave no output", ""));
        };
        let (send, receive) = std::sync::mpsc::channel();
        // its own thread: a program that hangs must not hang us beyond its time
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = pipe.take(LARGEST + 1).read_to_end(&mut bytes).map(|_| bytes);
            drop(send.send(read));
        });
        let started = Instant::now();
        let bytes = receive.recv_timeout(COMMAND_TIME);
        let ended = wait(&mut child, COMMAND_TIME.saturating_sub(started.elapsed()));
        match (bytes, ended) {
            (Ok(Ok(bytes)), Some(true)) => self.text(bytes),
            (_, Some(false)) => Err(self.problem("the program failed", "run it by hand to see why")),
            (_, None) => Err(self.problem("took longer than 10 s", "run it by hand to see why")),
            (_, Some(true)) => Err(self.problem("gave no output that can be read", "")),
        }
    }
}

/// Waits for a program to end, `None` when it had to be stopped.
fn wait(child: &mut std::process::Child, left: Duration) -> Option<bool> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if started.elapsed() < left => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                drop(child.kill());
                drop(child.wait());
                return None;
            }
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.0 {
            Place::Env(name) => format!("env {name}"),
            Place::File(path) => format!("file {}", path.display()),
            // only the program: its arguments may say too much
            Place::Command(words) => format!("command {}", words.first().map_or("", String::as_str)),
            Place::Credential(name) => format!("credential {name}"),
            Place::Keyring(name) => format!("keyring {name}"),
            Place::Given(_) => "given".into(),
        };
        f.write_str(&escape_line(&text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn file(dir: &Path, name: &str, mode: u32) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, "hunter2\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_file_counts_only_when_nobody_else_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let own = file(dir.path(), "own", 0o600);
        assert_eq!(Secret::file(&own).fetch().unwrap().expose_secret(), "hunter2");
        let open = Secret::file(file(dir.path(), "open", 0o640)).fetch().unwrap_err();
        assert!(open.message.contains("0640") && open.hint.contains("chmod 600"), "{open:?}");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&own, &link).unwrap();
        assert!(Secret::file(&link).fetch().unwrap_err().message.contains("link"));
        assert!(Secret::file(dir.path().join("no")).fetch().unwrap_err().message.contains("not there"));
    }

    #[test]
    fn a_program_gives_its_output_or_a_reason() {
        let of = |words: &[&str]| Secret::command(words.iter().map(|w| (*w).to_owned()).collect()).fetch();
        assert_eq!(of(&["printf", "hunter2"]).unwrap().expose_secret(), "hunter2");
        assert!(of(&["false"]).unwrap_err().message.contains("failed"));
        assert!(of(&["/no/such/program"]).unwrap_err().message.contains("started"));
        assert!(of(&[]).is_err());
    }

    #[test]
    fn nothing_prints_the_value() {
        let s = Secret::given("hunter2");
        assert!(!format!("{s} {s:?}").contains("hunter2"));
        let c = Secret::command(vec!["vault".into(), "--token=hunter2".into()]);
        assert!(!format!("{c} {c:?}").contains("hunter2"));
        assert!(Secret::keyring("x").fetch().unwrap_err().message.contains("keyring"));
        assert!(Secret::env("DIPTYCH_NOT_SET_ANYWHERE").fetch().is_err());
    }
}
