//! `treering merge`, as it is typed.

use super::Output;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Merge {
    /// The bundles
    #[arg(required = true, num_args = 2.., value_name = "BUNDLE")]
    pub(crate) bundles: Vec<PathBuf>,
    /// Where the one bundle goes
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Put each bundle's paths below its name: photos/a.jpg from photos.treering's a.jpg
    #[arg(long)]
    pub(crate) prefix: bool,
    /// Where several bundles have one path, keep the record that was stamped last
    #[arg(long, conflicts_with = "oldest")]
    pub(crate) newest: bool,
    /// Where several bundles have one path, keep the record that was stamped first: for files that haven't changed since
    #[arg(long)]
    pub(crate) oldest: bool,
    /// Compress the one bundle with zstd
    #[arg(long)]
    pub(crate) zstd: bool,
    /// Replace a bundle that is there already
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering merge photos.treering letters.treering --prefix -o all.treering";
