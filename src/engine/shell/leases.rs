//! The leases as seen from outside the machine: those of dead processes, those that stand in our way.

use std::collections::BTreeMap;
use std::time::Duration;

use super::EngineOptions;
use crate::model::WorkspaceKey;
use crate::model::ledger::{Ask, Lease, StoreFault};
use crate::store::Store;
use crate::text::escape_line;

/// How often it is said again what stands in our way.
const SAY_EVERY: Duration = Duration::from_secs(3600);

/// How many processes hold a lease at this moment.
pub(super) async fn live_holders(store: &Store) -> u32 {
    let leases = store.leases().await.unwrap_or_default();
    let live = leases.iter().filter(|l| l.is_in_force()).map(|l| &l.holder);
    live.collect::<std::collections::BTreeSet<_>>().len() as u32
}

/// Ends leases whose holder was a process of this host that no longer lives, so that a restart
/// after a crash need not wait. What it may have sent is still waited for (settle).
pub(super) async fn free_dead(options: &EngineOptions) {
    let Ok(leases) = options.store.leases().await else { return };
    let home = home_of(&options.settings.holder);
    for lease in leases.into_iter().filter(|l| l.ends.0 != 0 && home.is_some() && home_of(&l.holder) == home)
    {
        let Some(pid) = pid_of(&lease.holder) else { continue };
        if pid != std::process::id() as i32 && !is_alive(pid) {
            tracing::info!(workspace = %lease.workspace, holder = %lease.holder, "its holder is gone; the lease is freed");
            let ask = Ask::ReleaseLease { workspace: lease.workspace, epoch: lease.epoch };
            let _ = options.store.ask(ask).await;
        }
    }
}

/// Whose leases stand in our way, as was said.
#[derive(Default)]
pub(super) struct Others {
    told: BTreeMap<WorkspaceKey, (String, Duration)>,
}

impl Others {
    /// Says whose leases stand in our way, once when that changes and then from time to time.
    pub async fn tell(&mut self, options: &EngineOptions, now: Duration) {
        let Ok(leases) = options.store.leases().await else { return };
        for lease in leases {
            let Some(ours) = options.section_hashes.get(&lease.workspace) else { continue };
            let why = in_the_way(&lease, ours, &options.settings.holder);
            if let Some(why) = self.news(&lease.workspace, why, now) {
                tracing::warn!(workspace = %lease.workspace, "{why}");
            }
        }
    }

    /// What is to be said of what stands in the way of a workspace.
    fn news(&mut self, workspace: &WorkspaceKey, why: Option<String>, now: Duration) -> Option<String> {
        let Some(why) = why else {
            self.told.remove(workspace);
            return None;
        };
        let said = self.told.get(workspace);
        if said.is_some_and(|(before, at)| *before == why && now.saturating_sub(*at) < SAY_EVERY) {
            return None;
        }
        self.told.insert(workspace.clone(), (why.clone(), now));
        Some(why)
    }
}

/// Why a lease is not ours, if it is not and will not be by itself.
fn in_the_way(lease: &Lease, section: &str, us: &str) -> Option<String> {
    if lease.holder == us {
        return None;
    }
    if !lease.is_in_force() {
        return lease.refused_for(section);
    }
    let other = match lease.section_hash == section {
        true => "",
        false => ", on another config section",
    };
    Some(format!("{} syncs it{other}; this process waits for its lease", escape_line(&lease.holder)))
}

/// Ends leases that ran out without being given back, so that this config section is taken from
/// now on. One that is in force is left alone.
///
/// # Errors
/// The store's.
pub async fn take_over(store: &Store) -> Result<u32, StoreFault> {
    let mut freed = 0;
    for lease in store.leases().await?.into_iter().filter(|l| l.ends.0 != 0 && l.ends <= l.read_at) {
        store.ask(Ask::ReleaseLease { workspace: lease.workspace, epoch: lease.epoch }).await?;
        freed += 1;
    }
    Ok(freed)
}

/// Host, boot and process namespace of `mode user@host pid N #home-number`: where N means
/// something.
fn home_of(holder: &str) -> Option<(&str, &str)> {
    let (_, rest) = holder.rsplit_once('@')?;
    let (host, rest) = rest.split_once(" pid ")?;
    let (_, tail) = rest.split_once(" #")?;
    Some((host, tail.split_once('-')?.0))
}

fn pid_of(holder: &str) -> Option<i32> {
    holder.rsplit_once(" pid ")?.1.split_once(' ')?.0.parse().ok()
}

#[cfg(unix)]
fn is_alive(pid: i32) -> bool {
    // One that ended but was not waited for by its parent can still be signalled.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    if stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')) {
        return false;
    }
    let Some(pid) = rustix::process::Pid::from_raw(pid) else { return true };
    // A process of another user cannot be signalled, but it is there.
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_pid: i32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Stamp;

    #[test]
    fn a_holder_tells_its_host_and_process() {
        let holder = "run alice@soc-1 pid 4711 #3f9c20aa-51d0";
        assert_eq!((home_of(holder), pid_of(holder)), (Some(("soc-1", "3f9c20aa")), Some(4711)));
        assert_eq!(home_of("somebody"), None);
        assert!(is_alive(std::process::id() as i32));
    }

    #[test]
    fn what_stands_in_the_way_is_said_when_it_changes_and_now_and_then() {
        let key = WorkspaceKey::new("prod").unwrap();
        let lives = Lease {
            workspace: key.clone(),
            holder: "run bob@soc-2".into(),
            epoch: 1,
            ends: Stamp(60),
            read_at: Stamp(10),
            section_hash: "theirs".into(),
        };
        let lapsed = Lease { read_at: Stamp(70), ..lives.clone() };
        let mut others = Others::default();
        let mut said = |lease: &Lease, section: &str, second: u64| {
            let why = in_the_way(lease, section, "run alice@soc-1");
            others.news(&key, why, Duration::from_secs(second))
        };
        assert!(said(&lives, "ours", 0).unwrap().contains("another config section"));
        assert_eq!(said(&lives, "ours", 30), None);
        let why = said(&lapsed, "ours", 60).unwrap();
        assert!(why.contains("differs") && why.contains("--take-over"), "{why}");
        assert_eq!(said(&lapsed, "ours", 90), None, "not with every look");
        assert_eq!(said(&lapsed, "ours", 3660), Some(why.clone()));
        assert_eq!(said(&lapsed, "theirs", 3690), None, "the files were brought together");
        assert_eq!(said(&lapsed, "ours", 3720), Some(why));
        assert_eq!(in_the_way(&lives, "ours", "run bob@soc-2"), None);
    }
}
