//! Keys that sign tokens: the trait that the authority needs, and keys held in memory.
//!
//! ECDSA over P-256 or P-384, and RSA from 3072 bits. No Ed25519: openssl 3.0 can't check such tokens. Keys are read
//! from PKCS #8 (DER or PEM, not encrypted) and, with the feature `pkcs12`, from PKCS #12. aws-lc-rs draws the
//! randomness for new keys and for ECDSA's nonces itself, from the system; it is the one thing in this crate that is
//! not an argument.

pub mod device;
mod error;
mod local;
#[cfg(feature = "pkcs12")]
mod pkcs12;

pub use crate::signature::SignatureAlgorithm;
pub use error::{KeyError, SignError};
pub use local::{KeyKind, LocalSigner};

/// Signs tokens: a key in memory ([`LocalSigner`]) or in a device.
pub trait TsaSigner: Send + Sync {
    /// What [`TsaSigner::sign`] makes.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Signs `message`, which is not yet hashed. ECDSA signatures are DER (RFC 3279 section 2.2.3).
    ///
    /// # Errors
    /// [`SignError`] if the key or its device doesn't give a signature.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// The public key as a DER SubjectPublicKeyInfo.
    fn public_key_info(&self) -> &[u8];
}

/// 128 bits of security by NIST SP 800-57; 2048 bits are disallowed by 2030.
const MIN_RSA_BITS: usize = 3072;

#[cfg(test)]
mod tests;
