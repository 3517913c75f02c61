//! `treering token`, as it is typed.

use super::{Output, Trust};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(override_usage = USAGE, after_help = EXAMPLES)]
pub(crate) struct Token {
    /// The bundle, and then paths in it, or the files themselves; with --receipt files alone
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The receipt for hashes that were sent to the log's API (the text, or the JSON around it)
    #[arg(long, value_name = "FILE", requires = "digests", conflicts_with = "withhold")]
    pub(crate) receipt: Option<PathBuf>,
    /// What was sent for it: all of it, in the same order (sha256sum's output, hex digits a line, JSON or 32 bytes each)
    #[arg(long, value_name = "FILE", requires = "receipt")]
    pub(crate) digests: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// Where the tokens go (default: beside the file if it is there, else here)
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// A name to keep blinded (repeatable)
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub(crate) withhold: Vec<Whose>,
    /// Replace tokens that are there already
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const USAGE: &str = "treering token [OPTIONS] <BUNDLE> <FILE>...
       treering token [OPTIONS] --receipt <FILE> --digests <FILE> <FILE>...";

const EXAMPLES: &str = "Examples:
  treering token photos.treering photos/2026/a.jpg
  treering token --receipt receipt.txt --digests SUMS a.jpg b.jpg";

impl Token {
    /// The bundle and the files of it.
    pub(crate) fn bundle(&self) -> Option<(&PathBuf, &[PathBuf])> {
        self.paths.split_first().filter(|(_, files)| !files.is_empty())
    }
}

/// A name in a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Whose {
    Holder,
    Agent,
}
