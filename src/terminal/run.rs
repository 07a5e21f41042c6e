//! The loop: take what comes, then draw once if something changed.
//!
//! It sleeps until there is something. A key draws at once; frames for data keep a small distance.
//! Nothing that comes in numbers is taken without end, so that keys are never starved.

use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::sync::mpsc;

use super::TerminalError;
use super::effects::{self, Out, Then};
use super::face::Face;
use super::feed::{self, Feed};
use super::signals::{self, Signal};
use crate::console::{Dirty, Effects, Model, Msg, Setup, update};
use crate::store::Store;
use crate::text::Stamp;

/// Distance between two frames that only show data.
const FRAME_GAP: Duration = Duration::from_millis(33);
/// Messages taken before a frame is due.
const DRAIN: usize = 64;
/// Time taken by messages before a frame is due.
const DRAIN_FOR: Duration = Duration::from_millis(4);
/// Frames in a row that may fail before the terminal counts as gone.
const LOST_FRAMES: u32 = 3;

/// What the loop listens to and writes to.
pub(super) struct Ports {
    pub signals: mpsc::Receiver<Signal>,
    pub data: mpsc::Receiver<Vec<Msg>>,
    pub out: Out,
}

impl Ports {
    /// Opens everything for a real console.
    pub fn open(setup: &Setup, store: Store) -> Result<Self, TerminalError> {
        Ok(Self::with_signals(setup, store, signals::listen()?))
    }

    /// Opens everything but the signals.
    pub fn with_signals(setup: &Setup, store: Store, signals: mpsc::Receiver<Signal>) -> Self {
        let (wants, wanted) = mpsc::channel(50);
        let (replies, data) = mpsc::channel(16);
        let feed = Feed::new(store.clone(), setup.settings.clone());
        tokio::spawn(feed::run(feed, wanted, replies.clone()));
        let out = Out { store, who: setup.who.clone(), wants, replies };
        Self { signals, data, out }
    }
}

/// What woke the loop.
enum Woke {
    Signal(Option<Signal>),
    Input(Option<Msg>),
    Data(Option<Vec<Msg>>),
    Time,
}

/// Runs the console on a face until it is left.
pub(super) async fn drive<F: Face>(
    model: &mut Model,
    face: &mut F,
    mut ports: Ports,
    clock: impl Fn() -> Stamp,
) -> Result<(), TerminalError> {
    let mut input = face.input();
    let mut fx = Effects::default();
    let (width, height) = face.size()?;
    update(model, Msg::Resize(width, height), &mut fx);
    let mut frames = Frames::default();
    loop {
        frames.draw(model, face)?;
        let woke = tokio::select! {
            biased;
            s = ports.signals.recv() => Woke::Signal(s),
            m = input.next() => Woke::Input(m),
            d = ports.data.recv() => Woke::Data(d),
            () = tokio::time::sleep(frames.pause(model, clock())) => Woke::Time,
        };
        update(model, Msg::Clock(clock()), &mut fx);
        let mut then = match woke {
            Woke::Signal(None | Some(Signal::Quit)) | Woke::Input(None) => Then::Quit,
            Woke::Signal(Some(Signal::Suspend)) => Then::Suspend,
            Woke::Signal(Some(Signal::Continued)) => {
                face.forget();
                let (width, height) = face.size()?;
                update(model, Msg::Resize(width, height), &mut fx);
                Then::Nothing
            }
            Woke::Input(Some(msg)) => take(model, face, &ports.out, vec![msg], &mut fx, &clock),
            Woke::Data(Some(batch)) => take(model, face, &ports.out, batch, &mut fx, &clock),
            Woke::Data(None) | Woke::Time => Then::Nothing,
        };
        // What is there already is taken before the next frame, within bounds.
        let begun = Instant::now();
        for _ in 0..DRAIN {
            if then != Then::Nothing || begun.elapsed() > DRAIN_FOR {
                break;
            }
            let batch = match futures::FutureExt::now_or_never(input.next()) {
                Some(Some(msg)) => vec![msg],
                Some(None) => break,
                None => match ports.data.try_recv() {
                    Ok(batch) => batch,
                    Err(_) => break,
                },
            };
            then = take(model, face, &ports.out, batch, &mut fx, &clock);
        }
        match then {
            Then::Nothing => {}
            Then::Quit => return Ok(()),
            Then::Suspend => {
                // Nobody may read keys while the shell has the terminal.
                drop(input);
                face.suspend()?;
                input = face.input();
                let (width, height) = face.size()?;
                update(model, Msg::Resize(width, height), &mut fx);
            }
        }
    }
}

/// Updates with a batch and carries out what it asks for.
fn take<F: Face>(
    model: &mut Model,
    face: &mut F,
    out: &Out,
    batch: Vec<Msg>,
    fx: &mut Effects,
    clock: &impl Fn() -> Stamp,
) -> Then {
    for msg in batch {
        update(model, msg, fx);
        for effect in fx.take() {
            let then = effects::carry_out(effect, face, out, clock());
            if then != Then::Nothing {
                return then;
            }
        }
    }
    Then::Nothing
}

/// When frames are drawn.
#[derive(Default)]
struct Frames {
    last: Option<Instant>,
    lost: u32,
}

impl Frames {
    /// Draws if something changed and the time has come.
    fn draw(&mut self, model: &mut Model, face: &mut impl Face) -> Result<(), TerminalError> {
        let due = match model.dirty() {
            Dirty::Clean => false,
            Dirty::Data => self.wait().is_zero(),
            Dirty::Key => true,
        };
        if !due {
            return Ok(());
        }
        match face.draw(model) {
            Ok(()) => {
                self.lost = 0;
                model.drawn();
            }
            Err(e) => {
                self.lost += 1;
                face.forget();
                if self.lost >= LOST_FRAMES {
                    return Err(e.into());
                }
            }
        }
        self.last = Some(Instant::now());
        Ok(())
    }

    /// What is left of the distance to the last frame.
    fn wait(&self) -> Duration {
        self.last.map_or(Duration::ZERO, |at| FRAME_GAP.saturating_sub(at.elapsed()))
    }

    /// How long the loop may sleep.
    fn pause(&self, model: &Model, now: Stamp) -> Duration {
        match model.dirty() {
            Dirty::Key => FRAME_GAP,
            Dirty::Data => self.wait(),
            Dirty::Clean => match model.next_deadline() {
                Some(at) => at.since(now).max(Duration::from_millis(1)),
                None => Duration::from_secs(3600),
            },
        }
    }
}
