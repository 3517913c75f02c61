//! Digests of a file's bytes by algorithm.
//!
//! Algorithms have the ids of the IANA registry "Named Information Hash Algorithm": 1 sha-256, 7 sha-384, 8 sha-512,
//! 9 sha3-224, 10 sha3-256, 11 sha3-384, 12 sha3-512. Ids 2 to 6 are truncations of SHA-256 and are refused. Ids not
//! known here can be carried, not computed: tools name them as unchecked.

use crate::cbor::{CborError, Reader, Writer};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use std::collections::BTreeMap;

/// An algorithm, by its Named Information id: one that can be computed here, or one that is only carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashId(u64);

impl HashId {
    /// SHA-256, which every set of digests has.
    pub const SHA_256: HashId = HashId(1);
    /// SHA-384.
    pub const SHA_384: HashId = HashId(7);
    /// SHA-512.
    pub const SHA_512: HashId = HashId(8);
    /// SHA3-224.
    pub const SHA3_224: HashId = HashId(9);
    /// SHA3-256.
    pub const SHA3_256: HashId = HashId(10);
    /// SHA3-384.
    pub const SHA3_384: HashId = HashId(11);
    /// SHA3-512.
    pub const SHA3_512: HashId = HashId(12);

    /// Refuses 0 (reserved) and 2 to 6 (truncated SHA-256).
    pub fn new(id: u64) -> Option<HashId> {
        match id {
            0 | 2..=6 => None,
            _ => Some(HashId(id)),
        }
    }

    /// The number in the registry.
    pub fn get(self) -> u64 {
        self.0
    }

    /// `sha-256`, `sha3-256`, …; `None` for an id not known here.
    pub fn name(self) -> Option<&'static str> {
        self.known().map(|known| known.1)
    }

    /// The id of a name as [`HashId::name`] gives it.
    pub fn from_name(name: &str) -> Option<HashId> {
        KNOWN.iter().find(|known| known.1 == name).map(|known| known.0)
    }

    /// Length in bytes; `None` for an id not known here.
    #[expect(clippy::len_without_is_empty, reason = "the length of a digest, which is never empty")]
    pub fn len(self) -> Option<usize> {
        self.known().map(|known| known.2)
    }

    fn known(self) -> Option<&'static (HashId, &'static str, usize)> {
        KNOWN.iter().find(|known| known.0 == self)
    }
}

/// The name, or `id 99` for one not known here.
impl std::fmt::Display for HashId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "id {}", self.0),
        }
    }
}

/// Digests of one file's bytes.
///
/// INVARIANT: SHA-256 is always among them, known ones have their exact length, and none is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    sha256: [u8; 32],
    others: BTreeMap<HashId, Vec<u8>>,
}

impl Digests {
    /// SHA-256 alone.
    pub fn new(sha256: [u8; 32]) -> Digests {
        Digests { sha256, others: BTreeMap::new() }
    }

    /// Sets one digest. False (and nothing changed) if the length does not fit the id.
    pub fn insert(&mut self, id: HashId, digest: Vec<u8>) -> bool {
        if digest.is_empty() || id.len().is_some_and(|want| want != digest.len()) {
            return false;
        }
        match <[u8; 32]>::try_from(digest) {
            Ok(sha256) if id == HashId::SHA_256 => self.sha256 = sha256,
            Ok(digest) => drop(self.others.insert(id, digest.to_vec())),
            Err(digest) => drop(self.others.insert(id, digest)),
        }
        true
    }

    /// The SHA-256 digest.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The digest by this algorithm, if it is among them.
    pub fn get(&self, id: HashId) -> Option<&[u8]> {
        if id == HashId::SHA_256 { Some(&self.sha256) } else { self.others.get(&id).map(Vec::as_slice) }
    }

    /// All of them, SHA-256 first, then ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (HashId, &[u8])> {
        let others = self.others.iter().map(|(id, digest)| (*id, digest.as_slice()));
        std::iter::once((HashId::SHA_256, self.sha256.as_slice())).chain(others)
    }

    /// As a CBOR map from id to bytes.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.map(1 + self.others.len());
        for (id, digest) in self.iter() {
            writer.uint(id.0).bytes(digest);
        }
    }

    /// Reads what [`Digests::write`] writes. The caller holds the whole to its one encoding.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Digests, DigestError> {
        let mut keys = reader.map()?;
        if keys.next(reader)? != Some(HashId::SHA_256.0) {
            return Err(DigestError::NoSha256);
        }
        let mut digests = Digests::new(sha256(reader)?);
        while let Some(key) = keys.next(reader)? {
            let id = HashId::new(key).ok_or(DigestError::Truncated(key))?;
            let digest = reader.bytes()?;
            if !digests.insert(id, digest.to_vec()) {
                return Err(DigestError::Length { id, got: digest.len() });
            }
        }
        Ok(digests)
    }
}

/// Why a map of digests was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not the CBOR that is wanted.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Every set of digests has SHA-256, id 1, first.
    #[error("the digests lack SHA-256 (id 1)")]
    NoSha256,
    /// The reserved id, or a truncation.
    #[error("hash id {0} is reserved or a truncated SHA-256, and says too little about a file")]
    Truncated(u64),
    /// A digest of another length than its algorithm's.
    #[error("{got} bytes are no digest by {id}")]
    Length {
        /// The algorithm.
        id: HashId,
        /// The length that was found.
        got: usize,
    },
}

impl DigestError {
    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            DigestError::Cbor(error) => error.name(),
            DigestError::NoSha256 => "digests_without_sha256",
            DigestError::Truncated(_) => "digest_truncated",
            DigestError::Length { .. } => "digest_length",
        }
    }
}

/// Computes several digests in one pass over the bytes.
#[derive(Clone, Debug)]
pub struct Digester {
    sha256: Sha256,
    others: Vec<(HashId, State)>,
}

impl Digester {
    /// SHA-256 is always computed; unknown ids are ignored (they can't be computed).
    pub fn new(ids: &[HashId]) -> Digester {
        // No allocation where SHA-256 is all that is asked for.
        let known = ids.iter().filter_map(|id| State::new(*id).map(|state| (*id, state)));
        let mut others: Vec<_> = known.collect();
        others.sort_unstable_by_key(|(id, _)| *id);
        others.dedup_by_key(|(id, _)| *id);
        Digester { sha256: Sha256::new(), others }
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        for (_, state) in &mut self.others {
            state.update(bytes);
        }
    }

    /// The digests of all bytes taken.
    pub fn finish(self) -> Digests {
        let others = self.others.into_iter().map(|(id, state)| (id, state.finish())).collect();
        Digests { sha256: self.sha256.finalize().into(), others }
    }
}

#[derive(Clone, Debug)]
enum State {
    Sha384(Sha384),
    Sha512(Sha512),
    Sha3_224(Sha3_224),
    Sha3_256(Sha3_256),
    Sha3_384(Sha3_384),
    Sha3_512(Sha3_512),
}

/// One arm for each of the states, which share no object-safe trait that is worth its boxes.
macro_rules! each {
    ($state:expr, $hasher:ident => $body:expr) => {
        match $state {
            State::Sha384($hasher) => $body,
            State::Sha512($hasher) => $body,
            State::Sha3_224($hasher) => $body,
            State::Sha3_256($hasher) => $body,
            State::Sha3_384($hasher) => $body,
            State::Sha3_512($hasher) => $body,
        }
    };
}

impl State {
    fn new(id: HashId) -> Option<State> {
        Some(match id {
            HashId::SHA_384 => State::Sha384(Sha384::new()),
            HashId::SHA_512 => State::Sha512(Sha512::new()),
            HashId::SHA3_224 => State::Sha3_224(Sha3_224::new()),
            HashId::SHA3_256 => State::Sha3_256(Sha3_256::new()),
            HashId::SHA3_384 => State::Sha3_384(Sha3_384::new()),
            HashId::SHA3_512 => State::Sha3_512(Sha3_512::new()),
            _ => return None,
        })
    }

    fn update(&mut self, bytes: &[u8]) {
        each!(self, hasher => hasher.update(bytes));
    }

    fn finish(self) -> Vec<u8> {
        each!(self, hasher => hasher.finalize().to_vec())
    }
}

fn sha256(reader: &mut Reader<'_>) -> Result<[u8; 32], DigestError> {
    let digest = reader.bytes()?;
    digest.try_into().map_err(|_| DigestError::Length { id: HashId::SHA_256, got: digest.len() })
}

const KNOWN: [(HashId, &str, usize); 7] = [
    (HashId::SHA_256, "sha-256", 32),
    (HashId::SHA_384, "sha-384", 48),
    (HashId::SHA_512, "sha-512", 64),
    (HashId::SHA3_224, "sha3-224", 28),
    (HashId::SHA3_256, "sha3-256", 32),
    (HashId::SHA3_384, "sha3-384", 48),
    (HashId::SHA3_512, "sha3-512", 64),
];

#[cfg(test)]
mod tests;
