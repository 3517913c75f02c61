//! Commitments of a run's records beside its journal, `<name>.records`, so that a bundle can be made again although some of
//! its files are gone or were changed: their places in the submissions' trees are then held by what was sent.
//!
//! One entry of 40 bytes a record, in order:
//!
//! ```text
//!  8 bytes  the record's tag (`crate::tag`): which file it may be of. Two of one tag are told apart by their commitments
//! 32 bytes  the commitment
//! ```
//! The entries of a submission are on disk before its line is in the journal. Salts make a commitment say nothing of its file,
//! but in a plain run, where it is the file's digest.

use crate::tag::Tag;
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};
use treering_tlog::hash::Hash;
use treering_token::commitment::Commitment;

/// What the file's name ends in.
pub(super) const EXTENSION: &str = "records";
const ENTRY: usize = 8 + Hash::LEN;

/// Adds a submission's records, whose commitments are `body`.
pub(super) fn append(file: &mut File, tags: &[Tag], body: &[u8]) -> io::Result<()> {
    let (commitments, _) = body.as_chunks::<{ Hash::LEN }>();
    let mut entries = Vec::with_capacity(tags.len() * ENTRY);
    for (tag, commitment) in tags.iter().zip(commitments) {
        entries.extend_from_slice(&tag.0);
        entries.extend_from_slice(commitment);
    }
    file.write_all(&entries)?;
    file.sync_data()
}

/// Cuts off what stands behind the first `count` entries.
pub(super) fn cut(file: &File, count: u64) -> io::Result<()> {
    let len = count.saturating_mul(ENTRY as u64);
    if file.metadata()?.len() > len { file.set_len(len) } else { Ok(()) }
}

/// The first `count` entries; fewer if the file has no more.
pub(crate) fn read(path: &Path, count: u64) -> io::Result<Vec<(Tag, Commitment)>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(count.saturating_mul(ENTRY as u64)).read_to_end(&mut bytes)?;
    let (entries, _) = bytes.as_chunks::<ENTRY>();
    Ok(entries
        .iter()
        .map(|entry| {
            let (tag, commitment) = entry.split_first_chunk().expect("an entry is longer");
            let commitment = commitment.try_into().expect("32 bytes are left");
            (Tag(*tag), Commitment(Hash::new(commitment)))
        })
        .collect())
}
