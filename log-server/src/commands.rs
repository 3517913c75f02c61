//! The command line: one file a subcommand.
//!
//! What a command was asked for goes to stdout, everything else to stderr. Exit codes: 0 done and well, 1 done and
//! not well (a quorum that isn't met, a damaged store, a log that failed), 2 not done (usage, files, network).

mod backup;
mod check;
mod freeze;
mod init;
mod key;
mod logging;
mod open_files;
mod policy;
mod probe;
mod restore;
mod serve;
mod tsa;
mod vkey;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    broken,
    config::{Config, FILE_NAME},
};

/// A log that takes hashes, seals them each second, and has witnesses vouch for the time.
#[derive(Debug, Parser)]
#[command(name = "treering-log", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new log: its folder, key and configuration
    Init(init::Init),
    /// Run a log
    Serve(serve::Serve),
    /// Print the log's verifier key
    Vkey(Place),
    /// Ask each witness whether it knows this log, and say whether the quorum is met now
    ///
    /// Exit code 0 if it is, 1 if it isn't, 2 if that can't be told.
    Policy(Place),
    /// Re-verify the whole store of a stopped log: every entry, tile, batch and checkpoint
    ///
    /// Exit code 0 if all is well, 1 if something is broken, 2 if it could not be checked.
    Check(Place),
    /// Copy the store and the configuration, while the log runs or not
    Backup(backup::Backup),
    /// Make the store anew from a mirror or a backup, and verify all of it
    ///
    /// The store must not be there. Whether the log may sign again is decided at its next start.
    Restore(restore::Restore),
    /// End a stopped log's life: a last head with as many cosignatures as can be had, then read-only for ever
    ///
    /// Exit code 0 if it is frozen, 1 if it isn't (what it accepted could not all be published), 2 if that was not tried.
    Freeze(freeze::Freeze),
    /// API keys (add, list, revoke): who may submit to a log that is closed to strangers; and the log's own (rotate, retire)
    #[command(subcommand)]
    Key(key::Key),
    /// The key and certificate of the log's timestamp authority (RFC 3161)
    #[command(subcommand)]
    Tsa(tsa::Tsa),
    /// Print the description of the HTTP API (OpenAPI, JSON)
    Openapi,
}

/// Where a log's configuration is.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that `init` made, with log.toml in it
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Place {
    fn load(&self) -> anyhow::Result<Config> {
        self.load_with_path().map(|(config, _)| config)
    }

    fn load_with_path(&self) -> anyhow::Result<(Config, PathBuf)> {
        let in_dir = || self.dir.as_deref().unwrap_or(Path::new(".")).join(FILE_NAME);
        let path = self.config.clone().unwrap_or_else(in_dir);
        Ok((Config::load(&path)?, path))
    }
}

/// How a command that did what it was asked for ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Well,
    NotWell,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    broken::announce();
    match run(cli.command) {
        Ok(Outcome::Well) => ExitCode::SUCCESS,
        Ok(Outcome::NotWell) => ExitCode::from(1),
        Err(error) => {
            eprintln!("treering-log: {}", told(&error));
            ExitCode::from(2)
        }
    }
}

/// An error and its causes; a cause that the text before it says already, there or in its middle, is not said again.
fn told(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn run(command: Command) -> anyhow::Result<Outcome> {
    // Before any key is read.
    crate::core_dumps::forbid()?;
    match command {
        Command::Init(init) => init.run(),
        Command::Serve(serve) => serve.run(),
        Command::Vkey(place) => vkey::run(&place),
        Command::Policy(place) => policy::run(&place),
        Command::Check(place) => check::run(&place),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Freeze(freeze) => freeze.run(),
        Command::Key(key) => key.run(),
        Command::Tsa(tsa) => tsa.run(),
        Command::Openapi => {
            print!("{}", crate::http::openapi::description());
            Ok(Outcome::Well)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::key;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_cause_is_told_once() {
        let io = || std::io::Error::other("disk");
        let says_it = key::KeyFileError::Io { path: "k".into(), source: io() };
        assert_eq!(told(&anyhow::Error::from(says_it)), "k: disk");
        assert_eq!(told(&anyhow::Error::from(io()).context("reading k")), "reading k: disk");
        // With a word behind it of what to do.
        let file = crate::store::StoreError::File { step: "opening", source: io() };
        assert_eq!(
            told(&anyhow::Error::from(crate::recover::StartError::from(file))),
            "the store failed at opening: disk. Ways out: docs/operating.md, \"When the log refuses to start\""
        );
    }

    #[test]
    fn a_log_is_named_by_its_file_or_its_folder_and_not_by_both() {
        assert!(Cli::try_parse_from(["treering-log", "vkey"]).is_err());
        assert!(Cli::try_parse_from(["treering-log", "vkey", "--dir", "a"]).is_ok());
        assert!(Cli::try_parse_from(["treering-log", "vkey", "--dir", "a", "--config", "b"]).is_err());
    }
}
