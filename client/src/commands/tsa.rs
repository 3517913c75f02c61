//! `treering tsa`.

use super::{
    JsonPath,
    access::{self, Asked as Whom},
    timestamp::JsonTimestamp,
};
use crate::{
    args,
    http::{Authority, AuthorityError, Credentials, CredentialsError},
    locate, output, paths,
    report::{Report, Verdict},
    timestamp::{self, Ask, Asked, TimestampFault, Trust, TrustError},
};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use treering_tsa::imprint::ImprintAlgorithm;

pub(super) fn run(args: &args::Tsa) -> ExitCode {
    let mut report = Report::new(&args.output_form, "stamped");
    match prepare(args) {
        Ok((ask, trust)) => {
            for file in &args.files {
                let to = args.output.clone().unwrap_or_else(|| locate::timestamp_of(file));
                let outcome = one(&ask, &trust, file, &to, args.force);
                tell(&mut report, args, file, &to, &outcome);
            }
        }
        Err(error) => report.problem(Verdict::Unchecked, error),
    }
    report.finish()
}

/// Why nobody is asked.
#[derive(Debug, thiserror::Error)]
enum PrepareError {
    #[error("-o names one timestamp, and there are {0} files: leave it out, or give them one by one")]
    SeveralFiles(usize),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Trust(#[from] TrustError),
}

fn prepare(args: &args::Tsa) -> Result<(Ask, Trust), PrepareError> {
    if args.output.is_some() && args.files.len() > 1 {
        return Err(PrepareError::SeveralFiles(args.files.len()));
    }
    let credentials = access::credentials(&args.access, Whom::Authority, &args.server)?;
    let ask = Ask {
        authority: Authority::new(&args.server, args.proof, &credentials)?,
        algorithm: args.hash,
        policy: args.tsa_policy,
        certificate: !args.no_cert,
        nonce: !args.no_nonce,
    };
    Ok((ask, Trust::new(&args.authorities, args.trust.policy.as_ref())?))
}

/// Asks, checks and keeps. Nothing is asked for that would not have a place.
fn one(ask: &Ask, trust: &Trust, file: &Path, to: &Path, force: bool) -> Result<Asked, TimestampFault> {
    output::refuse_existing(to, force)?;
    let asked = timestamp::ask(ask, file, trust)?;
    output::write(to, &asked.bytes, force)?;
    Ok(asked)
}

/// `--json`: one of these a file.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object {
    /// `result`: `stamped`, or what is wrong, with a `reason`; then nothing was written.
    Timestamp {
        #[serde(flatten)]
        path: JsonPath,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<JsonPath>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(flatten)]
        shown: Option<Box<JsonTimestamp>>,
    },
}

fn tell(
    report: &mut Report,
    args: &args::Tsa,
    file: &Path,
    to: &Path,
    outcome: &Result<Asked, TimestampFault>,
) {
    let object = Object::Timestamp {
        path: JsonPath::of(file),
        result: outcome.as_ref().map_or_else(TimestampFault::name, |_| "stamped"),
        output: outcome.as_ref().ok().map(|_| JsonPath::of(to)),
        reason: outcome.as_ref().err().map(ToString::to_string),
        shown: outcome.as_ref().ok().map(|asked| JsonTimestamp::of(&asked.shown)),
    };
    match outcome {
        Ok(asked) => {
            let lines = timestamp::lines(&asked.shown).into_iter().map(|line| format!("\n  {line}"));
            report.result(
                Verdict::Good,
                &object,
                format_args!("{}{}", paths::shown(to), lines.collect::<String>()),
            );
            if args.proof && !asked.shown.has_proof() {
                report.problem(
                    Verdict::Unchecked,
                    format_args!(
                        "{}: {} carries no log's proof: it is no Treering log, or its witnesses were away; from a Treering \
                         log, the proof can be fetched later: treering verify --proof <log> …",
                        paths::shown(file),
                        paths::shown(to)
                    ),
                );
            }
        }
        Err(fault) => {
            report.object(&object);
            let text = format_args!("no timestamp: {}: {fault}", paths::shown(file));
            report.problem(fault.verdict_of_asking(), text);
        }
    }
}

/// `treering stamp --rfc3161`: a timestamp of evidence that has been written, kept beside it.
pub(super) fn of_evidence(
    url: &str,
    evidence: &Path,
    force: bool,
    credentials: &Credentials,
) -> Result<(PathBuf, Asked), TimestampFault> {
    let ask = Ask {
        authority: Authority::new(url, false, credentials)?,
        algorithm: ImprintAlgorithm::Sha256,
        policy: None,
        certificate: true,
        nonce: true,
    };
    let nobody = args::Authorities { ca: Vec::new(), untrusted: Vec::new() };
    let trust = Trust::new(&nobody, None).expect("no file is read, and no root can't be a wrong one");
    let to = locate::timestamp_of(evidence);
    let asked = one(&ask, &trust, evidence, &to, force)?;
    Ok((to, asked))
}
