//! A mirror and the log that it copies, in one process.
#![forbid(unsafe_code)]

mod copying;
#[path = "../support/lying.rs"]
mod lying;
mod pull;
mod push;
