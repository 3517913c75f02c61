//! Files that the client writes: they appear whole or not at all, survive a power cut, and never take another's place unless
//! the user says so.

use crate::{paths, places};
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Why an output could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error(
        "{path} is there already, and it may be evidence of an earlier time: rename it to keep both, \
         or replace it with --force"
    )]
    Exists { path: String },
    #[error("{path} can't be written: {error}")]
    Io { path: String, error: io::Error },
}

/// An output under way: a temporary file beside the place where it is to appear, removed if it never does.
#[derive(Debug)]
pub(crate) struct Output {
    temporary: NamedTempFile,
    path: PathBuf,
    force: bool,
}

impl Output {
    /// Begins an output for `path`.
    ///
    /// # Errors
    /// Something is there (without `force`), or the directory can't be written to.
    pub(crate) fn begin(path: &Path, force: bool) -> Result<Output, OutputError> {
        refuse_existing(path, force)?;
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(path.file_name().unwrap_or_default());
        prefix.push(".");
        let temporary = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".tmp")
            .tempfile_in(directory(path))
            .map_err(|error| failed(path, error))?;
        Ok(Output { temporary, path: path.to_path_buf(), force })
    }

    /// Another handle of the file, for writing.
    pub(crate) fn file(&self) -> Result<fs::File, OutputError> {
        self.temporary.reopen().map_err(|error| failed(&self.path, error))
    }

    /// Fills it with a file's bytes.
    pub(crate) fn fill(&mut self, from: &Path) -> Result<(), OutputError> {
        let copied = fs::File::open(from).and_then(|mut from| io::copy(&mut from, &mut self.temporary));
        copied.map(drop).map_err(|error| failed(&self.path, error))
    }

    /// Makes it appear. Its bytes are on disk before its name is.
    pub(crate) fn finish(self) -> Result<(), OutputError> {
        let Output { temporary, path, force } = self;
        temporary.as_file().sync_all().map_err(|error| failed(&path, error))?;
        let outcome = if force { temporary.persist(&path) } else { temporary.persist_noclobber(&path) };
        match outcome {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(OutputError::Exists { path: paths::shown(&path) });
            }
            Err(error) => return Err(failed(&path, error.error)),
        }
        places::sync_dir(directory(&path)).map_err(|error| failed(&path, error))
    }
}

/// Writes a token whole. It is made to be handed on; a bundle, which holds the salts of all its files, stays its owner's.
pub(crate) fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), OutputError> {
    let mut output = Output::begin(path, force)?;
    let written = output.temporary.write_all(bytes).and_then(|()| share(output.temporary.as_file()));
    written.map_err(|error| failed(path, error))?;
    output.finish()
}

/// Is there something in the way?
pub(crate) fn refuse_existing(path: &Path, force: bool) -> Result<(), OutputError> {
    if !force && fs::symlink_metadata(path).is_ok() {
        return Err(OutputError::Exists { path: paths::shown(path) });
    }
    Ok(())
}

fn failed(path: &Path, error: io::Error) -> OutputError {
    OutputError::Io { path: paths::shown(path), error }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Temporary files are private; a token gets the mode that new files have, by the user's umask.
#[cfg(unix)]
fn share(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let probe = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o644)).tempfile()?;
    file.set_permissions(probe.as_file().metadata()?.permissions())
}

#[cfg(not(unix))]
fn share(_file: &fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_replaced_without_force() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write(&path, b"one", false).unwrap();
        let error = write(&path, b"two", false).unwrap_err();
        insta::assert_snapshot!(error.to_string().replace(&*path.to_string_lossy(), "FILE"), @"FILE is there already, and it may be evidence of an earlier time: rename it to keep both, or replace it with --force");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, b"two", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn what_appeared_meanwhile_is_not_replaced_either() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let output = Output::begin(&path, false).unwrap();
        fs::write(&path, "other").unwrap();
        assert!(matches!(output.finish(), Err(OutputError::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"other");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn tokens_can_be_read_by_others_and_bundles_not() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let (token, bundle) = (dir.path().join("token"), dir.path().join("bundle"));
        write(&token, b"x", false).unwrap();
        Output::begin(&bundle, false).unwrap().finish().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&token), mode(&bundle)), (0o644, 0o600));
    }

    #[test]
    fn an_output_that_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(Output::begin(&dir.path().join("a"), false).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
