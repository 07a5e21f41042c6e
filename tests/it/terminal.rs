//! The real program on a pseudo terminal: few, because they are slow, and only what nothing else
//! can show.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{ChildKiller, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// A console on a terminal of its own.
struct Console {
    killer: Box<dyn ChildKiller + Send + Sync>,
    exit: Receiver<u32>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    raw: Vec<u8>,
}

impl Console {
    fn start(variables: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_diptych"));
        command.args(["demo", "--incidents", "4", "--rate", "1/m"]);
        command.env("TERM", "xterm-256color");
        for (name, value) in variables {
            command.env(name, value);
        }
        let mut child = pair.slave.spawn_command(command).unwrap();
        let killer = child.clone_killer();
        let (tx, exit) = channel();
        std::thread::spawn(move || tx.send(child.wait().unwrap().exit_code()));
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (tx, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0u8; 8192];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if tx.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let size = std::num::NonZero::new;
        let screen = vt100::Parser::new(size(24).unwrap(), size(80).unwrap(), 0);
        Self { killer, exit, master: Some(pair.master), writer: Some(writer), bytes, screen, raw: Vec::new() }
    }

    fn until(&mut self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so(self.screen.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => {
                    self.screen.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(_) => panic!("never {what}:\n{}", self.screen.screen().contents()),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Its exit code; what it still wrote is taken first.
    fn ended(&mut self, within: Duration) -> Option<u32> {
        let code = self.exit.recv_timeout(within).ok();
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(300)) {
            self.raw.extend(bytes);
        }
        code
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // A failed test must not leave its program behind.
        let _ = self.killer.kill();
    }
}

fn count(bytes: &[u8], what: &str) -> usize {
    bytes.windows(what.len()).filter(|w| *w == what.as_bytes()).count()
}

#[test]
fn quitting_gives_the_terminal_back_and_no_color_keeps_the_selection_visible() {
    let mut console = Console::start(&[("NO_COLOR", "1")]);
    console.until("linked", |s| s.contents().contains("INC00"));
    console.until("selected", |s| {
        (0..24).any(|row| (0..80).filter(|col| s.cell(row, *col).is_some_and(|c| c.inverse())).count() > 60)
    });
    let coloured = (0..24).flat_map(|r| (0..80).map(move |c| (r, c))).any(|(r, c)| {
        let cell = console.screen.screen().cell(r, c);
        cell.is_some_and(|c| c.fgcolor() != vt100::Color::Default || c.bgcolor() != vt100::Color::Default)
    });
    assert!(!coloured, "NO_COLOR means none");
    console.press("?");
    console.until("helped", |s| s.contents().contains("type to find"));
    console.press("\x1b");
    console.until("back", |s| !s.contents().contains("type to find"));
    console.press("q");
    assert_eq!(console.ended(Duration::from_secs(20)), Some(0));
    for mode in ["1049", "2004"] {
        let (on, off) =
            (count(&console.raw, &format!("\x1b[?{mode}h")), count(&console.raw, &format!("\x1b[?{mode}l")));
        assert_eq!((on, off), (1, 1), "{mode}");
    }
    assert_eq!(
        count(&console.raw, "\x1b[?2026h"),
        count(&console.raw, "\x1b[?2026l") - 1,
        "one more closes any open frame"
    );
    assert!(console.raw.windows(6).any(|w| w == b"\x1b[?25h"), "the cursor is shown again");
}

#[test]
fn a_terminal_that_goes_away_takes_the_console_with_it() {
    let mut console = Console::start(&[]);
    console.until("drawn", |s| s.contents().contains("diptych"));
    // The reader holds the terminal open as well: it ends at the next bytes that nobody wants.
    console.bytes = channel().1;
    console.press("?");
    console.writer = None;
    console.master = None;
    assert!(console.ended(Duration::from_secs(8)).is_some(), "it went on without a terminal");
}
