//! Keys and chains from PKCS #12 files (feature `pkcs12`).

use super::{KeyError, LocalSigner};
use crate::chain::Chain;
use p12_keystore::{KeyStore, KeyStoreEntry};

impl LocalSigner {
    /// Reads a PKCS #12 file: its one key, and the key's certificate with its issuers.
    ///
    /// The file is the operator's own: the library hangs on certificates that issue each other in a circle.
    ///
    /// # Errors
    /// [`KeyError::Pkcs12`] if it can't be read or the password is wrong, [`KeyError::NoKey`],
    /// [`KeyError::SeveralKeys`], [`KeyError::Chain`], and those of [`LocalSigner::from_der`].
    pub fn from_pkcs12(pkcs12: &[u8], password: &str) -> Result<(LocalSigner, Chain), KeyError> {
        let store =
            KeyStore::from_pkcs12(pkcs12, password).map_err(|error| KeyError::Pkcs12(error.to_string()))?;
        let mut keys = store.entries().filter_map(|(_, entry)| match entry {
            KeyStoreEntry::PrivateKeyChain(key) => Some(key),
            KeyStoreEntry::Certificate(_) | KeyStoreEntry::Secret(_) => None,
        });
        let key = keys.next().ok_or(KeyError::NoKey)?;
        if keys.next().is_some() {
            return Err(KeyError::SeveralKeys);
        }
        let chain = Chain::from_der(key.chain().iter().map(p12_keystore::Certificate::as_der))?;
        Ok((LocalSigner::from_der(key.key())?, chain))
    }
}
