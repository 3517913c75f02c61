//! The key by which a bastion knows this witness: Ed25519, in PKCS #8 (PEM), in a file of its own.

use std::path::Path;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ED25519,
    PublicKeyData as _,
};
use rustls::{
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use treering_tlog::hash::sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::BastionError;
use crate::key::file;

/// The key. Zeroed when dropped.
pub struct BastionKey(KeyPair);

impl Drop for BastionKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for BastionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BastionKey({})", self.hash())
    }
}

/// Makes a new key and writes it to a new file of mode 0600, synced.
///
/// # Errors
/// The file exists or can't be written, or the system gives no random numbers.
pub fn create_key_file(path: &Path) -> Result<BastionKey, BastionError> {
    let key = KeyPair::generate_for(&PKCS_ED25519)
        .map(BastionKey)
        .map_err(|source| BastionError::Key { path: path.to_owned(), source })?;
    file::create(path, &Zeroizing::new(key.0.serialize_pem()))?;
    Ok(key)
}

impl BastionKey {
    /// Reads a key's file.
    ///
    /// # Errors
    /// It can't be read, others may read it, or it holds no Ed25519 key.
    pub fn load(path: &Path) -> Result<BastionKey, BastionError> {
        let text = file::read(path)?;
        let failed = |source| BastionError::Key { path: path.to_owned(), source };
        // Not by the library's own reader, which leaves what it has read in memory.
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map(Zeroizing::new);
        let der = der.map_err(|error| failed(rcgen::Error::PemError(error.to_string())))?;
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519);
        key.map(BastionKey).map_err(failed)
    }

    /// SPEC: https-bastion, Client to bastion requests: hex of the SHA-256 of the 32-byte public key; lowercase here.
    pub fn hash(&self) -> String {
        sha256(self.0.der_bytes()).to_string()
    }

    /// SPEC: https-bastion, Backend to bastion connection: a self-signed Ed25519 certificate of the key; and the key.
    pub(super) fn certify(&self) -> Result<CertifiedKey, rustls::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "treering-witness");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate =
            params.self_signed(&self.0).expect("an Ed25519 key signs a certificate without names");
        // From a reference: what is moved into the library isn't zeroed there.
        let secret = PrivateKeyDer::Pkcs8(self.0.serialized_der().into());
        Ok(CertifiedKey::new(vec![certificate.der().clone()], any_supported_type(&secret)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 section 10.3: as openssl writes it, without the public key.
    const OTHER: &str = "-----BEGIN PRIVATE KEY-----\n\
                         MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                         -----END PRIVATE KEY-----\n";

    #[test]
    fn a_new_key_reads_back_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bastion-key");
        let made = create_key_file(&path).unwrap();
        assert_eq!(BastionKey::load(&path).unwrap().hash(), made.hash());
        let refused = create_key_file(&path).unwrap_err();
        assert!(matches!(refused, BastionError::File(_)), "{refused}");
        assert_eq!(BastionKey::load(&path).unwrap().hash(), made.hash());
    }

    #[test]
    fn a_key_that_openssl_made_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bastion-key");
        file::create(&path, OTHER).unwrap();
        // RFC 8410 section 10.1: the public key of that example.
        let public = hex("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
        assert_eq!(BastionKey::load(&path).unwrap().hash(), sha256(&public).to_string());
    }

    #[test]
    fn what_holds_no_such_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (n, text) in ["", "hello\n", &OTHER.replace("K2VwBC", "K2VxBC")].iter().enumerate() {
            let path = dir.path().join(n.to_string());
            file::create(&path, text).unwrap();
            let refused = BastionKey::load(&path).unwrap_err().to_string();
            assert!(refused.contains("is no Ed25519 key in PKCS #8, as PEM"), "{refused}");
        }
        let refused = BastionKey::load(&dir.path().join("none")).unwrap_err().to_string();
        assert!(refused.ends_with("`treering-witness key bastion` makes a bastion's key"), "{refused}");
    }

    #[test]
    fn the_secret_is_not_printed() {
        let dir = tempfile::tempdir().unwrap();
        let key = create_key_file(&dir.path().join("bastion-key")).unwrap();
        assert_eq!(format!("{key:?}"), format!("BastionKey({})", key.hash()));
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}
