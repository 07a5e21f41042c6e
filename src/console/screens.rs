//! The screens, each with its state, what its actions do, and how it is drawn.

pub(crate) mod incident;
pub(crate) mod incidents;
pub(crate) mod mappings;
pub(crate) mod sync;
