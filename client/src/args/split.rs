//! `treering split`, as it is typed.

use super::Output;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Split {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// Files and directories in the bundle: their paths in it, or the files themselves
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Where the part goes
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Paths in the part begin below PATH, a single directory
    #[arg(long)]
    pub(crate) relative: bool,
    /// Compress the part with zstd
    #[arg(long)]
    pub(crate) zstd: bool,
    /// Replace a bundle that is there already
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering split photos.treering photos/2026 -o for-anna.treering";
