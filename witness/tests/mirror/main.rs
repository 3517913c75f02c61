//! A mirror and the log that it copies, in one process.
#![forbid(unsafe_code)]

mod copying;
mod ending;
mod large;
#[path = "../support/lying.rs"]
mod lying;
mod places;
mod pull;
mod push;
mod signed;
