//! Evidence without its file beside it: 32 bytes in hex, tokens and bundles by themselves, a log's answers.

use super::teller::Teller;
use crate::{
    answers::{self, Answer},
    judges::Judges,
    locate, paths,
    report::Verdict,
    verify::{self, Alone, LoneError, VerifyFailure},
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};
use treering_tlog::hash::Hash;
use treering_token::token::Token;

/// `verify HEX EVIDENCE`.
pub(super) fn commitment(hash: &Hash, evidence: Option<&Path>, judges: &Judges, teller: &mut Teller<'_>) {
    match evidence {
        Some(evidence) => teller.commitment(hash, evidence, &verify::commitment(hash, evidence, judges)),
        None => teller.problem(
            Verdict::Unchecked,
            format_args!("{hash}: give the token, receipt or bundle that it is to be held against: treering verify {hash} FILE"),
        ),
    }
}

/// A token whose file isn't beside it, or a receipt.
pub(super) fn token(path: &Path, judges: &Judges, teller: &mut Teller<'_>) {
    let token = match verify::read_token(path) {
        Ok(token) => token,
        Err(error) => return teller.lone_failed(path, &error),
    };
    let named = locate::file_of(path).and_then(|file| Hash::from_hex(file.file_name()?.to_str()?));
    match (verify::lone(&token), named) {
        (Some(digests), _) => {
            let judged = judges.judge(|verifier| verifier.token(&token, &digests));
            teller.lone_token(path, judged.map_err(LoneError::from));
        }
        // Receipts are kept under the root that they are for.
        (None, Some(root)) => teller.commitment(&root, path, &verify::held_against(&root, &token, judges)),
        (None, None) => {
            let what = if token.is_receipt() {
                "a receipt: it is for a submission root, which it doesn't say itself"
            } else {
                "a plain token: it is for a file's SHA-256, which it doesn't say itself, and the file is not beside it"
            };
            let shown = paths::shown(path);
            let reason =
                format!("not checked: {what}; give the file, or 64 hex digits: treering verify HEX {shown}");
            teller.lone(Verdict::Unchecked, path, "subject_missing", reason);
        }
    }
}

/// A bundle whose tree isn't beside it: its receipts, and nothing of the files.
pub(super) fn bundle(path: &Path, judges: &Judges, teller: &mut Teller<'_>) -> Result<(), VerifyFailure> {
    match Alone::read(path, judges)? {
        Ok(alone) => teller.lone(Verdict::Unchecked, path, "files_missing", without_files(path, &alone)),
        Err(error) => teller.lone_failed(path, &error.into()),
    }
    Ok(())
}

/// What was checked, and what to do about the rest.
fn without_files(path: &Path, alone: &Alone) -> String {
    let shown = paths::shown(path);
    let receipts = match alone.receipts {
        1 => "its receipt verifies".to_owned(),
        count => format!("its {count} receipts verify"),
    };
    let mut tops = alone.tops();
    tops.extend(alone.has_more.then(|| "others".to_owned()));
    let next = match (tops.pop(), alone.beside(path)) {
        (None, _) => format!("give their directory: treering verify DIR {shown}"),
        (Some(last), dir) => {
            let tops = if tops.is_empty() { last } else { format!("{} and {last}", tops.join(", ")) };
            match dir {
                Some(dir) => {
                    let dir = paths::shown(&dir);
                    format!("its paths begin with {tops}, as in {dir}: treering verify {dir} {shown}")
                }
                None => {
                    format!(
                        "its paths begin with {tops}: give the directory that has them: treering verify DIR {shown}"
                    )
                }
            }
        }
    };
    format!(
        "not checked against its files, since no directory beside it has its name (whole; {receipts}); {next}"
    )
}

/// The tokens that a log has answered with.
pub(super) fn answers(path: &Path, sums: Option<&Path>, judges: &Judges, teller: &mut Teller<'_>) {
    let names = sums.map(answers::names).transpose();
    let (answers, mut names) = match (answers::read(path), names) {
        (Ok(answers), Ok(names)) => (answers, names.unwrap_or_default()),
        (Err(error), _) | (_, Err(error)) => return teller.problem(Verdict::Unchecked, error),
    };
    for answer in &answers.tokens {
        one(path, answer, &mut names, judges, teller);
    }
    // What the sums name and the log was not asked for, or did not answer.
    let mut left: Vec<PathBuf> = names.into_values().flatten().collect();
    left.sort();
    for file in left {
        let looked_at = vec![path.to_path_buf()];
        teller.file(&file, verify::FileEvidence::Uncovered { looked_at });
    }
}

fn one(
    path: &Path,
    answer: &Answer,
    names: &mut HashMap<Hash, Vec<PathBuf>>,
    judges: &Judges,
    teller: &mut Teller<'_>,
) {
    let Some(hash) = Hash::from_hex(&answer.hash) else {
        let reason = format!("{:?} is no hash: 64 lower-case hex digits", answer.hash);
        return teller.lone(Verdict::Invalid, path, "hash_malformed", reason);
    };
    let files = names.remove(&hash).unwrap_or_default();
    let Some(text) = &answer.token else {
        let reason = format!("{hash}: no token yet: ask the log again at the URL in it");
        return teller.lone(Verdict::Unchecked, path, "pending", reason);
    };
    let token = match Token::parse(text.as_bytes()) {
        Ok(token) => token,
        Err(error) => {
            let error =
                LoneError::Token { path: format!("the token of {hash} in {}", paths::shown(path)), error };
            return teller.lone_failed(path, &error);
        }
    };
    if files.is_empty() {
        return teller.commitment(&hash, path, &verify::held_against(&hash, &token, judges));
    }
    for file in files {
        teller.file(&file, verify::by_this(&file, path, text.as_bytes(), &token, judges));
    }
}
