//! How long the worst inputs known take, at 1 MB each: `cargo run --release --example hostile` in this folder.
//! Ten milliseconds are what a parser may take: `-- --strict` holds it to that, for a machine that one knows. Machines differ, and so
//! without it each is held against what a megabyte's SHA-256 takes on the same one: with more than a hundred times that, this
//! ends with an error, since then something grows faster than its input.

mod bundles;
mod keys;
mod lists;
mod measure;
mod nested;
mod texts;
mod tokens;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--strict") => measure::be_strict(),
        Some(_) => {
            eprintln!("usage: hostile [--strict]");
            return ExitCode::from(2);
        }
    }
    texts::all();
    keys::all();
    tokens::all();
    bundles::all();
    nested::all();
    lists::all();
    if measure::was_too_slow() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
