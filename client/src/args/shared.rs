//! Options that several subcommands have.

use crate::http::{Credentials, CredentialsError, Proxy, Roots};
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
    #[command(flatten)]
    pub(crate) network: Network,
    /// The key's file is a standing wish, not named for this call.
    #[arg(skip)]
    pub(crate) key_is_standing: bool,
    /// The logs that the standing wishes name.
    #[arg(skip)]
    pub(crate) logs: Vec<String>,
}

/// By which way servers are reached.
#[derive(Debug, Args)]
pub(crate) struct Network {
    /// PEM file with the root certificates to trust for https://, instead of the system's
    #[arg(long, env = "TREERING_CACERT", value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// HTTP proxy, such as http://proxy.example:3128, or none (default: as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say). This
    /// machine itself is reached without it
    #[arg(long, env = "TREERING_PROXY", value_name = "URL", value_parser = proxy)]
    pub(crate) proxy: Option<Proxy>,
}

impl Network {
    /// These, without a key.
    pub(crate) fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let roots = self.cacert.as_deref().map(Roots::read).transpose()?;
        Ok(Credentials { roots, proxy: self.proxy.clone().unwrap_or_default(), ..Credentials::default() })
    }
}

pub(super) fn proxy(text: &str) -> Result<Proxy, String> {
    Proxy::parse(text).map_err(|error| error.to_string())
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
