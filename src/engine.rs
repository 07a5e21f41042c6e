//! The engine: a pure machine that decides, and a shell that carries out.

pub mod machine;
pub mod shell;
