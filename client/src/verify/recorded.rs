//! Is a path that isn't there in a bundle?

use super::VerifyFailure;
use crate::{bundle_file::Reader, locate, paths};
use std::path::{Path, PathBuf};
use treering_token::bundle::{Item, Record};

/// The nearest bundle with a record of this path, or of something below it.
///
/// # Errors
/// A bundle can't be read.
pub(crate) fn recorded(path: &Path) -> Result<Option<PathBuf>, VerifyFailure> {
    // Without a directory that it could have lain in, no bundle is of it.
    let Ok(candidates) = locate::bundles_for(path) else { return Ok(None) };
    for candidate in candidates {
        let mut reader = Reader::open(&candidate.bundle)?;
        while let Some(item) = reader.item()? {
            if let Item::Record(Record::Path { path, .. }) = item
                && paths::is_below(path.as_bytes(), &candidate.below)
            {
                return Ok(Some(candidate.bundle));
            }
        }
    }
    Ok(None)
}
