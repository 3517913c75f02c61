//! `treering verify FILE FILE.tsr`.

use super::object::Object;
use crate::{
    args,
    commands::{JsonPath, timestamp::JsonTimestamp},
    locate,
    locate::Sort,
    paths,
    report::{Report, Verdict},
    timestamp::{self, ProofFrom, Shown, TimestampFault, Trust, TrustError},
};
use std::{fmt, path::Path, process::ExitCode};
use treering_tsa::transparent::DEFAULT_MAX_LAG;

/// The evidence, if it is a timestamp: by its first bytes, or else by its name. For a directory there is none.
pub(super) fn evidence(args: &args::Verify) -> Option<&Path> {
    let given = args.evidence.as_deref().filter(|_| !args.path.is_dir())?;
    match locate::sort(given) {
        Ok(Sort::Timestamp) => Some(given),
        Ok(Sort::Token | Sort::Bundle) => None,
        // A damaged one, or one that can't be read, is told what is wrong with it.
        Ok(Sort::Other) | Err(_) => {
            paths::name_bytes(given.as_os_str()).ends_with(locate::TIMESTAMP.as_bytes()).then_some(given)
        }
    }
}

/// An option for timestamps alone, and the evidence is none.
pub(super) struct MisplacedOption(pub(super) &'static str);

impl fmt::Display for MisplacedOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is for RFC 3161 timestamps: give the timestamp (.tsr) after the file", self.0)
    }
}

pub(super) fn run(args: &args::Verify, evidence: &Path, mut report: Report) -> ExitCode {
    let trust = match trust(args) {
        Ok(trust) => trust,
        Err(error) => {
            report.problem(Verdict::Unchecked, error);
            return report.finish();
        }
    };
    report.object(&Object::Started { version: env!("CARGO_PKG_VERSION"), path: JsonPath::of(&args.path) });
    let outcome = timestamp::judge(&args.path, evidence, &trust);
    let verdict = match &outcome {
        Ok(shown) if is_checked(shown, args) => Verdict::Good,
        Err(fault) if fault.is_invalid() => Verdict::Invalid,
        _ => Verdict::Unchecked,
    };
    report.result(
        verdict,
        &object(args, evidence, &outcome, verdict),
        text(args, evidence, &outcome, verdict),
    );
    let count = |other: Verdict| u64::from(verdict == other);
    report.object(&Object::Finished {
        verified: count(Verdict::Good),
        invalid: count(Verdict::Invalid),
        unchecked: count(Verdict::Unchecked),
        uncovered: 0,
        unshown: 0,
        exit: verdict.code(),
    });
    report.finish()
}

fn trust(args: &args::Verify) -> Result<Trust, TrustError> {
    Ok(Trust {
        proof: args.proof.as_deref().map(ProofFrom::new),
        max_lag: args.max_lag.unwrap_or(DEFAULT_MAX_LAG),
        ..Trust::new(&args.authorities, args.trust.policy.as_ref())?
    })
}

/// Whoever asks for the witnesses' word must not be told that all is verified without it. A policy asks for it: a thief of
/// the authority's key would only have to leave the proof out.
fn is_checked(shown: &Shown, args: &args::Verify) -> bool {
    let asked = args.proof.is_some() || args.max_lag.is_some() || args.trust.policy.is_some();
    shown.is_checked() && (shown.has_witnesses() || !asked)
}

type Outcome = Result<Shown, TimestampFault>;

fn object(args: &args::Verify, evidence: &Path, outcome: &Outcome, verdict: Verdict) -> Object {
    Object::Timestamp {
        path: JsonPath::of(&args.path),
        result: match outcome {
            Ok(_) if verdict == Verdict::Good => "verified",
            Ok(_) => "not_checked",
            Err(fault) => fault.name(),
        },
        size: outcome.as_ref().ok().map(|shown| shown.size),
        evidence: JsonPath::of(evidence),
        reason: outcome.as_ref().err().map(ToString::to_string),
        shown: outcome.as_ref().ok().map(JsonTimestamp::of),
    }
}

fn text(args: &args::Verify, evidence: &Path, outcome: &Outcome, verdict: Verdict) -> String {
    let (file, evidence) = (paths::shown(&args.path), paths::shown(evidence));
    match outcome {
        Ok(shown) => {
            let word = if verdict == Verdict::Good { "verified" } else { "not checked" };
            let lines = timestamp::lines(shown).into_iter().map(|line| format!("\n  {line}"));
            format!("{file}: {word} ({evidence}){}", lines.collect::<String>())
        }
        Err(fault) if fault.is_invalid() => format!("{file}: NOT verified ({evidence}): {fault}"),
        Err(fault) => format!("{file}: not checked ({evidence}): {fault}"),
    }
}
