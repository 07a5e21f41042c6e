//! Everything that the console asks its shell to do.

use crate::model::{Command, CommandId, Control, LinkId};

/// What the shell must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read one link in full; only the latest counts.
    LoadDetail(LinkId),
    /// Store a command and answer with its ticket.
    GiveCommand {
        /// To tell answers apart.
        ticket: u64,
        /// The command.
        command: Box<Command>,
    },
    /// Report the state of this command until it is settled.
    Follow(CommandId),
    /// Store an order.
    GiveControl(Control),
    /// Apply tables as a new version.
    ApplyTables {
        /// The tables as JSON.
        body: String,
        /// Why.
        reason: String,
        /// The version they were made from.
        parent: i64,
    },
    /// Send text to the terminal's clipboard.
    Copy(String),
    /// Open an address in the browser.
    OpenUrl(String),
    /// Take or release the mouse.
    Mouse(bool),
    /// Clear and draw everything.
    Redraw,
    /// Stop until continued.
    Suspend,
    /// Leave.
    Quit,
}

/// Effects in the order they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects(Vec<Effect>);

impl Effects {
    /// Asks for one more.
    pub fn push(&mut self, effect: Effect) {
        self.0.push(effect);
    }

    /// Takes all of them out.
    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.0)
    }

    /// Those asked for so far.
    pub fn as_slice(&self) -> &[Effect] {
        &self.0
    }
}
