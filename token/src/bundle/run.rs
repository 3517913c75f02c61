//! Run headers: what the records of one run have in common.

use super::error::{BundleError, Field};
use crate::{
    claim::{HolderKey, MAX_TEXT},
    salt::RunSecret,
    token::Token,
};

/// How a run's records become commitments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blinding {
    /// SHA-256 digests as they are.
    Plain,
    /// All salts from one secret.
    Secret(RunSecret),
    /// Each record carries its own salts (a part split off for somebody else).
    Own,
}

/// Begins a run: a CBOR map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHeader {
    /// Field 0, and 1 with a secret.
    pub blinding: Blinding,
    /// Field 2: the holder's name, 1 to 1,024 bytes.
    pub holder: Option<String>,
    /// Field 3: the name of who stamped on the holder's behalf, 1 to 1,024 bytes.
    pub agent: Option<String>,
    /// Field 4: 1 to 1,024 bytes.
    pub title: Option<String>,
    /// Field 5: the `after` note, exactly the bytes that were kept.
    pub after: Option<Vec<u8>>,
    /// Field 6: the key that signs each record's claim.
    pub key: Option<HolderKey>,
}

impl RunHeader {
    /// The longest `after` note: a token must have room for it.
    pub const MAX_AFTER: usize = Token::MAX_EXTRA;

    /// A header with nothing but its blinding.
    pub fn new(blinding: Blinding) -> RunHeader {
        RunHeader { blinding, holder: None, agent: None, title: None, after: None, key: None }
    }

    /// # Errors
    /// A plain run that says more than that it is plain; a text or note that is empty or too long.
    pub fn validate(&self) -> Result<(), BundleError> {
        let named = self.holder.is_some() || self.agent.is_some() || self.title.is_some();
        if matches!(self.blinding, Blinding::Plain) && (named || self.after.is_some() || self.key.is_some()) {
            return Err(BundleError::PlainRunHasFields);
        }
        for (field, text) in
            [(Field::Holder, &self.holder), (Field::Agent, &self.agent), (Field::Title, &self.title)]
        {
            if let Some(text) = text {
                within(field, text.len(), MAX_TEXT)?;
            }
        }
        self.after.as_ref().map_or(Ok(()), |note| within(Field::After, note.len(), Self::MAX_AFTER))
    }
}

fn within(field: Field, got: usize, max: usize) -> Result<(), BundleError> {
    match got {
        0 => Err(BundleError::Empty { field }),
        _ if got > max => Err(BundleError::Limit { field, max, got: got as u64 }),
        _ => Ok(()),
    }
}
