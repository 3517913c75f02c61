//! `treering renew`.

use super::{
    JsonPath,
    access::{self, Asked},
    logs,
};
use crate::{
    args,
    judges::Judges,
    paths, policy_file,
    renew::{self, Event, FindError, Wish},
    report::{Report, Verdict},
    stamp::{Log, StampError},
};
use serde::Serialize;
use std::{collections::HashSet, path::Path, process::ExitCode, time::Duration};

pub(super) fn run(args: &args::Renew) -> ExitCode {
    let mut report = Report::new(&args.output_form, "renewed");
    let mut seen = HashSet::new();
    let mut olds = Vec::new();
    for path in &args.paths {
        match renew::find(path) {
            // Whatever way it was written, each is renewed once.
            Ok(found) => olds.extend(
                found
                    .into_iter()
                    .filter(|old| paths::settled(&old.path).map_or(true, |path| seen.insert(path))),
            ),
            Err(error) => not_found(&mut report, path, &error),
        }
    }
    if !olds.is_empty()
        && let Err((verdict, text)) = renew_all(args, &olds, &mut report)
    {
        report.problem(verdict, text);
    }
    report.finish()
}

/// `--json`: one of these for each token or bundle.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object {
    Renewed {
        /// The new token.
        #[serde(flatten)]
        path: JsonPath,
        /// Names of what it renews, from now on.
        kept: Vec<JsonPath>,
    },
    NotRenewed {
        #[serde(flatten)]
        path: JsonPath,
        reason: String,
    },
}

fn renew_all(args: &args::Renew, olds: &[renew::Old], report: &mut Report) -> Result<(), (Verdict, String)> {
    let unchecked = |error: &dyn std::fmt::Display| (Verdict::Unchecked, error.to_string());
    let policy = policy_file::read(args.trust.policy.as_ref(), args.log.first().map(String::as_str))
        .map_err(|error| unchecked(&error))?;
    // What is renewed may be of another log, or of a time when other witnesses counted.
    let judges = Judges::new(args.trust.policy.as_ref(), args.log.first().map(String::as_str))
        .map_err(|error| unchecked(&error))?;
    let of_stamp = |error: StampError| (error.verdict(), error.to_string());
    let urls = logs::candidates(&args.log, &policy).map_err(of_stamp)?;
    let credentials =
        access::credentials(&args.access, Asked::Log, &urls[0]).map_err(|error| unchecked(&error))?;
    let client = logs::choose(&urls, &policy, &credentials, report).map_err(of_stamp)?;
    let log = Log::new(client, policy).map_err(of_stamp)?;
    let wish =
        Wish { digests: args.digest.clone(), after: !args.no_after, wait: Duration::from_secs(args.wait) };
    renew::renew(&log, &judges, &wish, olds, &mut |event| tell(report, &event)).map_err(of_stamp)?;
    Ok(())
}

fn tell(report: &mut Report, event: &Event<'_>) {
    match event {
        Event::KeyMade(path) => report.remark(format_args!(
            "made a master key, {}: keep a copy of it somewhere safe, lost bundles can be made again with it",
            paths::shown(path)
        )),
        Event::Failed { old, error } => {
            let verdict = if error.is_wrong() { Verdict::Invalid } else { Verdict::Unchecked };
            failed(report, verdict, old, error.to_string());
        }
        Event::Renewed { new, kept } => {
            let of: Vec<_> = kept.iter().map(|path| paths::shown(path)).collect();
            let kept = kept.iter().map(|path| JsonPath::of(path)).collect();
            let object = Object::Renewed { path: JsonPath::of(new), kept };
            report.result(
                Verdict::Good,
                &object,
                format_args!("{}: renews {}", paths::shown(new), of.join(" and keeps ")),
            );
        }
    }
}

fn not_found(report: &mut Report, path: &Path, error: &FindError) {
    if report.json() {
        failed(report, Verdict::Unchecked, path, error.to_string());
    } else {
        report.problem(Verdict::Unchecked, error);
    }
}

fn failed(report: &mut Report, verdict: Verdict, path: &Path, reason: String) {
    if report.json() {
        report.result(verdict, &Object::NotRenewed { path: JsonPath::of(path), reason }, "");
    } else {
        report.problem(verdict, format_args!("{}: NOT renewed: {reason}", paths::shown(path)));
    }
}
