//! Keys in files: PKCS#8 in PEM (`openssl genpkey`), and OpenSSH's private and public keys (`ssh-keygen`).

use super::{Private, holder_key, p256_key};
use crate::{paths, places};
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use p256::pkcs8::DecodePublicKey as _;
use ssh_key::private::{EcdsaKeypair, KeypairData};
use std::{
    fs,
    io::{self, Read},
    path::Path,
};
use treering_token::claim::HolderKey;
use zeroize::Zeroizing;

/// No key's file is longer.
const MAX: u64 = 64 * 1024;

/// What a file holds.
pub(super) enum Key {
    Private(Private),
    Public(ssh_key::PublicKey),
}

/// Why a file has no key to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("the key {path} can't be read: {error}")]
    Read { path: String, error: io::Error },
    #[error(
        "the key {path} can be read by others (mode {mode:04o}); if nobody else has seen it: chmod 600 {path}"
    )]
    Mode { path: String, mode: u32 },
    #[error(
        "{path} is no key: give a private key (PKCS#8 in PEM, or OpenSSH's), a public one of OpenSSH's whose private half the \
         ssh-agent has, or agent:FINGERPRINT"
    )]
    Form { path: String },
    #[error("the key {path} is damaged, or of another kind than Ed25519 or P-256, which a claim can name")]
    Kind { path: String },
    #[error(
        "the key {path} is in the form of SEC 1: openssl pkcs8 -topk8 -nocrypt -in {path} -out NEW writes it in one that can be read here"
    )]
    Sec1 { path: String },
    #[error(
        "the key {path} is PKCS#8 with a passphrase, which can't be read here: openssl pkey -in {path} -out NEW (mode 0600) takes \
         it away; of OpenSSH's keys, the passphrase is asked for"
    )]
    Pkcs8Passphrase { path: String },
    #[error(
        "the key {path} has a passphrase, and it can't be asked for ({error}): ssh-add {path} gives the key to an ssh-agent, then \
         give --sign {path}.pub"
    )]
    NoTerminal { path: String, error: io::Error },
    #[error("that is not the passphrase of {path}")]
    Passphrase { path: String },
}

pub(super) fn read(path: &Path) -> Result<Key, KeyError> {
    let (text, open_to_others) = read_text(path)?;
    let shown = || paths::shown(path);
    let Some(label) = pem_label(&text) else {
        let key =
            ssh_key::PublicKey::from_openssh(text.trim()).map_err(|_| KeyError::Form { path: shown() })?;
        return match holder_key(key.key_data()) {
            Some(_) => Ok(Key::Public(key)),
            None => Err(KeyError::Kind { path: shown() }),
        };
    };
    if let Some(mode) = open_to_others.filter(|_| label.contains("PRIVATE")) {
        return Err(KeyError::Mode { path: shown(), mode });
    }
    let private = match label {
        "PRIVATE KEY" => pkcs8(&text).ok_or_else(|| KeyError::Kind { path: shown() })?,
        "OPENSSH PRIVATE KEY" => openssh(path, &text)?,
        "EC PRIVATE KEY" => return Err(KeyError::Sec1 { path: shown() }),
        "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Pkcs8Passphrase { path: shown() }),
        _ => return Err(KeyError::Form { path: shown() }),
    };
    Ok(Key::Private(private))
}

/// The public half of what the file holds, without asking for a passphrase.
pub(super) fn public(path: &Path) -> Option<Result<HolderKey, KeyError>> {
    let (text, _) = read_text(path).ok()?;
    let kind = || KeyError::Kind { path: paths::shown(path) };
    Some(match pem_label(&text) {
        None => {
            let key = ssh_key::PublicKey::from_openssh(text.trim()).ok()?;
            holder_key(key.key_data()).ok_or_else(kind)
        }
        Some("PUBLIC KEY") => pkcs8_public(&text).ok_or_else(kind),
        Some("PRIVATE KEY") => pkcs8(&text).map(|key| key.public()).ok_or_else(kind),
        Some("OPENSSH PRIVATE KEY") => match ssh_key::PrivateKey::from_openssh(text.as_bytes()) {
            Ok(key) => holder_key(key.public_key().key_data()).ok_or_else(kind),
            Err(_) => Err(kind()),
        },
        Some("EC PRIVATE KEY") => Err(KeyError::Sec1 { path: paths::shown(path) }),
        Some("ENCRYPTED PRIVATE KEY") => Err(KeyError::Pkcs8Passphrase { path: paths::shown(path) }),
        Some(_) => return None,
    })
}

fn pkcs8(pem: &str) -> Option<Private> {
    if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_pem(pem) {
        return Some(Private::Ed25519(key));
    }
    p256::ecdsa::SigningKey::from_pkcs8_pem(pem).ok().map(Private::P256)
}

fn pkcs8_public(pem: &str) -> Option<HolderKey> {
    let key = match ed25519_dalek::VerifyingKey::from_public_key_pem(pem) {
        Ok(key) => HolderKey::Ed25519(key.to_bytes()),
        Err(_) => p256_key(&p256::ecdsa::VerifyingKey::from_public_key_pem(pem).ok()?),
    };
    HolderKey::decode(&key.encode()).ok()
}

fn openssh(path: &Path, pem: &str) -> Result<Private, KeyError> {
    let kind = || KeyError::Kind { path: paths::shown(path) };
    let mut key = ssh_key::PrivateKey::from_openssh(pem.as_bytes()).map_err(|_| kind())?;
    if key.is_encrypted() {
        // Not worth a passphrase if it is of no use.
        holder_key(key.public_key().key_data()).ok_or_else(kind)?;
        let ask = rpassword::prompt_password(format!("Passphrase of {}: ", paths::shown(path)));
        let passphrase = ask.map_err(|error| KeyError::NoTerminal { path: paths::shown(path), error })?;
        let passphrase = Zeroizing::new(passphrase);
        key = key
            .decrypt(passphrase.as_bytes())
            .map_err(|_| KeyError::Passphrase { path: paths::shown(path) })?;
    }
    match key.key_data() {
        KeypairData::Ed25519(pair) => {
            let seed = Zeroizing::new(pair.private.to_bytes());
            Ok(Private::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed)))
        }
        KeypairData::Ecdsa(EcdsaKeypair::NistP256 { private, .. }) => {
            p256::ecdsa::SigningKey::from_slice(private.as_slice()).map(Private::P256).map_err(|_| kind())
        }
        _ => Err(kind()),
    }
}

/// A key's text, zeroed when it is dropped, and the file's mode if others can get at it.
fn read_text(path: &Path) -> Result<(Zeroizing<String>, Option<u32>), KeyError> {
    let read = |error| KeyError::Read { path: paths::shown(path), error };
    let file = fs::File::open(path).map_err(read)?;
    let metadata = file.metadata().map_err(read)?;
    if metadata.is_dir() {
        return Err(read(io::ErrorKind::IsADirectory.into()));
    }
    // Room for all of it at once: a buffer that grows leaves its old self behind, not zeroed.
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len().min(MAX)).unwrap_or(0) + 1));
    file.take(MAX).read_to_end(&mut bytes).map_err(read)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::Form { path: paths::shown(path) })?;
    Ok((Zeroizing::new(text.to_owned()), places::open_to_others(&metadata)))
}

/// `PRIVATE KEY` of `-----BEGIN PRIVATE KEY-----`.
fn pem_label(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix("-----BEGIN ")?.split_once("-----").map(|(label, _)| label)
}
