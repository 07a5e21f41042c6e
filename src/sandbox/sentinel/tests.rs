//! The world through its wire: requests as the SDKs send them, one promise per test.

mod access;
mod acts;
mod bench;
mod listing;
mod parts;
mod writing;
