//! `treering stamp`.

mod inputs;
mod object;
mod teller;

use self::{object::Object, teller::Teller};
use super::{
    JsonPath,
    access::{self, Asked},
    logs,
};
use crate::{
    args,
    http::{Credentials, same_origin},
    policy_file,
    report::{Report, Verdict},
    stamp::{self, Log, StampError, Stamped},
};
use std::process::ExitCode;

pub(super) fn run(args: &args::Stamp) -> ExitCode {
    let mut report = Report::new(&args.output_form, "hashed");
    if let Err(problem) = run_all(args, &mut report) {
        report.problem(problem.verdict, problem.text);
    }
    report.finish()
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

fn run_all(args: &args::Stamp, report: &mut Report) -> Result<(), Problem> {
    let policy = policy_file::read(args.trust.policy.as_ref(), args.log.first().map(String::as_str))
        .map_err(|error| Problem { verdict: Verdict::Unchecked, text: error.to_string() })?;
    let urls = logs::candidates(&args.log, &policy)?;
    let url = &urls[0];
    let wish = inputs::wish(args)?;
    let lists = inputs::lists(&args.inputs)?;
    let plan = stamp::plan(&args.inputs.paths, lists, args.output.as_deref(), args.tokens, args.force)?;
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
    });
    let mut teller = Teller::new(report);
    teller.plan(&plan);
    let mut all = Stamped::default();
    for target in &plan.targets {
        let stamped = match stamp::stamp(&log, &wish, target, &mut |event| teller.tell(&event)) {
            // The other targets are stamped all the same.
            Err(error @ StampError::Nothing) => {
                for path in &target.given {
                    teller.nothing(path, &error);
                }
                continue;
            }
            other => other?,
        };
        all.records += stamped.records;
        all.bytes += stamped.bytes;
        all.tokens += stamped.tokens;
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
    teller.unused(wish.claims.as_deref());
    teller.signed(wish.signer.as_deref());
    teller.finish(all);
    Ok(())
}
