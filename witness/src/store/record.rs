//! A log's record and its bytes.
//!
//! ```text
//! 0x01 ‖ size (8 bytes, big-endian) ‖ root (32) ‖ timestamp in seconds (8, big-endian) ‖ note (UTF-8, the rest)
//! ```
//! The note is the checkpoint with the log signatures that were verified and this witness's own cosignatures, and
//! nothing else. Size and root stand before it so that the writer reads them without parsing; they must be the note's.

use treering_tlog::{
    checkpoint::{Checkpoint, CheckpointError, Origin},
    hash::Hash,
    note::{Note, NoteError},
    time::UnixSeconds,
    tree::{TreeHead, TreeSize},
};

use super::Standing;

const VERSION: u8 = 1;
/// Version, size, root, timestamp.
const HEADER: usize = 1 + 8 + 32 + 8;

/// The last checkpoint of a log that this witness cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    checkpoint: Checkpoint,
    time: UnixSeconds,
    note: Note,
}

/// Why something is not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Too short for its fixed fields.
    #[error("it has {got} bytes, and a record has more than {HEADER}")]
    Short {
        /// How many there are.
        got: usize,
    },
    /// Written by another version.
    #[error("it has format version {got}, and this program knows version {VERSION}")]
    Version {
        /// The version that it names.
        got: u8,
    },
    /// A size or time beyond 2^63−1.
    #[error("its size or its timestamp is beyond 2^63-1")]
    Range,
    /// The note doesn't parse.
    #[error("its note: {0}")]
    Note(#[from] NoteError),
    /// The note isn't a checkpoint.
    #[error("its note is not a checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The fixed fields are not the note's.
    #[error("its size and root are not those of its note")]
    Head,
    /// It is stored under another log's name.
    #[error("its note is of the log {got:?}")]
    Origin {
        /// The note's origin.
        got: String,
    },
}

impl Record {
    /// A record of a note that was cosigned at `time`.
    ///
    /// # Errors
    /// The note is not a checkpoint.
    pub fn new(note: Note, time: UnixSeconds) -> Result<Record, RecordError> {
        Ok(Record { checkpoint: Checkpoint::parse(note.text())?, time, note })
    }

    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.checkpoint.origin
    }

    /// The tree head that was cosigned.
    pub fn head(&self) -> TreeHead {
        self.checkpoint.head
    }

    /// The timestamp of the cosignatures.
    pub fn time(&self) -> UnixSeconds {
        self.time
    }

    /// The body of the note.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint with the log's verified signatures and this witness's cosignatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Head and time.
    pub fn standing(&self) -> Standing {
        Standing { head: self.head(), time: self.time }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let note = self.note.to_string();
        let mut bytes = Vec::with_capacity(HEADER + note.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.head().size.get().to_be_bytes());
        bytes.extend_from_slice(self.head().root.as_bytes());
        bytes.extend_from_slice(&self.time.get().to_be_bytes());
        bytes.extend_from_slice(note.as_bytes());
        bytes
    }

    pub(super) fn decode(origin: &str, bytes: &[u8]) -> Result<Record, RecordError> {
        let standing = decode_standing(bytes)?;
        let record = Record::new(Note::parse(&bytes[HEADER..])?, standing.time)?;
        if record.head() != standing.head {
            return Err(RecordError::Head);
        }
        if record.origin().as_str() != origin {
            return Err(RecordError::Origin { got: record.origin().as_str().to_owned() });
        }
        Ok(record)
    }
}

/// Head and time of a record, without its note.
pub(super) fn decode_standing(bytes: &[u8]) -> Result<Standing, RecordError> {
    if bytes.len() <= HEADER {
        return Err(RecordError::Short { got: bytes.len() });
    }
    if bytes[0] != VERSION {
        return Err(RecordError::Version { got: bytes[0] });
    }
    let size = TreeSize::new(big_endian(&bytes[1..9])).ok_or(RecordError::Range)?;
    let root = Hash::from_slice(&bytes[9..41]).ok_or(RecordError::Short { got: bytes.len() })?;
    let time = UnixSeconds::new(big_endian(&bytes[41..HEADER])).ok_or(RecordError::Range)?;
    Ok(Standing { head: TreeHead { size, root }, time })
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}
