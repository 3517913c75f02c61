//! The bytes of an evidence file: one deterministic CBOR array (Treering spec, `evidence.md` and `cbor.md`).
//!
//! ```text
//! ["treering.evidence/1", kind, observed_at, source, [note…], hashes, [[index, entry, proof]…], [[path, bytes]…], number]
//! ```
//! Every field is always there. What was read is written again and has to give the same bytes, so that there is one
//! encoding of each file; lengths are believed only when the bytes are there.

use minicbor::{Decoder, Encoder};
use treering_tlog::{
    hash::Hash,
    note::{Note, NoteError},
    time::UnixMillis,
};

use super::{Evidence, Kind, Leaf, Served};

const MAGIC: &str = "treering.evidence/1";
/// The fields of the array.
const FIELDS: u64 = 9;
/// `peaks` has at most 63 hashes, `cover` at most 126.
const MAX_HASHES: usize = 63 + 126;
const MAX_PROOF: usize = 63;
const MAX_ENTRY: usize = 65_535;
/// A tree has at most 8 levels of tiles, and so 8 tiles on its right-hand edge.
const MAX_SERVED: usize = 8;
const MAX_PATH: usize = 256;

/// Why some bytes are no evidence file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Larger than [`Evidence::MAX_BYTES`].
    #[error("the file is larger than {} bytes", Evidence::MAX_BYTES)]
    TooLong,
    /// Does not begin as an evidence file does.
    #[error("this is no evidence file of version 1")]
    Magic,
    /// A value of another type, or the end of the file where something should be.
    #[error("the CBOR is cut off, or a value is of another type than the format says")]
    Cbor,
    /// Read, but not in its only right form.
    #[error("this is not the deterministic encoding")]
    NotDeterministic,
    /// A name that is none.
    #[error("this kind of evidence is not known here")]
    Kind,
    /// A time beyond 2^63−1.
    #[error("the time of the observation is beyond 2^63−1 ms")]
    Time,
    /// A text or a list is longer than it may be, or hashes are no multiple of 32 bytes.
    #[error("{0} is of a length that the format doesn't allow")]
    Length(&'static str),
    /// A checkpoint is no signed note.
    #[error("note {at}: {source}")]
    Note {
        /// From 1.
        at: usize,
        /// What is wrong.
        source: NoteError,
    },
    /// The kind has other fields.
    #[error("evidence of {0} has other parts than these")]
    Shape(Kind),
}

pub(super) fn encode(evidence: &Evidence) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    write(&mut out, evidence).expect("writing to a Vec does not fail");
    out.into_writer()
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write(out: &mut Encoder<Vec<u8>>, evidence: &Evidence) -> Written {
    out.array(FIELDS)?.str(MAGIC)?.str(evidence.kind.name())?;
    out.u64(evidence.observed_at.get())?.str(&evidence.source)?;
    out.array(evidence.notes.len() as u64)?;
    for note in &evidence.notes {
        out.bytes(note.to_string().as_bytes())?;
    }
    out.bytes(&joined(&evidence.hashes))?;
    out.array(evidence.leaves.len() as u64)?;
    for leaf in &evidence.leaves {
        out.array(3)?.u64(leaf.index)?.bytes(&leaf.entry)?.bytes(&joined(&leaf.proof))?;
    }
    out.array(evidence.served.len() as u64)?;
    for served in &evidence.served {
        out.array(2)?.str(&served.path)?.bytes(&served.bytes)?;
    }
    out.u64(evidence.number)?;
    Ok(())
}

pub(super) fn decode(bytes: &[u8]) -> Result<Evidence, EvidenceError> {
    if bytes.len() > Evidence::MAX_BYTES {
        return Err(EvidenceError::TooLong);
    }
    let mut input = Decoder::new(bytes);
    if input.array().ok().flatten() != Some(FIELDS) || input.str().ok() != Some(MAGIC) {
        return Err(EvidenceError::Magic);
    }
    let kind = Kind::from_name(input.str()?).ok_or(EvidenceError::Kind)?;
    let observed_at = UnixMillis::new(input.u64()?).ok_or(EvidenceError::Time)?;
    let source = text(&mut input, "the source", Evidence::MAX_SOURCE)?;
    let notes = list(&mut input, "the list of notes", 2, |input, at| {
        Note::parse(input.bytes()?).map_err(|source| EvidenceError::Note { at: at + 1, source })
    })?;
    let hashes = hashes(&mut input, "the hashes", MAX_HASHES)?;
    let leaves = list(&mut input, "the list of entries", 2, |input, _| leaf(input))?;
    let served = list(&mut input, "the list of answers", MAX_SERVED, |input, _| served(input))?;
    let evidence =
        Evidence { kind, observed_at, source, notes, hashes, leaves, served, number: input.u64()? };
    // Also refuses what follows the array.
    if encode(&evidence) != bytes {
        return Err(EvidenceError::NotDeterministic);
    }
    if !fits(&evidence) {
        return Err(EvidenceError::Shape(kind));
    }
    Ok(evidence)
}

/// Has the evidence the parts that its kind has? SPEC: Treering evidence.md, Kinds.
fn fits(evidence: &Evidence) -> bool {
    let parts = (evidence.notes.len(), evidence.leaves.len(), evidence.served.len());
    let (hashes, number) = (evidence.hashes.len(), evidence.number);
    match evidence.kind {
        Kind::SplitView | Kind::CosignerContradiction | Kind::UnmadeHead => {
            parts == (2, 0, 0) && hashes == 0 && number == 0
        }
        Kind::Inconsistent => parts == (2, 0, 0) && hashes > 0 && number == 0,
        Kind::MalformedEntry => parts == (1, 1, 0) && hashes == 0 && number == 0,
        Kind::SealedAtBackwards => parts == (1, 2, 0) && hashes == 0 && number == 0,
        Kind::SealedAtClock => matches!(parts, (1 | 2, 1, 0)) && hashes == 0,
        Kind::WrongEntry => parts == (1, 0, 1) && hashes > 0,
        Kind::WrongTile => {
            matches!(parts, (1, 0, 1..)) && (hashes == 0 || evidence.served.len() == 1) && number == 0
        }
        Kind::WrongBatch => matches!(parts, (1, 1, 0 | 1)) && hashes == 0 && number == 0,
        Kind::UnknownKey => parts == (1, 0, 0) && hashes == 0 && number == 0,
        Kind::BadCheckpoint => parts == (0, 0, 1) && hashes == 0 && number == 0,
        Kind::Stopped => matches!(parts, (0..=2, 0, 0)) && hashes == 0,
        Kind::Unavailable => matches!(parts, (1, 0, 1)) && hashes == 0,
    }
}

fn joined(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn text(input: &mut Decoder<'_>, what: &'static str, max: usize) -> Result<String, EvidenceError> {
    let text = input.str()?;
    if text.len() <= max { Ok(text.to_owned()) } else { Err(EvidenceError::Length(what)) }
}

fn hashes(input: &mut Decoder<'_>, what: &'static str, max: usize) -> Result<Vec<Hash>, EvidenceError> {
    let (hashes, rest) = input.bytes()?.as_chunks();
    if !rest.is_empty() || hashes.len() > max {
        return Err(EvidenceError::Length(what));
    }
    Ok(hashes.iter().copied().map(Hash::new).collect())
}

/// A list of at most `max` items. Nothing is allocated by its claimed length.
fn list<'b, T>(
    input: &mut Decoder<'b>,
    what: &'static str,
    max: usize,
    mut item: impl FnMut(&mut Decoder<'b>, usize) -> Result<T, EvidenceError>,
) -> Result<Vec<T>, EvidenceError> {
    let length = input.array()?.and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|&length| length <= max).ok_or(EvidenceError::Length(what))?;
    (0..length).map(|at| item(input, at)).collect()
}

fn leaf(input: &mut Decoder<'_>) -> Result<Leaf, EvidenceError> {
    array_of(input, 3)?;
    let index = input.u64()?;
    let entry = input.bytes()?;
    if entry.len() > MAX_ENTRY {
        return Err(EvidenceError::Length("an entry"));
    }
    Ok(Leaf { index, entry: entry.to_vec(), proof: hashes(input, "an inclusion proof", MAX_PROOF)? })
}

fn served(input: &mut Decoder<'_>) -> Result<Served, EvidenceError> {
    array_of(input, 2)?;
    Ok(Served { path: text(input, "a path", MAX_PATH)?, bytes: input.bytes()?.to_vec() })
}

fn array_of(input: &mut Decoder<'_>, length: u64) -> Result<(), EvidenceError> {
    if input.array()? == Some(length) { Ok(()) } else { Err(EvidenceError::Cbor) }
}

impl From<minicbor::decode::Error> for EvidenceError {
    fn from(_: minicbor::decode::Error) -> EvidenceError {
        EvidenceError::Cbor
    }
}
