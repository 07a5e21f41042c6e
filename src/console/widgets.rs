//! Pieces that several screens draw with.

pub(crate) mod grid;
pub(crate) mod input;
