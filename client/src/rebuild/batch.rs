//! One batch: is a leaf in it, and what is its way to the batch root?

use super::RebuildError;
use crate::http::{Client, ClientError, Piece};
use std::collections::{HashMap, HashSet};
use treering_tlog::{
    hash::Hash,
    tree::{CompactRange, NodeId, NodeReader, TreeSize, inclusion_nodes, prove_path},
};
use treering_token::{entry::Entry, layer::Layer};

/// The longest batch that is read: 2^25 submissions.
const MAX_BATCH: u64 = 32 << 25;

/// The batch of an entry, not believed: what its hashes lead to shows when the receipt is verified.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) client: &'a Client,
    pub(super) index: u64,
    pub(super) entry: Entry,
}

impl Search<'_> {
    /// The place of a leaf, the first if it is there twice. A batch that the log has dropped has none.
    pub(super) async fn place(&self, leaf: &Hash) -> Result<Option<u64>, RebuildError> {
        let (mut at, mut place) = (0_u64, None);
        self.hashes(|hash| {
            match hash {
                None => (at, place) = (0, None),
                Some(hash) => {
                    if place.is_none() && hash == *leaf {
                        place = Some(at);
                    }
                    at += 1;
                }
            };
        })
        .await?;
        Ok(place)
    }

    /// The way of the leaf at this place. Memory: the hashes of the way.
    pub(super) async fn layer(&self, place: u64) -> Result<Layer, RebuildError> {
        let wrong = || RebuildError::Batch { index: self.index };
        let size = TreeSize::new(self.entry.submissions()).ok_or_else(wrong)?;
        let leaf = size.leaf(place).ok_or_else(wrong)?;
        let wanted: HashSet<NodeId> = inclusion_nodes(leaf, size).into_iter().collect();
        let (mut range, mut nodes) = (CompactRange::new(), Nodes::default());
        self.hashes(|hash| match hash {
            None => (range, nodes) = (CompactRange::new(), Nodes::default()),
            Some(hash) => {
                range.append(hash, |node, hash| {
                    if wanted.contains(&node) {
                        nodes.0.insert(node, hash);
                    }
                });
            }
        })
        .await?;
        let path = prove_path(&mut nodes, leaf, size).map_err(|_| wrong())?;
        Layer::from_path(path).map_err(|_| wrong())
    }

    /// Hands out the batch's hashes one by one; `None` where it begins (anew).
    async fn hashes(&self, mut each: impl FnMut(Option<Hash>)) -> Result<(), RebuildError> {
        let wrong = || RebuildError::Batch { index: self.index };
        let length = self.entry.submissions().checked_mul(32).filter(|&length| length <= MAX_BATCH);
        let length = length.and_then(|length| usize::try_from(length).ok()).ok_or_else(wrong)?;
        let (mut rest, mut count) = (Vec::new(), 0_usize);
        let piece = |piece: Piece<'_>| match piece {
            Piece::Start => {
                (rest, count) = (Vec::new(), 0);
                each(None);
            }
            Piece::Bytes(bytes) => {
                rest.extend_from_slice(bytes);
                let (hashes, after) = rest.as_chunks();
                hashes.iter().for_each(|hash| each(Some(Hash::new(*hash))));
                count += hashes.len();
                rest = after.to_vec();
            }
        };
        match self.client.batch(self.index, length, piece).await {
            // A batch that was dropped has no leaves to be found.
            Ok(false) => return Ok(()),
            Ok(true) if rest.is_empty() && count * 32 == length => {}
            Ok(true) | Err(ClientError::TooLarge { .. }) => return Err(wrong()),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// The nodes of the way.
#[derive(Default)]
struct Nodes(HashMap<NodeId, Hash>);

impl NodeReader for Nodes {
    type Error = NodeId;

    fn read(&mut self, nodes: &[NodeId]) -> Result<Vec<Hash>, NodeId> {
        nodes.iter().map(|node| self.0.get(node).copied().ok_or(*node)).collect()
    }
}
