//! `treering receipt`, as it is typed.

use super::{Network, Output, Trust, time};
use clap::Args;
use std::path::PathBuf;
use treering_tlog::time::UnixMillis;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
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
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) output_form: Output,
}

const EXAMPLES: &str = "Examples:
  treering receipt photos.treering --from https://log.example";
