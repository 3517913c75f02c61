//! `treering completions`.

use crate::{args, settings};
use std::{
    io::{self, Write},
    process::ExitCode,
};

pub(super) fn run(args: &args::Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut settings::command(), "treering", &mut script);
    printed(&script)
}

/// A closed pipe is no error.
pub(super) fn printed(bytes: &[u8]) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("treering: standard output can't be written: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::SUCCESS,
    }
}
