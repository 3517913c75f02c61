//! `treering show`, as it is typed.

use super::Output;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Show {
    /// Tokens, receipts, bundles, timestamps, checkpoints, policies, or keys that sign claims; with --html, one file or its token
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Judge by this policy: signatures, proofs and witnesses are verified; files are not looked at
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Write one page that explains the evidence for one file to somebody who has never heard of it, with all that it takes to
    /// check it by hand. It is verified first, under --policy, TREERING_POLICY or what is pinned
    #[arg(long, value_name = "PAGE")]
    pub(crate) html: Option<PathBuf>,
    /// With --html: the token or bundle (default: what lies beside the file)
    #[arg(long, short, value_name = "TOKEN|BUNDLE", requires = "html")]
    pub(crate) evidence: Option<PathBuf>,
    /// Replace a page that is there already
    #[arg(long, requires = "html")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering show contract.pdf.tlog-proof
  treering show photos.treering --policy court.policy
  treering show --html contract.html contract.pdf";
