//! The names of tiles: `tile/<L>/<N>[.p/<W>]`, where 1234067 is written `x001/x234/067`.

use std::{fmt, str::FromStr};

use super::{TILE_HEIGHT, TILE_WIDTH, TileError};
use crate::{text, tree::TreeSize};

/// 0 to 63 in paths (only 0 to 7 can exist, sizes being below 2^63).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileLevel(u8);

impl TileLevel {
    /// The level of leaf hashes.
    pub const LEAVES: TileLevel = TileLevel(0);

    /// `None` above 63.
    pub const fn new(level: u8) -> Option<TileLevel> {
        if level <= 63 { Some(TileLevel(level)) } else { None }
    }

    /// The number, from 0.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// How many hashes the tiles of this level have in a tree of `size`.
    pub(super) fn hashes(self, size: TreeSize) -> u64 {
        size.get().checked_shr(self.shift()).unwrap_or(0)
    }

    /// A hash of this level spans 2 to this power of leaves.
    fn shift(self) -> u32 {
        u32::from(self.0) * u32::from(TILE_HEIGHT)
    }
}

/// What is in a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// The hashes of a level.
    Hashes(TileLevel),
    /// The entries themselves.
    Entries,
}

impl TileKind {
    /// Entries are counted as leaf hashes are.
    pub(super) fn level(self) -> TileLevel {
        match self {
            TileKind::Hashes(level) => level,
            TileKind::Entries => TileLevel::LEAVES,
        }
    }
}

/// One tile's name: `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`; width 1 to 256, 256 is a full tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    kind: TileKind,
    // INVARIANT: the tile's first leaf is below 2^63.
    index: u64,
    // INVARIANT: 1 to 256.
    width: u16,
}

impl TilePath {
    /// `None` for a width of 0 or above 256, or an index that would start beyond 2^63−1.
    pub fn new(kind: TileKind, index: u64, width: u16) -> Option<TilePath> {
        if width == 0 || width > TILE_WIDTH {
            return None;
        }
        let last_index = TreeSize::MAX.get().checked_shr(kind.level().shift() + u32::from(TILE_HEIGHT));
        (index <= last_index.unwrap_or(0)).then_some(TilePath { kind, index, width })
    }

    /// Parses the path without a leading slash. Only canonical paths.
    ///
    /// # Errors
    /// [`TileError::Path`].
    pub fn parse(path: &str) -> Result<TilePath, TileError> {
        parse(path).ok_or(TileError::Path)
    }

    /// What is in it.
    pub fn kind(&self) -> TileKind {
        self.kind
    }

    /// How many tiles of its kind stand to its left.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it has, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Is it 256 wide, and so never to change?
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The full tile that this one is, or is the beginning of.
    pub fn full(&self) -> TilePath {
        TilePath { width: TILE_WIDTH, ..*self }
    }

    /// Is all of this tile in a tree of `size`? (Entry bundles count as level 0.)
    pub fn within(&self, size: TreeSize) -> bool {
        // INVARIANT: the index is at most 2^55, so that its product is in range.
        self.index * u64::from(TILE_WIDTH) + u64::from(self.width) <= self.kind.level().hashes(size)
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(path: &str) -> Result<TilePath, TileError> {
        TilePath::parse(path)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{}/", level.get())?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        write_groups(f, self.index / 1000)?;
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// All groups of three digits but the last, `x001/x234/`.
fn write_groups(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    if index == 0 {
        return Ok(());
    }
    write_groups(f, index / 1000)?;
    write!(f, "x{:03}/", index % 1000)
}

fn parse(path: &str) -> Option<TilePath> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match level {
        "entries" => TileKind::Entries,
        // SPEC: tlog-tiles, Merkle Tree: a decimal between 0 and 63, with no additional leading zeroes.
        level => TileKind::Hashes(TileLevel::new(u8::try_from(text::decimal(level)?).ok()?)?),
    };
    let (index, width) = match rest.split_once(".p/") {
        // SPEC: tlog-tiles, Merkle Tree: the suffix is only present for partial tiles, 1 to 255.
        Some((index, width)) => {
            (index, u16::try_from(text::decimal(width)?).ok().filter(|&w| w < TILE_WIDTH)?)
        }
        None => (rest, TILE_WIDTH),
    };
    TilePath::new(kind, parse_index(index)?, width)
}

/// SPEC: tlog-tiles, Merkle Tree: zero-padded 3-digit path elements, of which all but the last begin with an `x`.
fn parse_index(text: &str) -> Option<u64> {
    // A group too many would be a second spelling of the same index.
    if text.starts_with("x000") {
        return None;
    }
    let (groups, last) = text.rsplit_once('/').map_or((None, text), |(groups, last)| (Some(groups), last));
    let mut index = 0_u64;
    for group in groups.into_iter().flat_map(|groups| groups.split('/')) {
        index = index.checked_mul(1000)?.checked_add(three_digits(group.strip_prefix('x')?)?)?;
    }
    index.checked_mul(1000)?.checked_add(three_digits(last)?)
}

fn three_digits(text: &str) -> Option<u64> {
    let digits: [u8; 3] = text.as_bytes().try_into().ok()?;
    digits
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{TileKind, TileLevel, TilePath};
    use crate::{tile::TileError, tree::TreeSize};

    fn hashes(level: u8, index: u64, width: u16) -> TilePath {
        TilePath::new(TileKind::Hashes(TileLevel::new(level).unwrap()), index, width).unwrap()
    }

    fn size(n: u64) -> TreeSize {
        TreeSize::new(n).unwrap()
    }

    #[test]
    fn paths_as_the_specification_writes_them() {
        for (tile, path) in [
            (hashes(0, 0, 256), "tile/0/000"),
            (hashes(0, 273, 112), "tile/0/273.p/112"),
            (hashes(1, 1_234_067, 256), "tile/1/x001/x234/067"),
            (hashes(2, 1_000, 1), "tile/2/x001/000.p/1"),
            (hashes(63, 0, 255), "tile/63/000.p/255"),
            (TilePath::new(TileKind::Entries, 999, 256).unwrap(), "tile/entries/999"),
            (TilePath::new(TileKind::Entries, 1_000_000, 7).unwrap(), "tile/entries/x001/x000/000.p/7"),
        ] {
            assert_eq!(tile.to_string(), path);
            assert_eq!(TilePath::parse(path), Ok(tile));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/000/",
            "tile//000",
            "tile/00/000",
            "tile/+1/000",
            "tile/64/000",
            "tile/256/000",
            "tile/entry/000",
            "tile/Entries/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x00",
            "tile/0/x001",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001/x002",
            "tile/0/x01/002",
            "tile/0/X001/002",
            "tile/0/x001//002",
            "tile/0/-01",
            "tile/0/+01",
            "tile/0/٠١",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/+1",
            "tile/0/000.p/65537",
            "tile/0/000.p/1.p/1",
            "tile/0/000.p/1/",
            "tile/0/.p/1",
            "tile/0/000?",
            "tile/0/000\n",
        ] {
            assert_eq!(TilePath::parse(path), Err(TileError::Path), "{path:?}");
        }
    }

    #[test]
    fn indices_end_where_trees_do() {
        let last = (1 << 55) - 1;
        assert_eq!(TilePath::parse(&hashes(0, last, 256).to_string()), Ok(hashes(0, last, 256)));
        assert_eq!(TilePath::new(TileKind::Entries, last + 1, 1), None);
        assert_eq!(TilePath::new(TileKind::Hashes(TileLevel::new(6).unwrap()), 128, 1), None);
        assert_eq!(hashes(6, 127, 1).index(), 127);
        for level in [7, 8, 63] {
            let kind = TileKind::Hashes(TileLevel::new(level).unwrap());
            assert!(TilePath::new(kind, 0, 1).is_some());
            assert_eq!(TilePath::new(kind, 1, 1), None);
        }
        assert_eq!(TilePath::parse("tile/0/x036/x028/x797/x018/x963/968"), Err(TileError::Path));
        let endless = format!("tile/0/{}000", "x999/".repeat(5000));
        assert_eq!(TilePath::parse(&endless), Err(TileError::Path));
    }

    #[test]
    fn widths_are_1_to_256() {
        for width in [0, 257, u16::MAX] {
            assert_eq!(TilePath::new(TileKind::Entries, 0, width), None);
        }
        assert!(hashes(0, 0, 256).is_full());
        assert!(!hashes(0, 0, 255).is_full());
        assert_eq!(hashes(0, 3, 255).full(), hashes(0, 3, 256));
        assert_eq!(TileLevel::new(64), None);
    }

    #[test]
    fn within_counts_complete_subtrees_only() {
        assert!(hashes(0, 273, 112).within(size(70_000)));
        assert!(!hashes(0, 273, 113).within(size(70_000)));
        assert!(!hashes(0, 274, 1).within(size(70_000)));
        assert!(hashes(1, 0, 1).within(size(256)));
        assert!(!hashes(1, 0, 1).within(size(255)));
        assert!(hashes(2, 0, 1).within(size(70_000)));
        assert!(!hashes(2, 0, 2).within(size(70_000)));
        assert!(hashes(7, 0, 127).within(TreeSize::MAX));
        assert!(!hashes(7, 0, 128).within(TreeSize::MAX));
        assert!(!hashes(8, 0, 1).within(TreeSize::MAX));
        assert!(!TilePath::new(TileKind::Entries, (1 << 55) - 1, 256).unwrap().within(TreeSize::MAX));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed(level in 0_u8..7, entries: bool, index: u64, width in 1_u16..=256) {
            let kind = if entries { TileKind::Entries } else { TileKind::Hashes(TileLevel::new(level).unwrap()) };
            let shift = 1 + 8 * (u32::from(if entries { 0 } else { level }) + 1);
            let tile = TilePath::new(kind, index >> shift, width).unwrap();
            prop_assert_eq!(TilePath::parse(&tile.to_string()), Ok(tile));
        }

        #[test]
        fn what_is_parsed_is_printed(path in "tile/(entries|[0-9]{1,2})/(x[0-9]{2,3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
            if let Ok(tile) = TilePath::parse(&path) {
                prop_assert_eq!(tile.to_string(), path);
            }
        }
    }
}
