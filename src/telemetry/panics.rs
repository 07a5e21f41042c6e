//! A panic says where, escaped and redacted, and never over a console.

use std::sync::atomic::{AtomicBool, Ordering};

use super::redact;
use crate::text::escape_line;

static QUIET: AtomicBool = AtomicBool::new(false);

/// Says whether a console is up: then nothing may be printed.
pub fn keep_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::SeqCst);
}

/// True while a console is up.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::SeqCst)
}

/// Replaces the panic message, which may quote data, by one safe line in the log, and on stderr
/// when no console is up. The terminal puts its own hook around this one.
pub fn guard_panics() {
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        let place = info.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        let line = redact(&escape_line(&text));
        tracing::error!(place, message = line, "internal fault");
        if !is_quiet() {
            crate::cli::output::say(&format!(
                "diptych: internal fault{place}: {line}\ndiptych: nothing is lost: what was under way is in the store, and a restart takes it up"
            ));
        }
    }));
}
