//! Turns what happens while stamping into words or objects.

use super::{
    super::{JsonAttested, JsonPath, timestamp::JsonTimestamp, tsa},
    by_log::{self, ByLog},
    object::{Object, unstamped},
};
use crate::{
    http::Credentials,
    output::OutputError,
    paths,
    report::{Report, Verdict},
    signer::Signer,
    stamp::{Claims, Event, Plan, StampError, Stamped, Target, Trouble},
    walk::LeftOut,
};
use indicatif::{HumanBytes, HumanCount};
use std::path::{Path, PathBuf};
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{Kind, RelativePath},
    describe,
    digest::Digests,
    verify::Attested,
};

/// Turns what happens into words or objects.
pub(super) struct Teller<'a> {
    report: &'a mut Report,
    /// What was left out, as was to be expected: only counted.
    left_out: std::collections::BTreeMap<&'static str, u64>,
    /// All that was left out.
    all_left_out: u64,
    /// Files that weren't read: only their digests were given.
    unread: u64,
    signed_by: Option<Hash>,
    failed: u64,
    logs: Vec<ByLog>,
    /// Bundles and tokens.
    wrote: Vec<PathBuf>,
    timestamps: u64,
}

impl<'a> Teller<'a> {
    pub(super) fn new(report: &'a mut Report, logs: Vec<ByLog>) -> Teller<'a> {
        Teller {
            report,
            left_out: Default::default(),
            all_left_out: 0,
            unread: 0,
            signed_by: None,
            failed: 0,
            logs,
            wrote: Vec::new(),
            timestamps: 0,
        }
    }

    /// A target of which nothing was stamped.
    pub(super) fn nothing(&mut self, given: &Path) {
        // As a list's name.
        let given = if given == Path::new("-") { "standard input".to_owned() } else { paths::shown(given) };
        self.report.problem(Verdict::Unchecked, format_args!("{given}: {}", StampError::Nothing));
    }

    pub(super) fn plan(&mut self, plan: &Plan) {
        for (path, why) in &plan.left_out {
            self.left_out(path, *why);
        }
        for (path, trouble) in &plan.failed {
            self.not_stamped(path, trouble);
        }
    }

    /// `log` if it is about one of them.
    pub(super) fn tell(&mut self, log: Option<usize>, event: &Event<'_>) {
        let of = self.of(log);
        match event {
            Event::KeyMade(path) => self.report.remark(format_args!(
                "made a master key, {}: keep a copy of it somewhere safe, lost bundles can be made again with it",
                paths::shown(path)
            )),
            Event::Hashed { kind, path, size, digests } => self.hashed(*kind, path, *size, digests),
            Event::LeftOut { source, why } => self.left_out(source, *why),
            Event::Failed { source, error } => self.not_stamped(source, error),
            Event::Submitted { root, records } => {
                let log_url = log_url(&self.logs, log);
                self.report.object(&Object::Submission { root: root.to_string(), records: *records, log_url });
            }
            Event::Kept { kind, path, size } => self.kept(*kind, path, *size),
            Event::Resumed { records } => self.report.remark(format_args!(
                "{of}{} hashed before {} taken over",
                files(*records),
                if *records == 1 { "is" } else { "are" }
            )),
            Event::First { path } => self.report.remark(format_args!(
                "{} is not there yet: everything is new",
                paths::shown(path)
            )),
            Event::Taken { attested } => self.logs[log.unwrap_or(0)].attest(attested),
            Event::Away { error, bound_lost } => self.report.note(format_args!(
                "the log is away: {error}{}",
                if *bound_lost { "\nFiles are hashed all the same; there will be no lower bound for the moment of stamping." } else { "" }
            )),
            Event::Unfinished { target } => self.report.note(format_args!(
                "what was hashed for {} is kept: `treering resume` goes on with it, `treering stamp --restart` forgets it",
                target.shown()
            )),
            Event::Left { files } => self.report.progress.left(*files),
            Event::Waiting => self.report.progress.waiting("waiting for the log and its witnesses"),
            Event::Receipt { root, attested } => self.receipt(log, root, attested),
            Event::Wrote { path } => {
                let log_url = log_url(&self.logs, log);
                self.report.object(&Object::Output { path: JsonPath::of(path), log_url });
            }
        }
        if let Event::Wrote { path } = event {
            self.wrote.push(path.to_path_buf());
            if !self.report.json() {
                self.report.result(Verdict::Good, &(), paths::shown(path));
            }
        }
    }

    /// A timestamp of each piece of evidence. What fails is told, and the rest is asked for all the same.
    pub(super) fn timestamps(&mut self, url: &str, force: bool, credentials: &Credentials) {
        for evidence in &self.wrote {
            match tsa::of_evidence(url, evidence, force, credentials) {
                Ok((to, asked)) => {
                    self.timestamps += 1;
                    let object =
                        Object::Timestamp { path: JsonPath::of(&to), shown: JsonTimestamp::of(&asked.shown) };
                    self.report.result(Verdict::Good, &object, paths::shown(&to));
                }
                Err(fault) => {
                    let evidence = paths::shown(evidence);
                    self.report.problem(
                        fault.verdict_of_asking(),
                        format_args!("{evidence} is whole, but has no timestamp: {fault}"),
                    );
                }
            }
        }
    }

    /// Counts a file, and says now and then how far it is.
    fn progress(&mut self, size: u64) {
        self.report.progress.file(size);
        if self.report.json()
            && let Some(far) = self.report.progress.far()
        {
            self.report.object(&Object::Progress {
                files: far.files,
                bytes: far.bytes,
                seconds: (far.seconds * 1000.0).round() / 1000.0,
                total_files: far.total,
                seconds_left: far.seconds_left(),
            });
        }
    }

    fn hashed(&mut self, kind: Kind, path: &RelativePath, size: Option<u64>, digests: &Digests) {
        self.progress(size.unwrap_or(0));
        self.unread += u64::from(size.is_none());
        if self.report.json() {
            self.report.object(&Object::File {
                path: JsonPath::of_bytes(path.as_bytes()),
                result: "hashed",
                kind: Some(kind_name(kind)),
                size,
                digests: Some(paths::digests_in_hex(digests)),
                reason: None,
            });
        }
    }

    fn kept(&mut self, kind: Kind, path: &RelativePath, size: u64) {
        self.progress(size);
        if self.report.json() {
            self.report.object(&Object::File {
                path: JsonPath::of_bytes(path.as_bytes()),
                result: "kept",
                kind: Some(kind_name(kind)),
                size: Some(size),
                digests: None,
                reason: None,
            });
        }
    }

    fn left_out(&mut self, path: &Path, why: LeftOut) {
        self.report.object(&unstamped(path, "left_out", why.to_string()));
        self.all_left_out += 1;
        match counted_as(why) {
            Some(what) => *self.left_out.entry(what).or_default() += 1,
            None => self.report.remark(format_args!("left out: {} ({why})", paths::shown(path))),
        }
    }

    fn not_stamped(&mut self, path: &Path, trouble: &Trouble) {
        self.failed += 1;
        self.report.object(&unstamped(path, "failed", trouble.to_string()));
        self.report
            .problem(Verdict::Unchecked, format_args!("not stamped: {}: {trouble}", paths::shown(path)));
    }

    fn receipt(&mut self, log: Option<usize>, root: &Hash, attested: &Attested) {
        let (root, log_url) = (root.to_string(), log_url(&self.logs, log));
        self.report.object(&Object::Receipt { root, attested: JsonAttested::of(attested), log_url });
        for (name, time) in &attested.in_future {
            self.report.remark(format_args!(
                "the witness {name} cosigned at {}, which is in the future by this machine's clock: is the clock right?",
                describe::seconds(*time)
            ));
        }
        self.logs[log.unwrap_or(0)].attest(attested);
    }

    /// With several logs: which one it is about.
    fn of(&self, log: Option<usize>) -> String {
        log_url(&self.logs, log).map(|url| format!("{url}: ")).unwrap_or_default()
    }

    /// Rows of the table that were of no use.
    pub(super) fn unused(&mut self, claims: Option<&Claims>) {
        for unused in claims.map(Claims::unused).unwrap_or_default() {
            self.report.problem(Verdict::Unchecked, unused);
        }
    }

    /// By which key the claims are signed.
    pub(super) fn signed(&mut self, signer: Option<&Signer>) {
        self.signed_by = signer.map(|signer| signer.public().thumbprint());
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed
    }

    pub(super) fn logs(&self) -> &[ByLog] {
        &self.logs
    }

    /// Bundles and tokens.
    pub(super) fn wrote(&self) -> &[PathBuf] {
        &self.wrote
    }

    /// What was stamped is stamped all the same.
    pub(super) fn no_summary(&mut self, error: &OutputError) {
        self.report.problem(Verdict::Unchecked, format_args!("no summary: {error}"));
    }

    /// What a target came to with one of the logs.
    pub(super) fn stamped(&mut self, log: usize, target: &Target, stamped: Stamped) {
        if let Some(why) = &stamped.waiting {
            let of = self.of(Some(log));
            self.report.problem(
                Verdict::Waiting,
                format_args!(
                    "{of}accepted here, not yet stamped: {}: {why}\n`treering resume` finishes it (with --log URL, if it is at another address)",
                    target.shown()
                ),
            );
        }
        self.logs[log].all.add(stamped);
    }

    /// A target has no evidence by one of several logs.
    pub(super) fn without(&mut self, log: usize, error: &StampError) {
        let of = self.of(Some(log));
        self.report.problem(by_log::verdict(error), format_args!("{of}{error}"));
        self.logs[log].fail(error);
    }

    pub(super) fn finish(self, is_since: bool) {
        let report = self.report;
        let lead = by_log::lead(&self.logs);
        let all = &lead.all;
        report.object(&Object::Finished {
            records: all.records,
            bytes: all.bytes,
            new: all.new,
            changed: all.changed,
            kept: all.kept,
            gone: all.gone,
            hashed: all.hashed,
            tokens: all.tokens,
            failed: self.failed,
            left_out: self.all_left_out,
            key: self.signed_by.map(|key| key.to_string()),
            logs: if self.logs.len() > 1 {
                self.logs.iter().filter_map(ByLog::json).collect()
            } else {
                Vec::new()
            },
            exit: report.verdict().code(),
        });
        if report.json() || !lead.is_whole() {
            return;
        }
        let mut lines = vec![format!(
            "{} {} ({}){}{}{}",
            files(all.records),
            if is_since { "covered" } else { "stamped" },
            HumanBytes(all.bytes),
            counted(self.unread, "by digests that were given"),
            self.left_out.iter().map(|(what, count)| counted(*count, what)).collect::<String>(),
            counted(self.failed, "not stamped: see above"),
        )];
        if is_since {
            lines.push(format!(
                "{} new, {} changed, {} kept, {} gone{}",
                HumanCount(all.new),
                HumanCount(all.changed),
                HumanCount(all.kept),
                HumanCount(all.gone),
                if all.new + all.changed == 0 { ": nothing had to be stamped" } else { "" },
            ));
        }
        if all.unmet > 0 {
            lines.push(format!(
                "{} of the kept ones were not met: not everything could be searched, so nothing counts as gone",
                HumanCount(all.unmet)
            ));
        }
        lines.extend(self.signed_by.map(|key| format!("claims signed by the key {key}")));
        let is_told = |log: &&ByLog| log.is_whole();
        lines.extend(
            self.logs.iter().filter(is_told).filter_map(|log| log.attested.as_ref()).map(describe::attested),
        );
        if self.timestamps > 0 {
            lines.push(
                "each timestamp's signature fits its certificate; whose that is, `treering verify --ca` checks".to_owned(),
            );
        }
        report.result(Verdict::Good, &(), lines.join("\n"));
    }
}

/// Said only where there are several.
fn log_url(logs: &[ByLog], log: Option<usize>) -> Option<&str> {
    log.filter(|_| logs.len() > 1).map(|log| logs[log].url.as_str())
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Link => "link",
    }
}

/// How the summary counts what may be left out in any number, as the user wanted it.
fn counted_as(why: LeftOut) -> Option<&'static str> {
    Some(match why {
        LeftOut::Evidence => "left out as evidence",
        LeftOut::Rule => "left out by rule",
        LeftOut::OtherFileSystem => "left out on other file systems",
        LeftOut::Twice => "named twice",
        LeftOut::ListedDir => "left out as directories in a list",
        _ => return None,
    })
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{} files", HumanCount(count)) }
}

fn counted(count: u64, what: &str) -> String {
    if count == 0 { String::new() } else { format!(", {} {what}", HumanCount(count)) }
}
