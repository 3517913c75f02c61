//! From a name in a list to a bundle's path.

use crate::paths;
use std::path::{Component, Path};
use treering_token::bundle::RelativePath;

/// Why a bundle can't have a file by this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error(
        "it lies outside of the current directory, which the bundle's paths are relative to: make the list, and stamp, in a directory above"
    )]
    Outside,
    #[error(
        "it has a `..` part, which a bundle's paths can't have: make the list, and stamp, in a directory above"
    )]
    Parent,
    #[error("it names standard input or the directory itself, not a file in it")]
    NoFile,
    #[error("its path is longer than a bundle can hold (32,768 bytes)")]
    Long,
}

/// The path below `base` that a name has, whether it is relative to it or below it. Only `.` parts go; nothing is looked at.
pub(crate) fn relative(base: &Path, name: &[u8]) -> Result<RelativePath, NameError> {
    let name = paths::name_from_bytes(name);
    let name = Path::new(&name);
    let name = match name.strip_prefix(base) {
        Ok(below) => below,
        Err(_) if name.has_root() || name.is_absolute() => return Err(NameError::Outside),
        Err(_) => name,
    };
    let mut parts = Vec::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => parts.push(paths::name_bytes(part)),
            Component::CurDir => {}
            Component::ParentDir => return Err(NameError::Parent),
            Component::RootDir | Component::Prefix(_) => return Err(NameError::Outside),
        }
    }
    if parts.is_empty() || parts == [b"-"] && name == Path::new("-") {
        return Err(NameError::NoFile);
    }
    // Only its length can still be wrong.
    RelativePath::from_parts(parts).map_err(|_| NameError::Long)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Result<String, NameError> {
        relative(Path::new("/home/ada"), name.as_bytes()).map(|path| paths::shown_relative(&path))
    }

    #[test]
    fn names_are_relative_to_the_directory_or_below_it() {
        assert_eq!(of("a/b").unwrap(), "a/b");
        assert_eq!(of("./a//./b").unwrap(), "a/b");
        assert_eq!(of("/home/ada/a").unwrap(), "a");
        assert_eq!(of("./-").unwrap(), "-");
        assert_eq!(of("a ").unwrap(), "a ");
    }

    #[test]
    fn what_a_bundle_cannot_name_is_refused() {
        assert_eq!(of("/home/adam/a"), Err(NameError::Outside));
        assert_eq!(of("/etc/passwd"), Err(NameError::Outside));
        assert_eq!(of("a/../../b"), Err(NameError::Parent));
        assert_eq!(of("/home/ada/../x"), Err(NameError::Parent));
        for nothing in ["-", ".", "./", "/home/ada"] {
            assert_eq!(of(nothing), Err(NameError::NoFile), "{nothing}");
        }
        assert_eq!(of(&"a/".repeat(20_000)), Err(NameError::Long));
    }
}
