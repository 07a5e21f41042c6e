//! Writing whole, safe lines.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::{Target, redact};
use crate::text::escape_line;

/// A log that grew beyond this is set aside under `.1` at the next start.
const LARGEST: u64 = 32 * 1024 * 1024;

/// Where lines go; a clone goes to the same place.
#[derive(Clone, Debug)]
pub struct Lines(Arc<Mutex<Sink>>);

#[derive(Debug)]
enum Sink {
    Stderr,
    File(File),
}

impl Lines {
    /// Opens the target.
    pub fn open(target: &Target) -> Result<Self, String> {
        let sink = match target {
            Target::Stderr => Sink::Stderr,
            Target::File(path) => Sink::File(
                open(path).map_err(|e| format!("the log {} cannot be written: {e}", path.display()))?,
            ),
        };
        Ok(Self(Arc::new(Mutex::new(sink))))
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    if std::fs::symlink_metadata(path).is_ok_and(|m| m.len() > LARGEST) {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".1");
        std::fs::rename(path, aside)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // a link in the log's place must not lead our lines elsewhere
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    }
    options.open(path)
}

/// One event on its way.
pub struct Line {
    to: Lines,
    text: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { to: self.clone(), text: Vec::new() }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        let line = safe(&text);
        if line.is_empty() {
            return;
        }
        // a poisoned lock only means that another thread panicked while it wrote
        let mut sink = self.to.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // a log that cannot be written must not stop the sync
        drop(match &mut *sink {
            Sink::Stderr if super::is_quiet() => Ok(()),
            Sink::Stderr => io::stderr().lock().write_all(line.as_bytes()),
            Sink::File(file) => file.write_all(line.as_bytes()),
        });
    }
}

fn safe(text: &str) -> String {
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() { String::new() } else { escape_line(&redact(line)) + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_whole_safe_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/diptych.log");
        let lines = Lines::open(&Target::File(path.clone())).unwrap();
        lines.make_writer().write_all(b"a \x1b[31m password=hunter2\nb\n").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("hunter2"), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let link = dir.path().join("link.log");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(Lines::open(&Target::File(link)).is_err());
        }
    }
}
