//! Options that several subcommands have.

use clap::Args;
use std::path::PathBuf;

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
