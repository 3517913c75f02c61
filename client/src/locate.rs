//! Which evidence belongs to a path: `<file>.tlog-proof` beside a file, `<dir>.treering` beside a directory or one above it.

pub(crate) mod by_log;

use crate::{bundle_file, paths};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};
use treering_token::token::Token;

/// The ending of bundles.
pub(crate) const BUNDLE: &str = ".treering";

/// The ending of RFC 3161 timestamps.
pub(crate) const TIMESTAMP: &str = ".tsr";

/// A bundle and where its paths begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) bundle: PathBuf,
    /// The directory that the bundle's paths are relative to.
    pub(crate) base: PathBuf,
    /// What is asked about, below `base`: empty for all of it.
    pub(crate) below: Vec<u8>,
}

/// What a file given as evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Token,
    Bundle,
    /// An RFC 3161 timestamp, by its first bytes: some DER SEQUENCE.
    Timestamp,
    Other,
}

/// `<file>.tlog-proof`.
pub(crate) fn token_of(file: &Path) -> PathBuf {
    paths::with_suffix(file, &format!(".{}", Token::EXTENSION))
}

/// `<file>.tsr`.
pub(crate) fn timestamp_of(file: &Path) -> PathBuf {
    paths::with_suffix(file, TIMESTAMP)
}

/// The file that a token of this name is of.
pub(crate) fn file_of(token: &Path) -> Option<PathBuf> {
    let name = paths::name_bytes(token.file_name()?).strip_suffix(b".tlog-proof")?;
    (!name.is_empty()).then(|| token.with_file_name(paths::name_from_bytes(name)))
}

/// `<dir>.treering`, beside the directory whatever way it was written (`.`, `a/`).
pub(crate) fn bundle_of(dir: &Path) -> io::Result<PathBuf> {
    // `components` forgets a slash at the end.
    let plain: PathBuf = dir.components().collect();
    let named = if plain.file_name().is_some() { plain } else { dir.canonicalize()? };
    Ok(paths::with_suffix(&named, BUNDLE))
}

/// Bundles that may cover a path, the nearest first: that of the path itself, if it is a directory, and those of the directories
/// it lies in, or lay in before some of them were gone. Those by other logs than the first one, which have its name beside theirs, only if there is no other.
pub(crate) fn bundles_for(path: &Path) -> io::Result<Vec<Bundle>> {
    let settled = paths::settled_once(path)?;
    let by = |bundle: PathBuf, base: &Path| {
        let below = bytes_of(settled.strip_prefix(base).ok()?);
        Some(Bundle { bundle, base: base.to_path_buf(), below })
    };
    let dirs = || settled.ancestors().filter(|dir| dir.file_name().is_some() && dir.is_dir());
    let usual = |dir: &Path| {
        let bundle = paths::with_suffix(dir, BUNDLE);
        bundle.is_file().then(|| by(bundle, dir)).flatten()
    };
    let found: Vec<Bundle> = dirs().filter_map(usual).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let others = |dir| {
        by_log::beside(&paths::with_suffix(dir, BUNDLE)).into_iter().filter_map(move |path| by(path, dir))
    };
    Ok(dirs().flat_map(others).collect())
}

/// The tokens that a chain may go on with below `newest`: `<file>.<n>.tlog-proof`, the highest number first.
pub(crate) fn earlier_tokens(newest: &Path) -> io::Result<Vec<PathBuf>> {
    earlier(newest, format!(".{}", Token::EXTENSION).as_bytes())
}

/// `a.pdf.tlog-proof` of `a.pdf.1.tlog-proof`, unless that is the token of a file `a.pdf.1`.
pub(crate) fn newest_of(token: &Path) -> Option<PathBuf> {
    let file = file_of(token)?;
    let name = paths::name_bytes(file.file_name()?);
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let (base, number) = (&name[..dot], &name[dot + 1..]);
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let newest = token_of(&file.with_file_name(paths::name_from_bytes(base)));
    (is_number && !base.is_empty() && newest.is_file() && file.symlink_metadata().is_err()).then_some(newest)
}

/// Bundles that were renewed: `<name>.<n>.treering` beside `<name>.treering`, the highest number first.
pub(crate) fn earlier_bundles(newest: &Path) -> io::Result<Vec<PathBuf>> {
    earlier(newest, BUNDLE.as_bytes())
}

fn earlier(newest: &Path, ending: &[u8]) -> io::Result<Vec<PathBuf>> {
    let name = newest.file_name().map(paths::name_bytes).unwrap_or_default();
    let Some(base) = name.strip_suffix(ending) else { return Ok(Vec::new()) };
    let dir = match newest.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut numbered = Vec::new();
    for entry in dir.read_dir()? {
        let other = entry?.file_name();
        if let Some(number) = number_of(paths::name_bytes(&other), base, ending) {
            numbered.push((number, newest.with_file_name(other)));
        }
    }
    numbered.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

fn number_of(name: &[u8], base: &[u8], ending: &[u8]) -> Option<u64> {
    number(name.strip_prefix(base)?.strip_prefix(b".")?.strip_suffix(ending)?)
}

/// The name that comes after the `earlier` ones of `newest`, which are the highest number first.
pub(crate) fn after(earlier: &[PathBuf], newest: &Path) -> PathBuf {
    let name = newest.file_name().map(paths::name_bytes).unwrap_or_default();
    // Both endings have one dot, at their beginning.
    let dot = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
    let (base, ending) = name.split_at(dot);
    let last = earlier.first().and_then(|path| number_of(paths::name_bytes(path.file_name()?), base, ending));
    let next = last.unwrap_or(0).saturating_add(1);
    newest.with_file_name(paths::name_from_bytes(&[base, format!(".{next}").as_bytes(), ending].concat()))
}

/// Looks at how a file begins.
pub(crate) fn sort(path: &Path) -> io::Result<Sort> {
    let mut start = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut start)?;
    Ok(if start.starts_with(treering_tlog::proof::TlogProof::FIRST_LINE.as_bytes()) {
        Sort::Token
    } else if bundle_file::looks_like_bundle(&start) {
        Sort::Bundle
    } else if looks_like_timestamp(&start) {
        Sort::Timestamp
    } else {
        Sort::Other
    })
}

/// A SEQUENCE of more than 127 bytes whose first element is a SEQUENCE (a reply) or an OBJECT IDENTIFIER (a bare token).
/// A reply without a token may be shorter, and is no evidence.
pub(crate) fn looks_like_timestamp(start: &[u8]) -> bool {
    match *start {
        [0x30, 0x81, _, first, ..] | [0x30, 0x82, _, _, first, ..] | [0x30, 0x83, _, _, _, first, ..] => {
            matches!(first, 0x30 | 0x06)
        }
        _ => false,
    }
}

/// A path's bytes as a bundle has them.
pub(crate) fn bytes_of(path: &Path) -> Vec<u8> {
    path.iter().map(paths::name_bytes).collect::<Vec<_>>().join(&b'/')
}

fn number(digits: &[u8]) -> Option<u64> {
    // One way to write each: `01` is somebody else's file.
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with(['0', '+']))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn older_tokens_are_found_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "a.tlog-proof",
            "a.1.tlog-proof",
            "a.10.tlog-proof",
            "a.2.tlog-proof",
            "a.02.tlog-proof",
            "ab.3.tlog-proof",
        ] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let found = earlier_tokens(&dir.path().join("a.tlog-proof")).unwrap();
        let names: Vec<_> =
            found.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["a.10.tlog-proof", "a.2.tlog-proof", "a.1.tlog-proof"]);
        let newest = dir.path().join("a.tlog-proof");
        assert_eq!(after(&found, &newest), dir.path().join("a.11.tlog-proof"));
        let bundle = dir.path().join("a.b.treering");
        let none = earlier_bundles(&bundle).unwrap();
        assert_eq!(after(&none, &bundle), dir.path().join("a.b.1.treering"));
        fs::write(after(&none, &bundle), "").unwrap();
        let one = earlier_bundles(&bundle).unwrap();
        assert_eq!(one, [dir.path().join("a.b.1.treering")]);
        assert_eq!(after(&one, &bundle), dir.path().join("a.b.2.treering"));
    }

    #[test]
    fn timestamps_are_known_by_how_they_begin() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let sort_of = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            sort(&path).unwrap()
        };
        for reply in
            [&[0x30, 0x81, 0x90, 0x30, 3][..], &[0x30, 0x82, 5, 0, 0x06], &[0x30, 0x83, 1, 0, 0, 0x30]]
        {
            assert_eq!(sort_of(reply), Sort::Timestamp);
        }
        for other in [&[0x30, 3, 0x30, 1, 0][..], &[0x30, 0x82, 5, 0, 0x02], &[0x30, 0x80, 0x30], b"0", b""] {
            assert_eq!(sort_of(other), Sort::Other, "{other:02x?}");
        }
    }

    #[test]
    fn a_bundle_above_covers_what_lies_below() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        fs::create_dir_all(top.join("a/b/c")).unwrap();
        fs::write(top.join("a.treering"), "").unwrap();
        fs::write(top.join("a/b.treering"), "").unwrap();
        fs::write(top.join("a/b/c/f"), "").unwrap();
        let bundles = bundles_for(&top.join("a/b/c/f")).unwrap();
        let nearest =
            Bundle { bundle: top.join("a/b.treering"), base: top.join("a/b"), below: b"c/f".to_vec() };
        let outer = Bundle { bundle: top.join("a.treering"), base: top.join("a"), below: b"b/c/f".to_vec() };
        assert_eq!(bundles, [nearest, outer]);
        assert_eq!(bundles_for(&top.join("a")).unwrap()[0].below, b"");
    }

    #[test]
    fn a_directorys_bundle_lies_beside_it_however_it_is_written() {
        assert_eq!(bundle_of(Path::new("x/y/")).unwrap(), Path::new("x/y.treering"));
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            bundle_of(Path::new(".")).unwrap(),
            paths::with_suffix(&here.canonicalize().unwrap(), BUNDLE)
        );
    }
}
