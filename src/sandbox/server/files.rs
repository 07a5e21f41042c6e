//! The files that a sandbox leaves in its folder.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::SandboxError;

/// Writes `ca.pem` into `dir`, making the folder if needed, readable by its owner alone. Gives
/// the absolute path of the file.
pub(crate) fn write_ca(dir: &Path, pem: &str) -> Result<PathBuf, SandboxError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SandboxError::File { path, source }
    };
    make_folder(dir).map_err(failed(dir))?;
    let dir = fs::canonicalize(dir).map_err(failed(dir))?;
    let path = dir.join("ca.pem");
    // A file of an earlier run, whatever its mode, is replaced, not written through.
    match fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(&path)(e)),
        _ => {}
    }
    create(&path).and_then(|mut file| file.write_all(pem.as_bytes())).map_err(failed(&path))?;
    Ok(path)
}

#[cfg(unix)]
fn make_folder(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make_folder(dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir)
}

#[cfg(unix)]
fn create(path: &Path) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> std::io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_the_owner_may_read_and_an_old_file_is_replaced() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = tmp.path().join("a/b");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = write_ca(&dir, "one").unwrap();
        assert_eq!((mode(&dir), mode(&path)), (0o700, 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_ca(&dir, "two").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    }
}
