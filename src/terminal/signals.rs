//! Signals and the hang-up of the terminal as one stream.

use tokio::sync::mpsc;

/// What the system wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Leave: SIGTERM, SIGHUP, SIGINT from outside, a terminal that is gone.
    Quit,
    /// Stop until continued: SIGTSTP.
    Suspend,
    /// Continued: draw everything.
    Continued,
}

/// Listens from now on. The tasks end with the receiver.
#[cfg(unix)]
pub(super) fn listen() -> std::io::Result<mpsc::Receiver<Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (tx, rx) = mpsc::channel(8);
    let kinds = [
        (SignalKind::terminate(), Signal::Quit),
        (SignalKind::hangup(), Signal::Quit),
        (SignalKind::interrupt(), Signal::Quit),
        (SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()), Signal::Suspend),
        (SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()), Signal::Continued),
    ];
    for (kind, meaning) in kinds {
        let mut stream = signal(kind)?;
        let tx = tx.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if tx.send(meaning).await.is_err() {
                    return;
                }
            }
        });
    }
    super::hangup::watch(tx);
    Ok(rx)
}

/// Without these signals there is nothing to hear.
#[cfg(not(unix))]
pub(super) fn listen() -> std::io::Result<mpsc::Receiver<Signal>> {
    let (tx, rx) = mpsc::channel(1);
    // Kept open, or the loop would take its end for a wish to quit.
    std::mem::forget(tx);
    Ok(rx)
}
