//! `treering key`, as it is typed.

use super::Output;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Key {
    #[command(subcommand)]
    pub(crate) action: KeyAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Make a master key, if there is none
    New {
        #[command(flatten)]
        output_form: Output,
    },
    /// Show the key's fingerprint and its place, never the key
    Show {
        #[command(flatten)]
        output_form: Output,
    },
    /// Write the key out, to be kept somewhere safe
    ///
    /// To a file, that only you can read and that is not there yet, or to standard output. On a terminal it asks first.
    Export {
        /// The file
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// As 24 words for paper (BIP-39), whose checksum finds mistakes, instead of 64 hex digits
        #[arg(long)]
        words: bool,
        /// Show it on a terminal without asking
        #[arg(long)]
        yes: bool,
    },
    /// Take a key that was exported: its 24 words, or its 64 hex digits
    ///
    /// A key that is there is never replaced. To change to another one, move master.key away first.
    Import {
        /// The file (default: standard input)
        #[arg(value_name = "FILE")]
        from: Option<PathBuf>,
        #[command(flatten)]
        output_form: Output,
    },
}

const EXAMPLES: &str = "Examples:
  treering key show
  treering key export --words -o words.txt";
