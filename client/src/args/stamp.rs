//! `treering stamp`, as it is typed.

use super::{Access, Claims, Inputs, Output, Trust};
use clap::Args;
use std::path::PathBuf;
use treering_token::digest::HashId;

const EXAMPLES: &str = "Examples:
  treering stamp ~/Documents
  treering stamp --files-from list.txt -o list.treering --exclude '*.tmp'
  treering stamp --digests SHA256SUMS -o release.treering --sign ~/.ssh/id_ed25519.pub
  treering stamp --all-logs ~/Documents/contract.pdf";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Stamp {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// The log's URL (default: the policy's); of several, the first that answers and that the policy knows (repeatable). An API
    /// key is for the first one
    #[arg(long, env = "TREERING_LOG", value_name = "URL")]
    pub(crate) log: Vec<String>,
    /// Stamp with every log, not the first that answers: files are read once, and each log has evidence of its own. The
    /// first one's is called as usual, each other's has the log's origin in its name: <dir>.<origin>.treering,
    /// <file>.<origin>.tlog-proof
    #[arg(long)]
    pub(crate) all_logs: bool,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// In whose name: blinded in the claim, shown in your tokens
    #[arg(long, value_name = "NAME", conflicts_with = "plain")]
    pub(crate) holder: Option<String>,
    /// Who stamps on the holder's behalf
    #[arg(long, value_name = "NAME", conflicts_with = "plain")]
    pub(crate) agent: Option<String>,
    /// What it is about
    #[arg(long, value_name = "TEXT", conflicts_with = "plain")]
    pub(crate) title: Option<String>,
    #[command(flatten)]
    pub(crate) claims: Claims,
    /// Stamp the SHA-256 digests themselves, unblinded: whoever has a file can then see that it was stamped
    #[arg(long)]
    pub(crate) plain: bool,
    /// A token beside each file, also in directories, instead of a bundle (with -o: as well)
    #[arg(long)]
    pub(crate) tokens: bool,
    /// One bundle for all paths
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Compress bundles with zstd
    #[arg(long)]
    pub(crate) zstd: bool,
    /// A further digest of each file, such as sha3-256: makes renewal possible when SHA-256 ages (repeatable)
    #[arg(long, value_name = "NAME", value_parser = hash_id, conflicts_with = "plain")]
    pub(crate) digest: Vec<HashId>,
    /// No lower bound: don't fetch a checkpoint into the claims
    #[arg(long)]
    pub(crate) no_after: bool,
    /// Also ask this timestamp authority (RFC 3161) for a timestamp of each bundle or token, kept beside it as
    /// <name>.treering.tsr or <file>.tlog-proof.tsr
    #[arg(long, value_name = "URL")]
    pub(crate) rfc3161: Option<String>,
    /// Bring this bundle up to date: only what is new or changed is stamped, and one bundle comes out that covers all.
    /// Without -o it takes the place of BUNDLE, and if there is none yet, everything is new
    #[arg(long, value_name = "BUNDLE", conflicts_with = "tokens")]
    pub(crate) since: Option<PathBuf>,
    /// With --since: hash every file, also where size, time and inode are as they were
    #[arg(long, requires = "since")]
    pub(crate) checksum: bool,
    /// Forget an unfinished run onto the same output
    #[arg(long)]
    pub(crate) restart: bool,
    /// Replace evidence that is there already
    #[arg(long)]
    pub(crate) force: bool,
    /// Add a summary for your files at the end of this one: what, when, by whom attested, how many, which outputs
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    /// How long to wait for receipts at most
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(crate) wait: u64,
    /// Send at most so many hashes a second, over time (what the log publishes as its limits is kept to in any case)
    #[arg(long, value_name = "HASHES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rate: Option<u64>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

pub(super) fn hash_id(name: &str) -> Result<HashId, String> {
    HashId::from_name(name).ok_or_else(|| {
        "known are sha-256, sha-384, sha-512, sha3-224, sha3-256, sha3-384 and sha3-512".to_owned()
    })
}
