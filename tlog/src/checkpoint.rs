//! Checkpoints: signed tree heads (C2SP tlog-checkpoint).
//!
//! The text of a [`Note`] with these lines, each ended by a newline:
//!
//! ```text
//! example.com/behind-the-sofa                     origin
//! 20852163                                        tree size, canonical decimal below 2^63
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    root hash, canonical base64 of 32 bytes
//! …                                               extension lines, not empty, opaque
//! ```
//!
//! Log signatures are Ed25519 (0x01). A log that signs with ML-DSA-44 only can't be opened here.
//! Nothing here looks at cosignatures ([`crate::cosignature`]) or at what a policy wants ([`crate::policy`]).

#[cfg(test)]
mod tests;

use std::fmt;

use crate::{
    hash::Hash,
    note::{Note, NoteError, Signature, SignatureType, SigningKey, VerifierKey},
    text,
    tree::{TreeHead, TreeSize},
};

/// A log's identity: one non-empty line without control characters; it may hold spaces. At most 255 bytes (what an
/// ML-DSA cosignature can carry).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin(String);

impl Origin {
    /// The wire field of ML-DSA cosignatures (`opaque log_origin<1..2^8-1>`) gives the limit.
    pub const MAX_LEN: usize = 255;

    /// Checks an origin.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`].
    pub fn new(origin: &str) -> Result<Origin, CheckpointError> {
        // Stricter than the note's rule (below U+0020): an origin is shown to people, and U+009B starts a terminal's
        // escape sequence.
        if origin.is_empty() || origin.len() > Self::MAX_LEN || origin.contains(char::is_control) {
            return Err(CheckpointError::Origin);
        }
        Ok(Origin(origin.to_owned()))
    }

    /// The line, without its newline.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An extension line: not empty, no characters below U+0020. Opaque; ML-DSA cosignatures do not cover it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExtensionLine(String);

impl ExtensionLine {
    /// Checks a line, given without its newline.
    ///
    /// # Errors
    /// [`CheckpointError::Extension`].
    pub fn new(line: &str) -> Result<ExtensionLine, CheckpointError> {
        if line.is_empty() || line.bytes().any(|byte| byte < 0x20) {
            return Err(CheckpointError::Extension);
        }
        Ok(ExtensionLine(line.to_owned()))
    }

    /// The line, without its newline.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The body of a checkpoint: origin, tree head, extension lines. Not signed, not verified; in particular a tree of
/// size 0 may claim any root here, which only [`VerifiedCheckpoint::open`] refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's identity.
    pub origin: Origin,
    /// Size and root of the tree.
    pub head: TreeHead,
    /// Extension lines, mostly none.
    pub extensions: Vec<ExtensionLine>,
}

impl Checkpoint {
    /// At most so many extension lines are read, which bounds the work on a text that nobody has signed yet; none is
    /// what is usual.
    pub const MAX_EXTENSIONS: usize = 1_000;

    /// Parses a note's text.
    ///
    /// # Errors
    /// [`CheckpointError::Lines`], or the variant of the line that is wrong; [`CheckpointError::TooManyExtensions`].
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Lines);
        };
        let size = text::decimal(size).and_then(TreeSize::new).ok_or(CheckpointError::Size)?;
        let root = Hash::from_base64(root).ok_or(CheckpointError::Root)?;
        if lines.clone().nth(Self::MAX_EXTENSIONS).is_some() {
            return Err(CheckpointError::TooManyExtensions { max: Self::MAX_EXTENSIONS });
        }
        Ok(Checkpoint {
            origin: Origin::new(origin)?,
            head: TreeHead { size, root },
            extensions: lines.map(ExtensionLine::new).collect::<Result<_, _>>()?,
        })
    }

    /// The note text, newline at the end. What was parsed gives the same bytes again.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.head.size, self.head.root.to_base64());
        for line in &self.extensions {
            text.push_str(line.as_str());
            text.push('\n');
        }
        text
    }

    /// A note with this body and the log's own signature.
    pub fn sign(&self, key: &SigningKey) -> Note {
        let text = self.to_text();
        let signature = key.sign(&text);
        // INVARIANT: of the note: every line of a checkpoint is free of control characters by its type.
        Note::signed(text, signature)
    }
}

/// A checkpoint whose log signature was checked; made only by [`VerifiedCheckpoint::open`].
#[derive(Clone, Debug)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
    /// INVARIANT: not empty; each verified.
    log_signatures: Vec<Signature>,
}

impl VerifiedCheckpoint {
    /// Opens a note as a checkpoint of `origin` signed by one of `keys` (type 0x01; keys of other types are left
    /// out). At least one of the keys must have signed; a line with name and ID of one of `keys` that does not
    /// verify refuses the note; lines by unknown keys are ignored, and two lines by one key may both verify.
    ///
    /// # Errors
    /// In this order: the errors of [`Checkpoint::parse`]; [`CheckpointError::OtherOrigin`];
    /// [`CheckpointError::Forged`]; [`CheckpointError::Unsigned`]; [`CheckpointError::EmptyRoot`].
    pub fn open(
        note: Note,
        origin: &Origin,
        keys: &[VerifierKey],
    ) -> Result<VerifiedCheckpoint, CheckpointError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != *origin {
            let (want, got) = (origin.to_string(), checkpoint.origin.to_string());
            return Err(CheckpointError::OtherOrigin { want, got });
        }
        let log_signatures = verify_log(&note, keys)?;
        // SPEC: tlog-witness, add-checkpoint: size zero must have the root of the empty tree. Asked last, so that a
        // witness knows by the error that origin and signature were right.
        if checkpoint.head.size.is_zero() && checkpoint.head.root != Hash::EMPTY_ROOT {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(VerifiedCheckpoint { checkpoint, note, log_signatures })
    }

    /// The log's identity.
    pub fn origin(&self) -> &Origin {
        &self.checkpoint.origin
    }

    /// Size and root of the tree.
    pub fn head(&self) -> TreeHead {
        self.checkpoint.head
    }

    /// The body.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The whole note, with lines that nobody has verified.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The signatures by the keys it was opened with, which verified: at least one.
    pub fn log_signatures(&self) -> &[Signature] {
        &self.log_signatures
    }
}

/// Why a checkpoint was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note itself.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// See [`Origin`].
    #[error("an origin is one line of 1 to 255 bytes without control characters")]
    Origin,
    /// Origin, size and root are not all there.
    #[error("the checkpoint has fewer than three lines, or does not end in a newline")]
    Lines,
    /// The second line.
    #[error("the tree size is not a canonical decimal number below 2^63")]
    Size,
    /// The third line.
    #[error("the root hash is not canonical base64 of 32 bytes")]
    Root,
    /// A line after the third.
    #[error("an extension line is empty or holds a control character")]
    Extension,
    /// More than [`Checkpoint::MAX_EXTENSIONS`].
    #[error("the checkpoint has more than {max} extension lines")]
    TooManyExtensions {
        /// The limit.
        max: usize,
    },
    /// Only one root belongs to size 0.
    #[error("the tree of size 0 has another root than the empty tree's")]
    EmptyRoot,
    /// A checkpoint of some other log.
    #[error("the checkpoint is of the log {got:?}, not of {want:?}")]
    OtherOrigin {
        /// The origin that was asked for.
        want: String,
        /// The checkpoint's.
        got: String,
    },
    /// No line has name and ID of one of the keys.
    #[error("no key of the log has signed this checkpoint")]
    Unsigned,
    /// A line has name and ID of one of the keys and is not by it.
    #[error("the signature of the log's key {name}+{id} does not verify")]
    Forged {
        /// The key's name.
        name: String,
        /// The key's ID.
        id: String,
    },
}

/// The lines by `keys`, all of which must verify.
fn verify_log(note: &Note, keys: &[VerifierKey]) -> Result<Vec<Signature>, CheckpointError> {
    let mut verified = Vec::new();
    for line in note.signatures() {
        let by = |key: &&VerifierKey| key.kind() == SignatureType::Ed25519 && key.matches(line);
        let mut known = keys.iter().filter(by).peekable();
        if known.peek().is_none() {
            // SPEC: signed-note, Signatures: signatures from unknown keys must be ignored.
            continue;
        }
        // SPEC: signed-note, Signatures: one from a known key that fails rejects the whole note.
        if !known.any(|key| key.verifies(note.text().as_bytes(), line.bytes())) {
            return Err(CheckpointError::Forged { name: line.name().to_string(), id: line.id().to_string() });
        }
        verified.push(line.clone());
    }
    if verified.is_empty() {
        return Err(CheckpointError::Unsigned);
    }
    Ok(verified)
}
