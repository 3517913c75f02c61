//! Where the client keeps its own things: `~/.config/treering` (the master key) and `~/.local/state/treering` (the
//! journal), by the XDG rules. `TREERING_CONFIG_DIR` overrides the first, `XDG_STATE_HOME` moves the second.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Why there is no place for the client's own files.
#[derive(Debug, thiserror::Error)]
#[error("no place for {what}: neither {variable} nor HOME is set; set one of them to a directory")]
pub(crate) struct NoPlace {
    what: &'static str,
    variable: &'static str,
}

/// The directory of the master key.
pub(crate) fn config_dir() -> Result<PathBuf, NoPlace> {
    if let Some(dir) = variable("TREERING_CONFIG_DIR") {
        return Ok(dir);
    }
    home_or("XDG_CONFIG_HOME", ".config")
        .ok_or(NoPlace { what: "the master key", variable: "TREERING_CONFIG_DIR" })
}

/// The directory of the journal.
pub(crate) fn state_dir() -> Result<PathBuf, NoPlace> {
    home_or("XDG_STATE_HOME", ".local/state")
        .ok_or(NoPlace { what: "the journal", variable: "XDG_STATE_HOME" })
}

/// Makes a directory that only its owner can look into, and its parents.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    // The last level that is there already: from it on, each new one must last, or the key in it may vanish in a power
    // cut with the directory.
    let new: Vec<&Path> =
        dir.ancestors().take_while(|level| !level.as_os_str().is_empty() && !level.exists()).collect();
    builder.create(dir)?;
    new.into_iter().filter_map(Path::parent).try_for_each(sync_dir)
}

/// Options for a new file that only its owner can read.
pub(crate) fn private_file() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file that only its owner can read. CRASH: it is there whole or not at all, and on disk when this returns. Without
/// `replace`, what is there already stays, and this is [`io::ErrorKind::AlreadyExists`].
pub(crate) fn write_private(path: &Path, bytes: &[u8], replace: bool) -> io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".treering.").tempfile_in(dir)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all())?;
    let placed = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    placed.map_err(|error| error.error)?;
    sync_dir(dir)
}

/// The permission bits of what others than its owner may get at; `None` if they may not, or where there are no such bits.
pub(crate) fn open_to_others(metadata: &fs::Metadata) -> Option<u32> {
    #[cfg(unix)]
    let mode = std::os::unix::fs::MetadataExt::mode(metadata) & 0o7777;
    #[cfg(not(unix))]
    let mode = {
        let _ = metadata;
        0
    };
    (mode & 0o077 != 0).then_some(mode)
}

/// Makes a rename or a new file in `dir` survive a power cut.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    if cfg!(unix) { fs::File::open(dir)?.sync_all() } else { Ok(()) }
}

fn home_or(xdg: &str, below_home: &str) -> Option<PathBuf> {
    let base = match variable(xdg) {
        // The XDG rules say that a relative path is to be ignored.
        Some(dir) if dir.is_absolute() => dir,
        _ => variable("HOME")?.join(below_home),
    };
    Some(base.join("treering"))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
