//! `treering receipt`.

use super::JsonPath;
use crate::{
    args,
    bundle_file::{BundleFileError, Reader},
    http::{self, Client, ClientError},
    locate, output, paths, policy_file,
    policy_file::PolicyFileError,
    rebuild::{self, RebuildError, Where},
    report::{Report, Verdict},
};
use serde::Serialize;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tokio::runtime::Runtime;
use treering_tlog::{hash::Hash, policy::Policy, time::UnixMillis};
use treering_token::{
    bundle::{Item, Step},
    describe,
    token::Token,
};

pub(super) fn run(args: &args::Receipt) -> ExitCode {
    let mut report = Report::new(&args.output_form, "made again");
    match prepare(args) {
        Ok((runtime, client, policy)) => {
            for what in &args.what {
                match roots(args, what) {
                    Ok(roots) => {
                        for (root, place) in roots {
                            let made = runtime.block_on(rebuild::receipt(&client, &policy, &root, place));
                            tell(&mut report, args, &root, made);
                        }
                    }
                    Err(error) => report.problem(Verdict::Unchecked, error),
                }
            }
        }
        Err(error) => report.problem(Verdict::Unchecked, error),
    }
    report.finish()
}

/// Why nothing is read.
#[derive(Debug, thiserror::Error)]
enum PrepareError {
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the network's thread can't be started: {0}")]
    Runtime(std::io::Error),
    #[error("{0:?} is neither a submission root (64 lower-case hex digits) nor a bundle")]
    What(String),
    #[error(transparent)]
    Bundle(#[from] BundleFileError),
}

fn prepare(args: &args::Receipt) -> Result<(Runtime, Client, Policy), PrepareError> {
    let policy = policy_file::read(args.trust.policy.as_ref(), Some(&args.from))?;
    let client = Client::with(&args.from, &args.network.credentials().map_err(ClientError::from)?)?;
    let runtime = http::runtime().map_err(PrepareError::Runtime)?;
    Ok((runtime, client, policy))
}

/// The submission roots that are meant, in order, and where each may be.
fn roots(args: &args::Receipt, what: &str) -> Result<Vec<(Hash, Where)>, PrepareError> {
    let given = match (args.entry, args.sealed_after, args.sealed_before) {
        (Some(entry), _, _) => Where::Entry(entry),
        (None, None, None) => Where::Anywhere,
        (None, from, to) => Where::Sealed(from.unwrap_or(FIRST), to.unwrap_or(UnixMillis::MAX)),
    };
    if let Some(root) = Hash::from_hex(what) {
        return Ok(vec![(root, given)]);
    }
    let path = Path::new(what);
    if !path.is_file() {
        return Err(PrepareError::What(what.to_owned()));
    }
    of_bundle(path, given)
}

/// A bundle's submissions; their own receipts say in which entry each is.
fn of_bundle(path: &Path, given: Where) -> Result<Vec<(Hash, Where)>, PrepareError> {
    let (mut roots, mut known) = (Vec::new(), HashMap::new());
    let mut reader = Reader::open(path)?;
    while let Some((item, step)) = reader.step()? {
        match (item, step) {
            (_, Step::Mark { root, .. }) if !roots.contains(&root.0) => roots.push(root.0),
            (Item::Receipt(receipt), Step::Receipt { root, .. }) => {
                known.insert(root.0, Where::Entry(receipt.index()));
            }
            _ => {}
        }
    }
    Ok(roots.into_iter().map(|root| (root, known.get(&root).copied().unwrap_or(given))).collect())
}

const FIRST: UnixMillis = UnixMillis::new(0).expect("zero is a time");

/// `--json`: one of these a receipt.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object {
    /// `result`: `written` or `failed`, then with a `reason`.
    Receipt {
        root: String,
        result: &'static str,
        #[serde(flatten)]
        path: Option<JsonPath>,
        #[serde(skip_serializing_if = "Option::is_none")]
        entry: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

fn tell(report: &mut Report, args: &args::Receipt, root: &Hash, made: Result<Token, RebuildError>) {
    let failed = |reason: String| Object::Receipt {
        root: root.to_string(),
        result: "failed",
        path: None,
        entry: None,
        reason: Some(reason),
    };
    let receipt = match made {
        Ok(receipt) => receipt,
        Err(error) => {
            let verdict = if error.is_wrong() { Verdict::Invalid } else { Verdict::Unchecked };
            if report.json() {
                report.result(verdict, &failed(error.to_string()), "");
            } else {
                report.problem(verdict, error);
            }
            return;
        }
    };
    let to = place(args.output.as_deref(), root);
    match output::write(&to, receipt.to_string().as_bytes(), args.force) {
        Ok(()) => {
            let (entry, sealed) = (receipt.index(), describe::millis(receipt.entry().sealed_at()));
            let object = Object::Receipt {
                root: root.to_string(),
                result: "written",
                path: Some(JsonPath::of(&to)),
                entry: Some(entry),
                reason: None,
            };
            let text = format_args!("{}: entry {entry}, sealed by the log at {sealed}", paths::shown(&to));
            report.result(Verdict::Good, &object, text);
        }
        Err(error) => report.problem(Verdict::Unchecked, error),
    }
}

fn place(directory: Option<&Path>, root: &Hash) -> PathBuf {
    let file = PathBuf::from(root.to_string());
    locate::token_of(&directory.map_or(file.clone(), |directory| directory.join(&file)))
}
