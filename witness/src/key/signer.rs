//! How a key signs: Ed25519 by `tlog`'s own library, ML-DSA-44 by aws-lc, which rustls brings anyway and which takes a
//! fraction of the time of the portable one.
//!
//! Both make the same key of the same seed; that is checked when the key is read. aws-lc's signatures are hedged (FIPS 204
//! section 3.4): two of the same message differ, and both verify.

use aws_lc_rs::signature::{KeyPair as _, ML_DSA_44_SIGNING, PqdsaKeyPair};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::{self, CosignatureError, CosignerKey},
    hash::Hash,
    note::{Signature, SignatureType, VerifierKey},
    time::UnixSeconds,
    tree::Subtree,
};

/// Bytes of an ML-DSA-44 signature (FIPS 204 section 4, table 2).
const ML_DSA_44_BYTES: usize = 2_420;

/// A secret key.
pub(super) enum Signer {
    Ed25519(Box<CosignerKey>),
    MlDsa44(Box<PqdsaKeyPair>),
}

/// Why a key can't be signed with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The two libraries don't agree about the key.
    #[error("aws-lc and the ml-dsa library make different keys of this seed: one of them is broken")]
    Differs,
    /// aws-lc refuses.
    #[error("aws-lc does not take the key's seed")]
    Refused,
    /// aws-lc could not sign: it has no memory, or no random numbers.
    #[error("aws-lc did not sign")]
    Failed,
    /// Not a statement that this key can make.
    #[error(transparent)]
    Statement(#[from] CosignatureError),
}

impl Signer {
    /// From the key as its file has it.
    pub(super) fn new(key: CosignerKey) -> Result<Signer, SignerError> {
        let verifier = key.verifier();
        if verifier.kind() != SignatureType::CosignatureMlDsa44 {
            return Ok(Signer::Ed25519(Box::new(key)));
        }
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, key.seed().as_slice());
        let pair = pair.map_err(|_| SignerError::Refused)?;
        if pair.public_key().as_ref() != verifier.public_bytes() {
            return Err(SignerError::Differs);
        }
        Ok(Signer::MlDsa44(Box::new(pair)))
    }

    /// As [`CosignerKey::cosign`].
    pub(super) fn cosign(
        &self,
        verifier: &VerifierKey,
        checkpoint: &Checkpoint,
        time: UnixSeconds,
    ) -> Result<Signature, SignerError> {
        match self {
            Signer::Ed25519(key) => Ok(key.cosign(checkpoint, time)?),
            // SPEC: tlog-witness, add-checkpoint: the timestamp must not be zero.
            Signer::MlDsa44(_) if time == UnixSeconds::ZERO => Err(CosignatureError::NoTimestamp.into()),
            Signer::MlDsa44(pair) => {
                let message = cosignature::message(verifier, checkpoint, time);
                let signature = sign(pair, &message.ok_or(CosignatureError::KeyType)?)?;
                Ok(cosignature::line(verifier, time, &signature))
            }
        }
    }

    /// As [`CosignerKey::cosign_subtree`].
    pub(super) fn cosign_subtree(
        &self,
        verifier: &VerifierKey,
        origin: &Origin,
        subtree: Subtree,
        hash: &Hash,
    ) -> Result<Signature, SignerError> {
        let Signer::MlDsa44(pair) = self else { return Err(CosignatureError::NoSubtrees.into()) };
        let signature = sign(pair, &cosignature::subtree_message(verifier, origin, subtree, hash))?;
        Ok(cosignature::line(verifier, UnixSeconds::ZERO, &signature))
    }
}

fn sign(pair: &PqdsaKeyPair, message: &[u8]) -> Result<[u8; ML_DSA_44_BYTES], SignerError> {
    let mut signature = [0; ML_DSA_44_BYTES];
    match pair.sign(message, &mut signature) {
        Ok(ML_DSA_44_BYTES) => Ok(signature),
        _ => Err(SignerError::Failed),
    }
}

#[cfg(test)]
mod tests {
    use treering_tlog::{
        note::KeyName,
        tree::{TreeHead, TreeSize},
    };

    use super::*;

    fn checkpoint() -> Checkpoint {
        let head = TreeHead { size: TreeSize::new(14).unwrap(), root: Hash::new([7; 32]) };
        Checkpoint { origin: Origin::new("log.example").unwrap(), head, extensions: Vec::new() }
    }

    fn keys(seed: u8) -> [CosignerKey; 2] {
        let name = || KeyName::new("witness.example").unwrap();
        [CosignerKey::ed25519(name(), &[seed; 32]), CosignerKey::ml_dsa_44(name(), &[seed; 32])]
    }

    #[test]
    fn both_libraries_make_the_same_key_and_verify_each_others_signatures() {
        let time = UnixSeconds::new(1_800_000_000).unwrap();
        for seed in 0..4 {
            for key in keys(seed) {
                let verifier = key.verifier();
                let signer = Signer::new(key).unwrap();
                let line = signer.cosign(&verifier, &checkpoint(), time).unwrap();
                assert_eq!(cosignature::verify(&verifier, &checkpoint(), &line), Ok(time));
                let refused = signer.cosign(&verifier, &checkpoint(), UnixSeconds::ZERO);
                assert_eq!(refused, Err(SignerError::Statement(CosignatureError::NoTimestamp)));
            }
        }
    }

    #[test]
    fn subtrees_are_signed_by_ml_dsa_keys_alone() {
        let (origin, subtree, hash) = (checkpoint().origin, Subtree::new(8, 13).unwrap(), Hash::new([1; 32]));
        let [ed25519, ml_dsa] = keys(1).map(|key| (key.verifier(), Signer::new(key).unwrap()));
        let line = ml_dsa.1.cosign_subtree(&ml_dsa.0, &origin, subtree, &hash).unwrap();
        assert_eq!(cosignature::verify_subtree(&ml_dsa.0, &origin, subtree, &hash, &line), Ok(None));
        let refused = ed25519.1.cosign_subtree(&ed25519.0, &origin, subtree, &hash);
        assert_eq!(refused, Err(SignerError::Statement(CosignatureError::NoSubtrees)));
    }
}
