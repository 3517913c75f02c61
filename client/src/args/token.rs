//! `treering token`, as it is typed.

use super::Output;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// Paths in the bundle, or the files themselves
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
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

/// A name in a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Whose {
    Holder,
    Agent,
}
