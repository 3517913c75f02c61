//! What each thing on the command line is.

use crate::{
    locate::{self, Sort},
    paths, verify,
};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};
use treering_tlog::hash::Hash;

/// One thing to be verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A file or directory (or what was one), with its evidence if the user gave it.
    Path { path: PathBuf, evidence: Option<PathBuf> },
    /// 64 hex digits.
    Commitment { hash: Hash, evidence: Option<PathBuf> },
    /// A token whose file isn't where its name says.
    Token(PathBuf),
    /// A bundle whose tree isn't where its name says.
    Bundle(PathBuf),
    /// What a log answers to `tokens=true`.
    Json(PathBuf),
}

/// Of all that was typed. Evidence is said once, with its file or directory, where that one would be held against it anyway.
pub(super) fn inputs(what: &[PathBuf], evidence: Option<&Path>) -> Vec<Input> {
    if let ([path, given], None) = (what, evidence)
        && is_evidence(given)
        && (!is_evidence(path) || is_for(given, path))
    {
        return vec![with_evidence(path, given)];
    }
    // A shell's * may give tens of thousands.
    let given: HashSet<&Path> = what.iter().map(PathBuf::as_path).collect();
    let is_given = |path: &Path| given.contains(path);
    let own = |path: &Path| match evidence {
        Some(evidence) => Some(with_evidence(path, evidence)),
        None => match alone(path) {
            Input::Path { path: of, evidence: Some(found) }
                if found == path && is_given(&of) && is_taken(&found, &of) =>
            {
                None
            }
            input => Some(input),
        },
    };
    what.iter().filter_map(|path| own(path)).collect()
}

/// By its first bytes; a damaged token or timestamp has at least the name of one.
fn is_evidence(path: &Path) -> bool {
    match locate::sort(path) {
        Ok(Sort::Token | Sort::Bundle | Sort::Timestamp) => true,
        Ok(Sort::Other) | Err(_) => {
            let name = paths::name_bytes(path.as_os_str());
            [".tlog-proof", locate::BUNDLE, locate::TIMESTAMP]
                .iter()
                .any(|ending| name.ends_with(ending.as_bytes()))
        }
    }
}

/// Evidence may itself have been stamped: then this is for it.
fn is_for(given: &Path, path: &Path) -> bool {
    matches!(locate::sort(given), Ok(Sort::Timestamp))
        || given == locate::timestamp_of(path)
        || given == locate::token_of(path)
}

fn with_evidence(path: &Path, evidence: &Path) -> Input {
    let evidence = Some(evidence.to_path_buf());
    match hash(path) {
        Some(hash) => Input::Commitment { hash, evidence },
        None => Input::Path { path: path.to_path_buf(), evidence },
    }
}

/// Is it looked at where only this file or directory is given? What else there is, another log's word or a timestamp, is looked at
/// only by its own name.
fn is_taken(evidence: &Path, of: &Path) -> bool {
    match alone(of) {
        Input::Path { evidence: None, .. } => is_first_for(evidence, of),
        // A bundle, which is judged as of the token that renews it.
        Input::Path { evidence: Some(_), .. } => {
            verify::renewal_of(of).is_some_and(|renewal| renewal == evidence)
        }
        _ => false,
    }
}

/// The evidence that `verify` finds for a file or directory by itself.
fn is_first_for(evidence: &Path, of: &Path) -> bool {
    let by_bundle = || locate::bundles_for(of).unwrap_or_default().into_iter().next();
    if of.is_dir() {
        return by_bundle()
            .is_some_and(|first| paths::settled(evidence).is_ok_and(|path| path == first.bundle));
    }
    let token = locate::token_of(of);
    if token.exists() || by_bundle().is_some() {
        return evidence == token;
    }
    locate::by_log::beside(&token).first().is_some_and(|first| first == evidence)
}

fn alone(path: &Path) -> Input {
    if let Some(hash) = hash(path) {
        return Input::Commitment { hash, evidence: None };
    }
    let plain = || Input::Path { path: path.to_path_buf(), evidence: None };
    let pair = |of: PathBuf| Input::Path { path: of, evidence: Some(path.to_path_buf()) };
    if !path.is_file() {
        return plain();
    }
    let sort = locate::sort(path);
    // Whatever it is, it was stamped as a file. (A bundle that was renewed speaks of its tree all the same.)
    if locate::token_of(path).is_file() && !matches!(sort, Ok(Sort::Bundle)) {
        return plain();
    }
    let by_log = || locate::by_log::subject(path).filter(|of| of.exists());
    match sort {
        Ok(Sort::Token) => match locate::file_of(path).filter(|file| file.exists()).or_else(by_log) {
            Some(file) => pair(file),
            None => Input::Token(path.to_path_buf()),
        },
        Ok(Sort::Bundle) => match without(path, locate::BUNDLE).filter(|of| of.exists()).or_else(by_log) {
            Some(of) => pair(of),
            None if locate::token_of(path).is_file() => plain(),
            None => Input::Bundle(path.to_path_buf()),
        },
        Ok(Sort::Timestamp) => match without(path, locate::TIMESTAMP).filter(|of| of.exists()) {
            Some(of) => pair(of),
            None => plain(),
        },
        Ok(Sort::Other) if crate::answers::looks_like_answer(path) => Input::Json(path.to_path_buf()),
        Ok(Sort::Other) | Err(_) => plain(),
    }
}

/// 64 hex digits, unless a file is called so.
fn hash(path: &Path) -> Option<Hash> {
    let hash = path.to_str().and_then(Hash::from_hex)?;
    std::fs::symlink_metadata(path).is_err().then_some(hash)
}

fn without(path: &Path, ending: &str) -> Option<PathBuf> {
    let name = paths::name_bytes(path.file_name()?).strip_suffix(ending.as_bytes())?;
    (!name.is_empty()).then(|| path.with_file_name(paths::name_from_bytes(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn each_is_known_by_what_it_is_and_what_lies_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let token = "c2sp.org/tlog-proof@v1\n";
        for (name, text) in [
            ("a", "x"),
            ("a.tlog-proof", token),
            ("gone.tlog-proof", token),
            ("d.treering", "\u{82}"),
            ("answer.json", r#"{"tokens":[{"hash":"00","url":"/","token":null}]}"#),
            ("other.json", r#"{"a":[]}"#),
        ] {
            fs::write(at(name), text).unwrap();
        }
        fs::write(at("d.treering"), b"\x82\x71treering.bundle/1").unwrap();
        fs::copy(at("d.treering"), at("e.treering")).unwrap();
        fs::create_dir(at("d")).unwrap();
        let pair = |path: &str, evidence: &str| Input::Path { path: at(path), evidence: Some(at(evidence)) };
        let plain = |path: &str| Input::Path { path: at(path), evidence: None };
        let of = |names: &[&str]| inputs(&names.iter().map(|name| at(name)).collect::<Vec<_>>(), None);
        assert_eq!(of(&["a", "a.tlog-proof"]), [pair("a", "a.tlog-proof")]);
        assert_eq!(of(&["other.json", "gone.tlog-proof"]), [pair("other.json", "gone.tlog-proof")]);
        assert_eq!(of(&["a.tlog-proof"]), [pair("a", "a.tlog-proof")]);
        assert_eq!(of(&["d.treering"]), [pair("d", "d.treering")]);
        assert_eq!(of(&["gone.tlog-proof"]), [Input::Token(at("gone.tlog-proof"))]);
        assert_eq!(of(&["e.treering"]), [Input::Bundle(at("e.treering"))]);
        assert_eq!(of(&["answer.json", "other.json"]), [Input::Json(at("answer.json")), plain("other.json")]);
        // As a shell's * gives them.
        let all = of(&["a", "a.tlog-proof", "d", "d.treering", "gone.tlog-proof"]);
        assert_eq!(all, [plain("a"), plain("d"), Input::Token(at("gone.tlog-proof"))]);
        fs::copy(at("gone.tlog-proof"), at("d.treering.tlog-proof")).unwrap();
        assert_eq!(
            of(&["d.treering", "d.treering.tlog-proof"]),
            [pair("d.treering", "d.treering.tlog-proof")]
        );
        // What would not be looked at with its file or directory is looked at by itself.
        fs::write(at("a.tsr"), [&[0x30, 0x82, 5, 0, 0x30][..], &[0; 64]].concat()).unwrap();
        fs::copy(at("d.treering"), at("a.treering")).unwrap();
        fs::copy(at("a.tlog-proof"), at("d.tlog-proof")).unwrap();
        let of_a = of(&["a", "a.tlog-proof", "a.tsr", "a.treering"]);
        assert_eq!(of_a, [plain("a"), pair("a", "a.tsr"), pair("a", "a.treering")]);
        assert_eq!(of(&["d", "d.treering", "d.tlog-proof"]), [plain("d"), pair("d", "d.tlog-proof")]);
        // It doesn't renew the bundle, so that the tree is not judged by it.
        let stray = "d.treering.tlog-proof";
        assert_eq!(of(&["d", "d.treering", stray]), [plain("d"), pair("d.treering", stray)]);
        let hash = Hash::new([7; 32]);
        let both = [PathBuf::from(hash.to_string()), at("gone.tlog-proof")];
        let with = Input::Commitment { hash, evidence: Some(at("gone.tlog-proof")) };
        assert_eq!(inputs(&both, None), [with]);
        assert_eq!(inputs(&both[..1], None), [Input::Commitment { hash, evidence: None }]);
    }
}
