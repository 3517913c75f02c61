//! What was found, in words or objects, and what it means for the exit code.

mod alone;

use super::{
    files,
    object::{JsonVerified, Object, not_before},
    sum::{Bounds, Counts},
};
use crate::{
    commands::{JsonAttested, JsonPath},
    judges::{By, Judges},
    locate::Bundle,
    paths,
    report::{Report, Verdict},
    verify::{self, Broken, ByToken, Fault, FileEvidence, Finding, Judged, Predicates, Tree, VerifyFailure},
};
use indicatif::HumanCount;
use std::{
    fmt::Display,
    path::{Path, PathBuf},
};
use treering_tlog::hash::Hash;
use treering_token::{
    describe, escape,
    verify::{Named, Verified, VerifyError},
};

pub(super) struct Teller<'a> {
    report: &'a mut Report,
    judges: &'a Judges,
    predicates: &'a Predicates,
    strict: bool,
    counts: Counts,
    bounds: Bounds,
    /// One file was asked about: all of what is shown is said, and no sum.
    one_file: bool,
    failed: bool,
}

impl<'a> Teller<'a> {
    pub(super) fn new(
        report: &'a mut Report,
        judges: &'a Judges,
        predicates: &'a Predicates,
        strict: bool,
    ) -> Teller<'a> {
        let (counts, bounds) = (Counts::default(), Bounds::default());
        Teller { report, judges, predicates, strict, counts, bounds, one_file: false, failed: false }
    }

    pub(super) fn started(&mut self, what: &[PathBuf]) {
        let paths = what.iter().map(|path| JsonPath::of(path)).collect();
        self.report.object(&Object::Started { version: env!("CARGO_PKG_VERSION"), paths });
    }

    /// All of what one thing shows is said.
    pub(super) fn one(&mut self) {
        self.one_file = true;
    }

    pub(super) fn problem(&mut self, verdict: Verdict, text: impl Display) {
        self.counts.unchecked += u64::from(verdict == Verdict::Unchecked);
        self.failed = true;
        self.report.problem(verdict, text);
    }

    /// The verdict on one file that was asked about.
    pub(super) fn file(&mut self, path: &Path, found: FileEvidence) {
        match found {
            FileEvidence::By { evidence, outcome: Ok((size, tokens)) } => {
                self.verified(path, size, Some(&evidence), &tokens);
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
    pub(super) fn finding(&mut self, bundle: &Bundle, finding: &Finding<'_>) {
        match finding {
            Finding::File { path, size, unknown, outcome: Ok(()) } => {
                self.report.progress.file(*size);
                self.counts.matching += 1;
                self.report.object(&Object::File {
                    path: JsonPath::of_bytes(path.as_bytes()),
                    result: "matches",
                    size: Some(*size),
                    evidence: None,
                    reason: None,
                    unchecked_digests: unknown.iter().map(ToString::to_string).collect(),
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
                lines.extend(self.token_lines(tokens));
                let object = self.verified_object(&bundle.bundle, *size, Some(token), tokens, &[]);
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
            Finding::Uncovered { source } => match verify::beside(source, self.judges) {
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
            Some(Ok(tokens)) => self.verified(&path, found.size, None, tokens),
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
        let mut say = |text: String| self.report.result(Verdict::Good, &(), text);
        for (what, name) in &tree.claimed {
            say(format!("{what}: {} (claimed)", escape::text(name)));
        }
        for (id, count) in &tree.unknown {
            say(format!(
                "not checked: the digests of {} by hash {id}, which is not known here",
                files(*count)
            ));
        }
        if tree.bare > 0 {
            let bundle = paths::shown(&bundle.bundle);
            say(format!("{bundle} no longer covers {} of its records", HumanCount(tree.bare)));
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
                lines.extend(self.bounds.lines(self.judges));
            }
            self.report.result(Verdict::Good, &object, lines.join("\n"));
        }
    }

    fn verified(&mut self, path: &Path, size: u64, evidence: Option<&Path>, tokens: &[By<Verified>]) {
        self.report.progress.file(size);
        // The oldest is of the file, and is judged as of the newer ones.
        let Some(oldest) = tokens.last() else { return };
        let mut broken = self.predicates.bounds(&oldest.shown.attested, oldest.shown.after.as_ref());
        let claim = oldest.shown.claim.as_ref();
        let key = claim.and_then(|claim| claim.key.as_ref()).map(|key| key.thumbprint());
        broken.extend(self.predicates.holder(claim.map_or(&Named::Absent, |claim| &claim.holder), key));
        let by = evidence.map(|evidence| format!(" ({})", paths::shown(evidence))).unwrap_or_default();
        let mut lines = vec![format!("{}: verified{by}", paths::shown(path))];
        lines.extend(self.token_lines(tokens));
        let object = self.verified_object(path, size, evidence, tokens, &broken);
        self.settle(&broken, &object, lines);
        self.in_future(&oldest.shown.attested);
        self.bounds.add(oldest.judge, &oldest.shown.attested, oldest.shown.after.as_ref());
    }

    /// All that each token of a chain shows.
    fn token_lines(&self, tokens: &[By<Verified>]) -> Vec<String> {
        let mut lines = Vec::new();
        for (place, token) in tokens.iter().enumerate() {
            if tokens.len() > 1 {
                lines.push(format!("  token {} of {}, from the newest:", place + 1, tokens.len()));
            }
            lines.extend(describe::verified(&token.shown).into_iter().map(|line| format!("  {line}")));
            lines.extend(self.pinned_holder(&token.shown));
            lines.extend(self.judged_by(token.judge));
        }
        lines
    }

    fn verified_object(
        &self,
        path: &Path,
        size: u64,
        evidence: Option<&Path>,
        tokens: &[By<Verified>],
        broken: &[Broken],
    ) -> Object {
        let (result, reason) = told(broken);
        Object::File {
            path: JsonPath::of(path),
            result,
            size: Some(size),
            evidence: evidence.map(JsonPath::of),
            reason,
            unchecked_digests: Vec::new(),
            tokens: tokens.iter().map(|token| JsonVerified::of(token, self.judges)).collect(),
        }
    }

    /// Verified, and so far good; or a predicate doesn't hold.
    fn settle(&mut self, broken: &[Broken], object: &Object, lines: Vec<String>) {
        let Some((first, rest)) = lines.split_first() else { return };
        if broken.is_empty() {
            self.counts.verified += 1;
            if self.one_file {
                self.report.result(Verdict::Good, object, lines.join("\n"));
            } else {
                self.report.object(object);
            }
            return;
        }
        self.counts.invalid += 1;
        let mut text = vec![format!("{first}, but:")];
        text.extend(broken.iter().map(|broken| format!("  {broken}")));
        text.extend(rest.iter().filter(|_| self.one_file).cloned());
        self.report.result(Verdict::Invalid, object, text.join("\n"));
    }

    fn receipt(&mut self, root: &Hash, matching: u64, outcome: &Result<Judged, VerifyError>) {
        match outcome {
            Ok(judged) => {
                let broken = self.predicates.bounds(&judged.attested, judged.after.as_ref());
                let (result, reason) = told(&broken);
                let object = Object::Receipt {
                    root: root.to_string(),
                    result,
                    reason,
                    attested: Some(JsonAttested::of(&judged.attested)),
                    not_before: judged.after.as_ref().map(not_before),
                    judged_by: self.judges.described(judged.judge).map(str::to_owned),
                };
                if matching == 0 {
                    self.report.object(&object);
                } else if broken.is_empty() {
                    self.counts.verified += matching;
                    self.report.object(&object);
                    self.bound(judged.judge, judged);
                } else {
                    self.counts.invalid += matching;
                    let broken: Vec<_> = broken.iter().map(ToString::to_string).collect();
                    let text = format!("{} of submission {root}: {}", files(matching), broken.join("; "));
                    self.report.result(Verdict::Invalid, &object, text);
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
                    judged_by: None,
                };
                let text = format!(
                    "the receipt for submission {root} is refused, so its files show nothing: {error}{}",
                    lead(error)
                );
                self.report.result(Verdict::Invalid, &object, text);
            }
        }
    }

    fn bound(&mut self, judge: usize, judged: &Judged) {
        self.in_future(&judged.attested);
        self.bounds.add(judge, &judged.attested, judged.after.as_ref());
    }

    fn in_future(&mut self, attested: &verify::Attested) {
        // Of one file, all is said already.
        if self.one_file {
            return;
        }
        for (name, time) in &attested.in_future {
            self.report.remark(format_args!(
                "the witness {name} cosigned at {}, which is in the future by this machine's clock: is the clock right?",
                describe::seconds(*time)
            ));
        }
    }

    fn judged_by(&self, judge: usize) -> Option<String> {
        self.judges.described(judge).map(|policy| format!("  judged by {policy}"))
    }

    /// Whether the claim's key is one that the user knows.
    fn pinned_holder(&self, verified: &Verified) -> Option<String> {
        let key = verified.claim.as_ref()?.key.as_ref()?.thumbprint();
        let name = self.judges.pins.holder_of(&key)?;
        Some(format!("  the claim is signed by a key that you pinned for {}", escape::text(name)))
    }

    fn fault(&mut self, path: JsonPath, evidence: Option<&Path>, fault: &Fault, text: String) {
        let verdict = if fault.is_invalid() { Verdict::Invalid } else { Verdict::Unchecked };
        self.count(verdict);
        let object = Object::File {
            path,
            result: fault.name(),
            size: None,
            evidence: evidence.map(JsonPath::of),
            reason: Some(fault.to_string()),
            unchecked_digests: Vec::new(),
            tokens: Vec::new(),
        };
        self.report.result(verdict, &object, text);
    }

    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Good => {}
            Verdict::Invalid => self.counts.invalid += 1,
            // Only stamping waits.
            Verdict::Unchecked | Verdict::Waiting => self.counts.unchecked += 1,
        }
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
            unchecked_digests: Vec::new(),
            tokens: Vec::new(),
        };
        let verdict = if self.strict { Verdict::Invalid } else { Verdict::Good };
        self.report.result(verdict, &object, text);
    }
}

/// The result's name, and why it isn't `verified`.
fn told(broken: &[Broken]) -> (&'static str, Option<String>) {
    let reasons: Vec<_> = broken.iter().map(ToString::to_string).collect();
    match broken.first() {
        None => ("verified", None),
        Some(first) => (first.name(), Some(reasons.join("; "))),
    }
}

/// What to do about evidence that may be good under another policy.
fn lead(error: &VerifyError) -> &'static str {
    match error.name() {
        // The policy is right, and a key in it isn't any more.
        _ if error.fault() == verify::Refusal::Distrusted => "",
        "unknown_log" | "checkpoint_unsigned" | "quorum_not_met" => "; is this the policy for it?",
        _ => "",
    }
}

fn below(dir: &Path, source: &Path) -> PathBuf {
    source.strip_prefix(dir).unwrap_or(source).to_path_buf()
}
