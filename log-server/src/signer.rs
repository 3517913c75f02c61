//! Who signs: a key in memory today, a hardware module or another process later.

use treering_tlog::note::{Signature, SigningKey, VerifierKey};

/// Signs the log's checkpoints.
pub trait Signer: Send + Sync + std::fmt::Debug + 'static {
    /// Signs a note's text with the log's key.
    ///
    /// # Errors
    /// The signer can't be reached or refuses.
    fn sign(&self, text: &str) -> Result<Signature, SignerError>;
    /// The key that readers verify with.
    fn verifier(&self) -> VerifierKey;
    /// Signs with each key that signs at the moment: two while the log's key changes, else one.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    fn sign_all(&self, text: &str) -> Result<Vec<Signature>, SignerError> {
        Ok(vec![self.sign(text)?])
    }
    /// These keys, in the order of [`Signer::sign_all`].
    fn verifiers(&self) -> Vec<VerifierKey> {
        vec![self.verifier()]
    }
}

/// The signer did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signer did not sign: {reason}")]
pub struct SignerError {
    /// What it said.
    pub reason: String,
}

impl Signer for SigningKey {
    fn sign(&self, text: &str) -> Result<Signature, SignerError> {
        Ok(SigningKey::sign(self, text))
    }

    fn verifier(&self) -> VerifierKey {
        SigningKey::verifier(self)
    }
}
