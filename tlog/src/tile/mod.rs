//! Tiles, entry bundles and their paths (C2SP tlog-tiles).
//!
//! A tile of level L is up to 256 hashes, 32 bytes each: hash i of tile N is the root of the perfect subtree over
//! the leaves from `(N·256 + i)·256^L` up to `(N·256 + i + 1)·256^L`. An entry bundle is the entries of a tile of
//! level 0, each a big-endian u16 length and as many bytes. Only the last tile of a level can be partial.
//!
//! A width is 1 to 256; an index such that the tile starts below 2^63. What is in a tile is believed here: only a
//! root that is hashed from it and compared with a signed one shows that it was right.

mod bundle;
mod layout;
mod path;
mod reader;

pub use bundle::{append_entry, prefix_of_entries, split_entries};
pub use layout::{NodeInTile, all_tiles, locate, tiles_of, tiles_with};
pub use path::{TileKind, TileLevel, TilePath};
pub use reader::{TileReader, split_hashes};

use crate::tree::NodeId;

/// How many levels of the tree a tile spans.
pub const TILE_HEIGHT: u8 = 8;
/// How many hashes or entries a full tile has: 2 to the power of [`TILE_HEIGHT`].
pub const TILE_WIDTH: u16 = 256;

/// What is wrong with a tile, a bundle or a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Another spelling than the canonical one, too.
    #[error(
        "not a tile path: tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>], canonical"
    )]
    Path,
    /// A tile has exactly 32 bytes a hash.
    #[error("the tile has {got} bytes where {want} are needed")]
    Length {
        /// How many bytes its width needs.
        want: usize,
        /// How many bytes it has.
        got: usize,
    },
    /// The bundle ends within this entry, counted from 0.
    #[error("the entry bundle is cut off in entry {0}")]
    Truncated(usize),
    /// Whole entries, but another number of them.
    #[error("the entry bundle holds {got} entries where {want} are needed")]
    Count {
        /// How many its width needs.
        want: usize,
        /// How many it holds.
        got: usize,
    },
    /// The length has two bytes.
    #[error("an entry is longer than 65,535 bytes")]
    EntryTooLong,
    /// A node was asked for that the tree doesn't have.
    #[error("the tree has no complete subtree {} of level {}", .0.index, .0.level)]
    MissingNode(NodeId),
}
