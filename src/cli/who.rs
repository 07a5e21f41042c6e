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

/// Who this process is, as shown beside a lease: `run alice@host pid 4711`.
pub fn holder(mode: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|h| escape_line(h.trim()))
        .filter(|h| !h.is_empty())
        .unwrap_or_else(|| "this host".into());
    format!("{mode} {}@{host} pid {}", os_user(), std::process::id())
}

/// Now.
pub fn now() -> Stamp {
    Stamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64))
}
