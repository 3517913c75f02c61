//! Timestamps held against files, roots and logs: ours, those of openssl, and what a forger makes of them.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail it")]

mod flips;
mod foreign;
mod ours;
mod transparent;
mod world;
