//! From the submissions of one tick to everything that the tick writes. No I/O here.

use crate::store::{GrantGroup, SealedGrants, Store, StoreError, Tick, TileValue, Waiting};
use bytes::Bytes;
use treering_tlog::{
    hash, kernel,
    tile::{self, TILE_WIDTH, TileKind, TileLevel, TilePath, TileReader},
    time::UnixMillis,
    tree::{self, CompactRange, MemoryTree, NodeReader, TreeHead, TreeSize},
};
use treering_token::entry::Entry;

/// The log's growing right-hand edge: what is needed to append an entry without reading anything.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    range: CompactRange,
    /// The entry bundle that is being filled (empty when the last one is full).
    entries: Vec<u8>,
    /// The tile that is being filled at each level, from 0 (empty when the last one is full).
    levels: Vec<Vec<u8>>,
}

impl Edge {
    /// Reads the edge of a tree back from the store.
    ///
    /// # Errors
    /// Tiles are missing, or don't lead to the head's root: the store is damaged.
    pub(crate) fn load(store: &dyn Store, head: &TreeHead) -> Result<Edge, StoreError> {
        let edge = Edge::of_size(store, head.size)?;
        let differs = || StoreError::Damaged {
            what: format!("the tiles don't lead to the root of size {}", head.size),
        };
        if edge.head() == *head { Ok(edge) } else { Err(differs()) }
    }

    /// The edge of the tree of this size that the tiles make, whatever its root is.
    ///
    /// # Errors
    /// Tiles are missing.
    pub(crate) fn of_size(store: &dyn Store, size: TreeSize) -> Result<Edge, StoreError> {
        let peaks = reader(store, size).read(&tree::peaks(size))?;
        let range = CompactRange::from_peaks(size, peaks).ok_or_else(|| StoreError::Damaged {
            what: format!("the tiles don't make a tree of size {size}"),
        })?;
        let mut levels = Vec::new();
        let mut nodes = size.get();
        while nodes > 0 {
            let level = u8::try_from(levels.len()).ok().and_then(TileLevel::new);
            let level = level.expect("a size below 2^63 has at most 8 levels of tiles");
            levels.push(growing(store, TileKind::Hashes(level), nodes)?);
            nodes /= u64::from(TILE_WIDTH);
        }
        let entries = growing(store, TileKind::Entries, size.get())?;
        Ok(Edge { range, entries, levels })
    }

    /// The tree's right-hand edge, and the tile that is being filled at each level.
    pub(crate) fn into_parts(self) -> (CompactRange, Vec<Vec<u8>>) {
        (self.range, self.levels)
    }

    /// The head of the tree whose edge this is.
    pub(crate) fn head(&self) -> TreeHead {
        self.range.head()
    }

    /// Appends an entry; the tiles that this changed.
    fn append(&mut self, entry: &Entry) -> Vec<TileValue> {
        let index = self.range.size().get();
        let width = u64::from(TILE_WIDTH);
        if index.is_multiple_of(width) {
            self.entries.clear();
        }
        let bytes = entry.encode();
        tile::append_entry(&mut self.entries, &bytes).expect("an entry has at most 54 bytes");
        let entries =
            TileValue { kind: TileKind::Entries, index: index / width, bytes: self.entries.clone() };
        let mut changed = vec![entries];
        let levels = &mut self.levels;
        let appended = self.range.append(hash::leaf_hash(&bytes), |node, hash| {
            // Only every eighth level of the tree is written: the others are hashed from it.
            if node.level % tile::TILE_HEIGHT != 0 {
                return;
            }
            let level = usize::from(node.level / tile::TILE_HEIGHT);
            if levels.len() <= level {
                levels.resize(level + 1, Vec::new());
            }
            let tile = &mut levels[level];
            if node.index.is_multiple_of(width) {
                tile.clear();
            }
            tile.extend_from_slice(hash.as_bytes());
            let kind = TileLevel::new(node.level / tile::TILE_HEIGHT).expect("a node's level is at most 62");
            changed.push(TileValue {
                kind: TileKind::Hashes(kind),
                index: node.index / width,
                bytes: tile.clone(),
            });
        });
        assert!(appended, "one entry a tick does not fill a log of 2^63 entries");
        changed
    }
}

/// A tick that is ready to be written, and the state after it.
#[derive(Debug)]
pub(crate) struct Built {
    /// What the store gets.
    pub(crate) tick: Tick,
    /// The edge once the store has it.
    pub(crate) edge: Edge,
    /// The batch's whole tree: fresh receipts are made from it.
    pub(crate) tree: MemoryTree,
    /// The tree of its grants.
    pub(crate) grants: Option<MemoryTree>,
}

/// Makes the batch of these submissions and grants (not both empty), in their order, and the entry that names it. The
/// grants are one more submission, behind the others.
pub(crate) fn build(
    edge: &Edge,
    submissions: Vec<Waiting>,
    grants: Vec<GrantGroup>,
    sealed_at: UnixMillis,
) -> Built {
    let mut roots: Vec<[u8; 32]> = submissions.iter().map(|submission| *submission.root.as_bytes()).collect();
    let (grants, grants_tree) = fold(grants, &mut roots).unzip();
    let tree = MemoryTree::new(kernel::leaf_hashes(&roots));
    let entry = Entry::new(sealed_at, tree.root(), tree.len())
        .expect("the clock's order refuses times before 2^32 ms, and a batch is never empty");
    let mut edge = edge.clone();
    let tiles = edge.append(&entry);
    let batch = hash_tiles(&tree);
    let tick = Tick { head: edge.head(), sealed_at, tiles, batch, submissions, grants };
    Built { tick, edge, tree, grants: grants_tree }
}

/// Makes one submission of the grants, and puts its root behind the batch's roots.
fn fold(groups: Vec<GrantGroup>, roots: &mut Vec<[u8; 32]>) -> Option<(SealedGrants, MemoryTree)> {
    let all = groups.iter().flat_map(|group| &group.grants);
    let commitments: Vec<[u8; 32]> = all.map(|grant| grant.commitment).collect();
    if commitments.is_empty() {
        return None;
    }
    let tree = MemoryTree::new(kernel::leaf_hashes(&commitments));
    let root = tree.root();
    // Whoever got a tick's only token could have submitted that commitment, too. A root stands in a batch once.
    let there = roots.iter().position(|there| there == root.as_bytes());
    let position = there.unwrap_or_else(|| {
        roots.push(*root.as_bytes());
        roots.len() - 1
    });
    let position = u64::try_from(position).expect("a batch has at most a million submissions");
    Some((SealedGrants { groups, root, position, size: tree.size(), tiles: hash_tiles(&tree) }, tree))
}

/// The tick that made an entry, from what readers have of it, and without its batch: that is [`hash_tiles`], unless it was
/// dropped. The edge grows with it.
pub(crate) fn rebuild(edge: &mut Edge, entry: &Entry) -> Tick {
    let tiles = edge.append(entry);
    let (head, sealed_at) = (edge.head(), entry.sealed_at());
    Tick { head, sealed_at, tiles, batch: Vec::new(), submissions: Vec::new(), grants: None }
}

/// The tiles of a batch's tree.
pub(crate) fn hash_tiles(tree: &MemoryTree) -> Vec<TileValue> {
    (0..)
        .map_while(|level| TileLevel::new(level).filter(|_| level < 8))
        .flat_map(|level| {
            let hashes = tree.subtrees(level.get() * tile::TILE_HEIGHT);
            (0..).zip(hashes.chunks(usize::from(TILE_WIDTH))).map(move |(index, hashes)| TileValue {
                kind: TileKind::Hashes(level),
                index,
                bytes: hashes.iter().flat_map(|hash| *hash.as_bytes()).collect(),
            })
        })
        .collect()
}

/// Reads nodes of a batch's tree of this many leaves from the store's tiles.
pub(crate) fn batch_reader(
    store: &dyn Store,
    entry: u64,
    size: TreeSize,
) -> TileReader<impl FnMut(TilePath) -> Result<Vec<u8>, StoreError>> {
    TileReader::new(size, move |path| Ok(Vec::from(batch_tile(store, entry, path)?)))
}

/// Leaf hashes of a batch of this size, 32 bytes each: those of so many tiles, from the first of them on.
pub(crate) fn leaf_hashes(
    store: &dyn Store,
    entry: u64,
    size: TreeSize,
    (first, count): (usize, usize),
) -> Result<Vec<u8>, StoreError> {
    let tiles = tile::tiles_of(size, TileKind::Hashes(TileLevel::LEAVES)).skip(first).take(count);
    let tiles: Result<Vec<Bytes>, StoreError> = tiles.map(|path| batch_tile(store, entry, path)).collect();
    Ok(tiles?.concat())
}

/// A tile of a batch's tree, which has to be there.
pub(crate) fn batch_tile(store: &dyn Store, entry: u64, path: TilePath) -> Result<Bytes, StoreError> {
    let missing = || StoreError::Damaged { what: format!("{path} of batch {entry} is missing") };
    store.batch_tile(entry, path)?.ok_or_else(missing)
}

/// Reads nodes of the tree of this size from the store's tiles.
pub(crate) fn reader(
    store: &dyn Store,
    size: TreeSize,
) -> TileReader<impl FnMut(TilePath) -> Result<Vec<u8>, StoreError>> {
    TileReader::new(size, move |path| Ok(Vec::from(tile(store, path)?)))
}

/// A tile or entry bundle, which has to be there.
pub(crate) fn tile(store: &dyn Store, path: TilePath) -> Result<Bytes, StoreError> {
    store.tile(path)?.ok_or_else(|| StoreError::Damaged { what: format!("{path} is missing") })
}

/// The tile being filled when there are `nodes` nodes at its level.
fn growing(store: &dyn Store, kind: TileKind, nodes: u64) -> Result<Vec<u8>, StoreError> {
    let width = u16::try_from(nodes % u64::from(TILE_WIDTH)).expect("less than 256");
    let Some(path) = TilePath::new(kind, nodes / u64::from(TILE_WIDTH), width) else { return Ok(Vec::new()) };
    Ok(Vec::from(tile(store, path)?))
}
