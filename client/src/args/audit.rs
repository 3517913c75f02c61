//! `treering audit`, as it is typed.

use super::{Output, Trust};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    /// Bundles, tokens or receipts
    #[arg(required = true, value_name = "BUNDLE|TOKEN")]
    pub(crate) files: Vec<PathBuf>,
    /// The URL of the log, or of a mirror's copy of it
    #[arg(long, env = "TREERING_LOG", value_name = "URL")]
    pub(crate) from: String,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// Write what is found wrong, and others can check, to this file (`treering-witness evidence` judges it)
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: super::Access,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering audit ~/Documents.treering --from https://log.example
  treering audit contract.pdf.tlog-proof --from https://mirror.example/log --evidence found.evidence";
