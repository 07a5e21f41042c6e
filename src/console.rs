//! The console as a pure function: a model, messages that change it, effects that it asks for,
//! and a picture of it in a buffer.
//!
//! Nothing here reads a clock, a file, a terminal or the store. [`update()`] takes a [`Msg`] and
//! appends [`Effect`]s; [`view()`] draws the [`Model`]; the shell in [`crate::terminal`] does the
//! rest. Every key, hint, help line and reason comes from the one table in [`action`].

pub mod action;
mod canvas;
mod chrome;
mod command;
mod effect;
mod field_input;
mod filter;
mod glyphs;
mod health;
pub mod key;
mod layout;
mod links;
mod model;
mod msg;
mod overlays;
pub mod picture;
mod screens;
pub mod theme;
mod toasts;
mod update;
mod view;
mod widgets;

#[cfg(test)]
mod tests;

pub use action::key_table_markdown;
pub use effect::{Effect, Effects};
pub use glyphs::Glyphs;
pub use key::{Code, Key};
pub use model::{Dirty, Model, Setup};
pub use msg::{Detail, Mouse, MouseKind, Msg, TableVersion};
pub use update::update;
pub use view::{render, view};
