//! The terminal as the loop sees it: something to draw on, with input, that can be left for a
//! while. Tests put something else in its place.

use std::io::{self, BufWriter, Stdout, Write};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{DisableMouseCapture, EnableMouseCapture, EventStream};
use crossterm::execute;
use futures::StreamExt;
use futures::stream::BoxStream;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::{input, session};
use crate::console::{Model, Msg, render};

/// Bytes that one copy sends at most; terminals cut longer ones without a word.
const CLIPBOARD_MAX: usize = 8_000;

/// Something that shows the console.
pub(super) trait Face {
    /// Its size in cells.
    fn size(&self) -> io::Result<(u16, u16)>;
    /// Shows the model. After an error the next call draws everything anew.
    fn draw(&mut self, model: &Model) -> io::Result<()>;
    /// Forgets what is on the screen, so that the next call draws everything.
    fn forget(&mut self);
    /// What comes from it. Opening it anew ends the one before.
    fn input(&mut self) -> BoxStream<'static, Msg>;
    /// Takes or releases the mouse.
    fn mouse(&mut self, on: bool) -> io::Result<()>;
    /// Sends text to its clipboard; gives why it did not.
    fn copy(&mut self, text: &str) -> Result<(), String>;
    /// Gives the terminal back, stops the process until it is continued, takes it again.
    fn suspend(&mut self) -> io::Result<()>;
}

/// A screen behind any writer. The library's own `Terminal` asks for the cursor when it clears,
/// and would take the answer out of the keys; so the difference of two buffers is drawn here.
pub(super) struct Screen<W: Write> {
    backend: CrosstermBackend<W>,
    shown: Buffer,
    broken: bool,
}

/// Ends the synchronized frame whatever happens in between.
struct Frame<'a, W: Write>(&'a mut CrosstermBackend<W>);

impl<W: Write> Drop for Frame<'_, W> {
    fn drop(&mut self) {
        // A failure shows up again at the next frame, which starts from nothing.
        let _ = session::end_frame(self.0);
    }
}

impl<W: Write> Screen<W> {
    pub fn new(writer: W) -> Self {
        Self { backend: CrosstermBackend::new(writer), shown: Buffer::empty(Rect::ZERO), broken: true }
    }

    pub fn draw(&mut self, model: &Model, size: (u16, u16)) -> io::Result<()> {
        let next = render(model, size.0, size.1);
        session::begin_frame(&mut self.backend)?;
        let frame = Frame(&mut self.backend);
        let mut drawn = Ok(());
        if self.broken || self.shown.area != next.area {
            self.shown = Buffer::empty(next.area);
            drawn = frame.0.clear();
        }
        let shown = &self.shown;
        let drawn = drawn.and_then(|()| frame.0.draw(shown.diff_iter(&next)));
        let drawn = drawn.and_then(|()| Backend::flush(frame.0));
        drop(frame);
        // A frame that was lost on the way must not count as shown.
        self.broken = drawn.is_err();
        self.shown = next;
        drawn
    }

    pub fn forget(&mut self) {
        self.broken = true;
    }
}

/// The real terminal.
pub(super) struct Tty {
    screen: Screen<BufWriter<Stdout>>,
    mouse: bool,
}

impl Tty {
    /// Takes the terminal.
    pub fn open(mouse: bool) -> io::Result<Self> {
        session::enter(mouse)?;
        let writer = BufWriter::with_capacity(64 * 1024, io::stdout());
        Ok(Self { screen: Screen::new(writer), mouse })
    }

    /// Gives it back.
    pub fn close(self) {
        session::leave();
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        session::leave();
    }
}

impl Face for Tty {
    fn size(&self) -> io::Result<(u16, u16)> {
        crossterm::terminal::size()
    }

    fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.screen.draw(model, self.size()?)
    }

    fn forget(&mut self) {
        self.screen.forget();
    }

    fn input(&mut self) -> BoxStream<'static, Msg> {
        let (tx, rx) = mpsc::channel(256);
        let runtime = Handle::current();
        // A thread of its own: when the terminal is gone, the library never comes back from
        // reading it, and must not take the loop or the runtime with it.
        let thread = std::thread::Builder::new().name("keys".into());
        if let Err(e) = thread.spawn(move || runtime.block_on(read_events(tx))) {
            tracing::error!(error = %e, "the keys cannot be read");
        }
        futures::stream::unfold(rx, |mut rx| async move { rx.recv().await.map(|msg| (msg, rx)) }).boxed()
    }

    fn mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        let mut out = io::stdout();
        if on { execute!(out, EnableMouseCapture) } else { execute!(out, DisableMouseCapture) }
    }

    fn copy(&mut self, text: &str) -> Result<(), String> {
        if text.len() > CLIPBOARD_MAX {
            return Err(format!("It is longer than the {CLIPBOARD_MAX} bytes that terminals take."));
        }
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text)).map_err(|e| e.to_string())
    }

    fn suspend(&mut self) -> io::Result<()> {
        session::leave();
        #[cfg(unix)]
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
        session::enter(self.mouse)?;
        self.screen.forget();
        Ok(())
    }
}

/// Passes on what the terminal says until nobody listens or it says nothing more.
async fn read_events(tx: mpsc::Sender<Msg>) {
    let mut events = EventStream::new();
    loop {
        let event = tokio::select! {
            biased;
            () = tx.closed() => return,
            event = events.next() => event,
        };
        let Some(Ok(event)) = event else { return };
        if let Some(msg) = input::translate(event)
            && tx.send(msg).await.is_err()
        {
            return;
        }
    }
}
