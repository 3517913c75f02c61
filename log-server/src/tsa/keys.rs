//! The authority's key and certificates, from where the configuration says they are.

use super::pkcs11::{Pkcs11Error, TokenKey};
use crate::{
    config::{TsaConfig, TsaKey},
    key::{self, KeyFileError},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use treering_tsa::{
    chain::{Chain, ChainError},
    signer::{KeyError, LocalSigner, TsaSigner},
};
use zeroize::Zeroizing;

/// No key or certificate file is larger.
const MAX_FILE: u64 = 1 << 20;
/// No password or PIN is longer.
const MAX_PASSWORD: u64 = 1024;

/// Why key or certificates could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TsaKeyError {
    /// A secret's file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The certificates' file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is larger than any key or certificate.
    #[error("{path}: larger than a key or certificates can be")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// PEM is text.
    #[error("{path}: no PEM file")]
    Text {
        /// Which file.
        path: PathBuf,
    },
    /// Not a key that timestamps can be signed with.
    #[error("{path}: {source}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: KeyError,
    },
    /// Not a chain of certificates.
    #[error("{path}: {source}")]
    Chain {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: ChainError,
    },
    /// A password or PIN is one line of text.
    #[error("{path}: a password or PIN is one line of text")]
    Password {
        /// Which file.
        path: PathBuf,
    },
    /// The PKCS#11 token.
    #[error(transparent)]
    Pkcs11(#[from] Pkcs11Error),
    /// Nowhere are certificates.
    #[error("the authority's certificates are missing")]
    NoCertificates,
}

/// Key and certificates.
pub(super) fn load(config: &TsaConfig) -> Result<(Arc<dyn TsaSigner>, Chain), TsaKeyError> {
    let (signer, own) = with_certificates(&config.key)?;
    let chain = match (&config.certificates, own) {
        (Some(path), _) => load_chain(path)?,
        (None, Some(chain)) => chain,
        (None, None) => return Err(TsaKeyError::NoCertificates),
    };
    Ok((signer, chain))
}

/// The key alone: for a request to a certificate authority. Blocking.
///
/// # Errors
/// See [`TsaKeyError`].
pub fn load_signer(key: &TsaKey) -> Result<Arc<dyn TsaSigner>, TsaKeyError> {
    with_certificates(key).map(|(signer, _)| signer)
}

/// Certificates from a PEM file, the authority's own first. Blocking.
///
/// # Errors
/// See [`TsaKeyError`].
pub fn load_chain(path: &Path) -> Result<Chain, TsaKeyError> {
    let read = |source| TsaKeyError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(read)?.len() > MAX_FILE {
        return Err(TsaKeyError::TooLarge { path: path.to_owned() });
    }
    let pem = std::fs::read_to_string(path).map_err(read)?;
    Chain::from_pem(&pem).map_err(|source| TsaKeyError::Chain { path: path.to_owned(), source })
}

fn with_certificates(key: &TsaKey) -> Result<(Arc<dyn TsaSigner>, Option<Chain>), TsaKeyError> {
    match key {
        TsaKey::Pem(path) => {
            let pem = secret(path)?;
            let text = std::str::from_utf8(&pem).map_err(|_| TsaKeyError::Text { path: path.clone() })?;
            let signer = LocalSigner::from_pem(text).map_err(in_file(path))?;
            Ok((Arc::new(signer), None))
        }
        TsaKey::Pkcs12 { file, password } => {
            let password = line(password)?;
            let (signer, chain) =
                LocalSigner::from_pkcs12(&secret(file)?, &password).map_err(in_file(file))?;
            Ok((Arc::new(signer), Some(chain)))
        }
        TsaKey::Pkcs11 { module, token, key, pin } => {
            let pin = line(pin)?;
            Ok((Arc::new(TokenKey::open(module, token, key, &pin)?), None))
        }
    }
}

fn in_file(path: &Path) -> impl FnOnce(KeyError) -> TsaKeyError {
    let path = path.to_owned();
    move |source| TsaKeyError::Key { path, source }
}

fn secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, TsaKeyError> {
    let secret = key::read_private(path, MAX_FILE)?;
    if secret.len() as u64 > MAX_FILE {
        return Err(TsaKeyError::TooLarge { path: path.to_owned() });
    }
    Ok(secret)
}

/// One line of text, without its newline.
fn line(path: &Path) -> Result<Zeroizing<String>, TsaKeyError> {
    let wrong = || TsaKeyError::Password { path: path.to_owned() };
    let bytes = key::read_private(path, MAX_PASSWORD)?;
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let text = std::str::from_utf8(text).map_err(|_| wrong())?;
    if text.len() as u64 > MAX_PASSWORD || text.is_empty() || text.contains(['\n', '\r', '\0']) {
        return Err(wrong());
    }
    Ok(Zeroizing::new(text.to_owned()))
}
