//! The log's leaf: one entry a batch (Treering spec, section "Entry").
//!
//! Deterministic CBOR `[1, sealed_at, batch_root, submissions]`: format version, milliseconds since the epoch
//! (2³² to 2⁶³−1), 32 bytes, a count (1 to 2⁶³−1). That makes 46 to 54 bytes, never 32 or 64: no entry can be taken
//! for a hash or for two. `sealed_at` is the log's own word; who attests a time are the witnesses.

use crate::cbor::{self, CborError, Reader, Writer};
use treering_tlog::{
    hash::{Hash, leaf_hash},
    time::UnixMillis,
};

/// A batch's root, when the log sealed it, and how many submissions it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    sealed_at: UnixMillis,
    batch_root: Hash,
    submissions: u64,
}

impl Entry {
    /// 1970-02-19; below it an entry would be shorter than 46 bytes.
    pub const MIN_SEALED_AT: u64 = 1 << 32;
    /// What is read by tools that count in int64.
    pub const MAX_SUBMISSIONS: u64 = i64::MAX as u64;

    /// An entry of these values.
    ///
    /// # Errors
    /// A time before [`Entry::MIN_SEALED_AT`], or a count of 0 or beyond [`Entry::MAX_SUBMISSIONS`].
    pub fn new(sealed_at: UnixMillis, batch_root: Hash, submissions: u64) -> Result<Entry, EntryError> {
        if sealed_at.get() < Self::MIN_SEALED_AT {
            return Err(EntryError::SealedAt(sealed_at.get()));
        }
        if !(1..=Self::MAX_SUBMISSIONS).contains(&submissions) {
            return Err(EntryError::Submissions(submissions));
        }
        Ok(Entry { sealed_at, batch_root, submissions })
    }

    /// When the log says that it sealed the batch.
    pub fn sealed_at(&self) -> UnixMillis {
        self.sealed_at
    }

    /// The Merkle root over the batch's submission roots.
    pub fn batch_root(&self) -> Hash {
        self.batch_root
    }

    /// How many submissions the batch has.
    pub fn submissions(&self) -> u64 {
        self.submissions
    }

    /// The bytes that the log holds.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(4).uint(VERSION).uint(self.sealed_at.get());
        writer.bytes(self.batch_root.as_bytes()).uint(self.submissions);
        writer.finish()
    }

    /// Reads exactly what [`Entry::encode`] writes.
    ///
    /// # Errors
    /// Anything else.
    pub fn decode(bytes: &[u8]) -> Result<Entry, EntryError> {
        let mut reader = Reader::new(bytes);
        reader.array_of(4)?;
        match reader.uint()? {
            VERSION => {}
            version => return Err(EntryError::Version(version)),
        }
        let millis = reader.uint()?;
        let sealed_at = UnixMillis::new(millis).ok_or(EntryError::SealedAt(millis))?;
        let entry = Entry::new(sealed_at, Hash::new(reader.exact()?), reader.uint()?)?;
        reader.finish()?;
        cbor::same(bytes, &entry.encode())?;
        Ok(entry)
    }

    /// RFC 6962 leaf hash of the encoded entry.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.encode())
    }
}

/// Why some bytes are no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not the CBOR that is wanted.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Another version of the format.
    #[error("the entry has format version {0}; version 1 is the one known here")]
    Version(u64),
    /// `sealed_at` out of range.
    #[error("sealed_at is 2^32 to 2^63−1 milliseconds since the epoch, not {0}")]
    SealedAt(u64),
    /// A count out of range.
    #[error("a batch has 1 to 2^63−1 submissions, not {0}")]
    Submissions(u64),
}

impl EntryError {
    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            EntryError::Cbor(error) => error.name(),
            EntryError::Version(_) => "entry_version",
            EntryError::SealedAt(_) => "entry_sealed_at",
            EntryError::Submissions(_) => "entry_submissions",
        }
    }
}

const VERSION: u64 = 1;

#[cfg(test)]
mod tests;
