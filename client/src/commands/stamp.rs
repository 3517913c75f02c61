//! `treering stamp`.

mod by_log;
mod inputs;
mod object;
mod summary;
mod teller;
mod work;

use self::{by_log::ByLog, object::Object, summary::Summary, teller::Teller, work::Task};
use super::{
    JsonPath,
    access::{self, Asked},
    logs::{self, LogsError, Member},
};
use crate::{
    args, clock,
    http::Credentials,
    job::{Call, Job},
    policy_file::{self, PolicyFileError},
    report::{Report, Verdict},
    stamp::{self, Log, StampError, Wish},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

pub(super) use work::Going;

pub(super) fn run(args: &args::Stamp, call: Call) -> ExitCode {
    let mut report = Report::new(&args.output_form, "hashed");
    let outcome = inputs::wish(args, call).map_err(Problem::from).and_then(|mut wish| {
        wish.is_watched = report.is_watched();
        run_all(args, &wish, None, &mut Vec::new(), &mut report)
    });
    if let Err(problem) = outcome {
        report.problem(problem.verdict, problem.text);
    }
    report.finish()
}

/// Goes on with an unfinished run, and with those of the same files by other logs. Which jobs it was.
pub(super) fn go_on(
    args: &args::Stamp,
    call: Call,
    going: Going<'_>,
    wait: Option<u64>,
    report: &mut Report,
) -> Vec<Job> {
    let mut jobs = Vec::new();
    let outcome = inputs::wish(args, call).map_err(Problem::from).and_then(|mut wish| {
        (wish.goes_on, wish.is_watched) = (true, report.is_watched());
        wish.wait = wait.map_or(wish.wait, Duration::from_secs);
        run_all(args, &wish, Some(going), &mut jobs, report)
    });
    if let Err(problem) = outcome {
        report.problem(problem.verdict, problem.text);
    }
    jobs
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

impl From<PolicyFileError> for Problem {
    fn from(error: PolicyFileError) -> Problem {
        Problem { verdict: Verdict::Unchecked, text: error.to_string() }
    }
}

impl From<LogsError> for Problem {
    fn from(error: LogsError) -> Problem {
        match error {
            LogsError::Policy(error) => error.into(),
            LogsError::Stamp(error) => error.into(),
        }
    }
}

/// `jobs` are those that it is about, once they are known.
fn run_all(
    args: &args::Stamp,
    wish: &Wish,
    going: Option<Going<'_>>,
    jobs: &mut Vec<Job>,
    report: &mut Report,
) -> Result<(), Problem> {
    let began = clock::now();
    let mut party = Party::of(args, report)?;
    let lists = inputs::lists(&args.inputs)?;
    let plan = stamp::plan(&args.inputs.paths, lists, output(args), args.tokens, args.since.as_deref())?;
    let tasks = work::tasks(&plan.targets, &party.members, going, wish, report)?;
    for (_, target) in tasks.iter().flat_map(|task| &task.sides) {
        jobs.push(stamp::job(target, wish)?);
    }
    party.moved(going.and_then(|going| going.log), &tasks)?;
    let logs = party.logs(args, &tasks, report)?;
    report.object(&Object::Started {
        version: env!("CARGO_PKG_VERSION"),
        log: logs.iter().flatten().next().map_or(party.first.as_str(), Log::url),
        logs: if args.all_logs { logs.iter().flatten().map(Log::url).collect() } else { Vec::new() },
        paths: args.inputs.paths.iter().map(|path| JsonPath::of(path)).collect(),
        resumed: wish.goes_on,
        since: args.since.as_ref().map(|path| JsonPath::of(path)),
    });
    let by_log = logs.iter().zip(&party.members).map(|(log, member)| {
        let url = log.as_ref().map_or(member.url.as_str(), Log::url);
        ByLog::new(url.to_owned(), member.policy.clone(), log.is_some())
    });
    let mut teller = Teller::new(report, by_log.collect());
    teller.plan(&plan);
    for Task { sides } in &tasks {
        let used =
            sides.iter().filter_map(|(number, target)| Some((logs[*number].as_ref()?, target.clone())));
        let outcomes = stamp::stamp(&used.collect::<Vec<_>>(), wish, &mut |side, event| {
            teller.tell(side.map(|side| sides[side].0), &event);
        })?;
        // The other targets are stamped all the same.
        if outcomes.iter().all(|outcome| matches!(outcome, Err(StampError::Nothing))) {
            sides.first().iter().flat_map(|(_, target)| &target.given).for_each(|path| teller.nothing(path));
            continue;
        }
        for ((number, target), outcome) in sides.iter().zip(outcomes) {
            match outcome {
                Ok(stamped) => teller.stamped(*number, target, stamped),
                Err(error) if !args.all_logs => return Err(error.into()),
                Err(error) => teller.without(*number, &error),
            }
        }
    }
    if plan.targets.is_empty() {
        return Err(StampError::Nothing.into());
    }
    // The evidence is whole by now, whatever the authority does.
    if let Some(authority) = &args.rfc3161 {
        // Its authority is somebody else, unless it has the log's origin.
        let credentials = logs::credentials_for(authority, &party.first, &party.credentials);
        teller.timestamps(authority, args.force, &credentials);
    }
    if let Some(to) = &args.summary {
        let summary = Summary {
            began,
            ended: clock::now(),
            what: plan.targets.iter().flat_map(|target| &target.given).map(PathBuf::as_path).collect(),
            logs: teller.logs(),
            wish,
            is_since: args.since.is_some(),
            failed: teller.failed(),
            wrote: teller.wrote(),
        };
        if let Err(error) = summary.append(to) {
            teller.no_summary(&error);
        }
    }
    teller.unused(wish.claims.as_deref());
    teller.signed(wish.signer.as_deref());
    teller.finish(args.since.is_some());
    Ok(())
}

/// The logs, and as whom they are asked.
struct Party {
    members: Vec<Member>,
    /// The first URL that was given.
    first: String,
    /// With `--all-logs` none: otherwise the first of these that answers is stamped with.
    candidates: Vec<String>,
    credentials: Credentials,
}

impl Party {
    fn of(args: &args::Stamp, report: &mut Report) -> Result<Party, Problem> {
        let given = args.trust.policy.as_ref();
        let unusable = |error: crate::http::CredentialsError| Problem {
            verdict: Verdict::Unchecked,
            text: error.to_string(),
        };
        if args.all_logs {
            let first = args.log.first().map_or("", String::as_str);
            let credentials = access::credentials(&args.access, Asked::Log, first).map_err(unusable)?;
            let members = logs::all(&args.log, given, &credentials, report)?;
            let first = members.first().map_or_else(String::new, |member| member.url.clone());
            return Ok(Party { members, first, candidates: Vec::new(), credentials });
        }
        let policy = policy_file::read(given, args.log.first().map(String::as_str))?;
        let candidates = logs::candidates(&args.log, &policy)?;
        let first = candidates[0].clone();
        let credentials = access::credentials(&args.access, Asked::Log, &first).map_err(unusable)?;
        let members = vec![Member { url: first.clone(), policy, name: None }];
        Ok(Party { members, first, candidates, credentials })
    }

    /// One log is at another address by now.
    fn moved(&mut self, to: Option<&str>, tasks: &[Task]) -> Result<(), StampError> {
        let Some(to) = to else { return Ok(()) };
        let used: Vec<usize> = (0..self.members.len()).filter(|number| work::uses(tasks, *number)).collect();
        match used[..] {
            [number] => {
                // Whoever has a key has it for this one, if it was the first.
                if number == 0 {
                    to.clone_into(&mut self.first);
                }
                to.clone_into(&mut self.members[number].url);
                self.candidates = vec![to.to_owned()];
                Ok(())
            }
            _ => Err(StampError::WhichMoved { unfinished: used.len() }),
        }
    }

    /// Those that something is stamped with, by their places among the members.
    fn logs(
        &self,
        args: &args::Stamp,
        tasks: &[Task],
        report: &mut Report,
    ) -> Result<Vec<Option<Log>>, StampError> {
        let connect = |(number, member): (usize, &Member)| {
            if !work::uses(tasks, number) {
                return Ok(None);
            }
            let client = if args.all_logs {
                logs::connect(&member.url, &self.first, &self.credentials)?
            } else {
                logs::choose(&self.candidates, &member.policy, &self.credentials, report)?
            };
            let client = match args.rate {
                Some(rate) => client.with_rate(rate),
                None => client,
            };
            Log::new(client, member.policy.clone()).map(Some)
        };
        self.members.iter().enumerate().map(connect).collect()
    }
}

/// The one bundle for all paths: what is brought up to date stays in its place, unless another is named.
fn output(args: &args::Stamp) -> Option<&Path> {
    args.output.as_ref().or(args.since.as_ref()).map(PathBuf::as_path)
}
