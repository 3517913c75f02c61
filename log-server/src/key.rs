//! The log's signing key on disk: one line, `PRIVATE+KEY+<name>+<key id>+<base64>`, readable by its owner alone.
//!
//! The text is the one of C2SP signed-note implementations, so that other tools can use the key. Copies of it in
//! memory are zeroed when they are dropped. A file that others can read is refused rather than repaired: whoever
//! could read it may have done so. Not done here: encryption of the file, hardware keys.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use treering_tlog::note::{KeyError, KeyName, SigningKey};
use zeroize::Zeroizing;

/// Room for a name of 255 bytes, key ID and base64, and some to spare.
const MAX_BYTES: u64 = 1024;

/// Why a key file was not made or not read.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file could not be made, written, opened or read.
    #[error("{path}: {source}")]
    Io {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Group or others may read or write it.
    #[error(
        "{path}: others may read this key (mode {mode:04o}); after asking who could have copied it: chmod 600 {path}"
    )]
    Mode {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not one line of at most 1,024 bytes.
    #[error("{path}: a key file is one line and its newline")]
    Form {
        /// The key file.
        path: PathBuf,
    },
    /// The line is no signing key.
    #[error("{path}: {source}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The system gave no randomness.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// A new key of this name, from the system's randomness.
///
/// # Errors
/// [`KeyFileError::Random`].
pub fn generate(name: KeyName) -> Result<SigningKey, KeyFileError> {
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(seed.as_mut()).map_err(KeyFileError::Random)?;
    Ok(SigningKey::from_seed(name, &seed))
}

/// Writes a key to a file that must not exist yet, mode 0600, and syncs it and its folder.
///
/// # Errors
/// [`KeyFileError::Io`], also if there is such a file.
pub fn create(path: &Path, key: &SigningKey) -> Result<(), KeyFileError> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    line.push_str(&key.to_private_text());
    line.push('\n');
    create_private(path, line.as_bytes())
}

/// Writes a secret to a file that must not exist yet, mode 0600, and syncs it and its folder.
pub(crate) fn create_private(path: &Path, secret: &[u8]) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(secret).and_then(|()| file.sync_all()).map_err(io)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Reads a key file.
///
/// # Errors
/// Every variant but [`KeyFileError::Random`].
pub fn load(path: &Path) -> Result<SigningKey, KeyFileError> {
    let text = read_private(path, MAX_BYTES)?;
    let line = one_line(&text).ok_or_else(|| KeyFileError::Form { path: path.to_owned() })?;
    SigningKey::parse(line).map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}

/// Reads a secret from a file that nobody else may read: at most one byte more than `most`, so that whoever takes no more
/// than that sees that it is too long.
pub(crate) fn read_private(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    // Asked of the open file: a path could name another one by now.
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode });
    }
    // Room for all of it at once: a vector that grows leaves copies behind.
    let room = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(2);
    let mut secret = Zeroizing::new(Vec::with_capacity(room));
    file.take(most + 1).read_to_end(&mut secret).map_err(io)?;
    Ok(secret)
}

/// The text of exactly one line, without its newline.
fn one_line(text: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(text.strip_suffix(b"\n")?).ok()?;
    (text.len() as u64 <= MAX_BYTES && !line.contains(['\n', '\r'])).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(KeyName::new("log.example/test").unwrap(), &[7; 32])
    }

    #[test]
    fn a_key_comes_back_and_its_file_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path, &key()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(load(&path).unwrap().verifier(), key().verifier());
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "kept").unwrap();
        assert!(matches!(create(&path, &key()), Err(KeyFileError::Io { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path, &key()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let text = load(&path).unwrap_err().to_string();
        assert!(text.contains("others may read this key (mode 0640)"), "{text}");
    }

    #[test]
    fn only_one_whole_line_is_a_key_file() {
        assert_eq!(one_line(b"a\n"), Some("a"));
        for bad in [&b"a"[..], b"a\nb\n", b"a\r\n", b"\xff\n", &[b'a'; 2000]] {
            assert_eq!(one_line(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn two_new_keys_differ() {
        let name = KeyName::new("log.example/test").unwrap();
        assert_ne!(generate(name.clone()).unwrap().verifier(), generate(name).unwrap().verifier());
    }
}
