//! `treering stamp`.

mod inputs;
mod object;
mod summary;
mod teller;

use self::{object::Object, summary::Summary, teller::Teller};
use super::{
    JsonPath,
    access::{self, Asked},
    logs,
};
use crate::{
    args, clock,
    http::{Credentials, same_origin},
    job::Call,
    policy_file,
    report::{Report, Verdict},
    stamp::{self, Log, StampError, Stamped, Target, Wish},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

pub(super) fn run(args: &args::Stamp, call: Call) -> ExitCode {
    let mut report = Report::new(&args.output_form, "hashed");
    let outcome = inputs::wish(args, call).map_err(Problem::from).and_then(|mut wish| {
        wish.is_watched = report.is_watched();
        run_all(args, &wish, |_| true, &mut report)
    });
    if let Err(problem) = outcome {
        report.problem(problem.verdict, problem.text);
    }
    report.finish()
}

/// Goes on with an unfinished run: the one onto this output, or onto tokens.
pub(super) fn go_on(
    args: &args::Stamp,
    call: Call,
    output: Option<&Path>,
    wait: Option<u64>,
    report: &mut Report,
) {
    let is_meant = |target: &Target| match output {
        Some(output) => target.is_output(output),
        None => target.bundle.is_none(),
    };
    let outcome = inputs::wish(args, call).map_err(Problem::from).and_then(|mut wish| {
        (wish.goes_on, wish.is_watched) = (true, report.is_watched());
        wish.wait = wait.map_or(wish.wait, Duration::from_secs);
        run_all(args, &wish, is_meant, report)
    });
    if let Err(problem) = outcome {
        report.problem(problem.verdict, problem.text);
    }
}

/// What ends the command early.
struct Problem {
    verdict: Verdict,
    text: String,
}

impl From<StampError> for Problem {
    fn from(error: StampError) -> Problem {
        Problem { verdict: error.verdict(), text: error.to_string() }
    }
}

fn run_all(
    args: &args::Stamp,
    wish: &Wish,
    is_meant: impl Fn(&Target) -> bool,
    report: &mut Report,
) -> Result<(), Problem> {
    let policy = policy_file::read(args.trust.policy.as_ref(), args.log.first().map(String::as_str))
        .map_err(|error| Problem { verdict: Verdict::Unchecked, text: error.to_string() })?;
    let began = clock::now();
    let urls = logs::candidates(&args.log, &policy)?;
    let url = &urls[0];
    let lists = inputs::lists(&args.inputs)?;
    let mut plan = stamp::plan(&args.inputs.paths, lists, output(args), args.tokens, wish)?;
    plan.targets.retain(is_meant);
    for target in &plan.targets {
        stamp::check_unfinished(target, wish)?;
    }
    let credentials = access::credentials(&args.access, Asked::Log, url)
        .map_err(|error| Problem { verdict: Verdict::Unchecked, text: error.to_string() })?;
    let client = logs::choose(&urls, &policy, &credentials, report)?;
    let client = match args.rate {
        Some(rate) => client.with_rate(rate),
        None => client,
    };
    let log = Log::new(client, policy)?;
    report.object(&Object::Started {
        version: env!("CARGO_PKG_VERSION"),
        log: log.url(),
        paths: args.inputs.paths.iter().map(|path| JsonPath::of(path)).collect(),
        resumed: wish.goes_on,
        since: args.since.as_ref().map(|path| JsonPath::of(path)),
    });
    let mut teller = Teller::new(report);
    teller.plan(&plan);
    let mut all = Stamped::default();
    for target in &plan.targets {
        let stamped = match stamp::stamp(&log, wish, target, &mut |event| teller.tell(&event)) {
            // The other targets are stamped all the same.
            Err(error @ StampError::Nothing) => {
                for path in &target.given {
                    teller.nothing(path, &error);
                }
                continue;
            }
            other => other?,
        };
        if let Some(why) = &stamped.waiting {
            teller.waiting(target, why);
        }
        all.add(stamped);
    }
    if plan.targets.is_empty() {
        return Err(StampError::Nothing.into());
    }
    // The evidence is whole by now, whatever the authority does.
    if let Some(authority) = &args.rfc3161 {
        // Its authority is somebody else, unless it has the log's origin.
        let nobody = Credentials { api_key: None, ..credentials.clone() };
        let credentials = if same_origin(authority, url) { &credentials } else { &nobody };
        teller.timestamps(authority, args.force, credentials);
    }
    if let Some(to) = &args.summary {
        let summary = Summary {
            began,
            ended: clock::now(),
            what: plan.targets.iter().flat_map(|target| &target.given).map(PathBuf::as_path).collect(),
            log: log.url(),
            policy: log.policy(),
            wish,
            all: &all,
            failed: teller.failed(),
            attested: teller.attested(),
            wrote: teller.wrote(),
        };
        if let Err(error) = summary.append(to) {
            teller.no_summary(&error);
        }
    }
    teller.unused(wish.claims.as_deref());
    teller.signed(wish.signer.as_deref());
    teller.finish(all, wish);
    Ok(())
}

/// The one bundle for all paths: what is brought up to date stays in its place, unless another is named.
fn output(args: &args::Stamp) -> Option<&Path> {
    args.output.as_ref().or(args.since.as_ref()).map(PathBuf::as_path)
}
