//! `treering token`.

mod sent;

use super::JsonPath;
use crate::{
    args::{self, Whose},
    bundle_file::BundleFileError,
    cut::{self, Candidate},
    locate, output, paths,
    report::{Report, Verdict},
};
use serde::Serialize;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::ExitCode,
};
use treering_token::{
    bundle::{BundleError, Disclose},
    token::Token,
};

pub(super) fn run(args: &args::Token) -> ExitCode {
    let mut report = Report::new(&args.output_form, "cut");
    match (&args.receipt, &args.digests, args.bundle()) {
        (Some(receipt), Some(digests), _) => sent::run(args, receipt, digests, &mut report),
        (_, _, Some((bundle, files))) => from_bundle(args, bundle, files, &mut report),
        _ => {
            let text =
                "of which file? Give the bundle and then files of it, or a file with --receipt and --digests";
            report.problem(Verdict::Unchecked, text);
        }
    }
    report.finish()
}

fn from_bundle(args: &args::Token, bundle: &Path, files: &[PathBuf], report: &mut Report) {
    let mut wanted: Vec<_> = files.iter().map(|file| Wanted::of(file, bundle, args)).collect();
    // The best so far for each, with its score: a better record may be picked while another's receipt is still to come.
    let mut cuts: Vec<(usize, Option<Result<Token, BundleError>>)> =
        wanted.iter().map(|_| (0, None)).collect();
    let disclose = Disclose {
        holder: !args.withhold.contains(&Whose::Holder),
        agent: !args.withhold.contains(&Whose::Agent),
    };
    let outcome = cut::cut(
        bundle,
        &HashMap::new(),
        disclose,
        |candidate| pick(&mut wanted, candidate),
        |(place, score), token| {
            if cuts[place].0 < score {
                cuts[place] = (score, Some(token));
            }
            Ok::<_, BundleFileError>(())
        },
    );
    match outcome {
        Ok(()) => {
            for (wanted, (_, cut)) in wanted.iter().zip(cuts) {
                tell(report, args, bundle, wanted, cut);
            }
        }
        Err(error) => {
            report.problem(if error.is_io() { Verdict::Unchecked } else { Verdict::Invalid }, error);
        }
    }
}

/// `--json`: one of these for each token written.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object {
    Output {
        #[serde(flatten)]
        path: JsonPath,
    },
}

/// One file that was asked for.
struct Wanted {
    file: PathBuf,
    given: Vec<u8>,
    place: Place,
    to: PathBuf,
    /// Of the best record so far; 0 for none.
    score: usize,
}

/// Where the file lies, as far as that tells which record is its own.
enum Place {
    /// The bundle lies beside a directory above the file: only this path is the file's.
    At(Vec<u8>),
    /// The file's whole path: the longest end of it that the bundle has a record of.
    EndOf(Vec<u8>),
    /// There is no such file.
    Nowhere,
}

impl Wanted {
    fn of(file: &Path, bundle: &Path, args: &args::Token) -> Wanted {
        let name = file.file_name().map(PathBuf::from).unwrap_or_default();
        let to = match &args.output {
            Some(dir) => locate::token_of(&dir.join(name)),
            None if file.exists() => locate::token_of(file),
            None => locate::token_of(&name),
        };
        let place = place(file, bundle);
        Wanted { file: file.to_path_buf(), given: locate::bytes_of(file), place, to, score: 0 }
    }

    /// How well a record fits; 0 if it doesn't.
    fn fit(&self, recorded: &[u8]) -> usize {
        let by_place = match &self.place {
            Place::At(path) if path == recorded => usize::MAX,
            Place::EndOf(whole) if is_end(whole, recorded) => recorded.len(),
            _ => 0,
        };
        let by_name = if self.given == recorded { usize::MAX - 1 } else { 0 };
        by_place.max(by_name)
    }
}

fn place(file: &Path, bundle: &Path) -> Place {
    let (true, Ok(whole)) = (file.exists(), paths::settled(file)) else { return Place::Nowhere };
    let bundle = paths::settled(bundle).ok();
    let beside =
        whole.ancestors().find(|dir| bundle.as_deref() == Some(&paths::with_suffix(dir, locate::BUNDLE)));
    match beside.and_then(|dir| whole.strip_prefix(dir).ok()) {
        Some(rest) => Place::At(locate::bytes_of(rest)),
        None => Place::EndOf(locate::bytes_of(&whole)),
    }
}

/// By whole parts.
fn is_end(whole: &[u8], end: &[u8]) -> bool {
    whole.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with(b"/"))
}

fn pick(wanted: &mut [Wanted], candidate: Candidate<'_>) -> Option<(usize, usize)> {
    let recorded = candidate.path.as_bytes();
    let place = wanted.iter().position(|wanted| wanted.fit(recorded) > wanted.score)?;
    let score = wanted[place].fit(recorded);
    wanted[place].score = score;
    Some((place, score))
}

fn tell(
    report: &mut Report,
    args: &args::Token,
    bundle: &Path,
    wanted: &Wanted,
    cut: Option<Result<Token, BundleError>>,
) {
    let bundle = paths::shown(bundle);
    let token = match cut {
        Some(Ok(token)) => token,
        Some(Err(error)) => {
            return report
                .problem(Verdict::Unchecked, format_args!("{}: {error}", paths::shown(&wanted.file)));
        }
        None => {
            let file = paths::shown(&wanted.file);
            let text = format_args!(
                "{file}: the bundle {bundle} has no record of it; give its path as the bundle has it"
            );
            return report.problem(Verdict::Unchecked, text);
        }
    };
    match output::write(&wanted.to, token.to_string().as_bytes(), args.force) {
        Ok(()) => {
            let object = Object::Output { path: JsonPath::of(&wanted.to) };
            report.result(Verdict::Good, &object, paths::shown(&wanted.to));
        }
        Err(error) => report.problem(Verdict::Unchecked, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(bundle: &Path, file: &Path, output: Option<&Path>) -> Wanted {
        let output_form = args::Output { json: false, quiet: false };
        let args = args::Token {
            paths: Vec::new(),
            receipt: None,
            digests: None,
            trust: args::Trust { policy: None },
            output: output.map(Path::to_path_buf),
            withhold: Vec::new(),
            force: false,
            output_form,
        };
        Wanted::of(file, bundle, &args)
    }

    #[test]
    fn the_record_that_fits_best_is_the_files_own() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let file = dir.path().join("a/b/f");
        std::fs::write(&file, "").unwrap();
        let beside = wanted(&dir.path().join("a.treering"), &file, None);
        assert!(beside.fit(b"b/f") > 0 && beside.fit(b"f") == 0 && beside.fit(b"a/b/f") == 0);
        assert_eq!(beside.to, dir.path().join("a/b/f.tlog-proof"));
        let elsewhere = wanted(Path::new("other.treering"), &file, Some(dir.path()));
        assert!(
            elsewhere.fit(b"b/f") > elsewhere.fit(b"f")
                && elsewhere.fit(b"f") > 0
                && elsewhere.fit(b"c/f") == 0
        );
        assert_eq!(elsewhere.to, dir.path().join("f.tlog-proof"));
        let by_name = wanted(Path::new("x.treering"), Path::new("no/where"), None);
        assert!(by_name.fit(b"no/where") > 0 && by_name.fit(b"where") == 0);
        assert_eq!(by_name.to, Path::new("where.tlog-proof"));
    }
}
