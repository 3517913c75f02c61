//! The batches of a Treering log on disk: those of 256 entries in one file, beside the bundle of the entries.
//!
//! ```text
//! batches/<N>[.p/<W>]     as the entry bundle tile/entries/<N>[.p/<W>] is named
//!   W lengths in bytes, 4 bytes each, big-endian; then the batches, one after the other
//!   0xffffffff  the log had dropped this batch already (410)
//!   0xfffffffe  it is in a file of its own
//! batches/large/<entry>   that file: a batch of more than 64 KiB, its hashes alone
//! new/<n>                 one that is being read
//! ```
//! A million small files would take a million blocks and inodes; a large batch is streamed, never held.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use treering_tlog::{
    tile::{TILE_WIDTH, TileKind, TilePath},
    tree::TreeSize,
};

use super::{
    files::{self, Written},
    growing::{CopyError, tile_at},
};

/// A longer batch has a file of its own.
pub(super) const MAX_PACKED: usize = 64 * 1024;
const GONE: u32 = u32::MAX;
const LARGE: u32 = u32::MAX - 1;
const WIDTH: u64 = TILE_WIDTH as u64;

/// One entry's batch, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// Its hashes, at most [`MAX_PACKED`] bytes.
    Packed(Vec<u8>),
    /// In a file of its own.
    Large,
    /// The log had dropped it.
    Gone,
}

/// The last pack, if it isn't full.
/// Memory: at most 16 MiB.
#[derive(Debug, Default)]
pub(super) struct Packs {
    batches: Vec<Batch>,
    outgrown: Vec<PathBuf>,
}

impl Packs {
    /// Goes on from a number of batches that was recorded.
    pub(super) fn open(folder: &Path, count: TreeSize) -> Result<Packs, CopyError> {
        let mut packs = Packs::default();
        if let Some(tile) = tile_at(count, TileKind::Entries, count.get() / WIDTH) {
            let path = folder.join(name(tile));
            let read = files::read(&path).map_err(|source| CopyError::Io { path: path.clone(), source })?;
            let bytes = read.ok_or_else(|| CopyError::Missing { path: path.clone() })?;
            packs.batches = parse(&bytes, tile.width()).ok_or(CopyError::Pack { path })?;
        }
        Ok(packs)
    }

    /// Appends the batch of entry `index`, which is the next.
    pub(super) fn append(
        &mut self,
        folder: &Path,
        index: u64,
        batch: Batch,
        written: &mut Written,
    ) -> Result<(), CopyError> {
        self.batches.push(batch);
        if (index + 1).is_multiple_of(WIDTH) {
            let size = TreeSize::new(index + 1).ok_or(CopyError::TooLarge)?;
            self.write(folder, size, written)?;
            self.batches.clear();
        }
        Ok(())
    }

    /// Writes the pack of the edge, of `count` batches in all.
    pub(super) fn write(
        &mut self,
        folder: &Path,
        count: TreeSize,
        written: &mut Written,
    ) -> Result<(), CopyError> {
        let Some(index) = count.last().map(|last| last.get() / WIDTH).filter(|_| !self.batches.is_empty())
        else {
            return Ok(());
        };
        let Some(tile) = tile_at(count, TileKind::Entries, index) else { return Ok(()) };
        let path = folder.join(name(tile));
        if tile.is_full() {
            let mut partial = path.clone().into_os_string();
            partial.push(".p");
            self.outgrown.push(partial.into());
        }
        written.write(path.clone(), &print(&self.batches)).map_err(|source| CopyError::Io { path, source })
    }

    /// Removes partial packs whose full ones are durable.
    pub(super) fn tidy(&mut self) {
        for folder in std::mem::take(&mut self.outgrown) {
            // One that stays does no harm.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// A batch that is there to be read.
#[derive(Debug)]
pub(super) enum Found {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// The file that it is.
    File(File, u64),
    /// The log had dropped it.
    Gone,
}

/// The batch of an entry, of `count` that are durable. `None` if it isn't one of them.
pub(super) fn read(folder: &Path, entry: u64, count: TreeSize) -> Result<Option<Found>, CopyError> {
    let Some(tile) = tile_at(count, TileKind::Entries, entry / WIDTH).filter(|_| entry < count.get()) else {
        return Ok(None);
    };
    // The full one last: when it appears, the partial ones go.
    for tile in [tile, tile.full()] {
        let path = folder.join(name(tile));
        match read_one(&path, tile.width(), entry % WIDTH) {
            Ok(Some(batch)) => return found(folder, entry, batch).map(Some),
            Ok(None) => return Err(CopyError::Pack { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(CopyError::Io { path, source }),
        }
    }
    Err(CopyError::Missing { path: folder.join(name(tile)) })
}

/// Where a large batch is.
pub(super) fn large(folder: &Path, entry: u64) -> PathBuf {
    let tile = TilePath::new(TileKind::Entries, entry, TILE_WIDTH);
    // INVARIANT: entries of a log are below 2^55 for as long as the sun shines; others have no bundle either.
    let name = tile.map(name).unwrap_or_default();
    folder.join(name.replacen("batches/", "batches/large/", 1))
}

/// Where large batches are written while they are read.
pub(super) fn drafts(folder: &Path) -> PathBuf {
    folder.join("new")
}

fn found(folder: &Path, entry: u64, batch: Batch) -> Result<Found, CopyError> {
    Ok(match batch {
        Batch::Packed(bytes) => Found::Bytes(bytes),
        Batch::Gone => Found::Gone,
        Batch::Large => {
            let path = large(folder, entry);
            let open = || {
                let file = File::open(&path)?;
                let length = file.metadata()?.len();
                Ok((file, length))
            };
            let (file, length) = open().map_err(|source| CopyError::Io { path: path.clone(), source })?;
            Found::File(file, length)
        }
    })
}

fn name(tile: TilePath) -> String {
    tile.to_string().replacen("tile/entries/", "batches/", 1)
}

/// One batch of a pack, without reading the others.
fn read_one(path: &Path, width: u16, place: u64) -> io::Result<Option<Batch>> {
    let mut file = File::open(path)?;
    let mut head = vec![0; usize::from(width) * 4];
    if file.read_exact(&mut head).is_err() {
        return Ok(None);
    }
    let lengths = lengths(&head);
    let Some((at, before)) = usize::try_from(place).ok().and_then(|at| Some((at, lengths.get(..at)?))) else {
        return Ok(None);
    };
    let offset: u64 = before.iter().map(|&length| u64::from(packed(length))).sum();
    Ok(match lengths.get(at) {
        Some(&GONE) => Some(Batch::Gone),
        Some(&LARGE) => Some(Batch::Large),
        Some(&length) => {
            file.seek(SeekFrom::Start(head.len() as u64 + offset))?;
            let mut bytes = Vec::new();
            file.take(u64::from(length)).read_to_end(&mut bytes)?;
            (bytes.len() as u64 == u64::from(length)).then_some(Batch::Packed(bytes))
        }
        None => None,
    })
}

fn parse(bytes: &[u8], width: u16) -> Option<Vec<Batch>> {
    let (head, mut rest) = bytes.split_at_checked(usize::from(width) * 4)?;
    let mut batches = Vec::new();
    for length in lengths(head) {
        batches.push(match length {
            GONE => Batch::Gone,
            LARGE => Batch::Large,
            length => {
                let length = usize::try_from(length).ok()?;
                let (batch, after) = rest.split_at_checked(length)?;
                rest = after;
                Batch::Packed(batch.to_vec())
            }
        });
    }
    rest.is_empty().then_some(batches)
}

fn print(batches: &[Batch]) -> Vec<u8> {
    let length = |batch: &Batch| match batch {
        // INVARIANT: at most MAX_PACKED.
        Batch::Packed(bytes) => u32::try_from(bytes.len()).unwrap_or(LARGE),
        Batch::Large => LARGE,
        Batch::Gone => GONE,
    };
    let mut pack: Vec<u8> = batches.iter().flat_map(|batch| length(batch).to_be_bytes()).collect();
    for batch in batches {
        if let Batch::Packed(bytes) = batch {
            pack.extend_from_slice(bytes);
        }
    }
    pack
}

fn lengths(head: &[u8]) -> Vec<u32> {
    head.as_chunks().0.iter().map(|length| u32::from_be_bytes(*length)).collect()
}

/// How many bytes of the pack a batch takes.
fn packed(length: u32) -> u32 {
    if length >= LARGE { 0 } else { length }
}

#[cfg(test)]
mod tests {
    use treering_tlog::tree::TreeSize;

    use super::{Batch, Found, Packs, Written, large, read};

    #[test]
    fn what_is_packed_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        let size = |n| TreeSize::new(n).unwrap();
        let batch = |n: u64| match n % 4 {
            0 => Batch::Gone,
            1 => Batch::Large,
            _ => Batch::Packed(vec![u8::try_from(n % 251).unwrap(); usize::try_from(n).unwrap()]),
        };
        let mut done = 0;
        for end in [1, 3, 255, 256, 257, 700] {
            // As after a restart: from the files alone.
            let mut packs = Packs::open(folder, size(done)).unwrap();
            let mut written = Written::default();
            for n in done..end {
                packs.append(folder, n, batch(n), &mut written).unwrap();
                if batch(n) == Batch::Large {
                    written.write(large(folder, n), b"large").unwrap();
                }
            }
            packs.write(folder, size(end), &mut written).unwrap();
            written.sync().unwrap();
            packs.tidy();
            done = end;
            for n in 0..end {
                match (batch(n), read(folder, n, size(end)).unwrap().unwrap()) {
                    (Batch::Gone, Found::Gone) => {}
                    (Batch::Large, Found::File(_, 5)) => {}
                    (Batch::Packed(want), Found::Bytes(got)) => assert_eq!(got, want),
                    (want, got) => panic!("{want:?} {got:?}"),
                }
            }
            assert!(read(folder, end, size(end)).unwrap().is_none());
        }
        let partial: Vec<_> = std::fs::read_dir(folder.join("batches")).unwrap().collect();
        assert_eq!(partial.len(), 4, "000, 001, 002.p and large: {partial:?}");
    }
}
