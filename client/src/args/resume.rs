//! `treering resume`, as it is typed.

use super::{Output, shared};
use crate::http::Proxy;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  treering resume --list\n  treering resume")]
pub(crate) struct Resume {
    /// Bundles whose runs are unfinished, or files that were to have tokens (default: all unfinished runs)
    #[arg(value_name = "OUTPUT")]
    pub(crate) outputs: Vec<PathBuf>,
    /// Only say which runs are unfinished
    #[arg(long, conflicts_with = "outputs")]
    pub(crate) list: bool,
    /// The log's URL, if it isn't the one that `stamp` was given (of a run with --all-logs: that of the log of this OUTPUT)
    #[arg(long, value_name = "URL")]
    pub(crate) log: Option<String>,
    /// PEM file with the root certificates to trust for https://, if they aren't those that `stamp` trusted
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// HTTP proxy, or none, if it isn't the one that `stamp` went through
    #[arg(long, value_name = "URL", value_parser = shared::proxy)]
    pub(crate) proxy: Option<Proxy>,
    /// How long to wait for receipts at most (default: as it was given to stamp)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<u64>,
    #[command(flatten)]
    pub(crate) output_form: Output,
}
