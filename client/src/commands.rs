//! From the command line to the exit code: one file a subcommand.

mod access;
mod audit;
mod completions;
mod config;
mod key;
mod logs;
mod man;
mod rebuild;
mod receipt;
mod renew;
mod resume;
mod rewrite;
mod show;
mod stamp;
mod timestamp;
mod token;
mod trust;
mod tsa;
mod typed;
mod verify;

use crate::{
    args::Command,
    settings::{self, Refused},
};
use std::{ffi::OsString, path::Path, process::ExitCode};
use treering_tlog::{policy::Name, time::UnixSeconds};

/// Runs the `treering` command with these arguments (the first is the program's name).
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let (cli, call) = match settings::command_line(&args) {
        Ok(resolved) => (resolved.cli, typed::call(&args, &resolved.known)),
        Err(Refused::Usage(error)) => {
            // A closed pipe is no reason to fail while printing help.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(Refused::Settings(error)) => {
            eprintln!("treering: {error}");
            return ExitCode::from(2);
        }
    };
    match cli.command {
        Command::Stamp(args) => stamp::run(&args, call),
        Command::Resume(args) => resume::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Receipt(args) => receipt::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Split(args) => rewrite::split(&args),
        Command::Merge(args) => rewrite::merge(&args),
        Command::Renew(args) => renew::run(&args),
        Command::Rebuild(args) => rebuild::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Trust(args) => trust::run(&args),
        Command::Tsa(args) => tsa::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Config(args) => config::run(&args, &cli.file),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// A path in JSON: text where it is Unicode; else text that shows it, and the bytes themselves in hex.
#[derive(Debug, serde::Serialize)]
struct JsonPath {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
}

impl JsonPath {
    fn of(path: &Path) -> JsonPath {
        JsonPath::of_bytes(crate::paths::name_bytes(path.as_os_str()))
    }

    fn of_bytes(bytes: &[u8]) -> JsonPath {
        match std::str::from_utf8(bytes) {
            Ok(text) => JsonPath { path: text.to_owned(), path_bytes: None },
            Err(_) => JsonPath {
                path: String::from_utf8_lossy(bytes).into_owned(),
                path_bytes: Some(hex::encode(bytes)),
            },
        }
    }
}

/// What witnesses and log say about a time, in JSON.
#[derive(Debug, serde::Serialize)]
struct JsonAttested {
    /// RFC 3339: what is attested existed before this. Absent under a policy without a quorum.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// Members of the quorum's group that are met, of how many, and how many would have to lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    quorum: Option<JsonQuorum>,
    /// The log's own word.
    sealed_at: String,
    log: String,
    entry: u64,
    tree_size: u64,
    witnesses: Vec<JsonWitness>,
    /// Those whose keys are distrusted: their cosignatures don't count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    distrusted: Vec<JsonWitness>,
}

#[derive(Debug, serde::Serialize)]
struct JsonQuorum {
    met: usize,
    of: usize,
    would_have_to_lie: usize,
}

#[derive(Debug, serde::Serialize)]
struct JsonWitness {
    name: String,
    cosigned_at: String,
    /// By this machine's clock.
    in_future: bool,
}

impl JsonAttested {
    fn of(attested: &treering_token::verify::Attested) -> JsonAttested {
        use treering_token::describe;
        let witness = |witness: &(Name, UnixSeconds)| JsonWitness {
            name: witness.0.to_string(),
            cosigned_at: describe::seconds(witness.1),
            in_future: attested.in_future.contains(witness),
        };
        JsonAttested {
            before: attested.before().map(describe::seconds),
            quorum: attested.upper.map(|upper| JsonQuorum {
                met: upper.met,
                of: upper.of,
                would_have_to_lie: upper.would_have_to_lie,
            }),
            sealed_at: describe::millis(attested.sealed_at),
            log: attested.origin.to_string(),
            entry: attested.index,
            tree_size: attested.tree_size,
            witnesses: attested.witnesses.iter().map(witness).collect(),
            distrusted: attested.distrusted.iter().map(witness).collect(),
        }
    }
}
