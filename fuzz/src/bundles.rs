//! Bundles, whole and in pieces.

use treering_tlog::{
    hash::{Hash, leaf_hash},
    tree,
};
use treering_token::bundle::{AtItem, Item, ItemReader, Step, Walker};

use crate::meter::bounded;

/// Bundles. The first byte says into which pieces the rest is cut.
pub fn bundle(bytes: &[u8]) {
    let Some((cut, bundle)) = bytes.split_first() else { return };
    let pieces = bundle.chunks(1 + usize::from(*cut) * usize::from(*cut));
    let (items, error) = bounded(bytes, || read([bundle]));
    let (items_of_pieces, error_of_pieces) = bounded(bytes, || read(pieces));
    assert_eq!((&items_of_pieces, &error_of_pieces), (&items, &error), "however it is cut");
    same_bytes(&items, bundle, error.is_none());
    bounded(bytes, || walk(&items));
}

/// All items up to the first error.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Item>, Option<AtItem>) {
    let mut reader = ItemReader::new();
    let mut items = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next_item() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(reader.next_item(), Err(error.clone()), "asked again, it says so again");
                    return (items, Some(error));
                }
            }
        }
    }
    (items, reader.finish().err())
}

/// Items are written as the bytes that they were read from.
fn same_bytes(items: &[Item], bundle: &[u8], whole: bool) {
    let mut written = Vec::new();
    for item in items {
        let begin = written.len();
        item.encode(&mut written);
        assert_eq!(
            Item::decode(&written[begin..]).as_ref(),
            Ok(&Some((item.clone(), written.len() - begin)))
        );
    }
    assert!(bundle.starts_with(&written));
    assert!(!whole || bundle == written);
}

/// The order of items, and each submission's root computed in a second way.
fn walk(items: &[Item]) {
    let mut walker = Walker::new();
    let mut leaves: Vec<Hash> = Vec::new();
    let mut roots = Vec::new();
    for item in items {
        let step = match walker.step(item) {
            Ok(step) => step,
            Err(error) => {
                assert_eq!(walker.step(item).err(), Some(error), "what is refused changes nothing");
                return;
            }
        };
        match step {
            Step::Header => {}
            Step::Run { .. } => roots.clear(),
            Step::Record { index, opened, .. } => {
                assert_eq!(index, leaves.len() as u64);
                leaves.push(leaf_hash(opened.commitment.0.as_bytes()));
            }
            Step::Mark { submission, root, records } => {
                assert_eq!((records, submission), (leaves.len() as u64, roots.len() as u64));
                assert_eq!(root.0, tree::root(&leaves));
                leaves.clear();
                roots.push(root);
            }
            Step::Receipt { root, submissions } => {
                let all: Vec<u64> =
                    (0..).zip(&roots).filter(|(_, of)| **of == root).map(|(at, _)| at).collect();
                assert_eq!(submissions, all);
            }
        }
    }
    let _ = walker.finish();
}
