//! Tokens held against a small world of fixed keys, logs, witnesses and times.
#![expect(clippy::unwrap_used, reason = "the world is fixed: what fails to be made fails its test")]

mod after;
mod chain;
mod describe;
mod flips;
mod messages;
mod refusals;
mod vectors;
mod world;
