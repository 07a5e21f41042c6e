//! Where the store lies, and that nobody else can read or swap it.
//!
//! As `ssh` does it: what is too open is refused with its cure, never mended silently.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Mode;
use super::sql::broken;
use crate::model::ledger::StoreFault;

/// Files that SQLite keeps beside the database; it gives them the database's own mode.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Makes the folder (0700) and an empty file (0600) where they are missing, unless only reading,
/// and refuses what others can read or swap. Gives the absolute path.
pub(super) fn prepare(path: &Path, mode: Mode) -> Result<PathBuf, StoreFault> {
    let path = std::path::absolute(path).map_err(|e| io(path, "cannot be found", &e))?;
    let folder = path.parent().ok_or_else(|| broken(format!("{} is not a file", path.display())))?;
    if mode == Mode::ReadWrite && !folder.exists() {
        make_folder(folder).map_err(|e| io(folder, "cannot be made", &e))?;
    }
    check_folder(folder)?;
    if mode == Mode::ReadWrite {
        match make_file(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(io(&path, "cannot be made", &e)),
        }
    }
    if !check_file(&path)? {
        return Err(broken(format!("there is no store at {}", path.display())));
    }
    for end in COMPANIONS {
        let mut name = path.clone().into_os_string();
        name.push(end);
        check_file(Path::new(&name))?;
    }
    Ok(path)
}

fn io(path: &Path, what: &str, error: &std::io::Error) -> StoreFault {
    if error.kind() == ErrorKind::StorageFull {
        return StoreFault::Full(crate::text::escape_line(&format!("{} {what}: {error}", path.display())));
    }
    broken(format!("{} {what}: {error}", path.display()))
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

/// Makes a new, empty, private file; an existing one, or a symlink in its place, is an error.
pub(super) fn make_file(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(|_| ())
}

/// A folder in which others may write lets them swap the file, unless it is sticky like `/tmp`.
fn check_folder(folder: &Path) -> Result<(), StoreFault> {
    let meta = fs::metadata(folder).map_err(|e| io(folder, "cannot be looked at", &e))?;
    if !meta.is_dir() {
        return Err(broken(format!("{} is not a folder", folder.display())));
    }
    let mode = mode_of(&meta);
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        let at = folder.display();
        return Err(broken(format!("others may write in {at} (mode {mode:04o}); cure: chmod 700 {at}")));
    }
    Ok(())
}

/// False when there is nothing; an error when it is not a plain file of ours alone.
fn check_file(path: &Path) -> Result<bool, StoreFault> {
    let at = path.display();
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(io(path, "cannot be looked at", &e)),
    };
    if meta.file_type().is_symlink() {
        return Err(broken(format!("{at} is a symlink; cure: name the file that it points to")));
    }
    if !meta.is_file() {
        return Err(broken(format!("{at} is not a plain file")));
    }
    let mode = mode_of(&meta);
    if mode & 0o077 != 0 {
        return Err(broken(format!("others may read {at} (mode {mode:04o}); cure: chmod 600 {at}")));
    }
    Ok(true)
}

#[cfg(unix)]
fn mode_of(meta: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode_of(_meta: &fs::Metadata) -> u32 {
    0o600
}
