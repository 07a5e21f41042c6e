//! Watches for the terminal to go away. The input library takes no notice of it and would spin.

use std::time::Duration;

use tokio::sync::mpsc;

use super::signals::Signal;

/// How often the thread looks whether it is still wanted.
const TURN: Duration = Duration::from_millis(250);

/// Says [`Signal::Quit`] when the terminal is gone; ends with the receiver.
#[cfg(unix)]
pub(super) fn watch(tx: mpsc::Sender<Signal>) {
    let spawned = std::thread::Builder::new().name("hangup".into()).spawn(move || {
        while !tx.is_closed() {
            if gone(&std::io::stdin()) {
                // Full or closed: somebody wants to quit already.
                let _ = tx.try_send(Signal::Quit);
                return;
            }
        }
    });
    if let Err(e) = spawned {
        tracing::warn!(error = %e, "a terminal that goes away will be noticed late");
    }
}

/// Waits a turn for the terminal to go away.
#[cfg(unix)]
fn gone(fd: &impl std::os::fd::AsFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = Timespec { tv_sec: 0, tv_nsec: TURN.as_nanos() as _ };
    let mut fds = [PollFd::new(fd, PollFlags::empty())];
    match poll(&mut fds, Some(&timeout)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => false,
        Ok(_) => fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
        Err(_) => true,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_other_end_going_away_is_seen() {
        let (reader, writer) = std::io::pipe().unwrap();
        assert!(!gone(&reader), "still open");
        drop(writer);
        assert!(gone(&reader));
    }
}
