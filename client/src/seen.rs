//! What the client remembers of each file that it hashed, so that a later run needn't read it again: never in the bundle,
//! only in the state directory, beside the run's journal.
//!
//! One entry of [`ENTRY`] bytes for each record of a run, in the order of the records, so that both pair by their place:
//!
//! ```text
//! 8 bytes  the record's tag (`crate::tag`): an entry is never taken for another record's
//! 8 bytes  time of modification, nanoseconds since 1970, big-endian (two's complement); the least value: not to be trusted
//! 8 bytes  inode, big-endian
//! 8 bytes  device, big-endian
//! ```
//! While a run is under way its file is `<run id>.seen`; once its first submission root is known for good, `<root>.seen`,
//! by which a bundle leads to it. Such a file may be removed at any time: what it spares is then hashed again.

use crate::{
    journal, places,
    tag::{Key, Tag, begin_of_hash},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};
use treering_tlog::hash::Hash;
use treering_token::digest::Digests;

/// Bytes of one entry.
pub(crate) const ENTRY: usize = 32;
/// A file that was modified so shortly before it was hashed may be modified again without its time telling: the clock of a
/// file system may be as coarse as that (FAT's). Git calls such entries racy.
const RACY_NS: i128 = 2_000_000_000;
/// Stands for a time that says nothing.
const UNTRUSTED: i64 = i64::MIN;

/// What a file system says of a file, beside its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Nanoseconds since 1970.
    pub(crate) modified: i64,
    pub(crate) inode: u64,
    pub(crate) device: u64,
}

/// An entry: what was seen of the file behind one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    tag: Tag,
    stamp: Option<Stamp>,
}

impl Stamp {
    /// What the path leads to now, with its size; `None` if that can't be told, or is no regular file.
    #[cfg(unix)]
    pub(crate) fn at(path: &Path) -> Option<(u64, Stamp)> {
        let stat = rustix::fs::lstat(path).ok()?;
        if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
            return None;
        }
        Some((u64::try_from(stat.st_size).ok()?, Stamp::of(&stat)?))
    }

    #[cfg(unix)]
    #[allow(clippy::useless_conversion, reason = "the fields' types differ between systems")]
    #[expect(clippy::allow_attributes, reason = "where the types are the same, nothing is expected")]
    pub(crate) fn of(stat: &rustix::fs::Stat) -> Option<Stamp> {
        let modified = i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec);
        let device = u64::from_ne_bytes(i128::from(stat.st_dev).to_ne_bytes()[..8].try_into().ok()?);
        let modified = i64::try_from(modified).ok().filter(|time| *time != UNTRUSTED)?;
        Some(Stamp { modified, inode: u64::try_from(stat.st_ino).ok()?, device })
    }

    /// What the path leads to now, with its size. There is no stable number of a file here: its time alone counts.
    #[cfg(not(unix))]
    pub(crate) fn at(path: &Path) -> Option<(u64, Stamp)> {
        let metadata = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some((metadata.len(), Stamp::of(&metadata)?))
    }

    #[cfg(not(unix))]
    pub(crate) fn of(metadata: &fs::Metadata) -> Option<Stamp> {
        let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Stamp { modified: i64::try_from(since.as_nanos()).ok()?, inode: 0, device: 0 })
    }

    /// The same, if a file that was hashed from this moment on can't be modified later and look the same.
    pub(crate) fn trusted_at(self, hashed: SystemTime) -> Option<Stamp> {
        let hashed = match hashed.duration_since(UNIX_EPOCH) {
            Ok(since) => i128::try_from(since.as_nanos()).ok()?,
            Err(_) => return None,
        };
        (i128::from(self.modified) + RACY_NS < hashed).then_some(self)
    }
}

impl Entry {
    /// `stamp` is there if it is to be trusted.
    pub(crate) fn new(key: Key, digests: &Digests, stamp: Option<Stamp>) -> Entry {
        Entry { tag: key.tag(digests), stamp }
    }

    /// The stamp, if this is the entry of such a record.
    pub(crate) fn of(&self, key: Key, digests: &Digests) -> Option<Stamp> {
        if self.tag == key.tag(digests) { self.stamp } else { None }
    }

    /// Which record it is of.
    pub(crate) fn tag(&self) -> Tag {
        self.tag
    }

    pub(crate) fn encode(&self) -> [u8; ENTRY] {
        let stamp = self.stamp.unwrap_or(Stamp { modified: UNTRUSTED, inode: 0, device: 0 });
        let mut out = [0; ENTRY];
        out[..8].copy_from_slice(&self.tag.0);
        out[8..16].copy_from_slice(&stamp.modified.to_be_bytes());
        out[16..24].copy_from_slice(&stamp.inode.to_be_bytes());
        out[24..].copy_from_slice(&stamp.device.to_be_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8; ENTRY]) -> Entry {
        let (words, _) = bytes.as_chunks::<8>();
        let modified = i64::from_be_bytes(words[1]);
        let stamp =
            Stamp { modified, inode: u64::from_be_bytes(words[2]), device: u64::from_be_bytes(words[3]) };
        Entry { tag: Tag(words[0]), stamp: (modified != UNTRUSTED).then_some(stamp) }
    }
}

/// Size and stamp agree exactly when this is the same: what an index keeps of them.
pub(crate) fn check(size: u64, stamp: &Stamp) -> [u8; 8] {
    let words = [
        size.to_be_bytes(),
        stamp.modified.to_be_bytes(),
        stamp.inode.to_be_bytes(),
        stamp.device.to_be_bytes(),
    ];
    begin_of_hash(words.as_flattened())
}

/// Where the entries of a run under way are.
pub(crate) fn of_run(run_id: &[u8; 16]) -> Result<PathBuf, places::NoPlace> {
    Ok(journal::dir()?.join(format!("{}.seen", hex::encode(run_id))))
}

/// Where the entries of a run with this first submission root are.
pub(crate) fn of_root(root: &Hash) -> Result<PathBuf, places::NoPlace> {
    Ok(journal::dir()?.join(format!("{root}.seen")))
}

/// A new, empty file of entries.
pub(crate) fn create(run_id: &[u8; 16]) -> io::Result<fs::File> {
    let path = of_run(run_id).map_err(io::Error::other)?;
    places::private_file().open(path)
}

/// The run is known by its first submission root from now on.
pub(crate) fn settle(run_id: &[u8; 16], root: &Hash) -> io::Result<()> {
    let (from, to) = (of_run(run_id), of_root(root));
    let (from, to) = (from.map_err(io::Error::other)?, to.map_err(io::Error::other)?);
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        // It was done already, or somebody removed it: then files are hashed once more than they need be.
        _ => Ok(()),
    }
}

/// Nobody will ask for what is known by this root.
pub(crate) fn forget(root: &Hash) {
    // What stays costs a little room.
    let _ = of_root(root).map(fs::remove_file);
}

/// Notes what was seen of the record at this place of the run with this first submission root, now that its file was
/// hashed again.
pub(crate) fn refresh(root: &Hash, place: u64, entry: &Entry) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    let path = of_root(root).map_err(io::Error::other)?;
    places::make_private_dir(path.parent().unwrap_or(Path::new("")))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // Behind the end of the file: what lies between reads as zeros, which are no record's entry.
    file.seek(SeekFrom::Start(place.saturating_mul(ENTRY as u64)))?;
    file.write_all(&entry.encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use treering_token::bundle::{Kind, RelativePath};

    const STAMP: Stamp = Stamp { modified: 1_700_000_000_123_456_789, inode: 7, device: 9 };

    #[test]
    fn an_entry_is_for_its_record_alone() {
        let path = |name: &str| RelativePath::new(name.into()).unwrap();
        let (one, digests) = (Key::of(Kind::File, &path("a")), Digests::new([1; 32]));
        let entry = Entry::new(one, &digests, Some(STAMP));
        let read = Entry::decode(&entry.encode());
        assert_eq!(read, entry);
        assert_eq!(read.of(one, &digests), Some(STAMP));
        assert_eq!(read.of(one, &Digests::new([2; 32])), None);
        assert_eq!(read.of(Key::of(Kind::Link, &path("a")), &digests), None);
        assert_eq!(read.of(Key::of(Kind::File, &path("b")), &digests), None);
        let untrusted = Entry::decode(&Entry::new(one, &digests, None).encode());
        assert_eq!(untrusted.of(one, &digests), None);
        assert_eq!(Entry::decode(&[0; 32]).of(one, &digests), None, "a hole in the file is nobody's entry");
    }

    #[test]
    fn a_file_modified_shortly_before_it_was_hashed_is_not_trusted() {
        let modified = UNIX_EPOCH + Duration::from_nanos(STAMP.modified.unsigned_abs());
        assert_eq!(STAMP.trusted_at(modified + Duration::from_secs(3)), Some(STAMP));
        assert_eq!(STAMP.trusted_at(modified + Duration::from_secs(2)), None);
        assert_eq!(STAMP.trusted_at(modified), None);
        assert_eq!(STAMP.trusted_at(modified - Duration::from_secs(9)), None, "its time is in the future");
    }

    #[test]
    fn whatever_differs_gives_another_check() {
        let one = check(5, &STAMP);
        assert_eq!(one, check(5, &STAMP));
        let others = [
            check(6, &STAMP),
            check(5, &Stamp { modified: STAMP.modified + 1, ..STAMP }),
            check(5, &Stamp { inode: 8, ..STAMP }),
            check(5, &Stamp { device: 8, ..STAMP }),
        ];
        assert!(others.iter().all(|other| *other != one));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_has_no_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "abc").unwrap();
        assert_eq!(Stamp::at(&path).unwrap().0, 3);
        std::os::unix::fs::symlink(&path, dir.path().join("link")).unwrap();
        assert_eq!(Stamp::at(&dir.path().join("link")), None);
        assert_eq!(Stamp::at(dir.path()), None);
        assert_eq!(Stamp::at(&dir.path().join("gone")), None);
    }
}
