//! `treering man`, as it is typed.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Man {
    /// Write the pages of treering and of each subcommand to this directory, which is made if it isn't there
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  treering man ~/.local/share/man/man1";
