//! Paths of a bundle that stay inside the directory they are relative to: no part on the way may be a symbolic link.
//!
//! Somebody who changes the tree while it is verified could still slip a link in between this look and the reading: a verifier
//! that fears that works on a copy.

use crate::paths;
use std::{
    fs,
    path::{Path, PathBuf},
};
use treering_token::bundle::RelativePath;

/// Remembers the last directory that was looked at: bundles list a directory's files one after the other.
#[derive(Debug, Default)]
pub(crate) struct Parents {
    safe: Vec<u8>,
}

impl Parents {
    /// Where the record's file lies.
    ///
    /// # Errors
    /// The directory on the way that is a link.
    pub(crate) fn resolve(&mut self, base: &Path, path: &RelativePath) -> Result<PathBuf, PathBuf> {
        let bytes = path.as_bytes();
        let parent = bytes.iter().rposition(|byte| *byte == b'/').map_or(&b""[..], |slash| &bytes[..slash]);
        if self.safe != parent {
            check(base, parent)?;
            self.safe = parent.to_vec();
        }
        Ok(paths::below(base, path))
    }
}

fn check(base: &Path, parent: &[u8]) -> Result<(), PathBuf> {
    let mut at = base.to_path_buf();
    for part in parent.split(|byte| *byte == b'/') {
        at.push(paths::part_from_bytes(part));
        match fs::symlink_metadata(&at) {
            Ok(metadata) if metadata.is_symlink() => return Err(at),
            // What isn't there is told when the file is opened.
            _ => {}
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_on_the_way_is_refused_and_one_at_the_end_is_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("out")).unwrap();
        let path = |text: &str| RelativePath::new(text.as_bytes().to_vec()).unwrap();
        let mut parents = Parents::default();
        assert!(parents.resolve(dir.path(), &path("real/a")).is_ok());
        assert_eq!(parents.resolve(dir.path(), &path("out/passwd")), Err(dir.path().join("out")));
        assert_eq!(parents.resolve(dir.path(), &path("out/passwd")), Err(dir.path().join("out")), "still");
        assert!(parents.resolve(dir.path(), &path("out")).is_ok());
    }
}
