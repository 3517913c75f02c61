//! The `treering-witness` program.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use treering_witness::commands::{Cli, run};

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("treering-witness: {error:#}");
            ExitCode::FAILURE
        }
    }
}
