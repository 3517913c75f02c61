//! n × 32 bytes, hashed piece by piece on the pool, several pieces at once; their roots are joined in order.
//!
//! A piece is cut where a perfect subtree of 2,048 leaves ends in the tree, wherever chunks and hashes end: so that the
//! kernel works on whole subtrees, and a body of a thousand hashes is one piece of work. What waits to become a piece is
//! bounded over all bodies: beyond that, pieces are as small as they come.

use std::{collections::VecDeque, mem};

use axum::body::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use treering_tlog::{
    hash::Hash,
    kernel::{self, RootBuilder},
};

use super::{
    gather::INLINE,
    hashes::Gathered,
    pool::{Pending, WorkPool},
    refusal::Refusal,
};

/// Leaves of a whole piece: 64 KiB of them.
const PIECE: u64 = 2048;
/// So many pieces of one body are hashed at once; the next one waits for the first of them.
const AHEAD: usize = 4;

/// A body being read.
#[derive(Debug)]
pub(super) struct Pieces {
    limit: u64,
    bytes: u64,
    /// INVARIANT: `held` begins with the hash of this number; the leaves before it are those of `tree` and `ahead`.
    start: u64,
    tree: RootBuilder,
    ahead: VecDeque<Pending<Vec<Subtree>>>,
    held: Held,
}

/// What is to become the next piece, as it came.
#[derive(Debug, Default)]
struct Held {
    chunks: Vec<Bytes>,
    len: usize,
    room: Option<OwnedSemaphorePermit>,
}

/// A perfect subtree: its level and root.
type Subtree = (u8, Hash);

impl Pieces {
    /// At most `limit` hashes.
    pub(super) fn new(limit: u64) -> Pieces {
        Pieces {
            limit,
            bytes: 0,
            start: 0,
            tree: RootBuilder::new(),
            ahead: VecDeque::new(),
            held: Held::default(),
        }
    }

    /// Takes the next bytes. Waits while enough of this body, or of all bodies together, is with the pool.
    pub(super) async fn push(&mut self, pool: &WorkPool, mut chunk: Bytes) -> Result<(), Refusal> {
        self.bytes += chunk.len() as u64;
        if self.bytes / 32 > self.limit {
            return Err(Refusal::TooManyHashes { limit: self.limit });
        }
        // What most requests are: one hash, or a few, whole.
        if self.held.len == 0 && chunk.len() < INLINE && chunk.len().is_multiple_of(32) {
            self.join_all().await?;
            self.tree.push(chunk.as_chunks().0);
            self.start += chunk.len() as u64 / 32;
            return Ok(());
        }
        while !chunk.is_empty() {
            let wanted = usize::try_from(PIECE - self.start % PIECE).expect("at most a piece") * 32;
            let part = chunk.split_to(chunk.len().min(wanted - self.held.len));
            let has_room = self.held.take(pool, part);
            // Little that comes alone is hashed at once, and held by nobody: so a slow body costs nothing here.
            if self.held.len == wanted || self.held.len < INLINE || !has_room {
                self.hash(pool).await?;
            }
        }
        Ok(())
    }

    /// # Errors
    /// If the body ended within a hash, or held none.
    pub(super) async fn finish(mut self, pool: &WorkPool) -> Result<Gathered, Refusal> {
        if !self.bytes.is_multiple_of(32) {
            return Err(Refusal::BodyLength { bytes: self.bytes, remainder: self.bytes % 32 });
        }
        self.hash(pool).await?;
        self.join_all().await?;
        if self.tree.is_empty() {
            return Err(Refusal::EmptyBody);
        }
        Ok(Gathered { root: self.tree.root(), count: self.tree.len(), small: None })
    }

    /// Has all whole hashes hashed that are held; the beginning of one stays.
    async fn hash(&mut self, pool: &WorkPool) -> Result<(), Refusal> {
        let (start, (chunks, len)) = (self.start, self.held.whole());
        self.start += len as u64 / 32;
        if len < INLINE {
            if len > 0 {
                self.join_all().await?;
                self.tree.push(joined(&chunks).as_chunks().0);
            }
            return Ok(());
        }
        if self.ahead.len() == AHEAD {
            self.join_one().await?;
        }
        let pending = pool.give(len, move || subtrees(start, &joined(&chunks))).await;
        self.ahead.push_back(pending);
        Ok(())
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

impl Held {
    /// Holds these bytes too; false if there is no room to hold more (these are held all the same).
    fn take(&mut self, pool: &WorkPool, part: Bytes) -> bool {
        self.len += part.len();
        let room = pool.room_to_hold(part.len());
        self.chunks.push(part);
        let has_room = room.is_some();
        match (&mut self.room, room) {
            (Some(all), Some(more)) => all.merge(more),
            (all @ None, more) => *all = more,
            (Some(_), None) => {}
        }
        has_room
    }

    /// All whole hashes, and how many bytes they are.
    fn whole(&mut self) -> (Vec<Bytes>, usize) {
        let mut chunks = mem::take(&mut self.chunks);
        let (len, mut rest) = (self.len - self.len % 32, self.len % 32);
        (self.len, self.room) = (rest, None);
        let mut begun = Vec::new();
        while rest > 0
            && let Some(last) = chunks.last_mut()
        {
            let part = last.split_off(last.len() - rest.min(last.len()));
            rest -= part.len();
            // A copy: these few bytes must not hold on to the buffer that they came in.
            begun.push(Bytes::copy_from_slice(&part));
            if last.is_empty() {
                chunks.pop();
            }
        }
        begun.reverse();
        self.chunks = begun;
        (chunks, len)
    }
}

/// The chunks as one; without a copy if it is one.
fn joined(chunks: &[Bytes]) -> Bytes {
    match chunks {
        [one] => one.clone(),
        several => Bytes::from(several.concat()),
    }
}

/// The perfect subtrees that the leaves from `start` on make, left to right: each the largest one that can stand there.
fn subtrees(start: u64, leaves: &[u8]) -> Vec<Subtree> {
    let mut subtrees = Vec::with_capacity(16);
    let mut at = start;
    let mut rest = leaves.as_chunks().0;
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
    use treering_tlog::hash::leaf_hash;

    use super::*;

    /// As it comes from the network, in chunks of these lengths and a last one with the rest.
    async fn gathered(pool: &WorkPool, body: &[u8], cuts: &[usize], limit: u64) -> Result<Gathered, Refusal> {
        let mut pieces = Pieces::new(limit);
        let mut rest = Bytes::copy_from_slice(body);
        for cut in cuts {
            pieces.push(pool, rest.split_to((*cut).min(rest.len()))).await?;
        }
        pieces.push(pool, rest).await?;
        pieces.finish(pool).await
    }

    fn body(leaves: u64) -> Vec<u8> {
        (0..leaves).flat_map(|number| *leaf_hash(&number.to_be_bytes()).as_bytes()).collect()
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn the_root_does_not_depend_on_how_the_body_is_cut(
            leaves in 1_u64..6000,
            cuts in vec(prop_oneof![0_usize..70, 4000_usize..40_000, 60_000_usize..90_000], 0..9),
            has_room: bool,
        ) {
            let body = body(leaves);
            let mut whole = RootBuilder::new();
            whole.push(body.as_chunks().0);
            let pool = WorkPool::start("test").unwrap();
            // With all room taken, pieces are as small as they come.
            let _taken = (!has_room).then(|| pool.room_to_hold(usize::MAX));
            let got = block_on(gathered(&pool, &body, &cuts, leaves)).unwrap();
            prop_assert_eq!(got, Gathered { root: whole.root(), count: leaves, small: None });
            drop(_taken);
            prop_assert!(pool.room_to_hold(usize::MAX).is_some(), "a body that is over holds room");
        }
    }

    #[test]
    fn one_hash_too_many_is_refused_wherever_it_comes() {
        let (pool, body) = (WorkPool::start("test").unwrap(), body(1000));
        for cuts in [&[][..], &[31_999], &[5, 10_000]] {
            let refused = block_on(gathered(&pool, &body, cuts, 999));
            assert_eq!(refused, Err(Refusal::TooManyHashes { limit: 999 }));
        }
    }

    #[test]
    fn half_a_hash_and_none_are_refused() {
        let (pool, body) = (WorkPool::start("test").unwrap(), body(1000));
        let refused = block_on(gathered(&pool, &body[..31_990], &[8000, 3], 1000));
        assert_eq!(refused, Err(Refusal::BodyLength { bytes: 31_990, remainder: 22 }));
        assert_eq!(block_on(gathered(&pool, &[], &[], 1000)), Err(Refusal::EmptyBody));
    }

    #[test]
    fn what_trickles_is_held_by_nobody() {
        let (pool, body) = (WorkPool::start("test").unwrap(), body(40));
        let mut pieces = Pieces::new(40);
        for bytes in body.chunks(7) {
            block_on(pieces.push(&pool, Bytes::copy_from_slice(bytes))).unwrap();
            assert!(pieces.held.len < 32 && pieces.held.room.is_none(), "{:?}", pieces.held);
        }
        assert_eq!(block_on(pieces.finish(&pool)).unwrap().count, 40);
    }
}
