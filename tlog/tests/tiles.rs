//! Tiles, entry bundles and reading nodes out of them, against shared vectors.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic, too")]

use std::{cell::RefCell, collections::BTreeMap, sync::LazyLock};

use proptest::prelude::*;
use serde::Deserialize;
use treering_tlog::{
    hash::{Hash, leaf_hash, sha256},
    tile::{
        TILE_WIDTH, TileError, TileKind, TilePath, TileReader, all_tiles, append_entry, prefix_of_entries,
        split_entries, split_hashes, tiles_with,
    },
    tree::{
        MemoryTree, NodeId, NodeReader, TreeSize, consistency_nodes, inclusion_nodes, prove_consistency,
        prove_inclusion, root_from,
    },
};

static TREE: LazyLock<MemoryTree> =
    LazyLock::new(|| MemoryTree::new((0..70_000).map(|n| leaf_hash(&entry(n))).collect()));

fn entry(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

fn size(n: u64) -> TreeSize {
    TreeSize::new(n).unwrap()
}

/// A tile's bytes, by the specification's formula: hash i is the subtree over 256^L leaves, N·256 + i of them before.
fn hash_tile(tile: TilePath) -> Result<Vec<u8>, TileError> {
    let TileKind::Hashes(level) = tile.kind() else { panic!("{tile} holds entries") };
    let first = tile.index() * u64::from(TILE_WIDTH);
    let nodes: Vec<NodeId> = (first..first + u64::from(tile.width()))
        .map(|index| NodeId { level: 8 * level.get(), index })
        .collect();
    let hashes = (&*TREE).read(&nodes).expect("the tile is in the tree");
    Ok(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
}

fn bundle(tile: TilePath) -> Vec<u8> {
    let mut bundle = Vec::new();
    let first = tile.index() * u64::from(TILE_WIDTH);
    (first..first + u64::from(tile.width())).for_each(|n| append_entry(&mut bundle, &entry(n)).unwrap());
    bundle
}

mod vectors {
    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        size: u64,
        tiles: Vec<Tile>,
        entry_bundles: Vec<Bundle>,
    }

    #[derive(Deserialize)]
    struct Tile {
        path: String,
        level: u8,
        index: u64,
        width: u16,
        sha256: String,
    }

    #[derive(Deserialize)]
    struct Bundle {
        index: u64,
        width: u16,
        sha256: String,
    }

    static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors/tiles.json"));
        serde_json::from_str(text).unwrap()
    });

    #[test]
    fn the_tiles_of_a_tree_are_these_and_no_others() {
        let listed: Vec<String> = VECTORS.tiles.iter().map(|tile| tile.path.clone()).collect();
        let ours = all_tiles(size(VECTORS.size)).filter(|tile| tile.kind() != TileKind::Entries);
        assert_eq!(ours.map(|tile| tile.to_string()).collect::<Vec<_>>(), listed);
    }

    #[test]
    fn hash_tiles() {
        for Tile { path, level, index, width, sha256: want } in &VECTORS.tiles {
            let tile = TilePath::parse(path).unwrap();
            assert_eq!(tile.to_string(), *path);
            let TileKind::Hashes(parsed) = tile.kind() else { panic!("{path} holds hashes") };
            assert_eq!((parsed.get(), tile.index(), tile.width()), (*level, *index, *width));
            assert_eq!(sha256(&hash_tile(tile).unwrap()).to_string(), *want, "{path}");
        }
    }

    #[test]
    fn entry_bundles() {
        assert_eq!(VECTORS.entry_bundles.len(), 3);
        for Bundle { index, width, sha256: want } in &VECTORS.entry_bundles {
            let tile = TilePath::new(TileKind::Entries, *index, *width).unwrap();
            let bundle = bundle(tile);
            assert_eq!(sha256(&bundle).to_string(), *want, "{tile}");
            let entries = split_entries(&bundle, *width).unwrap();
            let hashes: Vec<Hash> = entries.into_iter().map(leaf_hash).collect();
            let level_0 = TilePath::parse(&tile.to_string().replace("entries", "0")).unwrap();
            assert_eq!(split_hashes(&hash_tile(level_0).unwrap(), *width), Ok(hashes));
        }
    }
}

mod reading {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn proofs_are_those_of_the_whole_tree(new in 1_u64..=70_000, old: prop::sample::Index) {
            let old = old.index(usize::try_from(new).unwrap()) as u64;
            let (new, old, leaf) = (size(new), size(old), size(new).leaf(old).unwrap());
            let mut reader = TileReader::new(new, hash_tile);
            prop_assert_eq!(root_from(&mut reader, new).unwrap(), root_from(&mut &*TREE, new).unwrap());
            prop_assert_eq!(
                prove_inclusion(&mut reader, leaf, new).unwrap(),
                prove_inclusion(&mut &*TREE, leaf, new).unwrap()
            );
            prop_assert_eq!(
                prove_consistency(&mut reader, old, new).unwrap(),
                prove_consistency(&mut &*TREE, old, new).unwrap()
            );
        }

        /// What is fetched is what was announced, is of the tree's size, and is fetched once.
        #[test]
        fn tiles_are_known_beforehand_and_fetched_once(new in 1_u64..=70_000, old: prop::sample::Index) {
            let old = old.index(usize::try_from(new).unwrap()) as u64;
            let (new, old, leaf) = (size(new), size(old), size(new).leaf(old).unwrap());
            let nodes = [inclusion_nodes(leaf, new), consistency_nodes(old, new)].concat();
            let fetched = RefCell::new(BTreeMap::new());
            let mut reader = TileReader::new(new, |tile| {
                *fetched.borrow_mut().entry(tile).or_insert(0) += 1;
                hash_tile(tile)
            });
            for _ in 0..2 {
                prove_inclusion(&mut reader, leaf, new).unwrap();
                prove_consistency(&mut reader, old, new).unwrap();
            }
            let fetched = fetched.borrow();
            prop_assert_eq!(fetched.keys().copied().collect::<Vec<_>>(), tiles_with(&nodes, new));
            prop_assert!(fetched.iter().all(|(tile, times)| tile.within(new) && *times == 1));
        }
    }

    #[test]
    fn a_tile_of_another_length_is_refused() {
        let leaf = size(300).leaf(299).unwrap();
        for change in [-32_isize, -1, 1, 32] {
            let mut reader = TileReader::new(size(300), |tile| {
                let mut bytes = hash_tile(tile)?;
                let wrong = bytes.len().checked_add_signed(change).unwrap();
                bytes.resize(wrong, 0);
                Ok(bytes)
            });
            let want = 44 * 32_usize;
            let got = want.checked_add_signed(change).unwrap();
            assert_eq!(
                prove_inclusion(&mut reader, leaf, size(300)),
                Err(TileError::Length { want, got }),
                "{change} bytes"
            );
        }
        let mut reader = TileReader::new(size(300), |_| Ok::<_, TileError>(Vec::new()));
        let refused = Err(TileError::Length { want: 256 * 32, got: 0 });
        assert_eq!(reader.read(&[NodeId { level: 0, index: 0 }]), refused);
    }

    #[test]
    fn a_refused_tile_is_not_kept() {
        let mut answers = vec![vec![7; 32], Vec::new()];
        let mut reader = TileReader::new(size(1), |_| Ok::<_, TileError>(answers.pop().unwrap()));
        let node = [NodeId { level: 0, index: 0 }];
        assert_eq!(reader.read(&node), Err(TileError::Length { want: 32, got: 0 }));
        assert_eq!(reader.read(&node), Ok(vec![Hash::new([7; 32])]));
        assert_eq!(reader.read(&node), Ok(vec![Hash::new([7; 32])]));
    }

    #[test]
    fn a_node_outside_of_the_tree_is_refused() {
        let mut reader = TileReader::new(size(300), hash_tile);
        for node in
            [NodeId { level: 0, index: 300 }, NodeId { level: 9, index: 0 }, NodeId { level: 64, index: 0 }]
        {
            assert_eq!(reader.read(&[node]), Err(TileError::MissingNode(node)));
        }
    }

    #[test]
    fn an_error_of_the_fetcher_is_passed_on() {
        #[derive(Debug, PartialEq)]
        enum Fetch {
            Offline(String),
            Tile(TileError),
        }
        impl From<TileError> for Fetch {
            fn from(error: TileError) -> Fetch {
                Fetch::Tile(error)
            }
        }
        let mut reader = TileReader::new(size(70_000), |tile| Err(Fetch::Offline(tile.to_string())));
        let refused = Err(Fetch::Offline("tile/2/000.p/1".to_owned()));
        assert_eq!(root_from(&mut reader, size(70_000)), refused);
        let node = NodeId { level: 0, index: 70_000 };
        assert_eq!(reader.read(&[node]), Err(Fetch::Tile(TileError::MissingNode(node))));
    }

    #[test]
    fn the_reader_shows_its_size() {
        let reader = TileReader::new(size(3), hash_tile);
        assert_eq!(format!("{reader:?}"), "TileReader { size: TreeSize(3), .. }");
    }
}

#[test]
fn partial_bundles_are_prefixes() {
    let full = bundle(TilePath::new(TileKind::Entries, 3, 256).unwrap());
    for width in [1, 2, 100, 255, 256] {
        let partial = bundle(TilePath::new(TileKind::Entries, 3, width).unwrap());
        assert_eq!(prefix_of_entries(&full, width), Ok(&partial[..]));
    }
}

#[test]
fn errors_say_what_would_be_right() {
    let messages = [
        TileError::Path,
        TileError::Length { want: 8192, got: 32 },
        TileError::Truncated(3),
        TileError::Count { want: 256, got: 255 },
        TileError::EntryTooLong,
        TileError::MissingNode(NodeId { level: 8, index: 5 }),
    ]
    .map(|error| error.to_string());
    insta::assert_snapshot!(messages.join("\n"), @"
    not a tile path: tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>], canonical
    the tile has 32 bytes where 8192 are needed
    the entry bundle is cut off in entry 3
    the entry bundle holds 255 entries where 256 are needed
    an entry is longer than 65,535 bytes
    the tree has no complete subtree 5 of level 8
    ");
}
