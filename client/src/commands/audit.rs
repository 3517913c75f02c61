//! `treering audit`.

use super::{
    JsonPath,
    access::{Asked, credentials},
};
use crate::{
    args,
    audit::{Audit, AuditError},
    bundle_file::{BundleFileError, Reader},
    http::{self, Client, ClientError, CredentialsError},
    judges::Judges,
    locate::{self, Sort},
    output::{self, OutputError},
    paths,
    policy_file::PolicyFileError,
    report::{Report, Verdict},
    verify::{self, LoneError},
};
use serde::Serialize;
use std::{path::Path, process::ExitCode};
use tokio::runtime::Runtime;
use treering_token::{
    bundle::{Item, Step},
    commitment::Commitment,
    describe, escape,
    token::Token,
    verify::VerifyError,
};

pub(super) fn run(args: &args::Audit) -> ExitCode {
    let mut report = Report::new(&args.output_form, "asked about");
    match prepare(args) {
        Ok((runtime, client, judges)) => match runtime.block_on(Audit::new(&client, &judges)) {
            Ok(audit) => {
                begin(&mut report, &audit);
                Asking { args, report: &mut report, runtime: &runtime, judges: &judges, audit, good: 0 }
                    .all();
            }
            Err(error) => report.problem(verdict(&error), error),
        },
        Err(error) => report.problem(Verdict::Unchecked, error),
    }
    report.finish()
}

/// Why nobody is asked.
#[derive(Debug, thiserror::Error)]
enum PrepareError {
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("the network's thread can't be started: {0}")]
    Runtime(std::io::Error),
}

fn prepare(args: &args::Audit) -> Result<(Runtime, Client, Judges), PrepareError> {
    let judges = Judges::new(args.trust.policy.as_ref(), Some(&args.from))?;
    let client = Client::with(&args.from, &credentials(&args.access, Asked::Log, &args.from)?)?;
    let runtime = http::runtime().map_err(PrepareError::Runtime)?;
    Ok((runtime, client, judges))
}

/// `--json`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object {
    /// First: what everything is held against.
    Newest { log: String, tree_size: u64, root: String, quorum_met: bool },
    /// One a token, or a receipt of a bundle. `result`: `there`, or what is wrong, with a `reason`.
    Entry {
        #[serde(flatten)]
        path: JsonPath,
        /// The submission root, for a bundle's receipts.
        #[serde(skip_serializing_if = "Option::is_none")]
        root: Option<String>,
        entry: u64,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Where the evidence was written to.
    Evidence {
        #[serde(flatten)]
        path: JsonPath,
    },
    /// Last.
    Finished { there: u64, exit: u8 },
}

fn begin(report: &mut Report, audit: &Audit<'_>) {
    let (opened, policy) = audit.newest();
    let (head, log) = (opened.checkpoint.head(), opened.checkpoint.origin().to_string());
    let upper = policy.upper_bound(&opened.cosigned);
    let quorum_met = upper.is_some() || policy.needs_no_witness();
    let cosigned = match upper {
        Some(upper) => format!("its witnesses cosigned it at {}", describe::seconds(upper.time)),
        None if quorum_met => "the policy asks for no witness".to_owned(),
        None => {
            "it has too few cosignatures for the policy's quorum: the log may show others another".to_owned()
        }
    };
    let text =
        format!("the newest checkpoint of the log {}: size {}; {cosigned}", escape::text(&log), head.size);
    let object = Object::Newest { log, tree_size: head.size.get(), root: head.root.to_string(), quorum_met };
    report.result(Verdict::Good, &object, text);
}

struct Asking<'a> {
    args: &'a args::Audit,
    report: &'a mut Report,
    runtime: &'a Runtime,
    judges: &'a Judges,
    audit: Audit<'a>,
    good: u64,
}

impl Asking<'_> {
    fn all(mut self) {
        for file in &self.args.files {
            if let Err(error) = self.file(file) {
                let verdict = if error.is_invalid() { Verdict::Invalid } else { Verdict::Unchecked };
                self.report.problem(verdict, error);
            }
        }
        let object = Object::Finished { there: self.good, exit: self.report.verdict().code() };
        let what = if self.good == 1 { "entry is" } else { "entries are" };
        let text = format!("{} {what} there, in trees that the newest one begins with", self.good);
        self.report.result(Verdict::Good, &object, text);
    }

    fn file(&mut self, path: &Path) -> Result<(), LoneError> {
        let look = |error| verify::VerifyFailure::Look { path: paths::shown(path), error };
        match locate::sort(path).map_err(look)? {
            Sort::Bundle => self.bundle(path).map_err(verify::VerifyFailure::from)?,
            Sort::Token => {
                let token = verify::read_token(path)?;
                self.one(path, None, &token);
            }
            Sort::Timestamp | Sort::Other => {
                return Err(verify::VerifyFailure::NotEvidence { path: paths::shown(path) }.into());
            }
        }
        Ok(())
    }

    fn bundle(&mut self, path: &Path) -> Result<(), BundleFileError> {
        let mut reader = Reader::open(path)?;
        while let Some((item, step)) = reader.step()? {
            if let (Item::Receipt(receipt), Step::Receipt { root, .. }) = (item, step) {
                self.one(path, Some(root), &receipt);
            }
        }
        Ok(())
    }

    fn one(&mut self, path: &Path, root: Option<Commitment>, token: &Token) {
        // A bundle's receipt that isn't for its submission would ask about somebody else's entry.
        let refused =
            root.and_then(|root| self.judges.judge(|verifier| verifier.receipt(token, &root)).err());
        let outcome = match refused {
            Some(error) => Err(Wrong::Refused(error)),
            None => self.runtime.block_on(self.audit.token(token)).map_err(Wrong::Audit),
        };
        let what = match root {
            Some(root) => format!("{}, submission {}", paths::shown(path), root.0),
            None => paths::shown(path),
        };
        let object = |result, reason| Object::Entry {
            path: JsonPath::of(path),
            root: root.map(|root| root.0.to_string()),
            entry: token.index(),
            result,
            reason,
        };
        match outcome {
            Ok(()) => {
                self.good += 1;
                self.report.object(&object("there", None));
            }
            Err(wrong) => {
                let text = format!("{what}: entry {}: {wrong}", token.index());
                self.report.result(wrong.verdict(), &object(wrong.name(), Some(wrong.to_string())), text);
                self.keep(&wrong);
            }
        }
    }

    /// The first piece of evidence that is found, if the user wants it.
    fn keep(&mut self, wrong: &Wrong) {
        let (Some(to), Wrong::Audit(error)) = (&self.args.evidence, wrong) else { return };
        let Some(evidence) = error.evidence() else { return };
        let now = crate::clock::now().get().saturating_mul(1000);
        match output::write(to, &evidence.encode(now), false) {
            Ok(()) => {
                let text = format!(
                    "  evidence: {}; anybody can judge it: treering-witness evidence {0} --policy POLICY",
                    paths::shown(to)
                );
                self.report.result(Verdict::Good, &Object::Evidence { path: JsonPath::of(to) }, text);
            }
            // One is enough, and the first is kept.
            Err(OutputError::Exists { .. }) => {}
            Err(error) => self.report.problem(Verdict::Unchecked, error),
        }
    }
}

/// What is wrong with one.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Audit(AuditError),
    #[error("the receipt is refused: {0}")]
    Refused(VerifyError),
}

impl Wrong {
    fn verdict(&self) -> Verdict {
        match self {
            Wrong::Audit(error) => verdict(error),
            Wrong::Refused(_) => Verdict::Invalid,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Wrong::Audit(error) => error.name(),
            Wrong::Refused(error) => error.name(),
        }
    }
}

fn verdict(error: &AuditError) -> Verdict {
    if error.is_wrong() { Verdict::Invalid } else { Verdict::Unchecked }
}
