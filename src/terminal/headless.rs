//! The console without a terminal: fed from a store, driven by keys, looked at as text or SVG.
//! The pictures of the README come from here, out of a real run.

use super::effects::{self, Out};
use super::feed::Feed;
use super::{TerminalError, model};
use crate::console::{Effect, Effects, Key, Model, Msg, Setup, picture, render, update};
use crate::store::Store;
use crate::text::Stamp;
use tokio::sync::mpsc;

/// A console without a terminal.
pub struct Headless {
    model: Model,
    feed: Feed,
    out: Out,
    size: (u16, u16),
    quit: bool,
}

impl Headless {
    /// A console of that size; nothing is read yet.
    ///
    /// # Errors
    /// When the theme does not exist.
    pub fn new(setup: Setup, store: Store, width: u16, height: u16) -> Result<Self, TerminalError> {
        let (wants, _) = mpsc::channel(1);
        let (replies, _) = mpsc::channel(1);
        let out = Out { store: store.clone(), who: setup.who.clone(), wants, replies };
        let feed = Feed::new(store, setup.settings.clone());
        let mut model = model(setup, false)?;
        update(&mut model, Msg::Resize(width, height), &mut Effects::default());
        Ok(Self { model, feed, out, size: (width, height), quit: false })
    }

    /// Reads everything that is published by now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn refresh(&mut self, now: Stamp) -> Result<(), TerminalError> {
        self.take(vec![Msg::Clock(now)]).await?;
        loop {
            let mut batch = Vec::new();
            let more = self.feed.read(&mut batch).await.map_err(TerminalError::Store)?;
            self.take(batch).await?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Presses keys by name, separated by spaces: `2 Tab j Enter`. Commands are stored as in the
    /// real console; nothing is copied, opened or suspended.
    ///
    /// # Errors
    /// When a name is no key, or the store fails.
    pub async fn keys(&mut self, script: &str) -> Result<(), TerminalError> {
        for name in script.split_whitespace() {
            let key: Key = name.parse().map_err(TerminalError::NoTerminal)?;
            self.take(vec![Msg::Key(key)]).await?;
        }
        Ok(())
    }

    /// Types text into the field that has the focus.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn text(&mut self, text: &str) -> Result<(), TerminalError> {
        self.take(vec![Msg::Paste(text.to_owned())]).await
    }

    /// Gives it another size.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resize(&mut self, width: u16, height: u16) -> Result<(), TerminalError> {
        self.size = (width, height);
        self.take(vec![Msg::Resize(width, height)]).await
    }

    /// What is on the screen, as SVG in the colours of its theme.
    pub fn svg(&self) -> String {
        picture::svg(&render(&self.model, self.size.0, self.size.1), self.model.theme())
    }

    /// What is on the screen, as lines of text.
    pub fn lines(&self) -> Vec<String> {
        picture::lines(&render(&self.model, self.size.0, self.size.1))
    }

    /// True once it was told to quit.
    pub fn has_quit(&self) -> bool {
        self.quit
    }

    async fn take(&mut self, batch: Vec<Msg>) -> Result<(), TerminalError> {
        let mut queue: std::collections::VecDeque<Msg> = batch.into();
        let mut fx = Effects::default();
        while let Some(msg) = queue.pop_front() {
            let now = match &msg {
                Msg::Clock(now) => *now,
                _ => self.model.clock(),
            };
            update(&mut self.model, msg, &mut fx);
            for effect in fx.take() {
                match effect {
                    Effect::Quit => self.quit = true,
                    Effect::Follow(id) => self.feed.follow(id),
                    Effect::LoadDetail(id) => {
                        queue.push_back(self.feed.detail(id).await.map_err(TerminalError::Store)?);
                    }
                    effect => queue.extend(effects::store(effect, &self.out, now).await),
                }
            }
        }
        Ok(())
    }
}
