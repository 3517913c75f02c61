//! Signed notes and verifier keys (C2SP signed-note).
//!
//! ```text
//! text, one or more lines, any of which may be empty
//!
//! — <key name> <base64 of key ID (4 bytes, big-endian) and signature>
//! — …
//! ```
//!
//! The text is what comes before the *last* empty line, its final newline included; each line after it is a
//! signature. The whole is UTF-8 and its only character below U+0020 is the newline.
//!
//! A [`Note`] is parsed and says nothing about who signed it: [`crate::checkpoint`], [`crate::cosignature`] and
//! [`crate::policy`] verify signatures. Of the assigned signature types, Ed25519 (0x01) signs texts here; 0x04 and
//! 0x06 are cosignatures; the others are refused as keys and ignored as lines.
//!
//! Errors: [`NoteError`] for notes, [`KeyError`] for keys.

mod key;
mod signing;
#[cfg(test)]
mod tests;

use std::fmt;

pub use key::{KeyError, KeyId, KeyName, MlDsa44Public, PublicKey, SignatureType, VerifierKey};
pub use signing::SigningKey;
pub(crate) use signing::{is_zeroed_when_dropped, private_text, read_private_text};

use crate::text;

/// A parsed, unverified note. Display writes exactly the bytes that were parsed.
///
/// ```
/// # use treering_tlog::note::Note;
/// let bytes = "This is an example message.\n\n— example.com/foo \
///     Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
/// let note = Note::parse(bytes.as_bytes())?;
/// assert_eq!(note.text(), "This is an example message.\n");
/// assert_eq!(note.signatures()[0].id().to_string(), "530d903a");
/// assert_eq!(note.to_string(), bytes);
/// # Ok::<(), treering_tlog::note::NoteError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// INVARIANT: ends in a newline; no character below U+0020 but newlines.
    text: String,
    /// INVARIANT: not empty, and none without bytes behind the key ID.
    signatures: Vec<Signature>,
}

impl Note {
    /// The most signatures that a note may carry; C2SP asks for at least 16.
    pub const MAX_SIGNATURES: usize = 128;
    /// The most bytes of a note: 128 lines of 3,505 bytes (an ML-DSA-44 cosignature and a name of 255 bytes)
    /// are 448,640, the rest is for the text.
    pub const MAX_BYTES: usize = 1_000_000;

    /// Parses a whole note.
    ///
    /// # Errors
    /// Each rule of the format has its own [`NoteError`].
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(NoteError::TooLong { max: Self::MAX_BYTES });
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Utf8)?;
        if has_control(note) {
            return Err(NoteError::Control);
        }
        // SPEC: signed-note, Format: the text is separated from the signatures by the last empty line.
        let blank = note.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, lines) = (&note[..=blank], &note[blank + 2..]);
        Ok(Note { text: text.to_owned(), signatures: parse_signatures(lines)? })
    }

    /// A note of this text, which must end in a newline and hold no control characters, and these signatures.
    ///
    /// # Errors
    /// What [`Note::parse`] would refuse is refused here.
    pub fn new(text: &str, signatures: Vec<Signature>) -> Result<Note, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Form);
        }
        if has_control(text) {
            return Err(NoteError::Control);
        }
        if signatures.is_empty() {
            return Err(NoteError::NoSignature);
        }
        if signatures.len() > Self::MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures { max: Self::MAX_SIGNATURES });
        }
        if let Some(at) = signatures.iter().position(|signature| signature.bytes.is_empty()) {
            return Err(NoteError::SignatureLine { line: at + 1 });
        }
        let note = Note { text: text.to_owned(), signatures };
        if note.to_string().len() > Self::MAX_BYTES {
            return Err(NoteError::TooLong { max: Self::MAX_BYTES });
        }
        Ok(note)
    }

    /// A note of a text that is known to keep the invariant, under its first signature.
    pub(crate) fn signed(text: String, signature: Signature) -> Note {
        Note { text, signatures: vec![signature] }
    }

    /// The text, with its final newline: what signatures are over.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in the note's order: at least one.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

/// One signature line: `— <name> <base64 of key ID and signature>`. Display writes the line, without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: KeyName,
    id: KeyId,
    bytes: Vec<u8>,
}

impl Signature {
    /// A signature by the key with this name and ID. A note takes it only if `bytes` is not empty.
    pub fn new(name: KeyName, id: KeyId, bytes: Vec<u8>) -> Signature {
        Signature { name, id, bytes }
    }

    /// Parses one line, without its newline.
    ///
    /// # Errors
    /// [`NoteError::SignatureLine`], as line 1.
    pub fn parse_line(line: &str) -> Result<Signature, NoteError> {
        Self::read(line).ok_or(NoteError::SignatureLine { line: 1 })
    }

    /// The name of the key.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The ID of the key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The bytes behind the key ID: what they are, the key's type says.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn read(line: &str) -> Option<Signature> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let decoded = text::base64_decode(encoded)?;
        // SPEC: signed-note, Format: 4 + n bytes; a signature of no bytes is none.
        let (id, bytes) = decoded.split_first_chunk::<4>().filter(|(_, bytes)| !bytes.is_empty())?;
        let name = KeyName::new(name).ok()?;
        Some(Signature { name, id: KeyId(u32::from_be_bytes(*id)), bytes: bytes.to_vec() })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decoded = [&self.id.0.to_be_bytes()[..], &self.bytes].concat();
        write!(f, "— {} {}", self.name, text::base64_encode(&decoded))
    }
}

/// Why a note was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Larger than [`Note::MAX_BYTES`].
    #[error("the note is larger than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// Not UTF-8.
    #[error("the note is not UTF-8")]
    Utf8,
    /// A character below U+0020 that is no newline.
    #[error("the note holds a control character")]
    Control,
    /// Text and signatures cannot be told apart.
    #[error("the note has no empty line before its signatures, or does not end in a newline")]
    Form,
    /// A line after the last empty line is no signature.
    #[error("signature line {line} is not an em dash, a key name and canonical base64")]
    SignatureLine {
        /// From 1, counted from the last empty line.
        line: usize,
    },
    /// More than [`Note::MAX_SIGNATURES`].
    #[error("the note has more than {max} signatures")]
    TooManySignatures {
        /// The limit.
        max: usize,
    },
    /// Nothing after the empty line.
    #[error("the note has no signature")]
    NoSignature,
}

fn parse_signatures(lines: &str) -> Result<Vec<Signature>, NoteError> {
    if lines.is_empty() {
        return Err(NoteError::NoSignature);
    }
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
    let mut signatures = Vec::new();
    for line in lines.split('\n') {
        // SPEC: signed-note, Format: a maximum, which bounds the work of verifying.
        if signatures.len() == Note::MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures { max: Note::MAX_SIGNATURES });
        }
        let at = signatures.len() + 1;
        signatures.push(Signature::read(line).ok_or(NoteError::SignatureLine { line: at })?);
    }
    Ok(signatures)
}

/// SPEC: signed-note, Format: no ASCII control characters (those below U+0020) other than newline.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < 0x20 && byte != b'\n')
}
