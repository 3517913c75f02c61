//! n × 32 bytes, hashed piece by piece: each chunk as it arrives becomes perfect subtrees, on the pool, several at once;
//! their roots are joined in order. No byte is copied but those of a hash that a chunk's end cut in two.

use std::collections::VecDeque;

use axum::body::Bytes;
use treering_tlog::{
    hash::{Hash, leaf_hash},
    kernel::{self, RootBuilder},
};

use super::{Gathered, Refusal, octets::Octets};
use crate::http::{
    gather::INLINE,
    pool::{HashPool, Pending},
};

/// So many chunks of one body are hashed at once; the next one waits for the first of them.
const AHEAD: usize = 4;

/// A body being read.
#[derive(Debug)]
pub(in crate::http) struct Pieces {
    limit: u64,
    octets: Octets,
    /// INVARIANT: the leaves of `tree` and those of `ahead`, in order.
    leaves: u64,
    tree: RootBuilder,
    ahead: VecDeque<Pending<Vec<Subtree>>>,
}

/// A perfect subtree: its level and root.
type Subtree = (u8, Hash);

impl Pieces {
    /// At most `limit` hashes.
    pub(in crate::http) fn new(limit: u64) -> Pieces {
        Pieces {
            limit,
            octets: Octets::default(),
            leaves: 0,
            tree: RootBuilder::new(),
            ahead: VecDeque::new(),
        }
    }

    /// Takes the next bytes. Waits while enough of this body, or of all bodies together, is with the pool.
    pub(in crate::http) async fn push(&mut self, pool: &HashPool, chunk: Bytes) -> Result<(), Refusal> {
        let (first, whole) = self.octets.split(chunk);
        let start = self.leaves;
        self.leaves += u64::from(first.is_some()) + whole.len() as u64 / 32;
        if self.leaves > self.limit {
            return Err(Refusal::TooManyHashes { limit: self.limit });
        }
        if whole.len() < INLINE {
            self.join_all().await?;
            first.iter().for_each(|leaf| self.tree.push(&[*leaf]));
            self.tree.push(whole.as_chunks().0);
            return Ok(());
        }
        if self.ahead.len() == AHEAD {
            self.join_one().await?;
        }
        let pending = pool.give(whole.len(), move || subtrees(start, first, &whole)).await;
        self.ahead.push_back(pending);
        Ok(())
    }

    /// # Errors
    /// If the body ended within a hash, or held none.
    pub(in crate::http) async fn finish(mut self) -> Result<Gathered, Refusal> {
        self.octets.finish()?;
        self.join_all().await?;
        if self.tree.is_empty() {
            return Err(Refusal::EmptyBody);
        }
        Ok(Gathered { root: self.tree.root(), count: self.tree.len(), small: None })
    }

    async fn join_all(&mut self) -> Result<(), Refusal> {
        while !self.ahead.is_empty() {
            self.join_one().await?;
        }
        Ok(())
    }

    async fn join_one(&mut self) -> Result<(), Refusal> {
        let Some(pending) = self.ahead.pop_front() else { return Ok(()) };
        for (level, root) in pending.done().await? {
            // INVARIANT: `subtrees` was told where its piece begins, and keeps to the alignment.
            assert!(self.tree.push_perfect(level, root), "a subtree out of its place");
        }
        Ok(())
    }
}

/// The perfect subtrees that the leaves from `start` on make, left to right: each the largest one that can stand there.
fn subtrees(start: u64, first: Option<[u8; 32]>, whole: &[u8]) -> Vec<Subtree> {
    let mut subtrees = Vec::with_capacity(32);
    let mut at = start;
    if let Some(leaf) = first {
        subtrees.push((0, leaf_hash(&leaf)));
        at += 1;
    }
    let mut rest = whole.as_chunks().0;
    while !rest.is_empty() {
        let level = at.trailing_zeros().min(rest.len().ilog2());
        let (leaves, after) = rest.split_at(1 << level);
        let root = kernel::perfect_root(leaves).expect("a power of two");
        subtrees.push((u8::try_from(level).expect("below 64"), root));
        at += 1 << level;
        rest = after;
    }
    subtrees
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// As it comes from the network, in chunks of these lengths and a last one with the rest.
    async fn gathered(body: &[u8], cuts: &[usize], limit: u64) -> Result<Gathered, Refusal> {
        let pool = HashPool::start().unwrap();
        let mut pieces = Pieces::new(limit);
        let mut rest = Bytes::copy_from_slice(body);
        for cut in cuts {
            pieces.push(&pool, rest.split_to((*cut).min(rest.len()))).await?;
        }
        pieces.push(&pool, rest).await?;
        pieces.finish().await
    }

    fn body(leaves: u64) -> Vec<u8> {
        (0..leaves).flat_map(|number| *leaf_hash(&number.to_be_bytes()).as_bytes()).collect()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_root_does_not_depend_on_how_the_body_is_cut(
            leaves in 1_u64..3000,
            cuts in vec(prop_oneof![0_usize..70, 4000_usize..40_000], 0..8),
        ) {
            let body = body(leaves);
            let mut whole = RootBuilder::new();
            whole.push(body.as_chunks().0);
            let got = runtime().block_on(gathered(&body, &cuts, leaves)).unwrap();
            prop_assert_eq!(got, Gathered { root: whole.root(), count: leaves, small: None });
        }
    }

    #[test]
    fn one_hash_too_many_is_refused_wherever_it_comes() {
        let body = body(1000);
        for cuts in [&[][..], &[31_999], &[5, 10_000]] {
            let refused = runtime().block_on(gathered(&body, cuts, 999));
            assert_eq!(refused, Err(Refusal::TooManyHashes { limit: 999 }));
        }
    }

    #[test]
    fn half_a_hash_and_none_are_refused() {
        let body = body(1000);
        let refused = runtime().block_on(gathered(&body[..31_990], &[8000, 3], 1000));
        assert_eq!(refused, Err(Refusal::BodyLength { bytes: 31_990, remainder: 22 }));
        assert_eq!(runtime().block_on(gathered(&[], &[], 1000)), Err(Refusal::EmptyBody));
    }
}
