//! What is stamped, and what is left out.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// Files and directories
    #[arg(required_unless_present_any = ["files_from", "digests"], value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Also the files that this list names, one a line, relative to the current directory; - is standard input (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from: Vec<PathBuf>,
    /// Also the files with these digests, which aren't read: a list as sha256sum or openssl dgst writes it; - is standard
    /// input (repeatable; with -o)
    #[arg(long, value_name = "FILE", requires = "output")]
    pub(crate) digests: Vec<PathBuf>,
    /// Entries of the lists end in NUL, as find -print0 and sha256sum -z write them
    #[arg(long, short = '0')]
    pub(crate) null: bool,
    /// Leave out what these rules say, in the syntax of git's ignore files, relative to each directory (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) ignore_file: Vec<PathBuf>,
    /// Leave out what this one rule says; ! before it takes something in again (repeatable; after the files' rules)
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Don't enter directories on other file systems
    #[arg(long)]
    pub(crate) one_file_system: bool,
    /// Take symbolic links for what they lead to (verify such a bundle with --follow, too)
    #[arg(long)]
    pub(crate) follow: bool,
}

/// What is said of the files, beside --holder, --agent and --title.
#[derive(Debug, Args)]
pub(crate) struct Claims {
    /// A table (CSV) with holder, agent and title by path: its first row names the columns, such as path,holder,title
    #[arg(long, value_name = "FILE", conflicts_with = "plain")]
    pub(crate) claims: Option<PathBuf>,
    /// A file that has no row in the table is not stamped
    #[arg(long, requires = "claims")]
    pub(crate) claims_strict: bool,
    /// Sign each claim with the holder's key: a private key's file, agent:FINGERPRINT, agent:COMMENT, or a public key's file
    /// whose private half the ssh-agent has
    #[arg(long, value_name = "KEY", value_hint = clap::ValueHint::FilePath, conflicts_with = "plain")]
    pub(crate) sign: Option<std::ffi::OsString>,
}
