//! A tree of tiles on disk that entries are appended to, in the layout of C2SP tlog-tiles: any server of static files
//! can serve the folder.
//!
//! Full tiles and bundles are written when they are complete, those of the edge at each [`Growing::flush`]. A partial
//! one stays until the full one is durable. Memory: one bundle, and one tile of each level.
//!
//! What this does not do: it verifies nothing. Who appends has authenticated the entries.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use treering_tlog::{
    hash::{Hash, leaf_hash},
    tile::{
        TILE_WIDTH, TileError, TileKind, TileLevel, TilePath, TileReader, append_entry, prefix_of_entries,
        split_entries, split_hashes,
    },
    tree::{self, CompactRange, NodeReader as _, TreeHead, TreeSize, peaks, root_from},
};

use super::files::{self, Written};

const WIDTH: usize = TILE_WIDTH as usize;
/// Levels that a tree of up to 2^63−1 leaves has.
const LEVELS: u8 = 8;

/// The edge of the tree, and what was written since the last flush.
#[derive(Debug)]
pub(super) struct Growing {
    folder: PathBuf,
    range: CompactRange,
    /// The entries of the last bundle, if that isn't full.
    bundle: Vec<u8>,
    /// The hashes of the last tile of each level, if that isn't full.
    /// INVARIANT: each has as many as the size makes them.
    levels: Vec<Vec<Hash>>,
    written: Written,
    /// Folders of partial tiles whose full ones are written.
    outgrown: Vec<PathBuf>,
}

/// Why a copy can't be read, or grown.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file or folder.
    #[error("{path}: {source}")]
    Io {
        /// Which, or the copy's folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A tile or bundle isn't what was written.
    #[error("{path}: {source}")]
    Tile {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: TileError,
    },
    /// A file that was synced is gone.
    #[error("{path} is missing")]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// A file of batches isn't what was written.
    #[error("{path} is not the file of batches that was written")]
    Pack {
        /// Which.
        path: PathBuf,
    },
    /// The tiles hash to another root than the one that is recorded.
    #[error("{path}: its tiles don't hash to the recorded root of size {size}")]
    Root {
        /// The copy's folder.
        path: PathBuf,
        /// The tree's size.
        size: TreeSize,
    },
    /// No tree is that large.
    #[error("a tree has at most 2^63-1 entries, of at most 65535 bytes each")]
    TooLarge,
}

impl From<TileError> for CopyError {
    fn from(source: TileError) -> CopyError {
        CopyError::Tile { path: PathBuf::new(), source }
    }
}

impl Growing {
    /// Goes on from a head that was recorded, whose tiles must hash to it.
    pub(super) fn open(folder: &Path, head: TreeHead) -> Result<Growing, CopyError> {
        let size = head.size;
        let mut reader = TileReader::new(size, |tile| read_tile(folder, tile));
        let hashes = reader.read(&peaks(size))?;
        let range = CompactRange::from_peaks(size, hashes).ok_or(CopyError::TooLarge)?;
        if range.head() != head {
            return Err(CopyError::Root { path: folder.to_owned(), size });
        }
        let mut levels = Vec::new();
        for level in (0..LEVELS).filter_map(TileLevel::new) {
            levels.push(match edge(size, TileKind::Hashes(level)) {
                Some(tile) => split_hashes(&read_tile(folder, tile)?, tile.width())?,
                None => Vec::new(),
            });
        }
        let bundle = match edge(size, TileKind::Entries) {
            Some(tile) => read_tile(folder, tile)?,
            None => Vec::new(),
        };
        let (written, outgrown) = (Written::default(), Vec::new());
        Ok(Growing { folder: folder.to_owned(), range, bundle, levels, written, outgrown })
    }

    /// Size and root, of what was appended.
    pub(super) fn head(&self) -> TreeHead {
        self.range.head()
    }

    /// Appends an entry. After an error, what is in memory is worth nothing: open it anew.
    pub(super) fn append(&mut self, entry: &[u8]) -> Result<(), CopyError> {
        append_entry(&mut self.bundle, entry).map_err(|_| CopyError::TooLarge)?;
        let leaf = leaf_hash(entry);
        if !self.range.append(leaf, |_, _| {}) {
            return Err(CopyError::TooLarge);
        }
        let mut hash = leaf;
        for level in 0..self.levels.len() {
            self.levels[level].push(hash);
            if self.levels[level].len() < WIDTH {
                return Ok(());
            }
            let hashes = std::mem::take(&mut self.levels[level]);
            if level == 0 {
                let bundle = std::mem::take(&mut self.bundle);
                self.write_last(TileKind::Entries, &bundle)?;
            }
            // INVARIANT: below LEVELS.
            let of_level =
                TileLevel::new(u8::try_from(level).unwrap_or(LEVELS)).ok_or(CopyError::TooLarge)?;
            self.write_last(TileKind::Hashes(of_level), &bytes_of(&hashes))?;
            hash = tree::root(&hashes);
        }
        Ok(())
    }

    /// Writes the edge, and makes everything durable. What is recorded of the head comes after this.
    pub(super) fn flush(&mut self) -> Result<(), CopyError> {
        let size = self.range.size();
        let bundle = std::mem::take(&mut self.bundle);
        let mut wrote = self.write_edge(size, TileKind::Entries, &bundle);
        self.bundle = bundle;
        let levels = std::mem::take(&mut self.levels);
        for (level, hashes) in (0..LEVELS).filter_map(TileLevel::new).zip(&levels) {
            wrote = wrote.and_then(|()| self.write_edge(size, TileKind::Hashes(level), &bytes_of(hashes)));
        }
        self.levels = levels;
        wrote?;
        self.written.sync().map_err(|source| CopyError::Io { path: self.folder.clone(), source })
    }

    /// Removes partial tiles whose full ones are durable.
    ///
    /// SPEC: tlog-tiles, Partial Tiles: a partial tile may be deleted once the full one is available.
    pub(super) fn tidy(&mut self) {
        for folder in std::mem::take(&mut self.outgrown) {
            // One that stays does no harm.
            let _ = fs::remove_dir_all(folder);
        }
    }

    /// More files for the next flush.
    pub(super) fn written(&mut self) -> &mut Written {
        &mut self.written
    }

    /// Writes the tile that was just completed.
    fn write_last(&mut self, kind: TileKind, bytes: &[u8]) -> Result<(), CopyError> {
        let tile = tiles_with_last(self.range.size(), kind).ok_or(CopyError::TooLarge)?;
        let path = self.folder.join(tile.to_string());
        let mut partial = path.clone().into_os_string();
        partial.push(".p");
        self.outgrown.push(partial.into());
        self.write(path, bytes)
    }

    /// Writes the partial tile of the edge, if there is one, and it isn't there yet.
    fn write_edge(&mut self, size: TreeSize, kind: TileKind, bytes: &[u8]) -> Result<(), CopyError> {
        let Some(tile) = edge(size, kind) else { return Ok(()) };
        let path = self.folder.join(tile.to_string());
        // A level's tile that was there before is that of an earlier flush: the same bytes, durable. But a crash may
        // have left one of this name that isn't: it is written again unless it is what it should be.
        match files::read(&path) {
            Ok(Some(there)) if there == bytes => {
                self.written.sync_again(path);
                Ok(())
            }
            _ => self.write(path, bytes),
        }
    }

    fn write(&mut self, path: PathBuf, bytes: &[u8]) -> Result<(), CopyError> {
        self.written.write(path.clone(), bytes).map_err(|source| CopyError::Io { path, source })
    }
}

/// The bytes of a tile or bundle of a copy: the tile itself, or the beginning of a wider one.
///
/// `grown` is the size up to which the copy's files are durable.
pub(super) fn read_prefix(
    folder: &Path,
    tile: TilePath,
    grown: TreeSize,
) -> Result<Option<Vec<u8>>, CopyError> {
    let widest = tile_at(grown, tile.kind(), tile.index());
    // The full one last: when it appears, the partial ones go.
    for candidate in [Some(tile), widest, Some(tile.full())].into_iter().flatten() {
        let path = folder.join(candidate.to_string());
        let read = files::read(&path).map_err(|source| CopyError::Io { path: path.clone(), source })?;
        let Some(mut bytes) = read.filter(|_| candidate.width() >= tile.width()) else { continue };
        let length = match tile.kind() {
            TileKind::Hashes(_) => usize::from(tile.width()) * Hash::LEN,
            TileKind::Entries => prefix_of_entries(&bytes, tile.width())
                .map_err(|source| CopyError::Tile { path: path.clone(), source })?
                .len(),
        };
        if bytes.len() < length {
            return Err(CopyError::Tile {
                path,
                source: TileError::Length { got: bytes.len(), want: length },
            });
        }
        bytes.truncate(length);
        return Ok(Some(bytes));
    }
    Ok(None)
}

/// The root over the first `size` entries of a copy whose files are durable up to `grown`.
pub(super) fn root_at(folder: &Path, size: TreeSize, grown: TreeSize) -> Result<Hash, CopyError> {
    let mut reader = reader(folder, size, grown);
    root_from(&mut reader, size)
}

/// Reads nodes of the tree of the first `size` entries.
pub(super) fn reader(
    folder: &Path,
    size: TreeSize,
    grown: TreeSize,
) -> TileReader<impl FnMut(TilePath) -> Result<Vec<u8>, CopyError>> {
    TileReader::new(size, move |tile| {
        read_prefix(folder, tile, grown)?
            .ok_or_else(|| CopyError::Missing { path: folder.join(tile.to_string()) })
    })
}

/// The entries of a bundle of a copy.
pub(super) fn read_entries(
    folder: &Path,
    tile: TilePath,
    grown: TreeSize,
) -> Result<Vec<Vec<u8>>, CopyError> {
    let bytes = read_prefix(folder, tile, grown)?
        .ok_or_else(|| CopyError::Missing { path: folder.join(tile.to_string()) })?;
    let entries = split_entries(&bytes, tile.width())
        .map_err(|source| CopyError::Tile { path: folder.join(tile.to_string()), source })?;
    Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
}

fn read_tile(folder: &Path, tile: TilePath) -> Result<Vec<u8>, CopyError> {
    let path = folder.join(tile.to_string());
    let read = files::read(&path).map_err(|source| CopyError::Io { path: path.clone(), source })?;
    read.ok_or(CopyError::Missing { path })
}

/// The partial tile at the right of a tree, if there is one.
fn edge(size: TreeSize, kind: TileKind) -> Option<TilePath> {
    tiles_with_last(size, kind).filter(|tile| !tile.is_full())
}

/// The last tile of a kind.
fn tiles_with_last(size: TreeSize, kind: TileKind) -> Option<TilePath> {
    let last = hashes_of(size, kind).checked_sub(1)? / u64::from(TILE_WIDTH);
    tile_at(size, kind, last)
}

/// A tile as wide as a tree of this size has it.
pub(super) fn tile_at(size: TreeSize, kind: TileKind, index: u64) -> Option<TilePath> {
    let left = hashes_of(size, kind).checked_sub(index.checked_mul(u64::from(TILE_WIDTH))?)?;
    TilePath::new(kind, index, u16::try_from(left.min(u64::from(TILE_WIDTH))).ok()?)
}

fn hashes_of(size: TreeSize, kind: TileKind) -> u64 {
    let shift = match kind {
        TileKind::Hashes(level) => u32::from(level.get()) * 8,
        TileKind::Entries => 0,
    };
    size.get().checked_shr(shift).unwrap_or(0)
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
