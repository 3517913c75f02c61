//! `treering stamp`.

use super::{
    JsonAttested, JsonPath,
    access::{self, Asked},
    timestamp::JsonTimestamp,
};
use crate::{
    args,
    http::{Client, Credentials, same_origin},
    paths, policy_file,
    report::{Report, Verdict},
    stamp::{self, Event, Log, Plan, StampError, Stamped, Trouble, Wish},
    walk::LeftOut,
};
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use treering_tlog::{hash::Hash, policy::Policy};
use treering_token::{
    bundle::{Kind, RelativePath},
    describe,
    digest::Digests,
    verify::Attested,
};

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
    let policy = policy_file::read(args.trust.policy.as_ref(), args.log.as_deref())
        .map_err(|error| Problem { verdict: Verdict::Unchecked, text: error.to_string() })?;
    let url = log_url(args, &policy)?;
    let log_url = url.clone();
    let plan = stamp::plan(&args.paths, args.output.as_deref(), args.tokens, args.force)?;
    let credentials = access::credentials(&args.access, Asked::Log, &url)
        .map_err(|error| Problem { verdict: Verdict::Unchecked, text: error.to_string() })?;
    let log = Log::new(Client::with(&url, &credentials).map_err(StampError::from)?, policy)?;
    report.object(&Object::Started {
        version: env!("CARGO_PKG_VERSION"),
        log: log.url(),
        paths: args.paths.iter().map(|path| JsonPath::of(path)).collect(),
    });
    let mut teller =
        Teller { report, evidence: 0, failed: 0, attested: None, wrote: Vec::new(), timestamps: 0 };
    teller.plan(&plan);
    let wish = wish(args);
    let mut all = Stamped::default();
    for target in &plan.targets {
        let stamped = match stamp::stamp(&log, &wish, target, &mut |event| teller.tell(&event)) {
            // The other targets are stamped all the same.
            Err(error @ StampError::Nothing) => {
                for path in &target.given {
                    teller
                        .report
                        .problem(Verdict::Unchecked, format_args!("{}: {error}", paths::shown(path)));
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
    if let Some(url) = &args.rfc3161 {
        // Its authority is somebody else, unless it has the log's origin.
        let nobody = Credentials { api_key: None, ..credentials.clone() };
        let credentials = if same_origin(url, &log_url) { &credentials } else { &nobody };
        teller.timestamps(url, args.force, credentials);
    }
    teller.finish(all);
    Ok(())
}

fn wish(args: &args::Stamp) -> Wish {
    Wish {
        holder: args.holder.clone(),
        agent: args.agent.clone(),
        title: args.title.clone(),
        plain: args.plain,
        after: !args.no_after,
        digests: args.digest.clone(),
        zstd: args.zstd,
        force: args.force,
        wait: Duration::from_secs(args.wait),
    }
}

/// The log's URL: as given, or the only one that the policy has.
fn log_url(args: &args::Stamp, policy: &Policy) -> Result<String, StampError> {
    if let Some(url) = &args.log {
        return Ok(url.clone());
    }
    let urls: Vec<_> = policy.logs().iter().filter_map(|log| log.url.as_ref()).collect();
    match urls[..] {
        [url] => Ok(url.clone()),
        _ => Err(StampError::NoLog(urls.len())),
    }
}

/// `--json`: one of these a line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object<'a> {
    /// First.
    Started { version: &'static str, log: &'a str, paths: Vec<JsonPath> },
    /// One a file or link: `result` is `hashed`, `left_out` or `failed`, the last two with a `reason`.
    /// For a `hashed` one, `path` is the path in the bundle.
    File {
        #[serde(flatten)]
        path: JsonPath,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        digests: Option<std::collections::BTreeMap<String, String>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A submission on its way to the log.
    Submission { root: String, records: u64 },
    /// Its receipt, verified under the policy.
    Receipt {
        root: String,
        #[serde(flatten)]
        attested: JsonAttested,
    },
    /// Evidence in its place.
    Output {
        #[serde(flatten)]
        path: JsonPath,
    },
    /// An RFC 3161 timestamp of evidence, in its place: by an authority that nobody has vouched for yet.
    Timestamp {
        #[serde(flatten)]
        path: JsonPath,
        #[serde(flatten)]
        shown: Box<JsonTimestamp>,
    },
    /// Last. Without it, the run did not come to its end.
    Finished { records: u64, bytes: u64, tokens: u64, failed: u64, exit: u8 },
}

/// Turns what happens into words or objects.
struct Teller<'a> {
    report: &'a mut Report,
    /// Evidence that was left out: only counted.
    evidence: u64,
    failed: u64,
    /// The latest upper bound: it holds for all.
    attested: Option<Attested>,
    /// Bundles and tokens.
    wrote: Vec<PathBuf>,
    timestamps: u64,
}

impl Teller<'_> {
    fn plan(&mut self, plan: &Plan) {
        for (path, why) in &plan.left_out {
            self.left_out(path, *why);
        }
        for (path, trouble) in &plan.failed {
            self.failed(path, trouble);
        }
    }

    fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::KeyMade(path) => self.report.remark(format_args!(
                "made a master key, {}: keep a copy of it somewhere safe, lost bundles can be made again with it",
                paths::shown(path)
            )),
            Event::Hashed { kind, path, size, digests } => self.hashed(*kind, path, *size, digests),
            Event::LeftOut { source, why } => self.left_out(source, *why),
            Event::Failed { source, error } => self.failed(source, error),
            Event::Submitted { root, records } => {
                self.report.object(&Object::Submission { root: root.to_string(), records: *records });
            }
            Event::Waiting => self.report.progress.waiting("waiting for the log and its witnesses"),
            Event::Receipt { root, attested } => self.receipt(root, attested),
            Event::Wrote { path } => self.report.object(&Object::Output { path: JsonPath::of(path) }),
        }
        if let Event::Wrote { path } = event {
            self.wrote.push(path.to_path_buf());
            if !self.report.json() {
                self.report.result(Verdict::Good, &(), paths::shown(path));
            }
        }
    }

    /// A timestamp of each piece of evidence. What fails is told, and the rest is asked for all the same.
    fn timestamps(&mut self, url: &str, force: bool, credentials: &Credentials) {
        for evidence in std::mem::take(&mut self.wrote) {
            match super::tsa::of_evidence(url, &evidence, force, credentials) {
                Ok((to, asked)) => {
                    self.timestamps += 1;
                    let object =
                        Object::Timestamp { path: JsonPath::of(&to), shown: JsonTimestamp::of(&asked.shown) };
                    self.report.result(Verdict::Good, &object, paths::shown(&to));
                }
                Err(fault) => {
                    let evidence = paths::shown(&evidence);
                    self.report.problem(
                        fault.verdict_of_asking(),
                        format_args!("{evidence} is whole, but has no timestamp: {fault}"),
                    );
                }
            }
        }
    }

    fn hashed(&mut self, kind: Kind, path: &RelativePath, size: u64, digests: &Digests) {
        self.report.progress.file(size);
        if self.report.json() {
            self.report.object(&Object::File {
                path: JsonPath::of_bytes(path.as_bytes()),
                result: "hashed",
                kind: Some(match kind {
                    Kind::File => "file",
                    Kind::Link => "link",
                }),
                size: Some(size),
                digests: Some(paths::digests_in_hex(digests)),
                reason: None,
            });
        }
    }

    fn left_out(&mut self, path: &Path, why: LeftOut) {
        self.report.object(&unstamped(path, "left_out", why.to_string()));
        match why {
            LeftOut::Evidence => self.evidence += 1,
            _ => self.report.remark(format_args!("left out: {} ({why})", paths::shown(path))),
        }
    }

    fn failed(&mut self, path: &Path, trouble: &Trouble) {
        self.failed += 1;
        self.report.object(&unstamped(path, "failed", trouble.to_string()));
        self.report
            .problem(Verdict::Unchecked, format_args!("not stamped: {}: {trouble}", paths::shown(path)));
    }

    fn receipt(&mut self, root: &Hash, attested: &Attested) {
        self.report.object(&Object::Receipt { root: root.to_string(), attested: JsonAttested::of(attested) });
        for (name, time) in &attested.in_future {
            self.report.remark(format_args!(
                "the witness {name} cosigned at {}, which is in the future by this machine's clock: is the clock right?",
                describe::seconds(*time)
            ));
        }
        if self.attested.as_ref().is_none_or(|before| before.before() < attested.before()) {
            self.attested = Some(attested.clone());
        }
    }

    fn finish(self, all: Stamped) {
        let report = self.report;
        report.object(&Object::Finished {
            records: all.records,
            bytes: all.bytes,
            tokens: all.tokens,
            failed: self.failed,
            exit: report.verdict().code(),
        });
        if report.json() {
            return;
        }
        let mut lines = vec![format!(
            "{} stamped ({}){}{}",
            files(all.records),
            HumanBytes(all.bytes),
            counted(self.evidence, "left out as evidence"),
            counted(self.failed, "not stamped: see above"),
        )];
        lines.extend(self.attested.as_ref().map(describe::attested));
        if self.timestamps > 0 {
            lines.push(
                "each timestamp's signature fits its certificate; whose that is, `treering verify --ca` checks".to_owned(),
            );
        }
        report.result(Verdict::Good, &(), lines.join("\n"));
    }
}

fn unstamped(path: &Path, result: &'static str, reason: String) -> Object<'static> {
    Object::File {
        path: JsonPath::of(path),
        result,
        kind: None,
        size: None,
        digests: None,
        reason: Some(reason),
    }
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{} files", HumanCount(count)) }
}

fn counted(count: u64, what: &str) -> String {
    if count == 0 { String::new() } else { format!(", {} {what}", HumanCount(count)) }
}
