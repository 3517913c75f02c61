//! `treering verify FILE FILE.tsr`.

use super::{object::Object, teller::Teller};
use crate::{
    args,
    commands::{JsonPath, timestamp::JsonTimestamp},
    locate,
    locate::Sort,
    paths,
    report::Verdict,
    timestamp::{self, ProofFrom, Shown, TimestampFault, Trust, TrustError},
};
use std::{fmt, path::Path};
use treering_tsa::transparent::DEFAULT_MAX_LAG;

/// Is it a timestamp: by its first bytes, or else by its name? For a directory there is none.
pub(super) fn is_evidence(path: &Path, given: &Path) -> bool {
    if path.is_dir() {
        return false;
    }
    match locate::sort(given) {
        Ok(Sort::Timestamp) => true,
        Ok(Sort::Token | Sort::Bundle) => false,
        // A damaged one, or one that can't be read, is told what is wrong with it.
        Ok(Sort::Other) | Err(_) => {
            paths::name_bytes(given.as_os_str()).ends_with(locate::TIMESTAMP.as_bytes())
        }
    }
}

/// An option for the other kind of evidence.
pub(super) enum MisplacedOption {
    /// It is for timestamps, and none is given.
    ForTimestamps(&'static str),
    /// It is for tokens and bundles, and a timestamp is given.
    ForTokens(&'static str),
}

impl fmt::Display for MisplacedOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MisplacedOption::ForTimestamps(option) => {
                write!(f, "{option} is for RFC 3161 timestamps: give the timestamp (.tsr) after the file")
            }
            MisplacedOption::ForTokens(option) => {
                write!(f, "{option} is for tokens and bundles: of a timestamp (.tsr), read what is shown")
            }
        }
    }
}

/// Holds a file against a timestamp.
pub(super) fn one(args: &args::Verify, path: &Path, evidence: &Path, teller: &mut Teller<'_>) {
    if let Some(option) = args.token_option() {
        teller.problem(Verdict::Unchecked, MisplacedOption::ForTokens(option));
        return;
    }
    let trust = match trust(args) {
        Ok(trust) => trust,
        Err(error) => {
            teller.problem(Verdict::Unchecked, error);
            return;
        }
    };
    let outcome = timestamp::judge(path, evidence, &trust);
    let verdict = match &outcome {
        Ok(shown) if is_checked(shown, args) => Verdict::Good,
        Err(fault) if fault.is_invalid() => Verdict::Invalid,
        _ => Verdict::Unchecked,
    };
    teller.timestamp(
        verdict,
        &object(path, evidence, &outcome, verdict),
        text(path, evidence, &outcome, verdict),
    );
}

fn trust(args: &args::Verify) -> Result<Trust, TrustError> {
    Ok(Trust {
        proof: args.proof.as_deref().map(|given| ProofFrom::new(given, &args.network)).transpose()?,
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

fn object(path: &Path, evidence: &Path, outcome: &Outcome, verdict: Verdict) -> Object {
    Object::Timestamp {
        path: JsonPath::of(path),
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

fn text(path: &Path, evidence: &Path, outcome: &Outcome, verdict: Verdict) -> String {
    let (file, evidence) = (paths::shown(path), paths::shown(evidence));
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
