//! `treering show`, as it is typed.

use super::Output;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Show {
    /// Tokens, receipts, bundles, timestamps, checkpoints, policies, or keys that sign claims
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Judge by this policy: signatures, proofs and witnesses are verified; files are not looked at
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering show contract.pdf.tlog-proof
  treering show photos.treering --policy court.policy";
