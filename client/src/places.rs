//! Where the client keeps its own things: `~/.config/treering` (the master key) and `~/.local/state/treering` (the
//! journal), by the XDG rules. `TREERING_CONFIG_DIR` overrides the first, `XDG_STATE_HOME` moves the second.

use std::{
    fs, io,
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
