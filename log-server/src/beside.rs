//! The small files that belong to a store: beside it and not in it, so that a copy of the store that is put back does not
//! bring its own old ones along.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// `<store><ending>`; the ending begins with a dot.
pub(crate) fn path(store: &Path, ending: &str) -> PathBuf {
    // Taken apart and put together again: a slash at the end would put it into the store.
    let mut name = store.components().collect::<PathBuf>().into_os_string();
    name.push(ending);
    name.into()
}

/// How many bytes may still be written to the file system of a folder.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// The folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Replaces a file; it is on disk when this returns.
// CRASH: up to the rename the old one stands, after it the new one; the directory's sync makes the rename last.
// write, fsync, rename, fsync of the directory: in this order, or a power cut could leave an empty file.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stands_beside_its_store_and_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let file = path(&dir.path().join("store/"), ".x");
        assert_eq!(file, dir.path().join("store.x"));
        replace(&file, b"one, which is longer").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(folder(&file), dir.path());
        assert_eq!(folder(Path::new("store.x")), Path::new("."));
    }
}
