//! Pure text handling: what may reach a terminal, how wide it is, how time reads.
//!
//! Everything that another system wrote is an [`UntrustedText`] from the moment it is decoded
//! until it becomes an escaped cell, an escaped line, or the body of an API call. This module
//! uses nothing else of the crate.

mod duration;
mod escape;
mod stamp;
mod untrusted;
mod width;

pub use duration::{ago, format_span, parse_span};
pub use escape::{clip, escape_line, escape_lines, is_hostile};
pub use stamp::Stamp;
pub use untrusted::UntrustedText;
pub use width::{fit, pad, width, wrap};
