//! Messages between whoever pushes a log's entries and a mirror (C2SP tlog-mirror).
//!
//! ```text
//! add-entries: origin's length (u16) ‖ origin ‖ upload_start (u64) ‖ upload_end (u64) ‖ ticket's length (u16) ‖ ticket
//!              ‖ packages
//! package:     for each entry its length (u16) and its bytes ‖ number of hashes (u8) ‖ hashes
//! ```
//! All integers are big-endian. Bodies have no bound, so both parts are read from the beginning of what has arrived.

use std::{fmt, ops::Range};

use crate::{
    hash::Hash,
    text,
    tile::{TILE_WIDTH, append_entry},
    tree::TreeSize,
};

/// Content type of an `add-entries` request.
pub const ENTRIES_CONTENT_TYPE: &str = "application/octet-stream";
/// Content type of the bodies of 202 and 409.
pub const INFO_CONTENT_TYPE: &str = "text/x.tlog.mirror-info";

const WIDTH: u64 = TILE_WIDTH as u64;

/// What stands before the packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddEntries {
    /// As sent: what is no origin is no known log either.
    pub origin: Vec<u8>,
    /// The index of the first entry; not above `end`.
    pub start: u64,
    /// The size of a pending checkpoint.
    pub end: TreeSize,
    /// What the mirror had said, or nothing.
    pub ticket: Vec<u8>,
}

impl AddEntries {
    /// Two fields of at most 65,535 bytes with their lengths, and two numbers.
    pub const MAX_BYTES: usize = 2 * (2 + 65_535) + 2 * 8;

    /// How long the origin is that a body begins with, by its first two bytes: known before the origin is there.
    pub fn origin_length(bytes: &[u8]) -> Option<usize> {
        usize::try_from(Reading { rest: bytes }.number(2)?).ok()
    }

    /// The origin that a body begins with, or `None` if it isn't whole yet.
    pub fn origin(bytes: &[u8]) -> Option<&[u8]> {
        Reading { rest: bytes }.field()
    }

    /// Reads the beginning of a body: the header and its length, or `None` if it isn't whole yet.
    ///
    /// # Errors
    /// [`MirrorMessageError::Range`].
    pub fn parse(bytes: &[u8]) -> Result<Option<(AddEntries, usize)>, MirrorMessageError> {
        let mut reading = Reading { rest: bytes };
        let Some((origin, start, end, ticket)) = reading.header() else { return Ok(None) };
        let end = TreeSize::new(end).filter(|end| start <= end.get()).ok_or(MirrorMessageError::Range)?;
        let header = AddEntries { origin: origin.to_vec(), start, end, ticket: ticket.to_vec() };
        Ok(Some((header, bytes.len() - reading.rest.len())))
    }

    /// The header's bytes.
    ///
    /// # Errors
    /// [`MirrorMessageError::TooLong`] for an origin or ticket above 65,535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, MirrorMessageError> {
        let length = |field: &[u8]| u16::try_from(field.len()).map_err(|_| MirrorMessageError::TooLong);
        let mut bytes = Vec::new();
        bytes.extend(length(&self.origin)?.to_be_bytes());
        bytes.extend_from_slice(&self.origin);
        bytes.extend(self.start.to_be_bytes());
        bytes.extend(self.end.get().to_be_bytes());
        bytes.extend(length(&self.ticket)?.to_be_bytes());
        bytes.extend_from_slice(&self.ticket);
        Ok(bytes)
    }

    /// The entries of each package of the canonical sequence.
    ///
    /// SPEC: tlog-mirror, add-entries: cut at multiples of 256.
    pub fn packages(&self) -> impl Iterator<Item = Range<u64>> + use<> {
        let (start, end) = (self.start, self.end.get());
        // None where start and end are the same: the range below is then empty.
        let bundles = if start == end { 0..0 } else { start / WIDTH..end.div_ceil(WIDTH) };
        bundles.map(move |bundle| start.max(bundle * WIDTH)..end.min((bundle + 1) * WIDTH))
    }
}

/// Entries of one bundle, and the proof that they are the log's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package<'b> {
    /// In their order.
    pub entries: Vec<&'b [u8]>,
    /// The subtree consistency proof from the bundle's leaves, as far as this package goes, to the checkpoint.
    pub proof: Vec<Hash>,
}

impl<'b> Package<'b> {
    /// 256 entries of 65,535 bytes with their lengths, and 63 hashes with their number.
    pub const MAX_BYTES: usize = TILE_WIDTH as usize * (2 + 65_535) + 1 + Self::MAX_PROOF * Hash::LEN;
    /// SPEC: tlog-mirror, add-entries: `num_hashes` is at most 63.
    pub const MAX_PROOF: usize = 63;

    /// Reads a package of `count` entries from the beginning of what has arrived: it and its length, or `None` if it isn't
    /// whole yet.
    ///
    /// # Errors
    /// [`MirrorMessageError::TooManyHashes`].
    pub fn parse(bytes: &'b [u8], count: u64) -> Result<Option<(Package<'b>, usize)>, MirrorMessageError> {
        let mut reading = Reading { rest: bytes };
        let mut entries = Vec::new();
        for _ in 0..count {
            let Some(entry) = reading.field() else { return Ok(None) };
            entries.push(entry);
        }
        let Some(&[hashes]) = reading.take(1) else { return Ok(None) };
        let hashes = usize::from(hashes);
        if hashes > Self::MAX_PROOF {
            return Err(MirrorMessageError::TooManyHashes);
        }
        let Some(proof) = reading.take(hashes * Hash::LEN) else { return Ok(None) };
        let proof = proof.as_chunks().0.iter().map(|hash| Hash::new(*hash)).collect();
        Ok(Some((Package { entries, proof }, bytes.len() - reading.rest.len())))
    }

    /// The package's bytes.
    ///
    /// # Errors
    /// [`MirrorMessageError::TooLong`] for an entry above 65,535 bytes, [`MirrorMessageError::TooManyHashes`].
    pub fn encode(&self) -> Result<Vec<u8>, MirrorMessageError> {
        let mut bytes = Vec::new();
        for entry in &self.entries {
            append_entry(&mut bytes, entry).map_err(|_| MirrorMessageError::TooLong)?;
        }
        let hashes =
            u8::try_from(self.proof.len()).ok().filter(|&hashes| usize::from(hashes) <= Self::MAX_PROOF);
        bytes.push(hashes.ok_or(MirrorMessageError::TooManyHashes)?);
        bytes.extend(self.proof.iter().flat_map(|hash| *hash.as_bytes()));
        Ok(bytes)
    }
}

/// Body of a 202 and of a 409: where to go on. Display writes exactly the bytes that were parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorInfo {
    /// The size of a pending checkpoint.
    pub size: TreeSize,
    /// The next entry that the mirror doesn't have.
    pub next: u64,
    /// To be sent back.
    pub ticket: Vec<u8>,
}

impl MirrorInfo {
    /// A ticket of 65,535 bytes in base64, two numbers, three newlines.
    pub const MAX_BYTES: usize = 65_535_usize.div_ceil(3) * 4 + 2 * 20 + 3;

    /// Reads a body.
    ///
    /// # Errors
    /// [`MirrorMessageError::Info`].
    pub fn parse(body: &[u8]) -> Result<MirrorInfo, MirrorMessageError> {
        let read = || {
            let body = std::str::from_utf8(body).ok().filter(|body| body.len() <= Self::MAX_BYTES)?;
            let mut lines = body.strip_suffix('\n')?.split('\n');
            let size = TreeSize::parse(lines.next()?)?;
            let next = TreeSize::parse(lines.next()?)?.get();
            let ticket = text::base64_decode(lines.next()?)?;
            lines.next().is_none().then_some(MirrorInfo { size, next, ticket })
        };
        read().ok_or(MirrorMessageError::Info)
    }
}

impl fmt::Display for MirrorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.size, self.next, text::base64_encode(&self.ticket))
    }
}

/// Why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MirrorMessageError {
    /// `upload_start` above `upload_end`, or that beyond 2^63−1.
    #[error("upload_start must not be above upload_end, and that must be below 2^63")]
    Range,
    /// More hashes than any proof has.
    #[error("a proof has at most 63 hashes")]
    TooManyHashes,
    /// A field whose length has no room in two bytes.
    #[error("origin, ticket and each entry have at most 65,535 bytes")]
    TooLong,
    /// Not the three lines.
    #[error("expected a tree size, the next entry and a ticket in base64, each on a line of its own")]
    Info,
}

struct Reading<'b> {
    rest: &'b [u8],
}

impl<'b> Reading<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self, length: usize) -> Option<u64> {
        Some(self.take(length)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Its length in two bytes, and its bytes.
    fn field(&mut self) -> Option<&'b [u8]> {
        let length = self.number(2)?;
        self.take(usize::try_from(length).ok()?)
    }

    fn header(&mut self) -> Option<(&'b [u8], u64, u64, &'b [u8])> {
        Some((self.field()?, self.number(8)?, self.number(8)?, self.field()?))
    }
}

#[cfg(test)]
mod tests;
