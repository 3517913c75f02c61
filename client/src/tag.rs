//! Which record something that is kept outside of a bundle is about: 16 bytes for kind and path, 8 for these and the digest.
//! What was seen of files and the journal's commitments are both told apart by them.

use treering_tlog::hash::sha256;
use treering_token::{
    bundle::{Kind, RelativePath},
    digest::Digests,
};

/// Stands for what a record is about: the first 16 bytes of SHA-256(kind ‖ path). Cut short, but a name that someone chose
/// can't pass for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key([u8; 16]);

/// Stands for a record: the first 8 bytes of SHA-256(key ‖ its SHA-256 digest).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tag(pub(crate) [u8; 8]);

impl Key {
    pub(crate) fn of(kind: Kind, path: &RelativePath) -> Key {
        let mut bytes = Vec::with_capacity(1 + path.as_bytes().len());
        bytes.push(match kind {
            Kind::File => 0,
            Kind::Link => 1,
        });
        bytes.extend_from_slice(path.as_bytes());
        Key(begin_of_hash(&bytes))
    }

    /// The record of this that has these digests.
    pub(crate) fn tag(self, digests: &Digests) -> Tag {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(&self.0);
        bytes[16..].copy_from_slice(digests.sha256());
        Tag(begin_of_hash(&bytes))
    }
}

/// The first bytes of SHA-256, 32 at most.
pub(crate) fn begin_of_hash<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let hash = sha256(bytes);
    let (begin, _) = hash.as_bytes().split_first_chunk().expect("at most 32 bytes are asked for");
    *begin
}
