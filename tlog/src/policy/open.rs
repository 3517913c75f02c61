//! Opening a checkpoint by a policy.

use super::{Cosigned, Policy};
use crate::{
    checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint},
    cosignature::{self, CosignatureError},
    note::{Note, Signature, VerifierKey},
    time::UnixSeconds,
};

/// What [`Policy::open`] found.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The checkpoint, signed by one of the policy's logs.
    pub checkpoint: VerifiedCheckpoint,
    /// The verified cosignatures by the policy's witnesses, in the note's order, at most one a witness.
    pub cosigned: Vec<Cosigned>,
    /// Verified cosignatures that do not count, since their keys are distrusted ([`Policy::distrusting`]).
    pub distrusted: Vec<Cosigned>,
}

impl Policy {
    /// Opens a note as a checkpoint by one of this policy's logs (the note's own origin line says which; its key
    /// counts only for the origin that is its name) and verifies every cosignature line by a witness of the policy.
    /// Does not ask whether the quorum is met. Lines by unknown keys are ignored; a cosignature with timestamp 0 has
    /// to verify and then doesn't count.
    ///
    /// # Errors
    /// Forged or missing log signature, unknown origin; a line that names a policy witness's key and does
    /// not verify; two lines with one name and key ID that the policy knows; a log key that is distrusted; a policy that
    /// was superseded before.
    pub fn open(&self, note: Note) -> Result<Opened, PolicyVerifyError> {
        self.open_as_of(note, None)
    }

    /// The same for a note that is known to have existed before `as_of`: a key that fell later counts.
    ///
    /// # Errors
    /// Those of [`Policy::open`].
    pub fn open_as_of(&self, note: Note, as_of: Option<UnixSeconds>) -> Result<Opened, PolicyVerifyError> {
        let Some(remembered) = &self.remembered else { return self.open_now(note, as_of) };
        // Where nobody is distrusted, the verdict is the same as of any time.
        let as_of = as_of.filter(|_| !self.distrusted.is_empty());
        let bytes = note.to_string();
        if let Some(opened) = remembered.get(&bytes, as_of) {
            return Ok(opened);
        }
        let opened = self.open_now(note, as_of)?;
        remembered.keep(bytes, as_of, &opened);
        Ok(opened)
    }

    fn open_now(&self, note: Note, as_of: Option<UnixSeconds>) -> Result<Opened, PolicyVerifyError> {
        let origin = Checkpoint::parse(note.text())?.origin;
        let keys = self.log_keys(&origin);
        if keys.is_empty() {
            return Err(PolicyVerifyError::UnknownLog { origin: origin.to_string() });
        }
        self.refuse_two_lines(&note)?;
        let checkpoint = VerifiedCheckpoint::open(note, &origin, &keys)?;
        let (cosigned, distrusted) = self.part(self.verify_cosignatures(&checkpoint)?, as_of);
        self.check_time(&checkpoint, &cosigned, as_of)?;
        Ok(Opened { checkpoint, cosigned, distrusted })
    }

    /// Stricter than signed-note, by the Treering spec: a key that signs twice would let whoever passes a note on
    /// choose which time counts.
    fn refuse_two_lines(&self, note: &Note) -> Result<(), PolicyVerifyError> {
        let lines = note.signatures();
        let again = lines.iter().enumerate().find(|(at, line)| {
            self.knows(line) && lines[..*at].iter().any(|earlier| same_key(earlier, line))
        });
        match again {
            Some((_, line)) => {
                let (name, id) = (line.name().to_string(), line.id().to_string());
                Err(PolicyVerifyError::TwoLines { name, id })
            }
            None => Ok(()),
        }
    }

    fn verify_cosignatures(&self, opened: &VerifiedCheckpoint) -> Result<Vec<Cosigned>, PolicyVerifyError> {
        let mut cosigned = Vec::new();
        for line in opened.note().signatures() {
            // INVARIANT: of the policy: at most one key has this name and ID.
            let Some(witness) = self.witnesses.iter().position(|witness| witness.key.matches(line)) else {
                continue;
            };
            match cosignature::verify(&self.witnesses[witness].key, opened.checkpoint(), line) {
                Ok(time) => cosigned.push(Cosigned { witness, time }),
                // SPEC: tlog-cosignature, ML-DSA-44 signed message: 0 makes no statement about time.
                Err(CosignatureError::NoTimestamp) => {}
                // SPEC: signed-note, Signatures: one from a known key that fails rejects the whole note.
                Err(_) => {
                    let witness = self.witnesses[witness].name.to_string();
                    return Err(PolicyVerifyError::ForgedCosignature { witness });
                }
            }
        }
        Ok(cosigned)
    }

    fn knows(&self, line: &Signature) -> bool {
        self.keys().any(|key| key.matches(line))
    }

    fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.logs.iter().map(|log| &log.key).chain(self.witnesses.iter().map(|witness| &witness.key))
    }
}

/// Why [`Policy::open`] refused a note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyVerifyError {
    /// No checkpoint, or not signed by the log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No log line has this origin as its key's name.
    #[error("the policy does not list the log {origin:?}")]
    UnknownLog {
        /// The checkpoint's origin.
        origin: String,
    },
    /// A line has name and key ID of a witness and is not by it.
    #[error("the cosignature of {witness} does not verify")]
    ForgedCosignature {
        /// The witness's name in the policy, escaped.
        witness: String,
    },
    /// Nothing shows that the log's signature is older than the fall of its key.
    #[error(
        "the key of the log {origin:?} that signed it is distrusted after second {} of the epoch, and its witnesses' \
         cosignatures do not show that it is older", .after.get()
    )]
    DistrustedLog {
        /// The checkpoint's origin.
        origin: String,
        /// See [`super::Distrust::after`].
        after: UnixSeconds,
    },
    /// See [`Policy::superseded`].
    #[error("{}, and this policy was superseded at second {}", cosigned(*.attested), .until.get())]
    Superseded {
        /// By when the quorum was met; `None` under a policy without witnesses.
        attested: Option<UnixSeconds>,
        /// Until when the policy judges.
        until: UnixSeconds,
    },
    /// A key that the policy knows has two lines.
    #[error("two signature lines by {name}+{id}")]
    TwoLines {
        /// The key's name.
        name: String,
        /// The key's ID.
        id: String,
    },
}

fn cosigned(attested: Option<UnixSeconds>) -> String {
    match attested {
        Some(time) => format!("its witnesses cosigned it at second {} of the epoch", time.get()),
        None => "no witness shows how old it is".to_owned(),
    }
}

fn same_key(a: &Signature, b: &Signature) -> bool {
    a.id() == b.id() && a.name() == b.name()
}
