//! `treering verify`, as it is typed.

use super::{Authorities, Network, Output, Trust, time::instant};
use clap::Args;
use std::path::PathBuf;
use treering_tlog::time::UnixSeconds;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// Files, directories, bundles, tokens, the JSON of `tokens=true`, or 64 hex digits. Of just two, the second may be the
    /// evidence for the first
    #[arg(required = true, value_name = "WHAT")]
    pub(crate) what: Vec<PathBuf>,
    /// The token or bundle, for all that is given (default: what lies beside each), or a timestamp
    #[arg(long, short, value_name = "TOKEN|BUNDLE|TSR")]
    pub(crate) evidence: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// A file that no token covers is a failure
    #[arg(long)]
    pub(crate) strict: bool,
    /// Take symbolic links for what they lead to, wherever that is: for a bundle that was stamped with --follow
    #[arg(long)]
    pub(crate) follow: bool,
    /// Each must be shown to have existed before this time, such as 2026-11-22T04:41:00Z
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) before: Option<UnixSeconds>,
    /// Each claim must be shown to have been made at this time or later (when the file was, is not shown)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) after: Option<UnixSeconds>,
    /// Each must name this holder, in a claim signed by a key that is pinned for them (`trust holder add`), if one is
    #[arg(long, value_name = "NAME")]
    pub(crate) holder: Option<String>,
    /// Names for the hashes in the JSON of `tokens=true`: lines of `sha256sum`
    #[arg(long, value_name = "FILE")]
    pub(crate) sums: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) authorities: Authorities,
    /// A timestamp's proof of its log entry, if it doesn't carry it: a file, or the log's URL to fetch it from
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) proof: Option<String>,
    /// How long after a timestamp's own time the witnesses may have seen it at the latest (default: 60)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_lag: Option<u64>,
    // For --proof URL.
    #[command(flatten)]
    pub(crate) network: Network,
    /// What stands in the environment or the configuration: it asks for nothing by itself.
    #[arg(skip)]
    pub(crate) standing: Vec<&'static str>,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering verify contract.pdf
  treering verify photos/ photos.treering --before 2100-01-01T00:00:00Z
  treering verify --strict --json ~/Documents";

impl Verify {
    /// An option that is for timestamps alone, if one is typed.
    pub(crate) fn timestamp_option(&self) -> Option<&'static str> {
        let is_typed = |key, given| given && !self.standing.contains(&key);
        first(&[
            ("--ca", is_typed("ca", !self.authorities.ca.is_empty())),
            ("--untrusted", is_typed("untrusted", !self.authorities.untrusted.is_empty())),
            ("--proof", self.proof.is_some()),
            ("--max-lag", is_typed("max_lag", self.max_lag.is_some())),
            ("--cacert", is_typed("cacert", self.network.cacert.is_some())),
            ("--proxy", is_typed("proxy", self.network.proxy.is_some())),
        ])
    }

    /// An option that is for tokens and bundles alone, if one is given.
    pub(crate) fn token_option(&self) -> Option<&'static str> {
        first(&[
            ("--before", self.before.is_some()),
            ("--after", self.after.is_some()),
            ("--holder", self.holder.is_some()),
            ("--sums", self.sums.is_some()),
        ])
    }
}

fn first(options: &[(&'static str, bool)]) -> Option<&'static str> {
    options.iter().find_map(|(option, given)| given.then_some(*option))
}
