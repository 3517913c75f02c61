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
mod resolve;
mod shown;

pub(crate) use error::SettingsError;
pub(crate) use file::usual_place;
pub(crate) use resolve::{Known, Refused, command, command_line};
pub(crate) use shown::{in_order, shown};

use std::{ffi::OsString, path::PathBuf};

/// An option that may be a standing wish.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in the configuration file; upper-case after `TREERING_`, in the environment.
    pub(crate) key: &'static str,
    /// The options that it is the default of.
    ids: &'static [&'static str],
    /// Subcommands in which it isn't, as they mean something else by leaving it out.
    except: &'static [&'static str],
}

/// Every option that makes sense beyond one call, in the order in which `treering config` shows them. The others concern
/// one call's files, or what becomes of its output.
pub(crate) const TABLE: &[Setting] = &[
    // Without a policy `show` judges nothing, and says so.
    Setting { key: "policy", ids: &["policy"], except: &["show"] },
    // `rebuild` asks the log that the journal names, `resume` the one that the run has begun with.
    Setting { key: "log", ids: &["log", "from"], except: &["rebuild", "resume"] },
    one("exclude"),
    one("ignore_file"),
    one("one_file_system"),
    one("follow"),
    one("sign"),
    // For `verify` it is what has to hold.
    Setting { key: "holder", ids: &["holder"], except: &["verify"] },
    one("agent"),
    one("title"),
    one("plain"),
    one("digest"),
    one("no_after"),
    one("tokens"),
    one("zstd"),
    one("rfc3161"),
    // `resume` waits as long as the run was to.
    Setting { key: "wait", ids: &["wait"], except: &["resume"] },
    one("api_key_file"),
    one("api_key_over_http"),
    one("cacert"),
    one("proxy"),
    one("rate"),
    one("strict"),
    Setting { key: "tsa", ids: &["server"], except: &[] },
    one("tsa_policy"),
    one("ca"),
    one("untrusted"),
    one("max_lag"),
];

const fn one(key: &'static str) -> Setting {
    // A constant's slice of one: the option is named as its key is.
    Setting { key, ids: &[], except: &[] }
}

impl Setting {
    /// Is this the option, in this subcommand?
    fn is(&self, subcommand: &str, id: &str) -> bool {
        let named = if self.ids.is_empty() { self.key == id } else { self.ids.contains(&id) };
        named && !self.except.contains(&subcommand)
    }

    /// Its name in the environment.
    pub(crate) fn variable(&self) -> String {
        format!("TREERING_{}", self.key.to_uppercase())
    }

    /// The setting of a subcommand's option.
    pub(crate) fn of(subcommand: &str, id: &str) -> Option<&'static Setting> {
        TABLE.iter().find(|setting| setting.is(subcommand, id))
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
