//! The `treering` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    treering::run(std::env::args_os())
}
