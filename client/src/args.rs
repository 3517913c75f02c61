//! The command line, as it is typed: one file a subcommand. Help texts live here and nowhere else.

mod audit;
mod completions;
mod config;
mod inputs;
mod key;
mod man;
mod merge;
mod rebuild;
mod receipt;
mod renew;
mod resume;
mod shared;
mod show;
mod split;
mod stamp;
mod time;
mod token;
pub(crate) mod trust;
mod tsa;
mod verify;

pub(crate) use audit::Audit;
pub(crate) use completions::Completions;
pub(crate) use config::{Config, ConfigFile, ConfigWhat};
pub(crate) use inputs::{Claims, Inputs};
pub(crate) use key::{Key, KeyAction};
pub(crate) use man::Man;
pub(crate) use merge::Merge;
pub(crate) use rebuild::Rebuild;
pub(crate) use receipt::Receipt;
pub(crate) use renew::Renew;
pub(crate) use resume::Resume;
pub(crate) use shared::{Access, Authorities, Network, Output, Trust};
pub(crate) use show::Show;
pub(crate) use split::Split;
pub(crate) use stamp::Stamp;
pub(crate) use token::{Token, Whose};
pub(crate) use trust::Trust as TrustCommand;
pub(crate) use tsa::Tsa;
pub(crate) use verify::Verify;

use crate::settings::Known;
use clap::{Parser, Subcommand};
use std::{collections::HashMap, ffi::OsString};
use treering_tlog::time::UnixMillis;

/// Evidence that files existed at a time, which anybody can check offline.
///
/// Files never leave this machine: only hashes are sent to a log, whose checkpoints independent witnesses cosign.
/// `stamp` makes the evidence, `verify` checks it without any network.
#[derive(Debug, Parser)]
#[command(name = "treering", version = env!("TREERING_VERSION"), max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  all verified (or stamped)
  1  something is changed, missing or forged
  2  something could not be checked (unreadable, no network, wrong usage)
  3  accepted here, not yet stamped: `treering resume` finishes it";

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, and it is matched once")]
pub(crate) enum Command {
    /// Stamp files and directories with a log
    ///
    /// A file gets a token beside it, <file>.tlog-proof; a directory gets one bundle for all that is in it, beside it, named
    /// <dir>.treering. Symbolic links in a directory are recorded and not followed. Files that can't be read, or that change
    /// while they are read, are reported, and the rest is stamped.
    Stamp(Stamp),
    /// Go on with what `stamp` could not finish
    ///
    /// A run that was killed, or whose log was away (exit code 3), goes on where it was: what was hashed is not hashed again,
    /// and what the log has is not sent again. Without arguments, all unfinished runs are listed and gone on with.
    Resume(Resume),
    /// Verify files against their evidence, offline
    ///
    /// Finds <file>.tlog-proof beside a file, or <dir>.treering beside a directory or one above it; or, for a token or bundle,
    /// what it is of. An RFC 3161 timestamp (.tsr, by whatever authority) is given by name: it shows the authority's word, with --ca, and the witnesses' word if
    /// it carries a log's proof, with --policy. Only --proof URL asks the network for anything.
    Verify(Verify),
    /// Ask a log, or a mirror, whether what was stamped is still there
    ///
    /// That the tree of each checkpoint is the beginning of the newest one, and that each entry stands in its place. What is
    /// found wrong is evidence against the log. (No token needs this to be verified.)
    Audit(Audit),
    /// Cut tokens for single files out of a bundle, offline
    ///
    /// A token shows one file and gives away nothing about the others in the bundle.
    Token(Token),
    /// Split a part off a bundle, for somebody else, offline
    ///
    /// The part is a bundle of its own. Of the other files it has nothing but their commitments, which keep the proofs
    /// whole: no path, no salt, no name, and no digest unless the bundle is a plain one, whose commitments are digests. For
    /// a few files of a large bundle tokens are smaller, and can withhold names.
    Split(Split),
    /// Stamp old evidence, before what it rests on falls
    ///
    /// A token of the old token's or bundle's bytes, which is judged from then on as of that time. Both stay beside each other:
    /// <file>.1.tlog-proof is the first, <file>.tlog-proof the newest; a bundle keeps its name and gets a second one,
    /// <name>.1.treering, and <name>.treering.tlog-proof is of its bytes. Verifying follows the chain.
    Renew(Renew),
    /// Make a lost bundle again, from master key, journal, files, and the log or a mirror of it
    ///
    /// Files that are gone or were changed since are no longer covered; the rest is.
    Rebuild(Rebuild),
    /// Make, show, export or import the master key
    ///
    /// The salts of everything that you stamp come from it. With it, the journal and the files a lost bundle can be made
    /// again; and whoever has it can tell which public commitments are yours. Keep a copy, and keep it secret.
    Key(Key),
    /// Put several bundles into one, offline
    ///
    /// The sources stay. What is merged holds the salts of all its files, as they do.
    Merge(Merge),
    /// Make receipts again out of a log's or a mirror's batches, tiles and checkpoints
    ///
    /// For when the log is gone, or no longer has them: a mirror's URL is <prefix>/<origin hash>. Each receipt is verified
    /// under the policy before <root>.tlog-proof is written.
    Receipt(Receipt),
    /// Pin the policies that you trust: logs and witnesses
    ///
    /// What is pinned judges wherever --policy (or TREERING_POLICY) names no file. Nothing is ever pinned unless you say so.
    Trust(TrustCommand),
    /// Ask a timestamp authority (RFC 3161) for timestamps of files
    ///
    /// Any authority will do; a Treering log is one at <log>/tsa, and can carry its witnesses' word in the timestamp
    /// (--proof). What comes back is checked before <file>.tsr is written. openssl ts reads such files as well.
    Tsa(Tsa),
    /// Show what a token, receipt, bundle, timestamp, checkpoint, policy or key says
    ///
    /// Files that it speaks of are not looked at, and without --policy nothing is verified.
    Show(Show),
    /// Show each setting and where it is from: a flag, the environment, the configuration file, or a default
    ///
    /// Whatever you would type each time can stand in the configuration file (`treering config path` says where that is), or in
    /// the environment as TREERING_<KEY>: a variable is stronger than the file, and a flag stronger than both. What is shown
    /// is a configuration file itself.
    Config(Config),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual page, or write all pages to a directory
    Man(Man),
}

impl Cli {
    /// Notes what stands behind the options, where that matters.
    pub(crate) fn settle(&mut self, known: &HashMap<&'static str, Known>, logs: &[OsString]) {
        let is_standing = |key: &str| known.get(key).is_some_and(|known| known.source.is_standing());
        match &mut self.command {
            Command::Tsa(args) => {
                args.access.key_is_standing = is_standing("api_key_file");
                args.access.logs = logs.iter().filter_map(|log| log.to_str().map(str::to_owned)).collect();
            }
            Command::Verify(args) => {
                args.standing = known.keys().copied().filter(|key| is_standing(key)).collect();
            }
            _ => {}
        }
    }
}

fn time(text: &str) -> Result<UnixMillis, String> {
    let wrong = || format!("{text:?} is no time such as 2026-11-22T04:41:00Z");
    let time: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    u64::try_from(time.as_millisecond()).ok().and_then(UnixMillis::new).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        crate::settings::command().debug_assert();
    }
}
