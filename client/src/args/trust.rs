//! `treering trust`, as it is typed.

use super::Output;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use treering_tlog::time::UnixSeconds;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Trust {
    #[command(subcommand)]
    pub(crate) what: What,
}

const EXAMPLES: &str = "Examples:
  treering trust add https://log.example
  treering trust list";
const ADD: &str = "Examples:
  treering trust add https://log.example";
const IMPORT: &str = "Examples:
  treering trust import court.policy --yes --fingerprint \"$(sha256sum < court.policy | cut -c -64)\"";
const LIST: &str = "Examples:
  treering trust list";
const SHOW: &str = "Examples:
  treering trust import court.policy --yes --fingerprint \"$(sha256sum < court.policy | cut -c -64)\"
  treering trust show \"$(sha256sum < court.policy | cut -c -8)\"";
const REMOVE: &str = "Examples:
  treering trust import court.policy --yes --fingerprint \"$(sha256sum < court.policy | cut -c -64)\"
  treering trust remove \"$(sha256sum < court.policy | cut -c -8)\"";
const EXPORT: &str = "Examples:
  treering trust export > trusted.toml";
const DISTRUST: &str = "Examples:
  treering trust distrust 9c1185a5c5e9fc54612808977ee8f548b2258d31ddadef707ba62c166051b9e3 \\
    --after 2031-05-01T00:00:00Z --stolen";
const FORGIVE: &str = "Examples:
  treering trust distrust 9c1185a5c5e9fc54612808977ee8f548b2258d31ddadef707ba62c166051b9e3 \\
    --after 2031-05-01T00:00:00Z
  treering trust forgive 9c1185a5";
const HOLDER_ADD: &str = "Examples:
  treering trust holder add 'Müller AG' \\
    9c1185a5c5e9fc54612808977ee8f548b2258d31ddadef707ba62c166051b9e3";
const HOLDER_REMOVE: &str = "Examples:
  treering trust holder add 'Müller AG' \\
    9c1185a5c5e9fc54612808977ee8f548b2258d31ddadef707ba62c166051b9e3
  treering trust holder remove 'Müller AG'";

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Fetch a log's policy, show its keys to be compared, and pin it
    ///
    /// A later policy of the same log supersedes an earlier one, which goes on judging what was attested until then.
    #[command(after_help = ADD)]
    Add(Add),
    /// Pin a policy from a file, or take over what `trust export` wrote
    #[command(after_help = IMPORT)]
    Import(Import),
    /// What is pinned
    #[command(after_help = LIST)]
    List(Plain),
    /// Print one pinned policy
    #[command(after_help = SHOW)]
    Show(Named),
    /// Forget a pinned policy, wholly: it judges nothing any more
    #[command(after_help = REMOVE)]
    Remove(Named),
    /// Print all that is pinned, for another machine
    #[command(after_help = EXPORT)]
    Export,
    /// Let a key no longer count
    ///
    /// A cosignature by it counts up to the time given, by its own timestamp; with --stolen only where a renewal shows that
    /// it is older. A log's signature counts where witnesses show that it is older.
    #[command(after_help = DISTRUST)]
    Distrust(Distrust),
    /// Forget that a key is distrusted
    #[command(after_help = FORGIVE)]
    Forgive(Forgive),
    /// Keys of holders who sign their claims
    #[command(subcommand)]
    Holder(Holder),
}

#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// Don't ask: what is pinned has this fingerprint, which you have from somewhere else (see --fingerprint)
    #[arg(long, requires = "fingerprint")]
    pub(crate) yes: bool,
    /// What must be pinned: the SHA-256 of the policy's bytes (`sha256sum policy`), or the digits that are shown for it
    #[arg(long, value_name = "HEX|DIGITS")]
    pub(crate) fingerprint: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The log's URL
    #[arg(env = "TREERING_LOG", value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
    #[command(flatten)]
    pub(crate) access: super::Access,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A policy (C2SP tlog-policy), or what `trust export` wrote
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
}

#[derive(Debug, Args)]
pub(crate) struct Plain {
    #[command(flatten)]
    pub(crate) output_form: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Which: the beginning of its fingerprint, as `trust list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Distrust {
    /// A witness's or log's name in a pinned policy, its vkey, or the SHA-256 of its public key
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    /// From when on it can't be trusted, such as 2026-11-22T04:41:00Z
    #[arg(long, value_name = "TIME", value_parser = super::time::instant)]
    pub(crate) after: UnixSeconds,
    /// A thief has it, and can write any time into what he signs
    #[arg(long)]
    pub(crate) stolen: bool,
    /// Why, for whoever reads `trust list`
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Forgive {
    /// The SHA-256 of its public key, or its beginning (at least 8 digits)
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Holder {
    /// Pin a holder's key
    ///
    /// You know from the holder that it is theirs. From then on `verify --holder NAME` asks for a claim signed by it.
    #[command(after_help = HOLDER_ADD)]
    Add(HolderAdd),
    /// Forget a holder's keys
    #[command(after_help = HOLDER_REMOVE)]
    Remove(HolderRemove),
}

#[derive(Debug, Args)]
pub(crate) struct HolderAdd {
    /// The name, exactly as in the claims
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The key's thumbprint (64 hex digits, as `verify` shows it), or the COSE_Key itself in hex
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

#[derive(Debug, Args)]
pub(crate) struct HolderRemove {
    /// The name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}
