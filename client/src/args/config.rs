//! `treering config`, as it is typed, and the configuration file that every subcommand reads.

use clap::{Args, Subcommand};
use std::{ffi::OsString, path::PathBuf};

/// Which configuration file.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigFile {
    /// Read this configuration file instead of ~/.config/treering/config.toml
    #[arg(long, global = true, env = "TREERING_CONFIG", value_name = "FILE", help_heading = "Configuration")]
    pub(crate) config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, global = true, help_heading = "Configuration")]
    pub(crate) no_config: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) what: Option<ConfigWhat>,
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Show what a command line would come to, without running it: put it after --
    #[arg(last = true, value_name = "COMMAND LINE")]
    pub(crate) command_line: Vec<OsString>,
}

const EXAMPLES: &str = "Examples:
  treering config
  treering config path
  treering config -- stamp --holder Ada contract.pdf";

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigWhat {
    /// Print where the configuration file is, or would be
    Path,
}
