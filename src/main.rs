//! Arguments to mode to exit code.

fn main() {}
