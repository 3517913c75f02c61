//! `treering rebuild`, as it is typed.

use super::{Network, Output, Trust};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Rebuild {
    /// The directory, or the files and directories, that the bundle was of, given as when they were stamped
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The URL of the log, or of a mirror's copy of it (default: the log that the journal names)
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// Where the bundle goes (default: beside the directory, <dir>.treering)
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Where the lost bundle was, if that is another place: the journal knows its runs by it
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    pub(crate) of: Option<PathBuf>,
    /// A run of the bundle, by the name of its journal in ~/.local/state/treering/runs, or by the journal's path (repeatable)
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Vec<String>,
    /// Compress the bundle with zstd
    #[arg(long)]
    pub(crate) zstd: bool,
    /// Replace a bundle that is there already
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering rebuild photos
  treering rebuild photos --from https://mirror.example.org/5f2c… \\
    -o again.treering --of photos.treering";
