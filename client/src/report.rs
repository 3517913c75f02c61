//! Saying something and remembering it for the exit code are one act.
//!
//! Results go to standard output, everything else to standard error. With `--json` results are one object a line. A closed pipe
//! is no error: the work goes on in silence, so that the exit code still tells the truth.

use crate::{args::Output, progress::Progress};
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, BufWriter, Stdout, Write},
    process::ExitCode,
};

/// How a run ends. Higher is said, except that [`Verdict::Invalid`] wins over all: it is news that must not be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// 0: all verified, all stamped.
    Good,
    /// 2: something could not be checked or stamped.
    Unchecked,
    /// 3: accepted here, not yet stamped.
    Waiting,
    /// 1: something is changed, missing or forged.
    Invalid,
}

impl Verdict {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Verdict::Good => 0,
            Verdict::Invalid => 1,
            Verdict::Unchecked => 2,
            Verdict::Waiting => 3,
        }
    }

    fn and(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::Invalid, _) | (_, Verdict::Invalid) => Verdict::Invalid,
            // There is more to do, and it will say again what could not be read.
            (Verdict::Waiting, _) | (_, Verdict::Waiting) => Verdict::Waiting,
            (Verdict::Unchecked, _) | (_, Verdict::Unchecked) => Verdict::Unchecked,
            (Verdict::Good, Verdict::Good) => Verdict::Good,
        }
    }
}

/// Where results go.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    quiet: bool,
    verdict: Verdict,
    /// `None` once the pipe is closed.
    out: Option<BufWriter<Stdout>>,
    pub(crate) progress: Progress,
}

impl Report {
    /// `verb` is what happens to files, for the progress line.
    pub(crate) fn new(output: &Output, verb: &'static str) -> Report {
        Report {
            json: output.json,
            quiet: output.quiet,
            verdict: Verdict::Good,
            out: Some(BufWriter::new(io::stdout())),
            progress: Progress::new(!output.quiet && !output.json, verb),
        }
    }

    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Does somebody look at how far it is?
    pub(crate) fn is_watched(&self) -> bool {
        self.json || self.progress.is_shown()
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// A result: its text, or its object under `--json`, and what it means for the exit code.
    pub(crate) fn result(&mut self, verdict: Verdict, object: &impl Serialize, text: impl Display) {
        self.verdict = self.verdict.and(verdict);
        if self.json {
            self.line(json(object));
        } else {
            self.line(text);
        }
    }

    /// A result that is said only under `--json`.
    pub(crate) fn object(&mut self, object: &impl Serialize) {
        if self.json {
            self.line(json(object));
        }
    }

    /// What went wrong, on standard error, and what it means for the exit code.
    pub(crate) fn problem(&mut self, verdict: Verdict, text: impl Display) {
        self.verdict = self.verdict.and(verdict);
        self.note(text);
    }

    /// Something to know, on standard error.
    pub(crate) fn note(&mut self, text: impl Display) {
        // What was said before stands before it when both streams go to one place.
        self.flush();
        // A closed standard error is nobody's fault.
        self.progress.suspend(|| {
            let _ = writeln!(io::stderr(), "treering: {text}");
        });
    }

    /// Something to know that `--quiet` hides.
    pub(crate) fn remark(&mut self, text: impl Display) {
        if !self.quiet {
            self.note(text);
        }
    }

    /// The end: everything is out, and the exit code stands.
    pub(crate) fn finish(mut self) -> ExitCode {
        self.flush();
        ExitCode::from(self.verdict.code())
    }

    fn line(&mut self, text: impl Display) {
        if self.quiet {
            return;
        }
        let Some(out) = &mut self.out else { return };
        let outcome = self.progress.suspend(|| writeln!(out, "{text}"));
        self.settle(outcome);
    }

    fn flush(&mut self) {
        let outcome = self.out.as_mut().map_or(Ok(()), Write::flush);
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: io::Result<()>) {
        match outcome {
            Ok(()) => {}
            Err(error) => {
                // Dropping the writer would try again what just failed.
                if let Some(out) = self.out.take() {
                    let _ = out.into_parts();
                }
                if error.kind() != io::ErrorKind::BrokenPipe {
                    self.verdict = self.verdict.and(Verdict::Unchecked);
                    let _ = writeln!(io::stderr(), "treering: standard output can't be written: {error}");
                }
            }
        }
    }
}

/// Outside of ASCII, JSON has only what stands in strings: there `\u202e` says the same and can't act on a terminal.
pub(crate) fn json(object: &impl Serialize) -> String {
    let plain = serde_json::to_string(object).expect("results have only strings, numbers and maps of them");
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        if treering_token::escape::is_treacherous(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Good, Invalid, Unchecked, Waiting};

    #[test]
    fn what_is_invalid_is_never_outshouted() {
        assert_eq!(Good.and(Unchecked), Unchecked);
        assert_eq!(Unchecked.and(Invalid), Invalid);
        assert_eq!(Invalid.and(Unchecked).and(Good), Invalid);
        assert_eq!(
            (Waiting.and(Unchecked), Waiting.and(Invalid), Good.and(Waiting)),
            (Waiting, Invalid, Waiting)
        );
        assert_eq!([Good, Invalid, Unchecked, Waiting].map(super::Verdict::code), [0, 1, 2, 3]);
    }
}
