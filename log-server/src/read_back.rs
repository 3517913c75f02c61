//! What a signature is about to cover is read back from the store and recomputed: a bit that flipped since the seal, on its way
//! to the store, in it, or on the way back, must not become a signed head.
//!
//! Two parts. [`batches`] holds each new entry's batch against the entry: that costs as much as the batch is large, and
//! is done as entries are sealed, signed or not. [`tree`] holds the new entries against their leaf hashes, and each tile that
//! changed against the one above it, up to the root: that costs little, and is done at each signature.
//!
//! What comes back may be from the store's memory and not from its disk: a disk that has taken something else than it was
//! given is found by the scrub.

use crate::{
    batch, entries,
    state::Fatal,
    store::{Store, StoreError},
};
use bytes::Bytes;
use treering_tlog::{
    hash::{self, Hash},
    tile::{self, TILE_HEIGHT, TILE_WIDTH, TileKind, TileLevel, TilePath, TileReader},
    tree::{self, NodeId, NodeReader, TreeHead, TreeSize},
};
use treering_token::entry::Entry;

/// No more leaves of batches than this, and a last batch, are read back in one go: a tenth of a second.
const STEP: u64 = 1 << 20;
/// No more entries than this.
const ENTRIES: u64 = 1 << 10;
const WIDTH: u64 = TILE_WIDTH as u64;

/// Holds the batches of the entries from `from` on, of a tree of this size, against what the entries say; the first entry that
/// it didn't come to. Blocking.
///
/// # Errors
/// [`Fatal::ReadBack`]; or the store's.
pub(crate) fn batches(store: &dyn Store, from: u64, size: TreeSize) -> Result<u64, Fatal> {
    let (mut index, mut leaves) = (from, 0);
    while index < size.get() && leaves < STEP && index - from < ENTRIES {
        let entry = entries::read(store, index, size)?;
        batch(store, index, &entry).map_err(|what| what.before(size))?;
        leaves += entry.submissions();
        index += 1;
    }
    Ok(index)
}

/// Holds what changed from the tree of size `from` to this one against its root: the tiles, and the entries. Blocking.
///
/// # Errors
/// As [`batches`].
pub(crate) fn tree(store: &dyn Store, from: TreeSize, head: &TreeHead) -> Result<(), Fatal> {
    let size = head.size;
    let differs = |what: Differs| what.before(size);
    tiles((size, from.get()), head.root, |path| batch::tile(store, path)).map_err(differs)?;
    for bundle in from.get() / WIDTH..size.get().div_ceil(WIDTH) {
        entries_of(store, bundle, size).map_err(differs)?;
    }
    Ok(())
}

/// What was read back is something else than was written.
enum Differs {
    What(String),
    Store(StoreError),
}

impl Differs {
    fn before(self, size: TreeSize) -> Fatal {
        match self {
            Differs::What(what) => Fatal::ReadBack { size, what },
            Differs::Store(error) => error.into(),
        }
    }
}

impl<E: Into<StoreError>> From<E> for Differs {
    fn from(error: E) -> Differs {
        Differs::Store(error.into())
    }
}

fn batch(store: &dyn Store, index: u64, entry: &Entry) -> Result<(), Differs> {
    let size = TreeSize::new(entry.submissions())
        .ok_or_else(|| Differs::What(format!("entry {index} has a batch beyond all bounds")))?;
    let held = tiles((size, 0), entry.batch_root(), |path| batch::batch_tile(store, index, path));
    held.map_err(|differs| match differs {
        Differs::What(what) => Differs::What(format!("in batch {index} {what}")),
        store @ Differs::Store(_) => store,
    })
}

/// Holds the tiles of a tree that leaves from `from` on are below against each other, and all against the root.
fn tiles(
    (size, from): (TreeSize, u64),
    root: Hash,
    read: impl Fn(TilePath) -> Result<Bytes, StoreError>,
) -> Result<(), Differs> {
    let mut reader = TileReader::new(size, |path| Ok::<_, StoreError>(Vec::from(read(path)?)));
    // Each hash of a tile that isn't full is below a peak.
    if tree::root_from(&mut reader, size)? != root {
        return Err(Differs::What("the tiles have another root".into()));
    }
    // Of a full tile only the root is, by the tile above it.
    let (mut first, mut full) = (from / WIDTH, size.get() / WIDTH);
    for level in (0..).map_while(TileLevel::new) {
        let kind = TileKind::Hashes(level);
        for path in (first..full).filter_map(|index| TilePath::new(kind, index, TILE_WIDTH)) {
            let hashes = tile::split_hashes(&read(path)?, TILE_WIDTH)?;
            let node = NodeId { level: (level.get() + 1) * TILE_HEIGHT, index: path.index() };
            if reader.read(&[node])? != [tree::root(&hashes)] {
                return Err(Differs::What(format!("{path} is not what the tile above it says")));
            }
        }
        (first, full) = (first / WIDTH, full / WIDTH);
        if full == 0 {
            break;
        }
    }
    Ok(())
}

/// Holds a bundle's entries against the leaf hashes.
fn entries_of(store: &dyn Store, bundle: u64, size: TreeSize) -> Result<(), Differs> {
    let (bytes, width) = entries::bundle(store, bundle, size)?;
    let entries = tile::split_entries(&bytes, width)?;
    let Some(path) = TilePath::new(TileKind::Hashes(TileLevel::LEAVES), bundle, width) else { return Ok(()) };
    let leaves = tile::split_hashes(&batch::tile(store, path)?, width)?;
    for (index, (entry, leaf)) in (bundle * WIDTH..).zip(entries.iter().zip(leaves)) {
        if hash::leaf_hash(entry) != leaf {
            return Err(Differs::What(format!("entry {index} has another leaf hash")));
        }
    }
    Ok(())
}
