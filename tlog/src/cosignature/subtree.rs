//! Cosignatures over subtrees: ML-DSA-44 only, and without a time unless the subtree begins at leaf 0.

use super::{CosignatureError, CosignerKey, Secret, ml_dsa_message, split};
use crate::{
    checkpoint::Origin,
    hash::Hash,
    note::{Signature, SignatureType, VerifierKey},
    time::UnixSeconds,
    tree::Subtree,
};

/// Verifies one cosignature line over a subtree with this hash: that it is consistent with every other view of the log
/// that the cosigner has had. `Some` is a time as of which it was the largest tree too, and only a subtree from leaf 0 can
/// have one.
///
/// # Errors
/// [`CosignatureError::NoSubtrees`] for a key of another type, [`CosignatureError::Forged`] if the signature is wrong, and
/// a variant of its own for each other reason.
pub fn verify_subtree(
    key: &VerifierKey,
    origin: &Origin,
    subtree: Subtree,
    hash: &Hash,
    line: &Signature,
) -> Result<Option<UnixSeconds>, CosignatureError> {
    if key.kind() != SignatureType::CosignatureMlDsa44 {
        return Err(CosignatureError::NoSubtrees);
    }
    let (time, signature) = split(key, line)?;
    // SPEC: tlog-cosignature, ML-DSA-44 signed message: if start is not zero, the timestamp must be zero.
    if subtree.start() != 0 && time.get() != 0 {
        return Err(CosignatureError::TimedSubtree);
    }
    if !key
        .verifies(&ml_dsa_message(key.name(), origin, subtree.start(), subtree.end(), hash, time), signature)
    {
        return Err(CosignatureError::Forged);
    }
    Ok(Some(time).filter(|time| time.get() != 0))
}

impl CosignerKey {
    /// Signs a subtree, without a time. The caller has checked that it is consistent with a checkpoint that it cosigned.
    ///
    /// # Errors
    /// [`CosignatureError::NoSubtrees`] for an Ed25519 key.
    pub fn cosign_subtree(
        &self,
        origin: &Origin,
        subtree: Subtree,
        hash: &Hash,
    ) -> Result<Signature, CosignatureError> {
        let Secret::MlDsa44(_) = self.secret else { return Err(CosignatureError::NoSubtrees) };
        Ok(self.sign(UnixSeconds::ZERO, &subtree_message(&self.verifier, origin, subtree, hash)))
    }
}

/// What an ML-DSA-44 key signs for a subtree without a time, for signers that this crate doesn't have.
pub fn subtree_message(key: &VerifierKey, origin: &Origin, subtree: Subtree, hash: &Hash) -> Vec<u8> {
    // SPEC: tlog-witness, sign-subtree: the timestamp must be zero.
    ml_dsa_message(key.name(), origin, subtree.start(), subtree.end(), hash, UnixSeconds::ZERO)
}
