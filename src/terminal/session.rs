//! Taking the terminal and giving it back exactly once, whoever is first: the end, an error, a
//! panic of the user interface. A panic elsewhere does not touch a screen that is in use.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, Write};
use std::panic;
use std::pin::Pin;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};

use crate::telemetry;

/// True while the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

thread_local! {
    /// True while this thread runs the user interface.
    static IN_UI: Cell<bool> = const { Cell::new(false) };
}

/// Takes the terminal: raw mode, the other screen, paste, the mouse if wanted, no cursor.
pub(super) fn enter(mouse: bool) -> io::Result<()> {
    install_hook();
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    telemetry::keep_quiet(true);
    let mut out = io::stdout();
    let entered = write_enter(&mut out, mouse);
    if entered.is_err() {
        leave();
    }
    entered
}

/// What is written to take the terminal.
pub(super) fn write_enter(out: &mut impl Write, mouse: bool) -> io::Result<()> {
    queue!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
    if mouse {
        queue!(out, EnableMouseCapture)?;
    }
    out.flush()
}

/// Gives the terminal back if it is ours; every further call does nothing.
pub(super) fn leave() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // Nothing can be done about a terminal that is gone.
        let _ = write_leave(&mut out);
        let _ = disable_raw_mode();
        telemetry::keep_quiet(false);
    }
}

/// What is written to give the terminal back. An open synchronized frame is closed first.
pub(super) fn write_leave(out: &mut impl Write) -> io::Result<()> {
    execute!(
        out,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    )
}

/// Begins a frame that the terminal shows as a whole.
pub(super) fn begin_frame(out: &mut impl Write) -> io::Result<()> {
    queue!(out, BeginSynchronizedUpdate)
}

/// Ends it, and sends everything.
pub(super) fn end_frame(out: &mut impl Write) -> io::Result<()> {
    execute!(out, EndSynchronizedUpdate)
}

fn install_hook() {
    HOOK.call_once(|| {
        telemetry::guard_panics();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A panic elsewhere goes to the log and nowhere else: the screen is in use.
            if !TAKEN.load(Ordering::SeqCst) || IN_UI.get() {
                leave();
            }
            before(info);
        }));
    });
}

/// A future that marks its thread as the user interface while it runs, on whichever thread the
/// runtime polls it.
pub(super) async fn watched<F: Future>(inner: F) -> F::Output {
    Watched(Box::pin(inner)).await
}

struct Watched<'a, T>(Pin<Box<dyn Future<Output = T> + 'a>>);

impl<T> Future for Watched<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        IN_UI.set(true);
        let polled = self.0.as_mut().poll(cx);
        IN_UI.set(false);
        polled
    }
}
