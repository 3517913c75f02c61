//! `treering verify`.

mod object;
mod teller;
mod timestamp;

use crate::{
    args, locate,
    locate::{Bundle, Sort},
    paths, policy_file,
    report::{Report, Verdict},
    verify::{self, Fault, FileEvidence, Tree, VerifyFailure},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};
use teller::Teller;
use treering_tlog::policy::Policy;

pub(super) fn run(args: &args::Verify) -> ExitCode {
    let mut report = Report::new(&args.output_form, "checked");
    if let Some(evidence) = timestamp::evidence(args) {
        return timestamp::run(args, evidence, report);
    }
    if let Some(option) = args.timestamp_option() {
        report.problem(Verdict::Unchecked, timestamp::MisplacedOption(option));
        return report.finish();
    }
    let policy =
        match policy_file::read(args.trust.policy.as_ref(), std::env::var("TREERING_LOG").ok().as_deref()) {
            Ok(policy) => policy,
            Err(error) => {
                report.problem(Verdict::Unchecked, error);
                return report.finish();
            }
        };
    let mut teller = Teller::new(&mut report, args.strict);
    teller.started(&args.path);
    if let Err(error) = run_one(args, &policy, &mut teller) {
        teller.failure(&error);
    }
    teller.finish();
    report.finish()
}

fn run_one(args: &args::Verify, policy: &Policy, teller: &mut Teller<'_>) -> Result<(), VerifyFailure> {
    let path = &args.path;
    let evidence = args.evidence.as_deref();
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => directory(path, evidence, args.follow, policy, teller),
        Ok(metadata) if metadata.is_file() => {
            let found = verify::file_or_bundle(path, evidence, policy)?;
            teller.one_file(path, found);
            Ok(())
        }
        Ok(_) => Err(VerifyFailure::Special { path: paths::shown(path) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && has_token(path, evidence) => {
            let token = evidence.map_or_else(|| locate::token_of(path), Path::to_path_buf);
            teller.one_file(path, FileEvidence::By { evidence: token, outcome: Err(Fault::Missing) });
            Ok(())
        }
        Err(error) => Err(VerifyFailure::Look { path: paths::shown(path), error }),
    }
}

fn has_token(path: &Path, evidence: Option<&Path>) -> bool {
    evidence.is_some_and(|evidence| matches!(locate::sort(evidence), Ok(Sort::Token)))
        || locate::token_of(path).exists()
}

fn directory(
    dir: &Path,
    evidence: Option<&Path>,
    follow: bool,
    policy: &Policy,
    teller: &mut Teller<'_>,
) -> Result<(), VerifyFailure> {
    match bundle_for(dir, evidence)? {
        Some(bundle) => {
            let tree: Tree =
                verify::tree(&bundle, policy, follow, |finding| teller.finding(&bundle, policy, &finding))?;
            teller.tree(&bundle, &tree);
        }
        None => verify::tokens(dir, policy, |found| teller.by_token(dir, &found)),
    }
    Ok(())
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
