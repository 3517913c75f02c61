//! Tiles: their paths, and what is in them.

use treering_tlog::{
    tile::{TileKind, TilePath, append_entry, prefix_of_entries, split_entries, split_hashes},
    tree::TreeSize,
};

use crate::meter::bounded;

/// Paths of tiles. What comes before a NUL is the path, what comes behind it a tree size.
pub fn tile_path(bytes: &[u8]) {
    let (path, size) = match bytes.iter().position(|&byte| byte == 0) {
        Some(end) => (&bytes[..end], number(&bytes[end + 1..])),
        None => (bytes, u64::MAX),
    };
    let Ok(path) = std::str::from_utf8(path) else { return };
    let Ok(tile) = bounded(bytes, || TilePath::parse(path)) else { return };
    assert_eq!(tile.to_string(), path);
    assert_eq!(TilePath::new(tile.kind(), tile.index(), tile.width()), Some(tile));
    assert_eq!(TilePath::parse(&tile.full().to_string()), Ok(tile.full()));
    assert!(!path.split('/').any(|part| part.is_empty() || part.starts_with('.')), "{path}");
    let level = match tile.kind() {
        TileKind::Hashes(level) => u32::from(level.get()),
        TileKind::Entries => 0,
    };
    // All leaves below the tile's last hash, where that many can be counted at all.
    let size = TreeSize::new(size).unwrap_or(TreeSize::MAX);
    let hashes = u128::from(tile.index()) * 256 + u128::from(tile.width());
    let leaves = if level < 8 { hashes << (8 * level) } else { u128::MAX };
    assert_eq!(tile.within(size), leaves <= u128::from(size.get()));
}

/// Entry bundles and tiles: two bytes say how many, the rest is what a mirror served.
pub fn entry_bundle(bytes: &[u8]) {
    let Some((count, bundle)) = bytes.split_first_chunk() else { return };
    let count = u16::from_be_bytes(*count);
    let split = bounded(bytes, || split_entries(bundle, count));
    if let Ok(entries) = &split {
        let mut again = Vec::new();
        entries.iter().for_each(|entry| append_entry(&mut again, entry).expect("it was short enough before"));
        assert_eq!(again, bundle);
        assert_eq!(entries.len(), usize::from(count));
    }
    match bounded(bytes, || prefix_of_entries(bundle, count)) {
        Ok(prefix) => {
            assert!(bundle.starts_with(prefix));
            assert_eq!(split_entries(prefix, count).map(|entries| entries.len()), Ok(usize::from(count)));
        }
        Err(_) => assert!(split.is_err()),
    }
    if let Ok(hashes) = bounded(bytes, || split_hashes(bundle, count)) {
        assert_eq!(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>(), bundle);
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}
