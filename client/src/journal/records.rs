//! Commitments of a run's records beside its journal, `<name>.records`, so that a bundle can be made again although some of
//! its files are gone or were changed: their places in the submissions' trees are then held by what was sent.
//!
//! One entry of 40 bytes a record, in order:
//!
//! ```text
//!  8 bytes  the first 8 of SHA-256(kind ‖ SHA-256(path) ‖ the record's SHA-256 digest): which file it may be of
//! 32 bytes  the commitment
//! ```
//! The entries of a submission are on disk before its line is in the journal. Salts make a commitment say nothing of its file,
//! but in a plain run, where it is the file's digest.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};
use treering_tlog::hash::{Hash, sha256};
use treering_token::{
    bundle::{Kind, RelativePath},
    commitment::Commitment,
    digest::Digests,
};

/// What the file's name ends in.
pub(super) const EXTENSION: &str = "records";
const ENTRY: usize = 8 + Hash::LEN;

/// Which file a record may be of: its kind, path and digest, cut short. Two of one tag are told apart by their commitments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tag([u8; 8]);

impl Tag {
    pub(crate) fn of(kind: Kind, path: &RelativePath, digests: &Digests) -> Tag {
        let mut bytes = [0; 65];
        bytes[0] = match kind {
            Kind::File => 0,
            Kind::Link => 1,
        };
        bytes[1..33].copy_from_slice(sha256(path.as_bytes()).as_bytes());
        bytes[33..].copy_from_slice(digests.sha256());
        let hash = sha256(&bytes);
        Tag(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }
}

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
