//! The witness's keys: one or more, each in a file of its own, each making a cosignature of every checkpoint.
//!
//! A key file is one line, `PRIVATE+KEY+<name>+<key id>+<base64>`, readable by its owner alone. A file that anyone
//! else may read is refused: the key may be known to others already, and a witness whose key is known attests nothing.
//!
//! What this does not do: it does not encrypt the file, and it knows no hardware keys.

pub(crate) mod file;
mod signer;

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::{self, CosignatureError, CosignerKey},
    hash::Hash,
    note::{KeyError, KeyName, Signature, SignatureType, VerifierKey},
    time::UnixSeconds,
    tree::Subtree,
};
use zeroize::Zeroizing;

use signer::Signer;
pub use signer::SignerError;

/// Every key that this witness signs with; at least one.
#[derive(Debug)]
pub struct WitnessKeys {
    /// INVARIANT: not empty, and no two with the same name and key ID.
    keys: Vec<Key>,
}

/// One of the witness's keys.
pub(crate) struct Key {
    signer: Signer,
    verifier: VerifierKey,
}

impl Key {
    /// Signs a subtree without a time.
    ///
    /// # Errors
    /// It is not an ML-DSA-44 key, or aws-lc did not sign.
    pub(crate) fn sign_subtree(
        &self,
        origin: &Origin,
        subtree: Subtree,
        hash: &Hash,
    ) -> Result<Signature, SignerError> {
        self.signer.cosign_subtree(&self.verifier, origin, subtree, hash)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.verifier)
    }
}

/// Why the keys can't be used. Each says which file, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// No key is configured.
    #[error("no key file is named: `keys` must list at least one")]
    None,
    /// The file can't be read.
    #[error("key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It isn't a file.
    #[error("key file {path} is not a regular file")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Others than its owner may read or write it.
    #[error(
        "key file {path} has mode {mode:04o}, so others than its owner can get at it; it must be 0600. \
         If somebody may have read it, make a new key instead of changing the mode"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It doesn't hold a key.
    #[error("key file {path}: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// It doesn't hold a text of the size of a key.
    #[error("key file {path} is not UTF-8 text of at most {max} bytes", max = file::MAX_BYTES)]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// It can't be signed with.
    #[error("key file {path}: {source}")]
    Signer {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SignerError,
    },
    /// The same key is listed twice.
    #[error("key file {path} holds a key that another file in `keys` holds too")]
    Twice {
        /// The second of the two files.
        path: PathBuf,
    },
    /// The random number generator of the system failed.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

impl WitnessKeys {
    /// Reads every key file, in order.
    ///
    /// # Errors
    /// The first file that is refused, and why.
    pub fn load(paths: &[PathBuf]) -> Result<WitnessKeys, KeyFileError> {
        let mut keys: Vec<Key> = Vec::with_capacity(paths.len());
        for path in paths {
            let key = read_key_file(path)?;
            let verifier = key.verifier();
            if keys.iter().any(|key| key.verifier == verifier) {
                return Err(KeyFileError::Twice { path: path.clone() });
            }
            let signer =
                Signer::new(key).map_err(|source| KeyFileError::Signer { path: path.clone(), source })?;
            keys.push(Key { signer, verifier });
        }
        if keys.is_empty() { Err(KeyFileError::None) } else { Ok(WitnessKeys { keys }) }
    }

    /// The public keys, in the order of the configuration.
    pub fn verifiers(&self) -> impl Iterator<Item = &VerifierKey> {
        self.keys.iter().map(|key| &key.verifier)
    }

    /// Does one of the keys make signatures of this type?
    pub fn has(&self, kind: SignatureType) -> bool {
        self.verifiers().any(|key| key.kind() == kind)
    }

    /// A cosignature by every key, all with the same timestamp.
    ///
    /// # Errors
    /// A zero timestamp, or aws-lc did not sign.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: UnixSeconds) -> Result<Vec<Signature>, SignerError> {
        self.keys.iter().map(|key| key.signer.cosign(&key.verifier, checkpoint, time)).collect()
    }

    /// The latest timestamp of a genuine cosignature by one of the keys among `signatures`. Somebody else's note may
    /// hold several, of different times, beside some that are forged.
    pub fn latest_own(&self, checkpoint: &Checkpoint, signatures: &[Signature]) -> Option<UnixSeconds> {
        let by = |signature| self.keys.iter().find(|key| key.verifier.matches(signature));
        let genuine = |signature| cosignature::verify(&by(signature)?.verifier, checkpoint, signature).ok();
        signatures.iter().filter_map(genuine).max()
    }

    /// The ML-DSA-44 keys that cosigned the checkpoint; `None` if none did, or if a line by any of the keys is forged. A
    /// line without a timestamp counts: it was made for a subtree that is the whole tree.
    pub(crate) fn subtree_signers(
        &self,
        checkpoint: &Checkpoint,
        signatures: &[Signature],
    ) -> Option<Vec<&Key>> {
        let mut signers: Vec<&Key> = Vec::new();
        for signature in signatures {
            let Some(key) = self.keys.iter().find(|key| key.verifier.matches(signature)) else { continue };
            match cosignature::verify(&key.verifier, checkpoint, signature) {
                Ok(_) | Err(CosignatureError::NoTimestamp) => {}
                Err(_) => return None,
            }
            let signs_subtrees = key.verifier.kind() == SignatureType::CosignatureMlDsa44;
            if signs_subtrees && !signers.iter().any(|other| other.verifier == key.verifier) {
                signers.push(key);
            }
        }
        if signers.is_empty() { None } else { Some(signers) }
    }

    /// The timestamp of this witness's own cosignatures among `signatures`: `None` if there is none.
    ///
    /// # Errors
    /// A line by one of the keys does not verify, or two of them differ in their timestamps.
    pub fn verify_own(
        &self,
        checkpoint: &Checkpoint,
        signatures: &[Signature],
    ) -> Result<Option<UnixSeconds>, OwnCosignatureError> {
        let mut found = None;
        for signature in signatures {
            let Some(key) = self.keys.iter().find(|key| key.verifier.matches(signature)) else { continue };
            let time = cosignature::verify(&key.verifier, checkpoint, signature)
                .map_err(OwnCosignatureError::Cosignature)?;
            if found.is_some_and(|other| other != time) {
                return Err(OwnCosignatureError::Times);
            }
            found = Some(time);
        }
        Ok(found)
    }
}

/// Why a stored note's cosignatures by this witness are not what it made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnCosignatureError {
    /// It does not verify.
    #[error("this witness's own cosignature: {0}")]
    Cosignature(CosignatureError),
    /// One note is signed by all keys at once.
    #[error("this witness's own cosignatures have different timestamps")]
    Times,
}

/// Which signatures a key makes (C2SP tlog-cosignature).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Type 0x04: 72 bytes a cosignature. Every verifier knows it.
    Ed25519,
    /// Type 0x06: 2,428 bytes a cosignature; withstands quantum computers, and signs subtrees.
    MlDsa44,
}

/// Makes a new Ed25519 key and writes it to a new file of mode 0600, synced.
///
/// # Errors
/// As [`create_key_file_of`].
pub fn create_key_file(path: &Path, name: KeyName) -> Result<VerifierKey, KeyFileError> {
    create_key_file_of(KeyKind::Ed25519, path, name)
}

/// Makes a new key and writes it to a new file of mode 0600, synced.
///
/// # Errors
/// The file exists or can't be written, or the system gives no random numbers.
pub fn create_key_file_of(kind: KeyKind, path: &Path, name: KeyName) -> Result<VerifierKey, KeyFileError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(KeyFileError::Random)?;
    let key = match kind {
        KeyKind::Ed25519 => CosignerKey::ed25519(name, &seed),
        KeyKind::MlDsa44 => CosignerKey::ml_dsa_44(name, &seed),
    };
    let text = Zeroizing::new(format!("{}\n", key.to_private_text().as_str()));
    file::create(path, &text)?;
    Ok(key.verifier())
}

fn read_key_file(path: &Path) -> Result<CosignerKey, KeyFileError> {
    let text = file::read(path)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    CosignerKey::parse(line).map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    };

    use super::*;

    fn name() -> KeyName {
        KeyName::new("witness.example/w1").unwrap()
    }

    #[test]
    fn a_new_key_file_is_private_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let verifier = create_key_file(&path, name()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let keys = WitnessKeys::load(&[path]).unwrap();
        assert_eq!(keys.verifiers().collect::<Vec<_>>(), [&verifier]);
    }

    #[test]
    fn a_key_of_either_kind_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let paths = [dir.path().join("a"), dir.path().join("b")];
        let ed25519 = create_key_file_of(KeyKind::Ed25519, &paths[0], name()).unwrap();
        let ml_dsa = create_key_file_of(KeyKind::MlDsa44, &paths[1], name()).unwrap();
        assert_eq!(ed25519.kind(), SignatureType::CosignatureEd25519);
        assert_eq!(ml_dsa.kind(), SignatureType::CosignatureMlDsa44);
        assert_eq!(fs::metadata(&paths[1]).unwrap().mode() & 0o7777, 0o600);
        let keys = WitnessKeys::load(&paths).unwrap();
        assert_eq!(keys.verifiers().collect::<Vec<_>>(), [&ed25519, &ml_dsa]);
        assert!(keys.has(SignatureType::CosignatureMlDsa44));
        assert!(!WitnessKeys::load(&paths[..1]).unwrap().has(SignatureType::CosignatureMlDsa44));
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create_key_file(&path, name()).unwrap();
        let before = fs::read(&path).unwrap();
        assert!(matches!(create_key_file(&path, name()), Err(KeyFileError::Io { .. })));
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create_key_file(&path, name()).unwrap();
        for mode in [0o604, 0o640, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = WitnessKeys::load(std::slice::from_ref(&path));
            assert!(matches!(refused, Err(KeyFileError::Mode { mode: told, .. }) if told == mode));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        WitnessKeys::load(&[path]).unwrap();
    }

    #[test]
    fn the_same_key_twice_and_no_key_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create_key_file(&path, name()).unwrap();
        assert!(matches!(WitnessKeys::load(&[path.clone(), path]), Err(KeyFileError::Twice { .. })));
        assert!(matches!(WitnessKeys::load(&[]), Err(KeyFileError::None)));
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let write = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            WitnessKeys::load(std::slice::from_ref(&path))
        };
        assert!(matches!(write(b""), Err(KeyFileError::Key { .. })));
        assert!(matches!(write(b"hello\n"), Err(KeyFileError::Key { .. })));
        assert!(matches!(write(b"\xff\n"), Err(KeyFileError::NotText { .. })));
        assert!(matches!(write(&[b'a'; 5000]), Err(KeyFileError::NotText { .. })));
    }

    #[test]
    fn the_secret_is_not_printed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create_key_file(&path, name()).unwrap();
        let secret = fs::read_to_string(&path).unwrap();
        let secret = secret.trim_end().splitn(5, '+').nth(4).unwrap();
        let keys = WitnessKeys::load(&[path]).unwrap();
        assert!(!format!("{keys:?}").contains(secret));
    }
}
