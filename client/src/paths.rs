//! Paths between the operating system and a bundle, where they are bytes with `/` between parts.
//!
//! On Unix the bytes are the system's own; elsewhere they are Rust's encoding of the path (WTF-8 on Windows). Nothing is
//! normalised: macOS has names in whatever form they were made, and finds them by others too. The order of a walk is defined here as well, since bundles are checked against it.

#[cfg(any(windows, test))]
mod windows;

use std::{
    borrow::Cow,
    cmp::Ordering,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};
use treering_token::{
    bundle::RelativePath,
    digest::{Digests, HashId},
    escape,
};

/// A name's bytes as a bundle holds them.
pub(crate) fn name_bytes(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}

/// A name of the operating system with these bytes, as far as it can have them.
#[cfg(unix)]
pub(crate) fn name_from_bytes(bytes: &[u8]) -> Cow<'_, OsStr> {
    Cow::Borrowed(std::os::unix::ffi::OsStrExt::from_bytes(bytes))
}

/// A name of the operating system with these bytes, as far as it can have them.
#[cfg(windows)]
pub(crate) fn name_from_bytes(bytes: &[u8]) -> Cow<'_, OsStr> {
    use std::os::windows::ffi::OsStringExt;
    match windows::to_wide(bytes) {
        Some(wide) => Cow::Owned(OsString::from_wide(&wide)),
        None => Cow::Owned(OsString::from(String::from_utf8_lossy(bytes).into_owned())),
    }
}

/// A name of the operating system with these bytes, as far as it can have them.
#[cfg(not(any(unix, windows)))]
pub(crate) fn name_from_bytes(bytes: &[u8]) -> Cow<'_, OsStr> {
    Cow::Owned(OsString::from(String::from_utf8_lossy(bytes).into_owned()))
}

/// One part of a bundle's path as a name in its directory: it can't lead out of it.
#[cfg(not(windows))]
pub(crate) fn part_from_bytes(part: &[u8]) -> Cow<'_, OsStr> {
    // INVARIANT: a `RelativePath` has no part with a separator, and none that is `.` or `..`.
    name_from_bytes(part)
}

/// One part of a bundle's path as a name in its directory: it can't lead out of it.
#[cfg(windows)]
pub(crate) fn part_from_bytes(part: &[u8]) -> Cow<'_, OsStr> {
    Cow::Owned(name_from_bytes(&windows::harmless(part)).into_owned())
}

/// Where a bundle's path lies below `base`.
pub(crate) fn below(base: &Path, path: &RelativePath) -> PathBuf {
    let mut out = base.to_path_buf();
    out.extend(path.parts().map(part_from_bytes));
    out
}

/// `path` with `suffix` behind its last part: `contract.pdf` and `.tlog-proof`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut out = OsString::from(path.as_os_str());
    out.push(suffix);
    PathBuf::from(out)
}

/// For people: whatever is in the name, it can't act on a terminal.
pub(crate) fn shown(path: &Path) -> String {
    escape::bytes(name_bytes(path.as_os_str()))
}

/// For people: a bundle's path.
pub(crate) fn shown_relative(path: &RelativePath) -> String {
    escape::bytes(path.as_bytes())
}

/// The order in which a walk meets two paths: depth first, a directory's names sorted by their bytes.
/// So `/` sorts before every other byte: `a/b` comes before `a.txt`.
pub(crate) fn walk_order(left: &[u8], right: &[u8]) -> Ordering {
    let key = |byte: &u8| if *byte == b'/' { 0u16 } else { u16::from(*byte) + 1 };
    left.iter().map(key).cmp(right.iter().map(key))
}

/// Is `path` below the directory `prefix`, or `prefix` itself?
pub(crate) fn is_below(path: &[u8], prefix: &[u8]) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => prefix.is_empty() || rest.is_empty() || rest[0] == b'/',
        None => false,
    }
}

/// The path without `.` parts; nothing is looked at.
pub(crate) fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != std::path::Component::CurDir).collect()
}

/// The absolute path without links in its parents: the last part is kept as it is, whatever it is.
pub(crate) fn settled(path: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
        _ => absolute.canonicalize(),
    }
}

/// The same, where the last directories on the way may be gone: what is there of them has no links, the rest is as it was given.
pub(crate) fn settled_once(path: &Path) -> std::io::Result<PathBuf> {
    let first = match settled(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => error,
        settled => return settled,
    };
    let absolute = std::path::absolute(path)?;
    let mut gone = Vec::new();
    for dir in absolute.ancestors() {
        match dir.canonicalize() {
            Ok(there) => return Ok(gone.into_iter().rev().fold(there, |path, name| path.join(name))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match dir.file_name() {
                Some(name) => gone.push(name),
                // Where `..` leads from a directory that isn't there, nobody can say.
                None => break,
            },
            Err(error) => return Err(error),
        }
    }
    Err(first)
}

/// Digests as `name: hex` for JSON; unknown algorithms by number.
pub(crate) fn digests_in_hex(digests: &Digests) -> std::collections::BTreeMap<String, String> {
    digests.iter().map(|(id, digest)| (hash_name(id), hex::encode(digest))).collect()
}

/// `sha-256`, or `hash 42` for an algorithm that isn't known here.
pub(crate) fn hash_name(id: HashId) -> String {
    id.name().map_or_else(|| format!("hash {}", id.get()), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_goes_into_a_directory_before_its_longer_named_sibling() {
        assert_eq!(walk_order(b"a/b", b"a.txt"), Ordering::Less);
        assert_eq!(walk_order(b"a", b"a/b"), Ordering::Less);
        assert_eq!(walk_order(b"a\x01", b"a/b"), Ordering::Greater);
        assert_eq!(walk_order(b"b", b"a/z"), Ordering::Greater);
        assert_eq!(walk_order(b"a/b", b"a/b"), Ordering::Equal);
    }

    #[cfg(unix)]
    #[test]
    fn of_directories_that_are_gone_the_names_are_left() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("d")).unwrap();
        std::os::unix::fs::symlink("d", real.join("link")).unwrap();
        let settled = |path: &str| settled_once(&real.join(path)).ok();
        assert_eq!(settled("link/gone"), Some(real.join("d/gone")));
        assert_eq!(settled("link/gone/deeper/still"), Some(real.join("d/gone/deeper/still")));
        assert_eq!(settled("link/./gone/deeper"), Some(real.join("d/gone/deeper")));
        assert_eq!(settled("link/gone/../deeper"), None);
        std::fs::write(real.join("file"), "").unwrap();
        assert_eq!(settled("file/below/it"), None, "a file is in the way");
    }

    #[test]
    fn only_whole_parts_count_as_below() {
        assert!(is_below(b"a/b", b"a"));
        assert!(is_below(b"a", b"a"));
        assert!(is_below(b"a", b""));
        assert!(!is_below(b"ab", b"a"));
        assert!(!is_below(b"a", b"a/b"));
    }
}
