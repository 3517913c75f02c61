//! The program's subcommands, one file each.

mod add_log;
mod evidence;
mod init;
mod key;
mod list;
mod mirror;
mod monitor;
mod policy_lines;
mod reload;
mod remove_log;
mod running;
mod serve;
mod vkey;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

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
    RemoveLog(remove_log::RemoveLog),
    List(list::List),
    Reload(reload::Reload),
    Vkey(vkey::Vkey),
    Monitor(monitor::Monitor),
    Mirror(mirror::Mirror),
    Evidence(evidence::Evidence),
    #[command(subcommand)]
    Key(key::Key),
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
    // Before any key is read.
    crate::core_dumps::forbid()?;
    let done = match cli.command {
        Command::Init(init) => init.run(),
        Command::Serve(serve) => serve.run(),
        Command::AddLog(add_log) => add_log.run(),
        Command::RemoveLog(remove_log) => remove_log.run(),
        Command::List(list) => list.run(),
        Command::Reload(reload) => reload.run(),
        Command::Vkey(vkey) => vkey.run(),
        Command::Key(key) => key.run(),
        // These have exit codes of their own.
        Command::Monitor(monitor) => return Ok(monitor.run()),
        Command::Mirror(mirror) => return Ok(mirror.run()),
        Command::Evidence(evidence) => return Ok(evidence.run()),
    };
    done.map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
