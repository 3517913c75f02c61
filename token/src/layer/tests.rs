use super::{Layer, LayerError, Layers};
use crate::cbor::{CborError, Reader, Writer, same};
use proptest::prelude::*;
use treering_tlog::{
    hash::{Hash, leaf_hash, node_hash},
    tree::MemoryTree,
};

fn hash(i: usize) -> Hash {
    Hash::new([u8::try_from(i % 251).unwrap(); 32])
}

fn layer(path: u64, siblings: usize) -> Result<Layer, LayerError> {
    Layer::new(path, (0..siblings).map(hash).collect())
}

fn read(bytes: &[u8]) -> Result<Layers, LayerError> {
    let mut reader = Reader::new(bytes);
    let layers = Layers::read(&mut reader)?;
    reader.finish()?;
    same(bytes, &write(&layers))?;
    Ok(layers)
}

fn write(layers: &Layers) -> Vec<u8> {
    let mut writer = Writer::new();
    layers.write(&mut writer);
    writer.finish()
}

#[test]
fn a_layer_without_siblings_still_hashes_its_leaf() {
    assert_eq!(layer(0, 0).unwrap().root(&hash(9)), leaf_hash(hash(9).as_bytes()));
}

#[test]
fn bits_say_which_sibling_stands_on_the_left() {
    let leaf = leaf_hash(hash(9).as_bytes());
    assert_eq!(layer(0b01, 2).unwrap().root(&hash(9)), node_hash(&node_hash(&hash(0), &leaf), &hash(1)));
    assert_eq!(layer(0b10, 2).unwrap().root(&hash(9)), node_hash(&hash(1), &node_hash(&leaf, &hash(0))));
}

#[test]
fn every_path_bit_is_bounded() {
    for siblings in 0..=63 {
        assert!(layer((1 << siblings) - 1, siblings).is_ok(), "{siblings}");
        for bit in siblings..64 {
            assert_eq!(layer(1 << bit, siblings), Err(LayerError::Path), "{siblings} {bit}");
        }
    }
}

#[test]
fn bounds_of_layers() {
    assert_eq!(layer(0, 64), Err(LayerError::TooManySiblings(64)));
    let layers =
        |count: usize, siblings| Layers::new((0..count).map(|_| layer(0, siblings).unwrap()).collect());
    assert_eq!(layers(0, 0), Err(LayerError::Count(0)));
    assert_eq!(layers(17, 0), Err(LayerError::Count(17)));
    assert!(layers(16, 16).is_ok());
    assert_eq!(layers(16, 17), Err(LayerError::TooManySiblingsInAll(272)));
    let full = layers(16, 0).unwrap();
    assert_eq!(full.below(layer(0, 0).unwrap()), Err(LayerError::Count(17)));
}

#[test]
fn bounds_are_held_before_anything_is_allocated() {
    let huge = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert!(matches!(read(&huge), Err(LayerError::Count(_))));
    let siblings = [&[0x81, 0x82, 0x00][..], &huge].concat();
    assert!(matches!(read(&siblings), Err(LayerError::TooManySiblings(_))));
}

#[test]
fn other_encodings_are_refused() {
    assert_eq!(read(&[0x81, 0x82, 0x18, 0x00, 0x80]), Err(LayerError::Cbor(CborError::NotDeterministic)));
    assert_eq!(
        read(&[0x81, 0x83, 0x00, 0x80, 0x00]),
        Err(LayerError::Cbor(CborError::Items { want: 2, got: 3 }))
    );
    assert_eq!(read(&[0x81, 0x82, 0x01, 0x80]), Err(LayerError::Path));
}

#[test]
fn messages() {
    insta::assert_snapshot!(LayerError::TooManySiblings(64), @"a layer has at most 63 siblings, this one has 64");
    insta::assert_snapshot!(LayerError::Path, @"the path has bits beyond the layer's siblings");
    insta::assert_snapshot!(LayerError::Count(17), @"1 to 16 layers are wanted, there are 17");
    insta::assert_snapshot!(LayerError::TooManySiblingsInAll(300), @"all layers together have at most 256 siblings, these have 300");
}

proptest! {
    #[test]
    fn agrees_with_the_tree(size in 1usize..70, index in any::<prop::sample::Index>()) {
        let data: Vec<_> = (0..size).map(hash).collect();
        let tree = MemoryTree::new(data.iter().map(|data| leaf_hash(data.as_bytes())).collect());
        let index = index.index(size);
        let layer = Layer::from_path(tree.path(index as u64).unwrap()).unwrap();
        prop_assert_eq!(layer.root(&data[index]), tree.root());
    }

    /// Within one layer no interior node passes as data: hashing it as a leaf gives another root, on every cut of the
    /// path, since leaves and nodes are hashed with different first bytes.
    #[test]
    fn no_interior_node_passes_as_data(siblings in prop::collection::vec(any::<[u8; 32]>(), 1..12), bits: u64, data: [u8; 32]) {
        let path = bits & ((1 << siblings.len()) - 1);
        let siblings: Vec<_> = siblings.into_iter().map(Hash::new).collect();
        let root = Layer::new(path, siblings.clone()).unwrap().root(&Hash::new(data));
        let mut node = leaf_hash(&data);
        for cut in 0..=siblings.len() {
            for from in 0..=siblings.len() {
                let shorter = Layer::new(path >> from, siblings[from..].to_vec()).unwrap();
                prop_assert_ne!(shorter.root(&node), root);
            }
            if let Some(sibling) = siblings.get(cut) {
                node = if path >> cut & 1 == 1 { node_hash(sibling, &node) } else { node_hash(&node, sibling) };
            }
        }
        prop_assert_eq!(node, root);
    }

    #[test]
    fn every_bit_is_authenticated(siblings in prop::collection::vec(any::<[u8; 32]>(), 1..12), bits: u64, bit in any::<prop::sample::Index>()) {
        let path = bits & ((1 << siblings.len()) - 1);
        let siblings: Vec<_> = siblings.into_iter().map(Hash::new).collect();
        let other = path ^ (1 << bit.index(siblings.len()));
        let root = |path| Layer::new(path, siblings.clone()).unwrap().root(&Hash::new([3; 32]));
        prop_assert_ne!(root(path), root(other));
    }

    #[test]
    fn round_trips(layers in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<[u8; 32]>(), 0..17)), 1..17)) {
        let layers = layers.into_iter().map(|(bits, siblings)| {
            let path = bits & ((1 << siblings.len()) - 1);
            Layer::new(path, siblings.into_iter().map(Hash::new).collect()).unwrap()
        });
        let layers = Layers::new(layers.collect()).unwrap();
        prop_assert_eq!(read(&write(&layers)), Ok(layers));
    }

    #[test]
    fn what_is_read_is_written_the_same(mut bytes in any::<Vec<u8>>()) {
        bytes.splice(0..0, [0x81, 0x82]);
        if let Ok(layers) = read(&bytes) {
            prop_assert_eq!(write(&layers), bytes);
        }
    }
}
