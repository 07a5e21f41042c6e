//! The real loop on a face that is no terminal, over a real store.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc as input;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use super::face::{Face, Screen};
use super::run::{Ports, drive};
use super::signals::Signal;
use super::{Headless, model};
use crate::console::{Key, Model, Msg, Setup, picture, render};
use crate::model::WorkspaceKey;
use crate::model::ledger::{Ask, Commit, Told};
use crate::model::settings::EngineSettings;
use crate::model::view::LinkView;
use crate::store::{Mode, Store};
use crate::text::Stamp;

/// What a fake terminal saw.
#[derive(Default)]
struct Seen {
    frames: u32,
    text: String,
    copied: Vec<String>,
    suspended: u32,
    fail: u32,
}

struct Fake {
    seen: Arc<Mutex<Seen>>,
    input: Vec<input::UnboundedReceiver<Msg>>,
}

impl Face for Fake {
    fn size(&self) -> io::Result<(u16, u16)> {
        Ok((80, 24))
    }

    fn draw(&mut self, model: &Model) -> io::Result<()> {
        let mut seen = self.seen.lock().unwrap();
        if seen.fail > 0 {
            seen.fail -= 1;
            return Err(io::Error::other("gone"));
        }
        seen.frames += 1;
        seen.text = picture::lines(&render(model, 80, 24)).join("\n");
        Ok(())
    }

    fn forget(&mut self) {}

    fn input(&mut self) -> BoxStream<'static, Msg> {
        match self.input.pop() {
            Some(keys) => keys.boxed(),
            None => futures::stream::pending().boxed(),
        }
    }

    fn mouse(&mut self, _on: bool) -> io::Result<()> {
        Ok(())
    }

    fn copy(&mut self, text: &str) -> Result<(), String> {
        self.seen.lock().unwrap().copied.push(text.to_owned());
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.seen.lock().unwrap().suspended += 1;
        Ok(())
    }
}

fn ws() -> WorkspaceKey {
    WorkspaceKey::new("soc").unwrap()
}

async fn store(dir: &tempfile::TempDir) -> Store {
    Store::open(&dir.path().join("state/diptych.db"), Mode::ReadWrite).await.unwrap()
}

/// Publishes rows as a lease holder does.
async fn publish(store: &Store, ids: std::ops::Range<i64>) {
    let take = Ask::TakeLease {
        workspace: ws(),
        holder: "t".into(),
        life_ms: 60_000,
        section_hash: String::new(),
        idle: None,
    };
    let Told::Lease(Some(lease)) = store.ask(take).await.unwrap() else { panic!("no lease") };
    let link = |n: i64| crate::model::Link {
        life: crate::model::Life::Live,
        ..crate::model::Link::new(
            ws(),
            crate::model::IncidentId::new(&format!("guid-{n}")),
            (
                crate::model::InstanceKey::new("contoso").unwrap(),
                crate::model::TableName::new("incident").unwrap(),
                crate::model::SysId::new(format!("{n:032x}")),
            ),
            Stamp(n),
        )
    };
    let commit = Commit {
        workspace: ws(),
        epoch: lease.epoch,
        new_links: ids.clone().map(link).collect(),
        ..Commit::default()
    };
    let Told::Committed(done) = store.ask(Ask::Commit(Box::new(commit))).await.unwrap() else { panic!() };
    let views = ids.zip(done.links).map(|(n, id)| LinkView {
        id,
        workspace: ws(),
        incident_number: n,
        record_number: format!("INC{n:07}"),
        title: format!("incident number {n}").into(),
        changed: Stamp(n),
        ..LinkView::default()
    });
    let commit = Commit { workspace: ws(), epoch: lease.epoch, views: views.collect(), ..Commit::default() };
    store.ask(Ask::Commit(Box::new(commit))).await.unwrap();
}

fn setup() -> Setup {
    Setup {
        settings: EngineSettings {
            workspaces: Vec::new(),
            instances: Vec::new(),
            lease: Duration::from_secs(30),
            lease_margin: Duration::from_secs(5),
            holder: "t".into(),
            seed: 1,
        },
        environment: "test".into(),
        who: "noor".into(),
        readonly: false,
        theme: "terminal".into(),
        ascii: false,
        mouse: false,
        background: None,
        now: Stamp(0),
    }
}

/// A console that runs in this test's own loop.
struct Running {
    seen: Arc<Mutex<Seen>>,
    keys: input::UnboundedSender<Msg>,
    signals: mpsc::Sender<Signal>,
    task: tokio::task::JoinHandle<Result<(), super::TerminalError>>,
}

impl Running {
    fn start(store: Store, seen: Seen) -> Self {
        let seen = Arc::new(Mutex::new(seen));
        let (keys, from_keys) = input::unbounded();
        let (signals, from_signals) = mpsc::channel(4);
        let mut face = Fake { seen: seen.clone(), input: vec![from_keys] };
        let mut model = model(setup(), false).unwrap();
        let ports = Ports::with_signals(&setup(), store, from_signals);
        let task =
            tokio::task::spawn_local(async move { drive(&mut model, &mut face, ports, || Stamp(0)).await });
        Self { seen, keys, signals, task }
    }

    fn press(&self, script: &str) {
        for name in script.split_whitespace() {
            let key: Key = name.parse().unwrap();
            self.keys.unbounded_send(Msg::Key(key)).unwrap();
        }
    }

    /// Waits until something is so; the runtime's own time decides when to give up.
    async fn until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(20), async {
            while !is_so(&self.seen.lock().unwrap()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        assert!(waited.await.is_ok(), "never {what}:\n{}", self.seen.lock().unwrap().text);
    }
}

async fn local<F: Future<Output = ()>>(test: F) {
    tokio::task::LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn what_is_published_is_seen_and_keys_are_heard() {
    local(async {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir).await;
        publish(&store, 1..1200).await;
        let run = Running::start(store.clone(), Seen::default());
        run.until("all of them", |s| s.text.contains("1199 incidents")).await;
        run.press("/");
        for c in "number 1199".chars() {
            run.keys.unbounded_send(Msg::Key(Key::char(c))).unwrap();
        }
        run.press("Enter y");
        run.until("copied", |s| s.copied == ["INC0001199"]).await;
        publish(&store, 2000..2001).await;
        run.until("a new one", |s| s.text.contains("1 of 1200")).await;
        run.press("q");
        assert!(run.task.await.unwrap().is_ok());
    })
    .await;
}

#[tokio::test]
async fn an_idle_console_draws_nothing() {
    local(async {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir).await;
        publish(&store, 1..3).await;
        let run = Running::start(store.clone(), Seen::default());
        run.until("both", |s| s.text.contains("2 incidents")).await;
        // The lease is prolonged, which writes to the store and is no news.
        let frames = run.seen.lock().unwrap().frames;
        for _ in 0..5 {
            let renew = Ask::RenewLease { workspace: ws(), epoch: 1, life_ms: 60_000 };
            store.ask(renew).await.unwrap();
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
        let now = run.seen.lock().unwrap().frames;
        assert!(now - frames <= 1, "{} frames for nothing", now - frames);
        run.press("Ctrl-C");
        assert!(run.task.await.unwrap().is_ok());
    })
    .await;
}

#[tokio::test]
async fn signals_end_it_and_a_suspend_opens_the_input_anew() {
    local(async {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir).await;
        let run = Running::start(store, Seen::default());
        run.until("drawn", |s| s.frames > 0).await;
        run.signals.send(Signal::Suspend).await.unwrap();
        run.until("suspended", |s| s.suspended == 1).await;
        run.signals.send(Signal::Continued).await.unwrap();
        run.until("drawn again", |s| s.frames > 1).await;
        run.signals.send(Signal::Quit).await.unwrap();
        assert!(run.task.await.unwrap().is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_lost_frame_is_drawn_again_and_a_lost_terminal_ends_it() {
    local(async {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir).await;
        let run = Running::start(store.clone(), Seen { fail: 2, ..Seen::default() });
        run.until("drawn after two failures", |s| s.frames > 0).await;
        run.press("Ctrl-C");
        assert!(run.task.await.unwrap().is_ok());
        let run = Running::start(store, Seen { fail: u32::MAX, ..Seen::default() });
        assert!(run.task.await.unwrap().is_err());
    })
    .await;
}

#[derive(Clone, Default)]
struct Bytes(Rc<RefCell<Vec<u8>>>, Rc<RefCell<bool>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if *self.1.borrow() && !bytes.starts_with(b"\x1b[?2026") {
            return Err(io::Error::other("full"));
        }
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn count(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|w| *w == what).count()
}

#[test]
fn every_frame_begins_and_ends_even_a_broken_one() {
    let model = model(setup(), false).unwrap();
    let out = Bytes::default();
    let mut screen = Screen::new(out.clone());
    screen.draw(&model, (80, 24)).unwrap();
    let first = out.0.borrow().len();
    *out.1.borrow_mut() = true;
    assert!(screen.draw(&model, (81, 24)).is_err());
    *out.1.borrow_mut() = false;
    screen.draw(&model, (81, 24)).unwrap();
    let whole = out.0.borrow().len();
    screen.draw(&model, (81, 24)).unwrap();
    let bytes = out.0.borrow();
    assert_eq!(count(&bytes, b"\x1b[?2026h"), 4);
    assert_eq!(count(&bytes, b"\x1b[?2026l"), 4);
    assert!(whole - first > 800, "after a lost frame everything is drawn anew");
    assert!(bytes.len() - whole < 60, "an unchanged frame writes almost nothing");
}

#[test]
fn what_is_taken_is_given_back() {
    let mut bytes = Vec::new();
    super::session::write_enter(&mut bytes, true).unwrap();
    super::session::write_leave(&mut bytes).unwrap();
    for mode in ["1049", "2004", "1000", "1006", "25"] {
        let on = format!("\x1b[?{mode}h");
        let off = format!("\x1b[?{mode}l");
        assert_eq!(count(&bytes, on.as_bytes()), count(&bytes, off.as_bytes()), "{mode}");
    }
    assert!(count(&bytes, b"\x1b[?2026l") == 1, "a frame that was open is closed");
}

#[tokio::test]
async fn without_a_terminal_it_can_be_driven_and_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir).await;
    publish(&store, 1..4).await;
    let setup = Setup { theme: "dark".into(), ..setup() };
    let mut console = Headless::new(setup, store.clone(), 100, 30).unwrap();
    console.refresh(Stamp(0)).await.unwrap();
    assert!(console.lines().join("\n").contains("incident number 3"));
    console.keys("j Enter").await.unwrap();
    assert!(console.lines().join("\n").contains("soc/2"));
    assert!(console.svg().starts_with("<svg"));
    console.keys("Esc q").await.unwrap();
    assert!(console.has_quit());
}
