//! What was found, in words or objects, and what it means for the exit code.

use super::object::{JsonVerified, Object, not_before};
use crate::{
    commands::{JsonAttested, JsonPath},
    locate::Bundle,
    paths,
    report::{Report, Verdict},
    verify::{self, ByToken, Fault, FileEvidence, Finding, Judged, Tree, VerifyFailure},
};
use indicatif::HumanCount;
use std::path::{Path, PathBuf};
use treering_tlog::{hash::Hash, policy::Policy};
use treering_token::{
    describe, escape,
    verify::{After, Attested, Verified, VerifyError},
};

/// Sentences that hold for every bundle.
const NOT_SHOWN: &str = "not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock";

pub(super) struct Teller<'a> {
    report: &'a mut Report,
    strict: bool,
    counts: Counts,
    /// The latest upper and the earliest lower bound: they hold for all.
    attested: Option<Attested>,
    /// There are several, and seal, entry and witnesses of the latest are not those of each.
    several: bool,
    /// The fewest that would have to lie for one of them.
    liars: usize,
    after: Option<After>,
    /// Something verified has no lower bound: then there is none that holds for each.
    unbounded: bool,
    one_file: bool,
    failed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    verified: u64,
    invalid: u64,
    unchecked: u64,
    uncovered: u64,
    /// Files that agree with their records, before the receipt for these has come.
    matching: u64,
    /// Those whose receipt was refused.
    unshown: u64,
}

impl<'a> Teller<'a> {
    pub(super) fn new(report: &'a mut Report, strict: bool) -> Teller<'a> {
        Teller {
            report,
            strict,
            counts: Counts::default(),
            attested: None,
            several: false,
            liars: usize::MAX,
            after: None,
            unbounded: false,
            one_file: false,
            failed: false,
        }
    }

    pub(super) fn started(&mut self, path: &Path) {
        self.report.object(&Object::Started { version: env!("CARGO_PKG_VERSION"), path: JsonPath::of(path) });
    }

    /// The verdict on the one file that was asked about.
    pub(super) fn one_file(&mut self, path: &Path, found: FileEvidence) {
        self.one_file = true;
        match found {
            FileEvidence::By { evidence, outcome: Ok((size, tokens)) } => {
                self.counts.verified += 1;
                let mut lines =
                    vec![format!("{}: verified ({})", paths::shown(path), paths::shown(&evidence))];
                for (place, token) in tokens.iter().enumerate() {
                    if tokens.len() > 1 {
                        lines.push(format!("  token {} of {}, from the newest:", place + 1, tokens.len()));
                    }
                    lines.extend(describe::verified(token).into_iter().map(|line| format!("  {line}")));
                }
                let object = verified_object(path, size, Some(evidence), &tokens);
                self.report.result(Verdict::Good, &object, lines.join("\n"));
            }
            FileEvidence::By { evidence, outcome: Err(fault) } => {
                let (shown, by) = (paths::shown(path), paths::shown(&evidence));
                let lead = if let Fault::Refused(error) = &fault { lead(error) } else { "" };
                let text = format!("{shown}: NOT verified ({by}): {fault}{lead}");
                self.fault(JsonPath::of(path), Some(&evidence), &fault, text);
            }
            FileEvidence::Uncovered { looked_at } => {
                let looked: Vec<_> = looked_at.iter().map(|path| paths::shown(path)).collect();
                let text =
                    format!("{}: no token covers it (looked for: {})", paths::shown(path), looked.join(", "));
                self.uncovered(path, text);
            }
        }
    }

    /// What was found in a tree.
    pub(super) fn finding(&mut self, bundle: &Bundle, policy: &Policy, finding: &Finding<'_>) {
        match finding {
            Finding::File { path, size, outcome: Ok(_), .. } => {
                self.report.progress.file(*size);
                self.counts.matching += 1;
                self.report.object(&Object::File {
                    path: JsonPath::of_bytes(path.as_bytes()),
                    result: "matches",
                    size: Some(*size),
                    evidence: None,
                    reason: None,
                    tokens: Vec::new(),
                });
            }
            Finding::File { path, outcome: Err(fault), .. } => {
                let text = format!("{}: {fault}", paths::shown_relative(path));
                self.fault(JsonPath::of_bytes(path.as_bytes()), None, fault, text);
            }
            Finding::Renewed { token, outcome: Ok((size, tokens)) } => {
                let (shown, by) = (paths::shown(&bundle.bundle), paths::shown(token));
                let mut lines =
                    vec![format!("{shown}: renewed ({by}), and judged as of the oldest of these times:")];
                for (place, token) in tokens.iter().enumerate() {
                    if tokens.len() > 1 {
                        lines.push(format!("  token {} of {}, from the newest:", place + 1, tokens.len()));
                    }
                    lines.extend(describe::verified(token).into_iter().map(|line| format!("  {line}")));
                }
                let object = verified_object(&bundle.bundle, *size, Some(token.to_path_buf()), tokens);
                self.report.result(Verdict::Good, &object, lines.join("\n"));
            }
            Finding::Renewed { token, outcome: Err(fault) } => {
                let (shown, by) = (paths::shown(&bundle.bundle), paths::shown(token));
                let text = format!("{shown}: NOT verified as of its renewal ({by}): {fault}");
                self.fault(JsonPath::of(&bundle.bundle), Some(token), fault, text);
            }
            Finding::Receipt { root, matching, outcome } => {
                // INVARIANT: a file of a bundle counts as verified only once the receipt of its submission is.
                self.counts.matching -= matching;
                self.receipt(root, *matching, outcome);
            }
            Finding::Uncovered { source } => match verify::beside(source, policy) {
                found @ ByToken { outcome: Some(_), .. } => self.by_token(&bundle.base, &found),
                ByToken { outcome: None, .. } => self.uncovered_below(&bundle.base, source),
            },
            Finding::Unsearched { source, error } => {
                self.counts.unchecked += 1;
                self.report.problem(Verdict::Unchecked, format_args!("{}: {error}", paths::shown(source)));
            }
        }
    }

    /// A file of a directory and the token beside it.
    pub(super) fn by_token(&mut self, dir: &Path, found: &ByToken) {
        let path = below(dir, &found.source);
        match &found.outcome {
            None => self.uncovered_below(dir, &found.source),
            Some(Ok(tokens)) => {
                self.report.progress.file(found.size);
                self.counts.verified += 1;
                if let (Some(newest), Some(oldest)) = (tokens.first(), tokens.last()) {
                    // The oldest is of the file; when a newer one was made says nothing about that.
                    self.bounds(&newest.attested, oldest.after.as_ref());
                }
                self.report.object(&verified_object(&path, found.size, None, tokens));
            }
            Some(Err(fault)) => {
                let text = format!("{}: {fault}", paths::shown(&path));
                self.fault(JsonPath::of(&path), None, fault, text);
            }
        }
    }

    /// What a tree's bundle says beside its files.
    pub(super) fn tree(&mut self, bundle: &Bundle, tree: &Tree) {
        if self.report.json() {
            return;
        }
        for (what, name) in &tree.claimed {
            self.report.result(Verdict::Good, &(), format_args!("{what}: {} (claimed)", escape::text(name)));
        }
        if tree.bare > 0 {
            let bundle = paths::shown(&bundle.bundle);
            let text = format!("{bundle} no longer covers {} of its records", HumanCount(tree.bare));
            self.report.result(Verdict::Good, &(), text);
        }
    }

    /// What ended the verification early.
    pub(super) fn failure(&mut self, failure: &VerifyFailure) {
        let verdict = if failure.is_invalid() { Verdict::Invalid } else { Verdict::Unchecked };
        self.report.object(&Object::Failure { reason: failure.to_string() });
        // What matched so far has no receipt now.
        self.counts.unshown += std::mem::take(&mut self.counts.matching);
        self.failed = true;
        self.report.problem(verdict, failure);
    }

    /// The sum of it all.
    pub(super) fn finish(self) {
        let counts = self.counts;
        if counts.verified == 0 && self.report.verdict() == Verdict::Good {
            // Nothing verified is not "all verified": a script must not take it for that.
            self.report
                .problem(Verdict::Unchecked, "nothing was verified: no token or bundle covers any file here");
        }
        let object = Object::Finished {
            verified: counts.verified,
            invalid: counts.invalid,
            unchecked: counts.unchecked,
            uncovered: counts.uncovered,
            unshown: counts.unshown,
            exit: self.report.verdict().code(),
        };
        if self.report.json() {
            self.report.object(&object);
        } else if !(self.one_file || self.failed && counts.is_none()) {
            let mut lines = vec![counts.sum()];
            if counts.verified > 0 {
                lines.extend(self.attested.as_ref().map(|attested| {
                    let words = if self.several {
                        describe::attested_of_several(attested, self.liars)
                    } else {
                        describe::attested(attested)
                    };
                    format!("  each {words}")
                }));
                let after = self.after.as_ref().filter(|_| !self.unbounded);
                lines.extend(after.map(|after| format!("  each {}", describe::after(after))));
                lines.extend(self.attested.as_ref().map(|_| format!("  {NOT_SHOWN}")));
            }
            self.report.result(Verdict::Good, &object, lines.join("\n"));
        }
    }

    fn receipt(&mut self, root: &Hash, matching: u64, outcome: &Result<Judged, VerifyError>) {
        match outcome {
            Ok(judged) => {
                self.counts.verified += matching;
                self.report.object(&Object::Receipt {
                    root: root.to_string(),
                    result: "verified",
                    reason: None,
                    attested: Some(JsonAttested::of(&judged.attested)),
                    not_before: judged.after.as_ref().map(not_before),
                });
                if matching > 0 {
                    self.bounds(&judged.attested, judged.after.as_ref());
                }
            }
            Err(error) => {
                self.counts.invalid += 1;
                self.counts.unshown += matching;
                let object = Object::Receipt {
                    root: root.to_string(),
                    result: error.name(),
                    reason: Some(error.to_string()),
                    attested: None,
                    not_before: None,
                };
                let text = format!(
                    "the receipt for submission {root} is refused, so its files show nothing: {error}{}",
                    lead(error)
                );
                self.report.result(Verdict::Invalid, &object, text);
            }
        }
    }

    fn bounds(&mut self, attested: &Attested, after: Option<&After>) {
        for (name, time) in &attested.in_future {
            self.report.remark(format_args!(
                "the witness {name} cosigned at {}, which is in the future by this machine's clock: is the clock right?",
                describe::seconds(*time)
            ));
        }
        let same = |known: &Attested| {
            (&known.origin, known.index, known.upper) == (&attested.origin, attested.index, attested.upper)
        };
        self.several |= self.attested.as_ref().is_some_and(|known| !same(known));
        self.liars = self.liars.min(attested.upper.map_or(0, |upper| upper.would_have_to_lie));
        if self.attested.as_ref().is_none_or(|before| before.before() < attested.before()) {
            self.attested = Some(attested.clone());
        }
        self.unbounded |= after.is_none();
        if let Some(after) = after
            && self.after.as_ref().is_none_or(|before| before.not_before > after.not_before)
        {
            self.after = Some(after.clone());
        }
    }

    fn fault(&mut self, path: JsonPath, evidence: Option<&Path>, fault: &Fault, text: String) {
        let verdict = if fault.is_invalid() {
            self.counts.invalid += 1;
            Verdict::Invalid
        } else {
            self.counts.unchecked += 1;
            Verdict::Unchecked
        };
        let object = Object::File {
            path,
            result: fault.name(),
            size: None,
            evidence: evidence.map(JsonPath::of),
            reason: Some(fault.to_string()),
            tokens: Vec::new(),
        };
        self.report.result(verdict, &object, text);
    }

    fn uncovered_below(&mut self, dir: &Path, source: &Path) {
        let path = below(dir, source);
        let text = format!("{}: no token covers it", paths::shown(&path));
        self.uncovered(&path, text);
    }

    fn uncovered(&mut self, path: &Path, text: String) {
        self.counts.uncovered += 1;
        let object = Object::File {
            path: JsonPath::of(path),
            result: "uncovered",
            size: None,
            evidence: None,
            reason: None,
            tokens: Vec::new(),
        };
        let verdict = if self.strict { Verdict::Invalid } else { Verdict::Good };
        self.report.result(verdict, &object, text);
    }
}

impl Counts {
    fn is_none(self) -> bool {
        self.verified + self.invalid + self.unchecked + self.uncovered + self.unshown == 0
    }

    /// `3 files verified, 1 changed, missing or refused, 1 not covered`
    fn sum(self) -> String {
        let mut parts = vec![format!("{} verified", files(self.verified))];
        for (count, what) in [
            (self.unshown, "agree with records that are not shown to have been stamped"),
            (self.invalid, "failed: see above"),
            (self.unchecked, "could not be checked"),
            (self.uncovered, "not covered by any token"),
        ] {
            if count > 0 {
                parts.push(format!("{} {what}", HumanCount(count)));
            }
        }
        parts.join(", ")
    }
}

/// What to do about evidence that may be good under another policy.
fn lead(error: &VerifyError) -> &'static str {
    match error.name() {
        "unknown_log" | "checkpoint_unsigned" | "quorum_not_met" => "; is this the policy for it?",
        _ => "",
    }
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{} files", HumanCount(count)) }
}

fn verified_object(path: &Path, size: u64, evidence: Option<PathBuf>, tokens: &[Verified]) -> Object {
    Object::File {
        path: JsonPath::of(path),
        result: "verified",
        size: Some(size),
        evidence: evidence.as_deref().map(JsonPath::of),
        reason: None,
        tokens: tokens.iter().map(JsonVerified::of).collect(),
    }
}

fn below(dir: &Path, source: &Path) -> PathBuf {
    source.strip_prefix(dir).unwrap_or(source).to_path_buf()
}
