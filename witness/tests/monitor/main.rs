//! What a monitor finds, each time by a log (or a witness) that does it, and what a third party then says.
#![forbid(unsafe_code)]

#[path = "../support/lying.rs"]
mod lying;

mod entries;
mod following;
mod history;
mod signatures;
mod tiles;
