//! A part of a bundle, for somebody else.

use super::{How, RewriteError, Target, Written, outline, policy_of};
use crate::{
    bundle_file::{BundleFileError, Reader},
    locate, paths,
};
use std::path::{Path, PathBuf};
use treering_token::bundle::{Item, Record, RelativePath, Salts};

/// Why nothing was split off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SplitError {
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    #[error(
        "{path}: the bundle {bundle} has no record of it or below it; give its path as the bundle has it"
    )]
    NoRecord { path: String, bundle: String },
}

impl From<BundleFileError> for SplitError {
    fn from(error: BundleFileError) -> SplitError {
        SplitError::Rewrite(error.into())
    }
}

/// A file or directory of the bundle, as it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    given: PathBuf,
    /// Its place below the directory that the bundle lies beside, if it is a file or directory there.
    by_place: Option<Vec<u8>>,
    /// As it was typed, as a path in the bundle.
    by_name: Vec<u8>,
    found: [bool; 2],
}

impl Wanted {
    pub(crate) fn of(given: &Path, bundle: &Path) -> Wanted {
        let by_name = locate::bytes_of(&given.components().collect::<PathBuf>());
        let by_place = place(given, bundle).filter(|place| *place != by_name);
        Wanted { given: given.to_path_buf(), by_place, by_name, found: [false; 2] }
    }

    /// Notes which of its two readings the bundle knows.
    fn look(&mut self, path: &RelativePath) {
        let is_below = |prefix: &Vec<u8>| paths::is_below(path.as_bytes(), prefix);
        self.found[0] |= self.by_place.as_ref().is_some_and(is_below);
        self.found[1] |= is_below(&self.by_name);
    }

    /// The file that is really there comes before a path that only reads the same.
    fn settle(&mut self) -> Option<Vec<u8>> {
        match (self.found, self.by_place.take()) {
            ([true, _], Some(place)) => Some(place),
            ([_, true], _) => Some(std::mem::take(&mut self.by_name)),
            _ => None,
        }
    }
}

fn place(given: &Path, bundle: &Path) -> Option<Vec<u8>> {
    let whole = given.exists().then(|| paths::settled(given).ok()).flatten()?;
    let bundle = paths::settled(bundle).ok()?;
    let dir = whole.ancestors().find(|dir| bundle == paths::with_suffix(dir, locate::BUNDLE))?;
    Some(locate::bytes_of(whole.strip_prefix(dir).ok()?))
}

/// Writes what is wanted of `bundle` to `to`. With `relative`, paths in the part begin below what is wanted.
///
/// # Errors
/// A path that the bundle doesn't have; or the bundle can't be read, or the part not written.
pub(crate) fn split(
    bundle: &Path,
    mut wanted: Vec<Wanted>,
    relative: bool,
    to: &Path,
    how: How,
) -> Result<Written, SplitError> {
    // Held to all the rules, so that what is no bundle is refused before anything is kept of its runs.
    let mut reader = Reader::open(bundle)?;
    while let Some((item, _)) = reader.step()? {
        if let Item::Record(Record::Path { path, .. }) = &item {
            wanted.iter_mut().for_each(|one| one.look(path));
        }
    }
    let mut prefixes = Vec::new();
    for one in &mut wanted {
        let (path, bundle) = (paths::shown(&one.given), paths::shown(bundle));
        prefixes.push(one.settle().ok_or(SplitError::NoRecord { path, bundle })?);
    }
    let keep = |path: &RelativePath| {
        let prefix = prefixes.iter().find(|prefix| paths::is_below(path.as_bytes(), prefix))?;
        match path.as_bytes().get(prefix.len() + 1..) {
            Some(rest) if relative && !prefix.is_empty() => RelativePath::new(rest.to_vec()).ok(),
            // A file that is wanted by its own path keeps it.
            _ => Some(path.clone()),
        }
    };
    let outline = outline(bundle, |path| keep(path).is_some())?;
    let mut target = Target::begin(to, how, policy_of(bundle)?)?;
    target.add(bundle, outline, Salts::Own, keep)?;
    Ok(target.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(given: &Path, bundle: &Path, records: &[&str]) -> Option<String> {
        let mut wanted = Wanted::of(given, bundle);
        for record in records {
            wanted.look(&RelativePath::new(record.as_bytes().to_vec()).unwrap());
        }
        wanted.settle().map(|path| String::from_utf8(path).unwrap())
    }

    #[test]
    fn a_file_that_is_there_comes_before_a_path_that_reads_the_same() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let bundle = dir.path().join("a.treering");
        let given = dir.path().join("a/b/");
        assert_eq!(settled(&given, &bundle, &["b/x", "c"]).as_deref(), Some("b"));
        assert_eq!(settled(&given, &bundle, &["c"]), None);
        assert_eq!(settled(Path::new("b/"), &bundle, &["b/x"]).as_deref(), Some("b"), "as the bundle has it");
        assert_eq!(settled(Path::new("b"), &bundle, &["bb/x"]), None, "by whole parts");
        assert_eq!(settled(&dir.path().join("a"), &bundle, &["c"]).as_deref(), Some(""), "all of it");
    }
}
