//! Files that a bundle has no record of: a second, cheap pass over the bundle beside a walk of the directory.
//!
//! Where the records come in the order of a walk, the two are merged and nothing is remembered. Else (several runs or roots)
//! 16 bytes of a hash are kept for each record, so that five million take about 160 MB. The hash is SHA-256 cut short: a
//! name that someone chose can't hide another.

use crate::{
    bundle_file::{BundleFileError, Reader},
    locate::Bundle,
    paths,
    walk::{Found, Root, Rules, Walk, WalkError},
};
use std::{cmp::Ordering, collections::HashSet, path::PathBuf};
use treering_tlog::hash::sha256;
use treering_token::bundle::{Item, Record, RelativePath};

type Uncovered = Result<PathBuf, (PathBuf, WalkError)>;

/// Gives each file and link below `bundle.below` that the bundle has no record of, and each directory that can't be read.
pub(super) fn find(
    bundle: &Bundle,
    is_walk: bool,
    follow: bool,
    observe: impl FnMut(Uncovered),
) -> Result<(), BundleFileError> {
    let source = match bundle.below.as_slice() {
        [] => bundle.base.clone(),
        below => match RelativePath::new(below.to_vec()) {
            Ok(below) => paths::below(&bundle.base, &below),
            // The bytes come from the path that the user gave.
            Err(_) => return Ok(()),
        },
    };
    let root = Root { source, prefix: bundle.below.clone(), is_dir: true };
    // The bundle may lie in the directory that it is for.
    let skip = paths::settled(&bundle.bundle).into_iter().collect();
    let walk = Walk::new(vec![root], Rules { skip, links: true, follow, ..Rules::default() });
    let records = Records { reader: Reader::open(&bundle.bundle)?, below: &bundle.below };
    if is_walk { merge(walk, records, observe) } else { look_up(walk, records, observe) }
}

/// The paths of a bundle's records below a prefix.
struct Records<'a> {
    reader: Reader,
    below: &'a [u8],
}

impl Records<'_> {
    fn next(&mut self) -> Result<Option<RelativePath>, BundleFileError> {
        while let Some(item) = self.reader.item()? {
            match item {
                Item::Record(Record::Path { path, .. }) if paths::is_below(path.as_bytes(), self.below) => {
                    return Ok(Some(path));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

fn merge(
    walk: Walk,
    mut records: Records<'_>,
    mut observe: impl FnMut(Uncovered),
) -> Result<(), BundleFileError> {
    let mut record = records.next()?;
    for found in walk {
        let Some((path, source)) = met(found, &mut observe) else { continue };
        let is_recorded = loop {
            let Some(next) = &record else { break false };
            match paths::walk_order(next.as_bytes(), path.as_bytes()) {
                Ordering::Less => record = records.next()?,
                Ordering::Equal => break true,
                Ordering::Greater => break false,
            }
        };
        if !is_recorded {
            observe(Ok(source));
        }
    }
    Ok(())
}

fn look_up(
    walk: Walk,
    mut records: Records<'_>,
    mut observe: impl FnMut(Uncovered),
) -> Result<(), BundleFileError> {
    let mut known = HashSet::new();
    while let Some(path) = records.next()? {
        known.insert(short_hash(&path));
    }
    for found in walk {
        let Some((path, source)) = met(found, &mut observe) else { continue };
        if !known.contains(&short_hash(&path)) {
            observe(Ok(source));
        }
    }
    Ok(())
}

fn met(found: Found, observe: &mut impl FnMut(Uncovered)) -> Option<(RelativePath, PathBuf)> {
    match found {
        Found::File { path, source } | Found::Link { path, source } => Some((path, source)),
        Found::LeftOut { .. } => None,
        Found::Failed { source, error } => {
            observe(Err((source, error)));
            None
        }
    }
}

fn short_hash(path: &RelativePath) -> [u8; 16] {
    let hash = sha256(path.as_bytes());
    let (short, _) = hash.as_bytes().split_first_chunk().expect("32 bytes begin with 16");
    *short
}
