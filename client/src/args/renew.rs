//! `treering renew`, as it is typed.

use super::{Access, Output, Trust, stamp::hash_id};
use clap::Args;
use std::path::PathBuf;
use treering_token::digest::HashId;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Renew {
    /// Files with a token beside them, directories with a bundle, or tokens and bundles
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The log's URL (default: the one in the policy)
    #[arg(long, env = "TREERING_LOG", value_name = "URL")]
    pub(crate) log: Vec<String>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// A further digest of the old evidence, such as sha3-256 (repeatable)
    #[arg(long, value_name = "NAME", value_parser = hash_id)]
    pub(crate) digest: Vec<HashId>,
    /// No lower bound: don't fetch a checkpoint into the claims
    #[arg(long)]
    pub(crate) no_after: bool,
    /// How long to wait for receipts at most
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(crate) wait: u64,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering renew contract.pdf
  treering renew photos.treering --digest sha3-256";
