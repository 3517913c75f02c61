//! The log's proof within a token: one unsigned attribute of its SignerInfo (RFC 5652 section 11, `spec/rfc3161.md`).
//!
//! `Attribute ::= SEQUENCE { OBJECT IDENTIFIER, SET { OCTET STRING } }`; the OCTET STRING holds the tlog-proof text as
//! it is. Unsigned attributes aren't covered by the signature, so every RFC 3161 verifier takes a token with the proof
//! as it takes one without; and they aren't part of the commitment.

use crate::oid::{self, OidError};
use crate::tlv::{self, DerError, Elements};
use crate::token::{CutToken, TokenError};
use const_oid::ObjectIdentifier;

/// The unsigned attribute that carries proofs, under a configured object identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofAttribute {
    oid: ObjectIdentifier,
}

impl ProofAttribute {
    /// Largest proof: 1 MB, as for a token of this log.
    pub const MAX_PROOF_BYTES: usize = 1_000_000;

    /// Under this object identifier, in dotted form.
    ///
    /// # Errors
    /// Those of [`oid::parse`]: another form, or an arc of 2²⁸ or more.
    pub fn new(oid: &str) -> Result<ProofAttribute, OidError> {
        Ok(ProofAttribute { oid: oid::parse(oid)? })
    }

    /// Its object identifier.
    pub fn oid(&self) -> ObjectIdentifier {
        self.oid
    }

    /// The reply or token (DER) with this proof in it.
    ///
    /// # Errors
    /// [`EmbedError::TooLong`] for a proof beyond [`ProofAttribute::MAX_PROOF_BYTES`]; [`EmbedError::Already`] if there
    /// is one; [`EmbedError::Token`] for what is no token.
    pub fn embed(&self, reply_or_token: &[u8], proof: &[u8]) -> Result<Vec<u8>, EmbedError> {
        if proof.len() > ProofAttribute::MAX_PROOF_BYTES {
            return Err(EmbedError::TooLong { found: proof.len() });
        }
        let token = CutToken::read(reply_or_token)?;
        let Sorted { ours, others: mut attributes } = self.sort_out(&token)?;
        if ours.is_some() {
            return Err(EmbedError::Already);
        }
        let value = tlv::element(tlv::OCTET_STRING, &[proof]);
        let oid = tlv::element(tlv::OID, &[self.oid.as_bytes()]);
        let attribute = tlv::element(tlv::SEQUENCE, &[&oid, &tlv::element(tlv::SET, &[&value])]);
        // SPEC: X.690 section 11.6: the elements of a SET OF stand in the order of their bytes. What others wrote keeps
        // its order, so that taking the proof out gives the bytes that were there.
        let at = attributes.iter().position(|other| **other > *attribute).unwrap_or(attributes.len());
        attributes.insert(at, &attribute);
        Ok(token.with_unsigned(Some(&attributes.concat())))
    }

    /// The proof in a reply or token (DER); `None` if there is none.
    ///
    /// # Errors
    /// [`EmbedError::Token`] for what is no token; [`EmbedError::Form`] for our attribute with another value;
    /// [`EmbedError::Several`] for two of them.
    pub fn extract(&self, reply_or_token: &[u8]) -> Result<Option<Vec<u8>>, EmbedError> {
        let token = CutToken::read(reply_or_token)?;
        Ok(self.sort_out(&token)?.ours.map(<[u8]>::to_vec))
    }

    /// The reply or token (DER) without the proof: the bytes that [`ProofAttribute::embed`] was given.
    ///
    /// # Errors
    /// As for [`ProofAttribute::extract`].
    pub fn remove(&self, reply_or_token: &[u8]) -> Result<Vec<u8>, EmbedError> {
        let token = CutToken::read(reply_or_token)?;
        let Sorted { ours, others } = self.sort_out(&token)?;
        match (ours, others.as_slice()) {
            (None, _) => Ok(reply_or_token.to_vec()),
            (Some(_), []) => Ok(token.with_unsigned(None)),
            (Some(_), others) => Ok(token.with_unsigned(Some(&others.concat()))),
        }
    }

    /// The proof, and the other unsigned attributes.
    fn sort_out<'a>(&self, token: &CutToken<'a>) -> Result<Sorted<'a>, EmbedError> {
        let mut attributes = Elements::new(token.unsigned().unwrap_or_default());
        let mut sorted = Sorted { ours: None, others: Vec::new() };
        while !attributes.is_empty() {
            let attribute = attributes.take(tlv::SEQUENCE)?;
            let mut fields = Elements::new(attribute.content);
            if fields.take(tlv::OID)?.content != self.oid.as_bytes() {
                sorted.others.push(attribute.whole);
                continue;
            }
            let values = fields.take(tlv::SET)?.content;
            fields.end()?;
            let proof = Elements::only(values, tlv::OCTET_STRING).map_err(|_| EmbedError::Form)?.content;
            if proof.len() > ProofAttribute::MAX_PROOF_BYTES {
                return Err(EmbedError::TooLong { found: proof.len() });
            }
            if sorted.ours.replace(proof).is_some() {
                return Err(EmbedError::Several);
            }
        }
        Ok(sorted)
    }
}

/// The unsigned attributes of a token.
struct Sorted<'a> {
    /// The proof.
    ours: Option<&'a [u8]>,
    /// The whole of each other attribute, in order.
    others: Vec<&'a [u8]>,
}

/// Why a proof can't be put in, found or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// A proof beyond [`ProofAttribute::MAX_PROOF_BYTES`].
    #[error("a proof has at most {} bytes, not {found}", ProofAttribute::MAX_PROOF_BYTES)]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Not a token.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// There is a proof already.
    #[error("the token carries a proof already")]
    Already,
    /// Two proofs.
    #[error("the token carries several proofs")]
    Several,
    /// Our attribute, but not with one OCTET STRING.
    #[error("the token's proof attribute doesn't hold one OCTET STRING")]
    Form,
}

impl From<DerError> for EmbedError {
    fn from(error: DerError) -> EmbedError {
        EmbedError::Token(TokenError::Der(error))
    }
}

#[cfg(test)]
mod tests;
