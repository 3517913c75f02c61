//! How long the worst inputs known take, at 1 MB each: `cargo run --release --example hostile` in this folder.
//! Ten milliseconds are what a parser may take. Machines differ, so it is held against what a megabyte's SHA-256 takes on
//! the same one: with more than sixteen times that, it ends with an error.

mod bundles;
mod keys;
mod lists;
mod measure;
mod nested;
mod texts;
mod tokens;

use std::process::ExitCode;

fn main() -> ExitCode {
    texts::all();
    keys::all();
    tokens::all();
    bundles::all();
    nested::all();
    lists::all();
    if measure::was_too_slow() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
