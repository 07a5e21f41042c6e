//! The audit heads that are kept outside the store, so that a cut-off tail shows (D10).

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::sql::{args, broken};
use super::{Store, place};
use crate::model::ledger::StoreFault;
use crate::text::escape_line;

/// Chain to number and hash of its last row.
pub type Heads = BTreeMap<String, (i64, String)>;

impl Store {
    /// Where the head file lies: beside the store, under its name, `store.db.audit-heads.json`.
    pub fn heads_path(&self) -> PathBuf {
        let mut name = self.path().file_name().unwrap_or_default().to_owned();
        name.push(".audit-heads.json");
        self.path().with_file_name(name)
    }

    /// Writes the head of every chain into the file `path` (0600), in one atomic step, and gives
    /// them for the log. Heads that the store cannot account for any more are evidence: they are
    /// kept, and the call fails.
    ///
    /// # Errors
    /// `Broken` when the file knows rows that the store lacks or has otherwise, or when it cannot
    /// be read or written; `Full` on a full disk.
    pub async fn write_heads(&self, path: &Path) -> Result<Heads, StoreFault> {
        let before = read_heads(path)?;
        let heads = self.audit_heads().await?;
        for (chain, (seq, hash)) in &before {
            let sql = "SELECT hash FROM audit WHERE chain = $1 AND seq = $2";
            let rows = self.rows(sql, args![chain, *seq]).await?;
            let same = rows.first().map(|r| r.text("hash")).transpose()?.is_some_and(|h| h == *hash);
            if !same {
                return Err(broken(format!(
                    "the audit chain {chain} has lost or changed row {seq}, which {} names; \
                     cure: diptych audit verify, and keep that file",
                    path.display()
                )));
            }
        }
        if heads != before {
            replace(path, &heads).map_err(|e| fault(path, &e))?;
        }
        Ok(heads)
    }
}

/// Reads a head file; a missing one holds no heads.
///
/// # Errors
/// `Broken` when it cannot be read or is no head file.
pub fn read_heads(path: &Path) -> Result<Heads, StoreFault> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Heads::new()),
        Err(e) => return Err(fault(path, &e)),
    };
    serde_json::from_str(&text).map_err(|e| broken(format!("{} is no head file: {e}", path.display())))
}

/// A new file beside it, forced to the disk, then renamed over it.
fn replace(path: &Path, heads: &Heads) -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(heads).map_err(std::io::Error::other)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    // Left over from a process of the same number that was killed here.
    match fs::remove_file(&new) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    place::make_file(&new)?;
    let mut file = fs::OpenOptions::new().write(true).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        // The rename itself must last, too.
        Some(folder) if cfg!(unix) && !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

fn fault(path: &Path, error: &std::io::Error) -> StoreFault {
    let text = escape_line(&format!("{}: {error}", path.display()));
    if error.kind() == ErrorKind::StorageFull { StoreFault::Full(text) } else { StoreFault::Broken(text) }
}
