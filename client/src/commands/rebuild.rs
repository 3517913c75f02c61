//! `treering rebuild`.

use super::JsonPath;
use crate::{
    args,
    http::{self, Client, ClientError},
    journal::{JournalError, Past},
    keys,
    keys::KeyFileError,
    locate, output,
    output::OutputError,
    paths, policy_file,
    policy_file::PolicyFileError,
    rebuild::bundle::{self, BundleAgainError, Event, Source},
    report::{Report, Verdict},
    rewrite::{How, Written},
    stamp::{self, StampError},
};
use serde::Serialize;
use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

pub(super) fn run(args: &args::Rebuild) -> ExitCode {
    let mut report = Report::new(&args.output_form, "hashed");
    match rebuild(args, &mut report) {
        Ok((path, written)) => tell(&mut report, &path, written),
        Err(problem) => {
            let is_wrong = matches!(&problem, Problem::Bundle(error) if error.is_wrong());
            report.problem(if is_wrong { Verdict::Invalid } else { Verdict::Unchecked }, problem);
        }
    }
    report.finish()
}

/// Why there is no bundle again.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the network's thread can't be started: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Paths(#[from] StampError),
    #[error("where the bundle goes can't be told from several paths: give -o FILE")]
    NoOutput,
    #[error("{path} can't be looked at: {error}")]
    Look { path: String, error: io::Error },
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(
        "the journal knows no run of {bundle}: give the path that the lost bundle had with --of, or its runs with --run. Without \
         its journal a blinded bundle can't be made again"
    )]
    NoRun { bundle: String },
    #[error(transparent)]
    Bundle(#[from] BundleAgainError),
}

/// `--json`: one of these.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object {
    Output {
        #[serde(flatten)]
        path: JsonPath,
        /// Records with a path.
        records: u64,
        /// Records whose files are gone, were changed, or are covered by a later run.
        bare: u64,
    },
}

fn rebuild(args: &args::Rebuild, report: &mut Report) -> Result<(PathBuf, Written), Problem> {
    let policy = policy_file::read(args.trust.policy.as_ref(), args.from.as_deref())?;
    let runtime = http::runtime().map_err(Problem::Runtime)?;
    let to = target(args)?;
    output::refuse_existing(&to, args.force)?;
    let runs = runs(args, &to, report)?;
    let log = args.from.as_ref().or(runs.last().map(|run| &run.log));
    let credentials = args.network.credentials().map_err(ClientError::from)?;
    let client = Client::with(log.map_or("", String::as_str), &credentials)?;
    let (_, master) = keys::find()?;
    let roots = stamp::roots(&args.paths)?;
    let source = Source { client: &client, runtime: &runtime, policy: &policy };
    let how = How { force: args.force, zstd: args.zstd };
    let written = bundle::bundle(&runs, master.as_ref(), roots, &source, &to, how, &mut |event| {
        observe(report, &event);
    })?;
    Ok((to, written))
}

fn target(args: &args::Rebuild) -> Result<PathBuf, Problem> {
    match (&args.output, &args.paths[..]) {
        (Some(output), _) => Ok(output.clone()),
        (None, [dir]) => {
            locate::bundle_of(dir).map_err(|error| Problem::Look { path: paths::shown(dir), error })
        }
        (None, _) => Err(Problem::NoOutput),
    }
}

fn runs(args: &args::Rebuild, to: &Path, report: &mut Report) -> Result<Vec<Past>, Problem> {
    if !args.run.is_empty() {
        let journal = |run: &String| {
            let path = Path::new(run);
            let path = if path.is_file() {
                path.to_path_buf()
            } else {
                crate::journal::path_of(run).map_err(JournalError::from)?
            };
            Ok(Past::read(&path)?)
        };
        return args.run.iter().map(journal).collect();
    }
    let lost = args.of.as_deref().unwrap_or(to);
    let runs = Past::all_of(lost, |error| report.remark(error))?;
    if runs.is_empty() { Err(Problem::NoRun { bundle: paths::shown(lost) }) } else { Ok(runs) }
}

fn observe(report: &mut Report, event: &Event<'_>) {
    match event {
        Event::Hashed { size } => report.progress.file(*size),
        Event::Failed { source, error } => {
            report.problem(Verdict::Unchecked, format_args!("{}: {error}", paths::shown(source)));
        }
        Event::LeftOut { run } => report.remark(format_args!(
            "the run {} is left out: none of its files is as it was, or a later run covers them",
            run.name
        )),
        Event::NotSent { run, root, records } => report.remark(format_args!(
            "the run {} was interrupted before its submission {root} reached the log: the {records} records from there on are left out",
            run.name
        )),
    }
}

fn tell(report: &mut Report, path: &Path, written: Written) {
    let Written { records, bare } = written;
    let object = Object::Output { path: JsonPath::of(path), records, bare };
    let others = match bare {
        0 => String::new(),
        _ => format!(
            "; {bare} more were in it, whose files are gone, were changed, or are covered by a later run"
        ),
    };
    let files = if records == 1 { "file" } else { "files" };
    let text = format_args!("{}: {records} {files}{others}", paths::shown(path));
    report.result(Verdict::Good, &object, text);
}
