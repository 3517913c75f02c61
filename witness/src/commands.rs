//! The program's subcommands, one file each.

mod add_log;
mod evidence;
mod init;
mod monitor;
mod serve;
mod vkey;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use treering_tlog::note::VerifierKey;

/// Cross-signs transparency logs (C2SP tlog-witness).
///
/// A witness keeps, for each log, the last checkpoint that it cosigned. It cosigns a new one only with a proof that
/// the log still holds everything it held before, and puts its own clock's time on it.
#[derive(Debug, Parser)]
#[command(name = "treering-witness", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Serve(serve::Serve),
    AddLog(add_log::AddLog),
    Vkey(vkey::Vkey),
    Monitor(monitor::Monitor),
    Evidence(evidence::Evidence),
}

/// The witness's directory.
#[derive(Debug, Args)]
struct Dir {
    /// The witness's directory, made by `init`
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// Runs the command that was typed. Results go to standard output, everything else to standard error.
///
/// # Errors
/// What went wrong, where, and what would be right.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let done = match cli.command {
        Command::Init(init) => init.run(),
        Command::Serve(serve) => serve.run(),
        Command::AddLog(add_log) => add_log.run(),
        Command::Vkey(vkey) => vkey.run(),
        // These two have exit codes of their own.
        Command::Monitor(monitor) => return Ok(monitor.run()),
        Command::Evidence(evidence) => return Ok(evidence.run()),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// The line that lets a policy count this witness.
fn policy_line(key: &VerifierKey, url: &str) -> String {
    format!("witness {} {key} {url}", short_name(key.name().as_str()))
}

/// A name for use inside a policy file: the last part of the key's name. `none` is taken there.
fn short_name(key_name: &str) -> &str {
    match key_name.rsplit('/').next() {
        Some(last) if !last.is_empty() && last != "none" => last,
        _ => key_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_witness_is_called_by_the_last_part_of_its_name() {
        assert_eq!(short_name("witness.example/w1"), "w1");
        assert_eq!(short_name("w1"), "w1");
        assert_eq!(short_name("witness.example/"), "witness.example/");
        assert_eq!(short_name("witness.example/none"), "witness.example/none");
    }
}
