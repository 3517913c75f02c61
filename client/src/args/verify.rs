//! `treering verify`, as it is typed.

use super::{Authorities, Output, Trust};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// A file or directory
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The token or bundle (default: what lies beside), or a timestamp
    #[arg(value_name = "TOKEN|BUNDLE|TSR")]
    pub(crate) evidence: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// A file that no token covers is a failure
    #[arg(long)]
    pub(crate) strict: bool,
    /// Take symbolic links for what they lead to, wherever that is: for a bundle that was stamped with --follow
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) authorities: Authorities,
    /// A timestamp's proof of its log entry, if it doesn't carry it: a file, or the log's URL to fetch it from
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) proof: Option<String>,
    /// How long after a timestamp's own time the witnesses may have seen it at the latest (default: 60)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_lag: Option<u64>,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering verify contract.pdf
  treering verify photos/ photos.treering";

impl Verify {
    /// An option that is for timestamps alone, if one is given.
    pub(crate) fn timestamp_option(&self) -> Option<&'static str> {
        [
            ("--ca", !self.authorities.ca.is_empty()),
            ("--untrusted", !self.authorities.untrusted.is_empty()),
            ("--proof", self.proof.is_some()),
            ("--max-lag", self.max_lag.is_some()),
        ]
        .into_iter()
        .find_map(|(option, given)| given.then_some(option))
    }
}
