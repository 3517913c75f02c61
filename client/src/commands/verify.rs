//! `treering verify`.

mod input;
mod lone;
mod object;
mod sum;
mod teller;
mod timestamp;

use crate::{
    args,
    judges::Judges,
    locate,
    locate::{Bundle, Sort},
    paths,
    report::{Report, Verdict},
    verify::{self, Fault, FileEvidence, Predicates, Tree, VerifyFailure},
};
use indicatif::HumanCount;
use input::Input;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};
use teller::Teller;

pub(super) fn run(args: &args::Verify) -> ExitCode {
    let mut report = Report::new(&args.output_form, "checked");
    let inputs = input::inputs(&args.what, args.evidence.as_deref());
    let is_timestamp = |input: &Input| matches!(input, Input::Path { path, evidence: Some(evidence) } if timestamp::is_evidence(path, evidence));
    if let Some(option) = args.timestamp_option().filter(|_| !inputs.iter().any(is_timestamp)) {
        report.problem(Verdict::Unchecked, timestamp::MisplacedOption::ForTimestamps(option));
        return report.finish();
    }
    let judges = match judges(args, inputs.iter().all(is_timestamp)) {
        Ok(judges) => judges,
        Err(error) => {
            report.problem(Verdict::Unchecked, error);
            return report.finish();
        }
    };
    let predicates = Predicates::new(args.before, args.after, args.holder.as_ref(), &judges.pins);
    let mut teller = Teller::new(&mut report, &judges, &predicates, args.strict);
    teller.started(&args.what);
    if let [Input::Commitment { .. } | Input::Token(_)] = inputs.as_slice() {
        teller.one();
    }
    for input in &inputs {
        let outcome = match input {
            Input::Path { path, evidence: Some(evidence) } if timestamp::is_evidence(path, evidence) => {
                if inputs.len() == 1 {
                    teller.one();
                }
                timestamp::one(args, path, evidence, &mut teller);
                Ok(())
            }
            Input::Path { path, evidence } => {
                let case = Case {
                    judges: &judges,
                    predicates: &predicates,
                    is_only: inputs.len() == 1,
                    follow: args.follow,
                };
                case.path(path, evidence.as_deref(), &mut teller)
            }
            Input::Commitment { hash, evidence } => {
                lone::commitment(hash, evidence.as_deref(), &judges, &mut teller);
                Ok(())
            }
            Input::Token(path) => {
                lone::token(path, &judges, &mut teller);
                Ok(())
            }
            Input::Bundle(path) => lone::bundle(path, &judges, &mut teller),
            Input::Json(path) => {
                lone::answers(path, args.sums.as_deref(), &judges, &mut teller);
                Ok(())
            }
        };
        if let Err(error) = outcome {
            teller.failure(&error);
        }
    }
    teller.finish();
    report.finish()
}

/// Whom to judge by. A timestamp may be judged by its authority's word alone.
fn judges(args: &args::Verify, only_timestamps: bool) -> Result<Judges, crate::policy_file::PolicyFileError> {
    let log = std::env::var("TREERING_LOG").ok();
    match Judges::new(args.trust.policy.as_ref(), log.as_deref()) {
        Err(crate::policy_file::PolicyFileError::None { .. }) if only_timestamps => Ok(Judges::nobody()),
        other => other,
    }
}

/// What a path is held against.
struct Case<'a> {
    judges: &'a Judges,
    predicates: &'a Predicates,
    /// Nothing else was asked about.
    is_only: bool,
    follow: bool,
}

impl Case<'_> {
    fn path(
        &self,
        path: &Path,
        evidence: Option<&Path>,
        teller: &mut Teller<'_>,
    ) -> Result<(), VerifyFailure> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.directory(path, evidence, teller),
            Ok(metadata) if metadata.is_file() => {
                let found = verify::file_or_bundle(path, evidence, self.judges)?;
                if let (None, FileEvidence::By { evidence, .. }) = (evidence, &found) {
                    self.others(path, evidence, teller);
                }
                self.one(path, found, teller);
                Ok(())
            }
            Ok(_) => Err(VerifyFailure::Special { path: paths::shown(path) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match speaks_of(path, evidence)? {
                Some(evidence) => {
                    self.one(path, FileEvidence::By { evidence, outcome: Err(Fault::Missing) }, teller);
                    Ok(())
                }
                None => Err(VerifyFailure::Look { path: paths::shown(path), error }),
            },
            Err(error) => Err(VerifyFailure::Look { path: paths::shown(path), error }),
        }
    }

    fn one(&self, path: &Path, found: FileEvidence, teller: &mut Teller<'_>) {
        if self.is_only {
            teller.one();
        }
        teller.file(path, found);
    }

    /// Whoever asks about one thing is told what else there is: evidence by several logs is of use where one has failed.
    fn others(&self, path: &Path, taken: &Path, teller: &mut Teller<'_>) {
        if self.is_only {
            locate::by_log::beside(taken).iter().for_each(|other| teller.other(path, other));
        }
    }

    fn directory(
        &self,
        dir: &Path,
        evidence: Option<&Path>,
        teller: &mut Teller<'_>,
    ) -> Result<(), VerifyFailure> {
        match bundle_for(dir, evidence)? {
            Some(bundle) => {
                if evidence.is_none() {
                    self.others(dir, &bundle.bundle, teller);
                }
                let tree: Tree =
                    verify::tree(&bundle, self.judges, self.predicates, self.follow, |finding| {
                        teller.finding(&bundle, &finding);
                    })?;
                teller.tree(&bundle, &tree);
            }
            None => verify::tokens(dir, self.judges, |found| teller.by_token(dir, &found)),
        }
        Ok(())
    }
}

/// The evidence that speaks of a file which isn't there: so it is missing.
fn speaks_of(path: &Path, evidence: Option<&Path>) -> Result<Option<PathBuf>, VerifyFailure> {
    match evidence {
        Some(given) => {
            let is_token = matches!(locate::sort(given), Ok(Sort::Token));
            Ok(is_token.then(|| given.to_path_buf()))
        }
        None => {
            let token = locate::token_of(path);
            if token.exists() { Ok(Some(token)) } else { verify::recorded(path) }
        }
    }
}

/// The bundle that is given, or the nearest that is found.
fn bundle_for(dir: &Path, evidence: Option<&Path>) -> Result<Option<Bundle>, VerifyFailure> {
    let look = |path: &Path, error| VerifyFailure::Look { path: paths::shown(path), error };
    let Some(given) = evidence else {
        let found = locate::bundles_for(dir).map_err(|error| look(dir, error))?;
        return Ok(found.into_iter().next());
    };
    match locate::sort(given).map_err(|error| look(given, error))? {
        Sort::Bundle => {
            Ok(Some(Bundle { bundle: given.to_path_buf(), base: PathBuf::from(dir), below: Vec::new() }))
        }
        Sort::Token => {
            Err(VerifyFailure::TokenForDirectory { evidence: paths::shown(given), dir: paths::shown(dir) })
        }
        Sort::Timestamp => Err(VerifyFailure::TimestampForDirectory {
            evidence: paths::shown(given),
            dir: paths::shown(dir),
        }),
        Sort::Other => Err(VerifyFailure::NotEvidence { path: paths::shown(given) }),
    }
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{} files", HumanCount(count)) }
}
