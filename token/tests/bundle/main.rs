//! Bundles from the outside: built in memory, read, walked, verified and cut.
#![expect(clippy::unwrap_used, reason = "tests and their fixtures fail by panicking")]

mod build;
mod cut;
mod evidence;
mod flip;
mod log;
mod order;
mod paths;
mod refusals;
mod rewrite;
mod stream;
