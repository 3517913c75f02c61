//! The API keys of a running log: read from their file, and read again when it changes.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use jiff::Timestamp;
use treering_tlog::time::UnixMillis;

use super::{
    api_key::{ApiKey, ApiKeyId, SecretHash},
    key_file::{self, KeyFileError, Stamp},
    key_list::{KeyEntry, Scope},
};

/// Which keys there are.
#[derive(Debug)]
pub(super) struct Keyring {
    path: PathBuf,
    keys: RwLock<Arc<HashMap<ApiKeyId, KeyEntry>>>,
    /// Of the file as it was read or refused last.
    seen: Mutex<Option<Stamp>>,
}

/// Why a key opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadKey {
    /// No key of this log.
    Unknown,
    /// Its time is over.
    Expired,
    /// It is not for this.
    Scope,
}

/// What a look at the file brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The same as before.
    Same,
    /// So many keys now.
    Changed(usize),
}

impl Keyring {
    /// Reads the file; none means no keys. Blocking.
    ///
    /// # Errors
    /// The file is refused.
    pub(super) fn open(path: PathBuf) -> Result<Keyring, KeyFileError> {
        let (keys, stamp) = key_file::read(&path)?;
        Ok(Keyring { path, keys: RwLock::new(Arc::new(by_id(keys))), seen: Mutex::new(stamp) })
    }

    /// How many keys there are.
    pub(super) fn count(&self) -> usize {
        self.keys().len()
    }

    /// Takes what the file says now, if it has changed. Blocking.
    ///
    /// # Errors
    /// The new file is refused, which is said once; the keys stay as they were.
    pub(super) fn look(&self) -> Result<Look, KeyFileError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let io = |source| KeyFileError::Io { path: self.path.clone(), source };
        let now = Stamp::at(&self.path).map_err(io)?;
        if now == *seen {
            return Ok(Look::Same);
        }
        // Before it is read: a file that changes meanwhile is read again.
        *seen = now;
        let (keys, _) = key_file::read(&self.path)?;
        let count = keys.len();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(by_id(keys));
        Ok(Look::Changed(count))
    }

    /// Is this a key for that?
    ///
    /// # Errors
    /// [`BadKey`].
    pub(super) fn check(&self, key: &ApiKey, scope: Scope, now: UnixMillis) -> Result<ApiKeyId, BadKey> {
        let keys = self.keys();
        let entry = keys.get(&key.id());
        // In constant time, and as long for an ID that isn't there. The ID is public: looking it up tells nothing.
        let is_its = key.hash() == entry.map_or(SecretHash::NOBODY, |entry| entry.hash);
        let entry = entry.filter(|_| is_its).ok_or(BadKey::Unknown)?;
        if entry.expires.is_some_and(|end| is_over(end, now)) {
            return Err(BadKey::Expired);
        }
        if !entry.scopes.contains(&scope) {
            return Err(BadKey::Scope);
        }
        Ok(entry.id)
    }

    fn keys(&self) -> Arc<HashMap<ApiKeyId, KeyEntry>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn by_id(keys: Vec<KeyEntry>) -> HashMap<ApiKeyId, KeyEntry> {
    keys.into_iter().map(|entry| (entry.id, entry)).collect()
}

fn is_over(end: Timestamp, now: UnixMillis) -> bool {
    i128::from(end.as_millisecond()) <= i128::from(now.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        let time: Timestamp = text.parse().unwrap();
        UnixMillis::new(time.as_millisecond().try_into().unwrap()).unwrap()
    }

    struct Folder {
        _folder: tempfile::TempDir,
        path: PathBuf,
    }

    fn folder() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        Folder { path: folder.path().join("api-keys.toml"), _folder: folder }
    }

    impl Folder {
        fn add(&self, key: &ApiKey, name: &str, scopes: &[Scope]) {
            let entry = KeyEntry {
                id: key.id(),
                name: name.to_owned(),
                hash: key.hash(),
                scopes: scopes.to_vec(),
                added: Timestamp::UNIX_EPOCH,
                expires: Some("2027-01-01T00:00:00Z".parse().unwrap()),
            };
            key_file::edit(&self.path, |keys| {
                keys.push(entry);
                Ok(())
            })
            .unwrap();
        }
    }

    #[test]
    fn a_key_is_good_for_its_scope_until_it_expires() {
        let (folder, key) = (folder(), ApiKey::generate().unwrap());
        folder.add(&key, "a", &[Scope::Submit]);
        let ring = Keyring::open(folder.path.clone()).unwrap();
        assert_eq!(ring.check(&key, Scope::Submit, at("2026-12-31T23:59:59Z")), Ok(key.id()));
        assert_eq!(ring.check(&key, Scope::Timestamp, at("2026-12-31T23:59:59Z")), Err(BadKey::Scope));
        assert_eq!(ring.check(&key, Scope::Submit, at("2027-01-01T00:00:00Z")), Err(BadKey::Expired));
    }

    #[test]
    fn another_secret_under_a_known_id_is_no_key() {
        let (folder, key) = (folder(), ApiKey::generate().unwrap());
        folder.add(&key, "a", &[Scope::Submit]);
        let ring = Keyring::open(folder.path.clone()).unwrap();
        let mut text = key.to_text().to_string();
        let last = text.pop().unwrap();
        text.push(if last == '0' { '1' } else { '0' });
        let forged = ApiKey::parse(text.as_bytes()).unwrap();
        assert_eq!(forged.id(), key.id());
        assert_eq!(ring.check(&forged, Scope::Submit, at("2026-01-01T00:00:00Z")), Err(BadKey::Unknown));
        let other = ApiKey::generate().unwrap();
        assert_eq!(ring.check(&other, Scope::Submit, at("2026-01-01T00:00:00Z")), Err(BadKey::Unknown));
    }

    #[test]
    fn a_changed_file_counts_and_a_bad_one_changes_nothing() {
        let (folder, key) = (folder(), ApiKey::generate().unwrap());
        let now = at("2026-01-01T00:00:00Z");
        let ring = Keyring::open(folder.path.clone()).unwrap();
        assert_eq!(ring.count(), 0);
        assert_eq!(ring.look().unwrap(), Look::Same);
        folder.add(&key, "a", &[Scope::Submit]);
        assert_eq!(ring.look().unwrap(), Look::Changed(1));
        assert_eq!(ring.look().unwrap(), Look::Same);
        assert!(ring.check(&key, Scope::Submit, now).is_ok());
        // Written in place, as an editor might.
        let good = std::fs::read_to_string(&folder.path).unwrap();
        std::fs::write(&folder.path, "[[key]]\n").unwrap();
        assert!(ring.look().is_err());
        assert_eq!(ring.look().unwrap(), Look::Same, "said once");
        assert!(ring.check(&key, Scope::Submit, now).is_ok());
        std::fs::write(&folder.path, good).unwrap();
        assert_eq!(ring.look().unwrap(), Look::Changed(1));
        // Revoked.
        key_file::edit(&folder.path, |keys| {
            keys.clear();
            Ok(())
        })
        .unwrap();
        assert_eq!(ring.look().unwrap(), Look::Changed(0));
        assert_eq!(ring.check(&key, Scope::Submit, now), Err(BadKey::Unknown));
    }
}
