//! Tests of the whole console.
