//! `treering resume`.

use super::{
    JsonPath,
    stamp::{self, Going},
};
use crate::{
    args::{self, Command},
    job::{Description, Job, JobError},
    partial::Partial,
    paths,
    report::{Report, Verdict},
    settings,
};
use serde::Serialize;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

pub(super) fn run(args: &args::Resume) -> ExitCode {
    let mut report = Report::new(&args.output_form, "hashed");
    if let Err(error) = run_all(args, &mut report) {
        report.problem(Verdict::Unchecked, error);
    }
    report.finish()
}

/// Why nothing could be gone on with.
#[derive(Debug, thiserror::Error)]
enum ResumeError {
    #[error(transparent)]
    Job(#[from] JobError),
    #[error("no unfinished run is known for {0}; `treering resume --list` shows those that there are")]
    Unknown(String),
}

/// `--json --list`: one of these a line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object<'a> {
    Unfinished {
        /// Of the bundle; absent where only tokens are wanted.
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<JsonPath>,
        began: &'a str,
        dir: JsonPath,
        /// Whoever works on it now.
        #[serde(skip_serializing_if = "Option::is_none")]
        process: Option<u32>,
    },
}

fn run_all(args: &args::Resume, report: &mut Report) -> Result<(), ResumeError> {
    // Before the directory changes.
    let wanted: Vec<PathBuf> = args.outputs.iter().map(|path| settled(path)).collect();
    let cacert = args.cacert.as_deref().map(settled);
    let jobs = unfinished(&wanted)?;
    if jobs.is_empty() {
        report.remark("nothing is unfinished");
    }
    let free = |(job, description): &&(Job, Description)| {
        let partial = job.partial(description.output.as_deref());
        !Partial::is_locked(&partial) && (partial.exists() || !job.was_placed())
    };
    let meant: Vec<Job> = jobs.iter().filter(free).map(|(job, _)| job.clone()).collect();
    let mut done = Vec::new();
    for (job, description) in jobs {
        // Several logs' runs of the same files are one piece of work.
        if done.contains(&job) {
            continue;
        }
        let partial = job.partial(description.output.as_deref());
        let locked = Partial::is_locked(&partial);
        if args.list {
            list(&description, locked, report);
        } else if locked {
            report.problem(
                Verdict::Waiting,
                format_args!(
                    "{} is left to process {}, which is at it",
                    name(&description),
                    description.process
                ),
            );
        } else if !partial.exists() && job.was_placed() {
            // It ended between giving the bundle its name and clearing up.
            job.remove()?;
            report.remark(format_args!("{} was whole already", name(&description)));
        } else {
            let going = Going { job: &job, jobs: &meant, log: args.log.as_deref() };
            done.extend(go_on(&description, args, cacert.clone(), going, report));
        }
    }
    Ok(())
}

/// The jobs that are meant, with what is known of each.
fn unfinished(wanted: &[PathBuf]) -> Result<Vec<(Job, Description)>, ResumeError> {
    let mut known = Vec::new();
    for job in Job::list()? {
        if let Some(description) = job.description()? {
            known.push((job, description));
        }
    }
    if wanted.is_empty() {
        return Ok(known);
    }
    let is_for = |description: &Description, path: &PathBuf| match &description.output {
        Some(output) => output == path,
        None => description.call.args.iter().any(|arg| settled(&description.call.dir.join(arg)) == *path),
    };
    for path in wanted {
        if !known.iter().any(|(_, description)| is_for(description, path)) {
            return Err(ResumeError::Unknown(paths::shown(path)));
        }
    }
    known.retain(|(_, description)| wanted.iter().any(|path| is_for(description, path)));
    Ok(known)
}

fn list(description: &Description, locked: bool, report: &mut Report) {
    let object = Object::Unfinished {
        output: description.output.as_ref().map(|path| JsonPath::of(path)),
        began: &description.began,
        dir: JsonPath::of(&description.call.dir),
        process: locked.then_some(description.process),
    };
    let who = if locked { format!(", process {} is at it", description.process) } else { String::new() };
    let text = format!("{} (begun {}{who})", name(description), description.began);
    report.result(Verdict::Good, &object, text);
}

/// Which jobs it was.
fn go_on(
    description: &Description,
    args: &args::Resume,
    cacert: Option<PathBuf>,
    going: Going<'_>,
    report: &mut Report,
) -> Vec<Job> {
    let dir = &description.call.dir;
    if let Err(error) = std::env::set_current_dir(dir) {
        let text = format!("{}: its directory {}: {error}", name(description), paths::shown(dir));
        report.problem(Verdict::Unchecked, text);
        return Vec::new();
    }
    let line: Vec<OsString> =
        std::iter::once(OsString::from("treering")).chain(description.call.args.iter().cloned()).collect();
    let resolved = settings::command_line(&line).map(|resolved| resolved.cli.command);
    let Ok(Command::Stamp(mut stamp_args)) = resolved else {
        let text = format!(
            "{}: how it was called isn't understood any more; stamp again with --restart",
            name(description)
        );
        report.problem(Verdict::Unchecked, text);
        return Vec::new();
    };
    let mut going = going;
    // Of several it is one that has moved: which one, the unfinished runs say.
    if let Some(log) = going.log.filter(|_| !stamp_args.all_logs) {
        stamp_args.log = vec![log.to_owned()];
        going.log = None;
    }
    let way = &mut stamp_args.access.network;
    way.cacert = cacert.or(way.cacert.take());
    way.proxy = args.proxy.clone().or(way.proxy.take());
    report.remark(format_args!("going on with {} (begun {})", name(description), description.began));
    stamp::go_on(&stamp_args, description.call.clone(), going, args.wait, report)
}

/// For people.
fn name(description: &Description) -> String {
    match &description.output {
        Some(output) => paths::shown(output),
        None => format!("tokens in {}", paths::shown(&description.call.dir)),
    }
}

fn settled(path: &Path) -> PathBuf {
    paths::settled(path).unwrap_or_else(|_| path.to_path_buf())
}
