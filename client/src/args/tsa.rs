//! `treering tsa`, as it is typed.

use super::{Access, Authorities, Output, Trust};
use clap::Args;
use std::path::PathBuf;
use treering_tsa::{ObjectIdentifier, imprint::ImprintAlgorithm};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
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

const EXAMPLES: &str = "Examples:
  treering tsa contract.pdf
  treering tsa contract.pdf --hash sha512 -o strong.tsr";

fn imprint_algorithm(name: &str) -> Result<ImprintAlgorithm, String> {
    ImprintAlgorithm::from_name(name)
        .ok_or_else(|| "known are sha256, sha384, sha512, sha3-256, sha3-384 and sha3-512".to_owned())
}

fn object_identifier(text: &str) -> Result<ObjectIdentifier, String> {
    treering_tsa::oid::parse(text).map_err(|error| error.to_string())
}
