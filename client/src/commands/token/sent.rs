//! `treering token --receipt R --digests LIST FILE…`.

use super::Object;
use crate::{
    args, clock,
    commands::JsonPath,
    hash, locate, output, paths, policy_file,
    policy_file::PolicyFileError,
    report::{Report, Verdict},
    sent::{Sent, SentError},
};
use std::path::{Path, PathBuf};
use treering_token::verify::{Verifier, VerifyError};

/// Why there are no tokens at all.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Sent(#[from] SentError),
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    #[error("the receipt {path} is refused: {error}")]
    Refused { path: String, error: VerifyError },
}

pub(super) fn run(args: &args::Token, receipt: &Path, digests: &Path, report: &mut Report) {
    let sent = match read(args, receipt, digests, report) {
        Ok(sent) => sent,
        Err(problem) => {
            let is_wrong = match &problem {
                Problem::Sent(error) => error.is_wrong(),
                Problem::Policy(_) => false,
                Problem::Refused { .. } => true,
            };
            let verdict = if is_wrong { Verdict::Invalid } else { Verdict::Unchecked };
            return report.problem(verdict, problem);
        }
    };
    let mut buffer = hash::buffer();
    for file in &args.paths {
        one(args, &sent, digests, file, &mut buffer, report);
    }
}

fn read(args: &args::Token, receipt: &Path, digests: &Path, report: &mut Report) -> Result<Sent, Problem> {
    let sent = Sent::read(receipt, digests)?;
    match &args.trust.policy {
        Some(_) => {
            let policy = policy_file::read(args.trust.policy.as_ref(), None)?;
            let verifier = Verifier { policy: &policy, now: clock::now() };
            verifier
                .receipt(sent.receipt(), &sent.root())
                .map_err(|error| Problem::Refused { path: paths::shown(receipt), error })?;
        }
        None => report.remark(
            "the receipt fits the list; whether its log and witnesses are those that you trust was not checked (--policy does)",
        ),
    }
    Ok(sent)
}

fn one(args: &args::Token, sent: &Sent, digests: &Path, file: &Path, buffer: &mut [u8], report: &mut Report) {
    let shown = paths::shown(file);
    // A link on the command line is what it leads to.
    let source = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    let token = match hash::file(&source, &[], buffer) {
        Err(error) => return report.problem(Verdict::Unchecked, format_args!("{shown}: {error}")),
        Ok((_, of_file)) => sent.token(of_file.sha256()),
    };
    let token = match token {
        Some(Ok(token)) => token,
        Some(Err(error)) => {
            return report.problem(Verdict::Unchecked, format_args!("{shown}: {error}"));
        }
        None => {
            let list = paths::shown(digests);
            let text = format_args!("{shown}: its SHA-256 is not in {list}: changed since, or not sent");
            return report.problem(Verdict::Invalid, text);
        }
    };
    let to = place(args, file);
    match output::write(&to, token.to_string().as_bytes(), args.force) {
        Ok(()) => {
            report.result(Verdict::Good, &Object::Output { path: JsonPath::of(&to) }, paths::shown(&to));
        }
        Err(error) => report.problem(Verdict::Unchecked, error),
    }
}

fn place(args: &args::Token, file: &Path) -> PathBuf {
    match (&args.output, file.file_name()) {
        (Some(dir), Some(name)) => locate::token_of(&dir.join(name)),
        _ => locate::token_of(file),
    }
}
