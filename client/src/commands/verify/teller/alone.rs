//! What evidence shows without its file beside it, and what a timestamp shows.

use super::{Teller, not_before, told};
use crate::{
    commands::{
        JsonAttested, JsonPath,
        verify::object::{JsonVerified, Object},
    },
    judges::By,
    paths,
    report::Verdict,
    verify::{Judged, LoneError, Subject},
};
use std::path::Path;
use treering_tlog::hash::Hash;
use treering_token::{
    describe,
    verify::{Named, Verified},
};

impl Teller<'_> {
    /// There is evidence by another log, which was not asked about.
    pub(in crate::commands::verify) fn other(&mut self, path: &Path, evidence: &Path) {
        let (path, evidence) = (paths::shown(path), paths::shown(evidence));
        self.report.remark(format_args!(
            "{evidence} is by another log, and not looked at: treering verify {path} {evidence}"
        ));
    }

    /// 32 bytes held against a token, a receipt or a bundle.
    pub(in crate::commands::verify) fn commitment(
        &mut self,
        hash: &Hash,
        evidence: &Path,
        outcome: &Result<(Subject, Judged), LoneError>,
    ) {
        let by = paths::shown(evidence);
        let object = |result, subject: Option<Subject>, reason, judged: Option<&Judged>| Object::Commitment {
            commitment: hash.to_string(),
            result,
            subject: subject.map(Subject::name),
            evidence: JsonPath::of(evidence),
            reason,
            attested: judged.map(|judged| JsonAttested::of(&judged.attested)),
            not_before: judged.and_then(|judged| judged.after.as_ref()).map(not_before),
            judged_by: judged.and_then(|judged| self.judges.described(judged.judge)).map(str::to_owned),
        };
        match outcome {
            Ok((subject, judged)) => {
                let mut broken = self.predicates.bounds(&judged.attested, judged.after.as_ref());
                broken.extend(self.predicates.holder(&Named::Absent, None));
                let what = match subject {
                    Subject::Commitment => "these 32 bytes were stamped",
                    Subject::Digest => "a file with this SHA-256 was stamped",
                };
                let mut lines = vec![format!("{hash}: verified ({by}): {what}")];
                lines.push(format!("  {}", describe::attested(&judged.attested)));
                lines.extend(judged.after.as_ref().map(|after| format!("  {}", describe::after(after))));
                lines.extend(self.judged_by(judged.judge));
                lines.push("  not checked: that you have the file, or that it has this digest".to_owned());
                let (result, reason) = told(&broken);
                let object = object(result, Some(*subject), reason, Some(judged));
                self.settle(&broken, &object, lines);
                self.bound(judged.judge, judged);
            }
            Err(error) => {
                let verdict = if error.is_invalid() { Verdict::Invalid } else { Verdict::Unchecked };
                self.count(verdict);
                let object = object(error.name(), None, Some(error.to_string()), None);
                let text = format!("{hash}: NOT verified ({by}): {error}");
                self.report.result(verdict, &object, text);
            }
        }
    }

    /// A token by itself: all but its file.
    pub(in crate::commands::verify) fn lone_token(
        &mut self,
        token: &Path,
        outcome: Result<By<Verified>, LoneError>,
    ) {
        match outcome {
            Ok(by) => {
                self.count(Verdict::Unchecked);
                let shown = paths::shown(token);
                let mut lines = vec![format!(
                    "{shown}: not checked against its file, which is not beside it; a file with the digests in its claim:"
                )];
                lines.extend(describe::verified(&by.shown).into_iter().map(|line| format!("  {line}")));
                lines.extend(self.judged_by(by.judge));
                let object = Object::Token {
                    evidence: JsonPath::of(token),
                    result: "without_file",
                    reason: None,
                    token: Some(JsonVerified::of(&by, self.judges)),
                };
                self.report.result(Verdict::Unchecked, &object, lines.join("\n"));
            }
            Err(error) => self.lone_failed(token, &error),
        }
    }

    /// Evidence by itself that shows nothing, and why.
    pub(in crate::commands::verify) fn lone_failed(&mut self, token: &Path, error: &LoneError) {
        let verdict = if error.is_invalid() { Verdict::Invalid } else { Verdict::Unchecked };
        self.lone(verdict, token, error.name(), error.to_string());
    }

    /// Evidence by itself, about which nothing is shown.
    pub(in crate::commands::verify) fn lone(
        &mut self,
        verdict: Verdict,
        token: &Path,
        name: &'static str,
        reason: String,
    ) {
        self.count(verdict);
        let text = format!("{}: {reason}", paths::shown(token));
        let object =
            Object::Token { evidence: JsonPath::of(token), result: name, reason: Some(reason), token: None };
        self.report.result(verdict, &object, text);
    }

    /// A timestamp of a file.
    pub(in crate::commands::verify) fn timestamp(&mut self, verdict: Verdict, object: &Object, text: String) {
        match verdict {
            Verdict::Good => self.counts.verified += 1,
            other => self.count(other),
        }
        self.report.result(verdict, object, text);
    }
}
