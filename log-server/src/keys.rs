//! The keys that a log signs with: one, or two while its key changes.
//!
//! A log is its origin; its key may change. During the overlap each checkpoint has a signature line by the old key and
//! one by the new (C2SP tlog-checkpoint allows several), so that witnesses and verifiers that know either accept it. Both
//! keys have the origin as their name. `docs/keys.md` has the steps.

use treering_tlog::note::{Signature, SigningKey, VerifierKey};

use crate::{
    config::Config,
    key::{self, KeyFileError},
    signer::{Signer, SignerError},
};

/// The keys that sign now.
#[derive(Debug)]
pub struct LogKeys {
    /// The log's key, which is going to be the old one while there is a second.
    first: SigningKey,
    second: Option<SigningKey>,
}

/// Why the keys can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LogKeysError {
    /// A file can't be read, or is no key.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The same key in both files.
    #[error("key and second_key are the same key")]
    Same,
}

impl LogKeys {
    /// Reads the files that the configuration names.
    ///
    /// # Errors
    /// See [`LogKeysError`].
    pub fn load(config: &Config) -> Result<LogKeys, LogKeysError> {
        let first = key::load(&config.key)?;
        let second = config.second_key.as_deref().map(key::load).transpose()?;
        if second.as_ref().is_some_and(|second| second.verifier() == first.verifier()) {
            return Err(LogKeysError::Same);
        }
        Ok(LogKeys { first, second })
    }

    /// The key that stays when the change is over.
    pub fn newest(&self) -> &SigningKey {
        self.second.as_ref().unwrap_or(&self.first)
    }

    fn all(&self) -> impl Iterator<Item = &SigningKey> {
        [&self.first].into_iter().chain(&self.second)
    }
}

impl Signer for LogKeys {
    fn sign(&self, text: &str) -> Result<Signature, SignerError> {
        Signer::sign(&self.first, text)
    }

    fn verifier(&self) -> VerifierKey {
        self.first.verifier()
    }

    fn sign_all(&self, text: &str) -> Result<Vec<Signature>, SignerError> {
        self.all().map(|key| Signer::sign(key, text)).collect()
    }

    fn verifiers(&self) -> Vec<VerifierKey> {
        self.all().map(SigningKey::verifier).collect()
    }
}
