//! Standing wishes: what stands in the configuration file and in the environment, as defaults of the command line.
//!
//! ```text
//! flag  ▷  variable TREERING_<KEY>  ▷  <key> in config.toml  ▷  the option's own default
//! ```
//! There is one table, [`TABLE`], and one description of each option: clap's (`crate::args`). What a key takes, its
//! default and its help all come from there, so a key can't drift from its option. A wish that contradicts something
//! stronger (`plain = true` beside a typed `--holder`) yields to it; two of equal strength are refused.

mod error;
mod file;
mod options;
mod resolve;
mod shown;

pub(crate) use error::SettingsError;
pub(crate) use file::usual_place;
pub(crate) use options::command;
#[cfg(feature = "fuzzing")]
pub(crate) use resolve::in_file;
pub(crate) use resolve::{Known, Refused, command_line};
pub(crate) use shown::{in_order, shown};

use std::{ffi::OsString, path::PathBuf};

/// An option that may be a standing wish.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in the configuration file; upper-case after `TREERING_`, in the environment.
    pub(crate) key: &'static str,
    /// The options that it is the default of; none: the one that is called as the key is.
    ids: &'static [&'static str],
    /// The subcommands in which it is. Elsewhere an option of the same name may mean another thing: `--holder` says in whose
    /// name `stamp` stamps, and what has to hold for `verify`.
    commands: &'static [&'static str],
}

/// Every option that makes sense beyond one call, in the order in which `treering config` shows them. A test has the others,
/// each with its reason: they concern one call's files, or what becomes of its output.
pub(crate) const TABLE: &[Setting] = &[
    // Not for `show`, which judges nothing without a policy, and says so.
    of("policy", &["stamp", "renew", "verify", "audit", "token", "rebuild", "receipt", "tsa"]),
    // `rebuild` asks the log that the journal names, `resume` the one that the run has begun with.
    Setting {
        ids: &["log", "from", "url"],
        ..of("log", &["stamp", "renew", "audit", "receipt", "trust add"])
    },
    of("all_logs", STAMP),
    of("exclude", STAMP),
    of("ignore_file", STAMP),
    of("one_file_system", STAMP),
    of("follow", &["stamp", "verify"]),
    of("checksum", STAMP),
    of("sign", STAMP),
    of("holder", STAMP),
    of("agent", STAMP),
    of("title", STAMP),
    of("plain", STAMP),
    of("digest", CLAIMS),
    of("no_after", CLAIMS),
    of("tokens", STAMP),
    of("withhold", &["token"]),
    of("zstd", &["stamp", "split", "merge", "rebuild"]),
    of("rfc3161", STAMP),
    of("summary", STAMP),
    // `resume` waits as long as the run was to.
    of("wait", CLAIMS),
    of("api_key_file", CALLERS),
    of("api_key_over_http", CALLERS),
    of("cacert", NETWORK),
    of("proxy", NETWORK),
    of("rate", STAMP),
    of("strict", &["verify"]),
    Setting { ids: &["server"], ..of("tsa", TSA) },
    of("tsa_policy", TSA),
    // What else an authority wants belongs to it as its URL does. `verify --proof` is a proof itself.
    Setting { ids: &["hash"], ..of("tsa_hash", TSA) },
    Setting { ids: &["proof"], ..of("tsa_proof", TSA) },
    Setting { ids: &["no_cert"], ..of("tsa_no_cert", TSA) },
    Setting { ids: &["no_nonce"], ..of("tsa_no_nonce", TSA) },
    of("ca", &["verify", "tsa"]),
    of("untrusted", &["verify", "tsa"]),
    of("max_lag", &["verify"]),
];

const STAMP: &[&str] = &["stamp"];
const CLAIMS: &[&str] = &["stamp", "renew"];
/// Whoever may have to say who they are.
const CALLERS: &[&str] = &["stamp", "renew", "audit", "trust add", "tsa"];
/// Whoever asks a server. `resume` goes the way that the run was to go.
const NETWORK: &[&str] = &["stamp", "renew", "audit", "trust add", "tsa", "verify", "rebuild", "receipt"];
const TSA: &[&str] = &["tsa"];

const fn of(key: &'static str, commands: &'static [&'static str]) -> Setting {
    Setting { key, ids: &[], commands }
}

impl Setting {
    /// Is this the option, in this subcommand (`trust add`)?
    fn is(&self, command: &str, id: &str) -> bool {
        let named = if self.ids.is_empty() { self.key == id } else { self.ids.contains(&id) };
        named && self.commands.contains(&command)
    }

    /// Its name in the environment.
    pub(crate) fn variable(&self) -> String {
        format!("TREERING_{}", self.key.to_uppercase())
    }

    /// The setting of a subcommand's option.
    pub(crate) fn of(command: &str, id: &str) -> Option<&'static Setting> {
        TABLE.iter().find(|setting| setting.is(command, id))
    }
}

/// Where a value is from, the strongest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Typed.
    Flag,
    /// The environment.
    Variable(String),
    /// The configuration file, and the line in it.
    File(PathBuf, usize),
    /// The option's own.
    Default,
    /// It has no value.
    Nowhere,
}

impl Source {
    /// Is it a wish for all calls, rather than for this one?
    pub(crate) fn is_standing(&self) -> bool {
        matches!(self, Source::Variable(_) | Source::File(..))
    }
}

/// A standing wish.
#[derive(Clone, Debug)]
struct Wish {
    setting: &'static Setting,
    /// One, or several for a repeatable option.
    values: Vec<OsString>,
    source: Source,
}

#[cfg(test)]
mod tests;
