//! From what the walk finds to what is known of it: the part that all cores work on.

use super::{Target, Trouble};
use crate::{
    hash,
    walk::{Found, LeftOut},
};
use std::{fs, path::PathBuf};
use treering_token::{
    bundle::{Kind, RelativePath},
    digest::{Digests, HashId},
};

/// What came of one thing found.
#[derive(Debug)]
pub(super) enum Hashed {
    Record { kind: Kind, path: RelativePath, size: u64, digests: Digests },
    LeftOut { source: PathBuf, why: LeftOut },
    Failed { source: PathBuf, error: Trouble },
}

/// Looks at one thing found.
pub(super) fn look(found: Found, target: &Target, ids: &[HashId], force: bool, buffer: &mut [u8]) -> Hashed {
    match found {
        Found::LeftOut { source, why } => Hashed::LeftOut { source, why },
        Found::Failed { source, error } => Hashed::Failed { source, error: error.into() },
        Found::Link { path, source } => match hash::link(&source, ids) {
            Ok((size, digests)) => Hashed::Record { kind: Kind::Link, path, size, digests },
            Err(error) => Hashed::Failed { source, error: error.into() },
        },
        Found::File { path, source } => {
            if target.tokens && !force && fs::symlink_metadata(target.token_path(&path)).is_ok() {
                return Hashed::Failed { source, error: Trouble::HasToken };
            }
            match hash::file(&source, ids, buffer) {
                Ok((size, digests)) => Hashed::Record { kind: Kind::File, path, size, digests },
                Err(error) => Hashed::Failed { source, error: error.into() },
            }
        }
    }
}
