//! Files that are whole or not there: written beside their name, synced, renamed; then their folders are synced.
//!
//! Many files share one [`Written::sync`]. Until it returns, none of them may be relied on; a name may be there before.

use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
};

/// Threads that sync at once: a journal takes several syncs in one.
const THREADS: usize = 8;

/// A file that is being written, under a name that nobody else has. It is gone when this is dropped, unless it has got its
/// own name by then; what a kill leaves is removed with its folder at the next start.
#[derive(Debug)]
pub(super) struct Draft(PathBuf);

impl Draft {
    /// A new, empty one in a folder of drafts, which is made if it isn't there. What is above that has to be: a folder that
    /// files are given names in is made by [`Written`] alone, which makes its name durable.
    pub(super) fn new(folder: &Path) -> io::Result<(Draft, File)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let path = folder.join(NUMBER.fetch_add(1, Ordering::Relaxed).to_string());
        let file = File::create_new(&path)?;
        Ok((Draft(path), file))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Where it has its own name, there is nothing under this one. One that stays does no harm.
        let _ = fs::remove_file(&self.0);
    }
}

/// Files that were written and aren't durable yet.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Where each was written, and its name.
    files: Vec<(PathBuf, PathBuf)>,
    /// Those among them that were written elsewhere.
    drafts: Vec<Draft>,
    /// Folders that hold new names.
    folders: BTreeSet<PathBuf>,
    /// Folders that are known to be there.
    there: HashSet<PathBuf>,
}

impl Written {
    /// Writes a file beside its name.
    pub(super) fn write(&mut self, path: PathBuf, bytes: &[u8]) -> io::Result<()> {
        self.make_folder(&path)?;
        let beside = beside(&path);
        File::create(&beside)?.write_all(bytes)?;
        self.files.push((beside, path));
        Ok(())
    }

    /// Takes a file that was written elsewhere, on the same file system.
    pub(super) fn adopt(&mut self, draft: Draft, path: PathBuf) -> io::Result<()> {
        self.make_folder(&path)?;
        self.files.push((draft.0.clone(), path));
        self.drafts.push(draft);
        Ok(())
    }

    /// Takes a file that is there already, whole, and maybe not durable.
    pub(super) fn sync_again(&mut self, path: PathBuf) {
        self.files.push((path.clone(), path));
    }

    /// Makes the folder of this path, and remembers which folders got new names by that.
    pub(super) fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent().filter(|folder| !self.there.contains(*folder)) else {
            return Ok(());
        };
        let mut missing = folder;
        while !missing.try_exists()? {
            let Some(above) = missing.parent() else { break };
            self.folders.insert(above.to_owned());
            missing = above;
        }
        fs::create_dir_all(folder)?;
        self.there.insert(folder.to_owned());
        Ok(())
    }

    /// Makes all of it durable.
    ///
    /// CRASH: before the renames, there are files under names that nobody reads. Between them, some of the names are
    /// there, each with a whole file; nobody counts on them before this returns. What this doesn't cover: a disk that
    /// acknowledges a sync that it didn't do.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let files = std::mem::take(&mut self.files);
        // Removed at the end, as far as they have no other name by then.
        let _drafts = std::mem::take(&mut self.drafts);
        at_once(&files, |(beside, _)| File::open(beside)?.sync_all())?;
        for (beside, path) in &files {
            if beside != path {
                fs::rename(beside, path)?;
            }
            self.folders.extend(path.parent().map(Path::to_owned));
        }
        let folders: Vec<PathBuf> = std::mem::take(&mut self.folders).into_iter().collect();
        at_once(&folders, |folder| File::open(folder)?.sync_all())
    }
}

/// The bytes of a file; `None` if it isn't there.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where a file is written before it has its name.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn at_once<T: Sync>(all: &[T], act: impl Fn(&T) -> io::Result<()> + Sync) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            act(one)?;
        }
        Ok(())
    };
    if all.len() < 2 {
        return work();
    }
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.min(all.len())).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use super::{Written, read};

    #[test]
    fn names_appear_with_the_sync() {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..20).map(|n| dir.path().join(format!("x{n}/deep/{n}"))).collect();
        let mut written = Written::default();
        for path in &paths {
            written.write(path.clone(), b"first").unwrap();
            written.write(path.clone(), b"second").unwrap_or_else(|error| panic!("{error}"));
            written.files.pop();
        }
        assert!(paths.iter().all(|path| read(path).unwrap().is_none()));
        written.sync().unwrap();
        assert!(paths.iter().all(|path| read(path).unwrap().as_deref() == Some(b"second")));
        assert!(written.files.is_empty() && written.folders.is_empty());
    }
}
