//! The command line, as it is typed. Help texts live here and nowhere else.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use treering_tlog::time::UnixMillis;
use treering_token::digest::HashId;
use treering_tsa::{ObjectIdentifier, imprint::ImprintAlgorithm};

/// Evidence that files existed at a time, which anybody can check offline.
///
/// Files never leave this machine: only hashes are sent to a log, whose checkpoints independent witnesses cosign.
/// `stamp` makes the evidence, `verify` checks it without any network.
#[derive(Debug, Parser)]
#[command(name = "treering", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  all verified (or stamped)
  1  something is changed, missing or forged
  2  something could not be checked (unreadable, no network, wrong usage)";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Stamp files and directories with a log
    ///
    /// A file gets a token beside it, <file>.tlog-proof; a directory gets one bundle for all that is in it, beside it, named
    /// <dir>.treering. Symbolic links in a directory are recorded and not followed. Files that can't be read, or that change
    /// while they are read, are reported, and the rest is stamped.
    Stamp(Stamp),
    /// Verify files against their evidence, offline
    ///
    /// Finds <file>.tlog-proof beside a file, or <dir>.treering beside a directory or one above it. An RFC 3161 timestamp
    /// (.tsr, by whatever authority) is given by name: it shows the authority's word, with --ca, and the witnesses' word if
    /// it carries a log's proof, with --policy. Only --proof URL asks the network for anything.
    Verify(Verify),
    /// Cut tokens for single files out of a bundle, offline
    ///
    /// A token shows one file and gives away nothing about the others in the bundle.
    Token(Token),
    /// Make receipts again out of a log's or a mirror's batches, tiles and checkpoints
    ///
    /// For when the log is gone, or no longer has them: a mirror's URL is <prefix>/<origin hash>. Each receipt is verified
    /// under the policy before <root>.tlog-proof is written.
    Receipt(Receipt),
    /// Ask a timestamp authority (RFC 3161) for timestamps of files
    ///
    /// Any authority will do; a Treering log is one at <log>/tsa, and can carry its witnesses' word in the timestamp
    /// (--proof). What comes back is checked before <file>.tsr is written. openssl ts reads such files as well.
    Tsa(Tsa),
    /// Show what a token, receipt, bundle, timestamp, checkpoint or policy says
    ///
    /// Files that it speaks of are not looked at, and without --policy nothing is verified.
    Show(Show),
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// One JSON object a line on standard output
    #[arg(long, conflicts_with = "quiet")]
    pub(crate) json: bool,
    /// Nothing on standard output: the exit code says it
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Whom to trust.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// File that lists the log and the witnesses you trust (C2SP tlog-policy)
    #[arg(long, env = "TREERING_POLICY", value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

/// How to reach the log, and as whom.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// File (mode 0600) with the API key, if the log takes submissions from holders of one only; the environment variable
    /// TREERING_API_KEY may have the key itself. It is sent to the log alone
    #[arg(long, env = "TREERING_API_KEY_FILE", value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Send the API key over http://, too, where everybody on the way can read it
    #[arg(long)]
    pub(crate) api_key_over_http: bool,
    /// PEM file with the root certificates to trust for https://, instead of the system's
    #[arg(long, env = "TREERING_CACERT", value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Stamp {
    /// Files and directories
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The log's URL (default: the one in the policy)
    #[arg(long, env = "TREERING_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
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
    /// Replace evidence that is there already
    #[arg(long)]
    pub(crate) force: bool,
    /// How long to wait for receipts at most
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(crate) wait: u64,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

#[derive(Debug, Args)]
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

/// Which timestamp authorities to trust.
#[derive(Debug, Args)]
pub(crate) struct Authorities {
    /// PEM file with root certificates that you trust to vouch for timestamp authorities (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Vec<PathBuf>,
    /// PEM file with certificates between those roots and the authority, or the authority's own (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) untrusted: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Tsa {
    /// Files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The authority's URL
    #[arg(long, env = "TREERING_TSA", value_name = "URL")]
    pub(crate) server: String,
    /// The digest to stamp: sha256, sha384, sha512, sha3-256, sha3-384 or sha3-512
    #[arg(long, value_name = "NAME", default_value = "sha256", value_parser = imprint_algorithm)]
    pub(crate) hash: ImprintAlgorithm,
    /// The authority's policy to ask for, such as 1.2.3.4 (default: the one it stamps under)
    #[arg(long, value_name = "OID", value_parser = object_identifier)]
    pub(crate) tsa_policy: Option<ObjectIdentifier>,
    /// Don't ask for the authority's certificate: smaller, but whoever verifies has to have it
    #[arg(long)]
    pub(crate) no_cert: bool,
    /// No nonce: the answer could be an earlier one, given again
    #[arg(long)]
    pub(crate) no_nonce: bool,
    /// Ask a Treering log to carry its witnesses' word in the timestamp, which takes a few seconds
    #[arg(long)]
    pub(crate) proof: bool,
    #[command(flatten)]
    pub(crate) trust: Trust,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) authorities: Authorities,
    /// Where the timestamp goes, for a single file (default: <file>.tsr)
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace timestamps that are there already
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

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

#[derive(Debug, Args)]
pub(crate) struct Receipt {
    /// Submission roots (64 hex digits), or bundles, for all submissions in them
    #[arg(required = true, value_name = "ROOT|BUNDLE")]
    pub(crate) what: Vec<String>,
    /// The URL of the log, or of a mirror's copy of it
    #[arg(long, env = "TREERING_LOG", value_name = "URL")]
    pub(crate) from: String,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// The log's entry, if you know it (the journal has it); without it all batches are searched, the newest first. A
    /// bundle's own receipts say it
    #[arg(long, value_name = "N", conflicts_with_all = ["sealed_after", "sealed_before"])]
    pub(crate) entry: Option<u64>,
    /// Search only what was sealed at this time or later, such as 2026-11-22T04:41:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) sealed_after: Option<UnixMillis>,
    /// Search only what was sealed at this time or before
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) sealed_before: Option<UnixMillis>,
    /// Where the receipts go (default: here)
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Replace receipts that are there already
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

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Tokens, receipts, bundles, timestamps, checkpoints or policies
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Judge by this policy: signatures, proofs and witnesses are verified; files are not looked at
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

fn hash_id(name: &str) -> Result<HashId, String> {
    HashId::from_name(name).ok_or_else(|| {
        "known are sha-256, sha-384, sha-512, sha3-224, sha3-256, sha3-384 and sha3-512".to_owned()
    })
}

fn imprint_algorithm(name: &str) -> Result<ImprintAlgorithm, String> {
    ImprintAlgorithm::from_name(name)
        .ok_or_else(|| "known are sha256, sha384, sha512, sha3-256, sha3-384 and sha3-512".to_owned())
}

fn time(text: &str) -> Result<UnixMillis, String> {
    let wrong = || format!("{text:?} is no time such as 2026-11-22T04:41:00Z");
    let time: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    u64::try_from(time.as_millisecond()).ok().and_then(UnixMillis::new).ok_or_else(wrong)
}

fn object_identifier(text: &str) -> Result<ObjectIdentifier, String> {
    treering_tsa::oid::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
