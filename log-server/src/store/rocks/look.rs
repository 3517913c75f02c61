//! What RocksDB is given to open: its manifest and write-ahead logs are looked through before, since there is damage in them that it
//! takes for their end, and says nothing.
//!
//! RocksDB's recovery mode that never cuts synced data (`kTolerateCorruptedTailRecords`) refuses a record whose checksum is wrong. But
//! some things it believes before it looks at a checksum: a record longer than what is left of the last block is a write that a
//! power cut left short, and so is one of length and kind 0 (preallocated space); one whose kind only recycled files have is of the
//! file's former life. One flipped bit makes the first or the last of these, a page of zeroes the second, and all that was synced
//! behind it would be dropped without a word, or, in the manifest, gone round for ever (docs/defects.md).
//!
//! On the other hand it refuses what a power cut may leave: of the write that was under way, some pages may be on the disk and
//! others not.
//!
//! Every write is synced before the next one begins (INVARIANT 1), so after a torn write no other one can begin. If behind
//! the first bad record there is the beginning of a whole one, what is bad was synced once, and it is damage: nothing is
//! touched. If there is none, the torn write is cut off. What can't be told from it is damage to the file's end: to the
//! very last write, or to all writes of a last page that is zeroed (docs/decisions/0011-torn-writes.md).
//!
//! In the manifest some records are written together and synced once: a power cut that takes the first of two pages that they are on
//! is damage, too, since nothing tells it from that.

use super::framing::{BLOCK, Bad, HEADER, begins_behind, numbers, walk};
use crate::store::StoreError;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// No more than so much is looked through behind a bad record: larger than any file here may become by far (`MAX_WAL`).
const MAX_REST: u64 = 1 << 30;

/// A torn write that was cut off.
#[derive(Debug)]
pub(super) struct Cut {
    /// The file.
    pub(super) file: PathBuf,
    /// Where it ends now.
    pub(super) at: u64,
    /// How many bytes went.
    pub(super) bytes: u64,
    /// What is there of it ends with the file: nothing says that it is another than what was written.
    is_short: bool,
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cut { file, at, bytes, .. } = self;
        write!(
            f,
            "the last {bytes} bytes of the write-ahead log ({}, from {at} on) were no whole write, as a power cut leaves it, and \
             were cut off. If there was no power cut the disk is damaged, and they may have been several writes that were \
             acknowledged",
            file.display()
        )
    }
}

/// Looks through a store that nobody has open: the torn write at its end, if there is one, which the caller may [`cut`].
///
/// # Errors
/// There is damage in it; or it can't be read.
pub(super) fn look(store: &Path) -> Result<Option<Cut>, StoreError> {
    match manifest(store).and_then(|()| writes(store)) {
        Ok(torn) => Ok(torn),
        Err(Wrong::At(file, at)) => Err(damaged(&file, at, "and it is not the last one")),
        // There is nothing yet.
        Err(Wrong::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(Wrong::Io(source)) => Err(StoreError::File { step: "looking through its logs", source }),
    }
}

/// Looks through a copy of a store, which is only read.
///
/// # Errors
/// As [`look`]; and if its end is none that a copy may have of a write that was under way.
pub(super) fn look_at_copy(store: &Path) -> Result<(), StoreError> {
    match look(store)? {
        // RocksDB would refuse it, or go round for ever.
        Some(torn) if !torn.is_short => {
            Err(damaged(&torn.file, torn.at, "and it is not one that was just being written"))
        }
        _ => Ok(()),
    }
}

/// Cuts a torn write off. Nobody may have the store open.
pub(super) fn cut(torn: &Cut) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { step: "cutting a torn write off", source };
    // CRASH: before the sync the file may have either length, and the next start looks again.
    let file = OpenOptions::new().write(true).open(&torn.file).map_err(failed)?;
    file.set_len(torn.at).and_then(|()| file.sync_all()).map_err(failed)
}

fn damaged(file: &Path, at: u64, why: &str) -> StoreError {
    let what = format!("the record at {at} of {} is not what was written there, {why}", file.display());
    StoreError::Damaged { what }
}

/// What a look finds wrong.
#[derive(Debug)]
enum Wrong {
    /// A file can't be read.
    Io(io::Error),
    /// This file has damage, at this place.
    At(PathBuf, u64),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Wrong {
        Wrong::Io(error)
    }
}

/// Damage in the manifest. Its last record may be torn, too: RocksDB sees to that, but for a kind that makes it go round for ever.
fn manifest(store: &Path) -> Result<(), Wrong> {
    // One that can't be read, or isn't there, is RocksDB's to tell.
    let current = fs::read_to_string(store.join("CURRENT")).unwrap_or_default();
    let path = store.join(current.trim_end());
    if !path.is_file() {
        return Ok(());
    }
    let mut file = File::open(&path)?;
    let Some(bad) = walk(&file)?.bad else { return Ok(()) };
    let (rest, at) = rest(&mut file, bad)?;
    let is_foreign = rest.get(at + HEADER - 1).is_some_and(|kind| is_foreign(*kind));
    if is_foreign || begins_behind(&rest, at, |_| true) { Err(Wrong::At(path, bad.at)) } else { Ok(()) }
}

/// The write-ahead logs as one: damage in them, or the torn write at their end.
fn writes(store: &Path) -> Result<Option<Cut>, Wrong> {
    let (mut torn, mut next): (Option<Cut>, Option<u64>) = (None, None);
    for path in files(store)? {
        let mut file = File::open(&path)?;
        let walked = walk(&file)?;
        let length = file.metadata()?.len();
        // A file that has anything was begun once all of the one before it was synced. But for programs of before, which left a
        // torn end where RocksDB had dropped it: then the next file goes on with the number that the torn write would have had.
        if let Some(before) = torn.take_if(|_| length > 0)
            && (next.is_none() || walked.first != next)
        {
            return Err(Wrong::At(before.file, before.at));
        }
        next = walked.next.or(next);
        let Some(bad) = walked.bad else { continue };
        let (rest, at) = rest(&mut file, bad)?;
        // What clients send is in writes as it came, and anybody can send what looks like a record: so what begins here has to be
        // numbered like a write that follows. No row takes less than a byte.
        let follows = |write: &[u8]| {
            let behind =
                |first: u64| next.is_none_or(|next| first >= next && first - next < rest.len() as u64);
            numbers(write).is_some_and(|(first, _)| behind(first))
        };
        if begins_behind(&rest, at, follows) {
            return Err(Wrong::At(path, bad.at));
        }
        let is_short = is_short(&rest, at);
        torn = Some(Cut { file: path, at: bad.from, bytes: length - bad.from, is_short });
    }
    Ok(torn)
}

/// Has a file fewer bytes than a record's header says, which is of a kind that is written?
fn is_short(rest: &[u8], at: usize) -> bool {
    let Some(header) = rest.get(at..at + HEADER) else { return true };
    let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
    !is_foreign(header[6]) && at + HEADER + length > rest.len()
}

/// A file from the block on in which its bad record is, and where that is in it.
fn rest(file: &mut File, bad: Bad) -> io::Result<(Vec<u8>, usize)> {
    let within = bad.at % BLOCK as u64;
    let begin = file.seek(SeekFrom::Start(bad.at - within))?;
    if file.metadata()?.len() - begin > MAX_REST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    Ok((rest, usize::try_from(within).expect("less than a block")))
}

/// The files of a store's log, by their numbers.
fn files(store: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    for item in fs::read_dir(store)? {
        let path = item?.path();
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).filter(|_| is_log);
        files.extend(number.map(|number| (number, path)));
    }
    files.sort_unstable();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// db/log_format.h: full, first, middle and last records, sizes of timestamps, and what is said of the log before, each of a
/// file that is used again.
fn is_foreign(kind: u8) -> bool {
    matches!(kind, 5..=8 | 11 | 131)
}

#[cfg(test)]
mod tests;
