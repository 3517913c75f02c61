//! The client's master key: 32 random bytes from which every run's salts are derived, as 64 lower-case hex digits and a
//! newline in `master.key`, mode 0600, made at first use. Whoever has it (with the journal and the files) can make a
//! lost bundle again, and can tell which public commitments are this client's.

mod words;

pub(crate) use words::{WordsError, from_words, to_words};

use crate::places::{self, NoPlace};
use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};
use treering_tlog::hash::sha256;
use treering_token::salt::MasterKey;
use zeroize::Zeroizing;

const FILE: &str = "master.key";

/// Why there is no master key to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    #[error("the master key {path}: {error}")]
    Io { path: String, error: io::Error },
    #[error(
        "the master key {path} can be read by others (mode {mode:04o}); if nobody else has seen it: chmod 600 {path}"
    )]
    Mode { path: String, mode: u32 },
    #[error(
        "the master key {path} is not 64 hex digits and a newline; put the right file back from your copy, \
         or move this one away and a new key is made"
    )]
    Form { path: String },
    #[error("the operating system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// The master key, made if there is none. The second value is where it was made, if it was.
pub(crate) fn master() -> Result<(MasterKey, Option<PathBuf>), KeyFileError> {
    let path = places::config_dir()?.join(FILE);
    match read(&path)? {
        Some(key) => Ok((key, None)),
        None => match make(&path)? {
            Some(key) => Ok((key, Some(path))),
            // Another process made one between our look and our try.
            None => match read(&path)? {
                Some(key) => Ok((key, None)),
                None => Err(KeyFileError::Form { path: crate::paths::shown(&path) }),
            },
        },
    }
}

/// The master key and its place, if there is one.
pub(crate) fn find() -> Result<(PathBuf, Option<MasterKey>), KeyFileError> {
    let path = places::config_dir()?.join(FILE);
    let key = read(&path)?;
    Ok((path, key))
}

/// Makes `key` the master key; `false` if one is there by now, which stays.
pub(crate) fn keep(key: &MasterKey) -> Result<bool, KeyFileError> {
    store(&places::config_dir()?.join(FILE), key)
}

/// A new master key; `None` if there is one, which stays.
pub(crate) fn create() -> Result<Option<MasterKey>, KeyFileError> {
    make(&places::config_dir()?.join(FILE))
}

/// What tells keys apart and gives none of them away: 32 hex digits.
pub(crate) fn fingerprint(key: &MasterKey) -> String {
    let mut bytes = Zeroizing::new(Vec::with_capacity(FINGERPRINT.len() + 32));
    bytes.extend_from_slice(FINGERPRINT);
    bytes.extend_from_slice(key.as_bytes());
    hex::encode(&sha256(&bytes).as_bytes()[..16])
}

/// No commitment and no salt begins so.
const FINGERPRINT: &[u8] = b"treering.master-key-fingerprint/1\n";

/// The key as its file has it: 64 hex digits and a newline.
pub(crate) fn to_hex(key: &MasterKey) -> Zeroizing<[u8; 65]> {
    let mut text = Zeroizing::new([b'\n'; 65]);
    hex::encode_to_slice(key.as_bytes(), &mut text[..64]).expect("two digits a byte");
    text
}

/// The key of 64 hex digits.
pub(crate) fn from_hex(digits: &[u8]) -> Option<MasterKey> {
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, &mut *key).ok()?;
    Some(MasterKey::new(*key))
}

/// 16 random bytes that name a run.
pub(crate) fn run_id() -> Result<[u8; 16], KeyFileError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(KeyFileError::Random)?;
    Ok(id)
}

fn read(path: &Path) -> Result<Option<MasterKey>, KeyFileError> {
    let io = |error| KeyFileError::Io { path: crate::paths::shown(path), error };
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if let Some(mode) = places::open_to_others(&file.metadata().map_err(io)?) {
        return Err(KeyFileError::Mode { path: crate::paths::shown(path), mode });
    }
    // Room for all of it at once: a buffer that grows leaves its old self behind, not zeroed.
    let mut text = Zeroizing::new(Vec::with_capacity(256));
    Read::by_ref(&mut file).take(128).read_to_end(&mut text).map_err(io)?;
    let key = text.strip_suffix(b"\n").and_then(from_hex);
    key.map(Some).ok_or_else(|| KeyFileError::Form { path: crate::paths::shown(path) })
}

/// Makes and syncs a new key; `None` if a file is there by now.
fn make(path: &Path) -> Result<Option<MasterKey>, KeyFileError> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(KeyFileError::Random)?;
    let key = MasterKey::new(*key);
    Ok(store(path, &key)?.then_some(key))
}

fn store(path: &Path, key: &MasterKey) -> Result<bool, KeyFileError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let io = |error| KeyFileError::Io { path: crate::paths::shown(path), error };
    places::make_private_dir(dir).map_err(io)?;
    write_secret(path, &to_hex(key)[..]).map_err(io)
}

/// A file of mode 0600, on disk when this returns; `false` if something is there already, which stays.
pub(crate) fn write_secret(path: &Path, text: &[u8]) -> io::Result<bool> {
    // INVARIANT: a key appears under its name whole or not at all: a half-written key would be taken for a damaged one.
    match places::write_private(path, text, false) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_key_is_made_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/master.key");
        assert!(read(&path).unwrap().is_none());
        let made = make(&path).unwrap().unwrap();
        assert_eq!(read(&path).unwrap().unwrap().as_bytes(), made.as_bytes());
        assert!(make(&path).unwrap().is_none(), "a key that is there is never replaced");
        assert_eq!(fs::read(&path).unwrap().len(), 65);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        make(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read(&path).err().unwrap().to_string().replace(&*path.to_string_lossy(), "KEY");
        insta::assert_snapshot!(error, @"the master key KEY can be read by others (mode 0640); if nobody else has seen it: chmod 600 KEY");
    }

    #[test]
    fn a_damaged_key_is_never_taken_for_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        for damage in [
            "",
            "\n",
            "00\n",
            &"0".repeat(64),
            &format!("{}\n\n", "0".repeat(64)),
            &format!("{}\n", "g".repeat(64)),
        ] {
            let _ = fs::remove_file(&path);
            places::private_file().open(&path).unwrap().write_all(damage.as_bytes()).unwrap();
            assert!(matches!(read(&path), Err(KeyFileError::Form { .. })), "{damage:?}");
        }
    }
}
