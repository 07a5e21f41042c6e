//! Who acts, where, and when: the OS user, the host, the present.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::text::{Stamp, escape_line};

/// The OS user (D33), by name when the system knows one, else by number.
pub fn os_user() -> String {
    #[cfg(unix)]
    {
        let uid = rustix::process::getuid().as_raw();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = passwd.lines().find_map(|line| {
            let mut parts = line.split(':');
            let name = parts.next()?;
            (parts.nth(1)?.parse() == Ok(uid)).then(|| escape_line(name))
        });
        name.unwrap_or_else(|| format!("uid {uid}"))
    }
    #[cfg(not(unix))]
    escape_line(&std::env::var("USERNAME").unwrap_or_else(|_| "somebody".into()))
}

/// Who this process is, as shown beside a lease: `run alice@host pid 4711 #3f9c20aa-51d0`. The
/// tail tells two processes of the same name apart: which boot and process namespace, and a
/// number of its own.
pub fn holder(mode: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|h| escape_line(h.trim()))
        .filter(|h| !h.is_empty())
        .unwrap_or_else(|| "this host".into());
    format!("{mode} {}@{host} pid {} #{}-{:04x}", os_user(), std::process::id(), home(), own_number())
}

/// The boot and the process namespace in eight digits: process ids mean something only there.
fn home() -> String {
    use sha2::{Digest, Sha256};
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let digest = Sha256::digest(format!("{boot}{}", space.display()).as_bytes());
    digest.iter().take(4).map(|b| format!("{b:02x}")).collect()
}

/// A number of this process alone, the same for its whole life.
fn own_number() -> u16 {
    static NUMBER: std::sync::OnceLock<u16> = std::sync::OnceLock::new();
    *NUMBER.get_or_init(|| fastrand::u16(..))
}

/// Now.
pub fn now() -> Stamp {
    Stamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64))
}
