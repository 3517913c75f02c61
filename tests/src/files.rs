//! Copying directories, editing one line of a configuration, looking for bytes on the disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// All files below a directory.
///
/// # Panics
/// If it can't be read.
pub fn below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let items = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for item in items {
        let path = item.expect("a directory's item can be read").path();
        if path.is_dir() {
            files.extend(below(&path));
        } else if path.is_file() {
            // A running log's socket is no file that holds anything.
            files.push(path);
        }
    }
    files
}

/// Copies a directory and all that is in it.
///
/// # Panics
/// If it can't.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new directory");
    for path in below(from) {
        let copied = to.join(path.strip_prefix(from).expect("it is below"));
        fs::create_dir_all(copied.parent().expect("it has a parent")).expect("a new directory");
        fs::copy(&path, &copied).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// Puts a copy in the place of a directory.
///
/// # Panics
/// If it can't.
pub fn put_back(copied: &Path, place: &Path) {
    fs::remove_dir_all(place).expect("the directory can be removed");
    copy(copied, place);
}

/// The files below a directory that hold these bytes. Files that vanish while it looks hold nothing.
pub fn holding(dir: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| match fs::read(path) {
        Ok(bytes) => find(&bytes, needle).is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    below(dir).into_iter().filter(holds).collect()
}

/// Where the bytes stand first.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// Changes one byte of a file: the one at `offset`.
///
/// # Panics
/// If it can't.
pub fn flip(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes[offset] ^= 0x01;
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Gives a key of a TOML file another value, wherever its line stands.
///
/// # Panics
/// If there is no such line.
pub fn set(path: &Path, key: &str, value: &str) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let begin = format!("{key} = ");
    assert!(text.lines().any(|line| line.starts_with(&begin)), "{} has no {key}", path.display());
    let changed =
        |line: &str| if line.starts_with(&begin) { format!("{begin}{value}\n") } else { format!("{line}\n") };
    let text: String = text.lines().map(changed).collect();
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
