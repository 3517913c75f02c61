//! What is sent: submissions of one size, each different from all others, whose bytes and roots cost next to nothing.
//!
//! All share one random body. Submission `n` has one leaf of its own, made from `n`; so a number is all that needs
//! to be kept of what was sent, and its root is one path in the body's tree.

use anyhow::Context as _;
use bytes::Bytes;

use super::tree::{BaseTree, Bytes32, leaf_hash};

/// Submissions of so many hashes each.
#[derive(Debug)]
pub struct Plan {
    body: Bytes,
    tree: BaseTree,
    /// Differs from plan to plan: what was sent once is known to the log, and would be answered without being taken.
    seed: [u8; 16],
}

/// The leaf that makes a submission a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Where it stands.
    pub index: usize,
    /// What stands there.
    pub leaf: Bytes32,
}

impl Plan {
    /// A new random body of so many hashes.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new(hashes: usize) -> anyhow::Result<Plan> {
        let mut body = vec![0; hashes.max(1) * 32];
        let mut seed = [0; 16];
        getrandom::fill(&mut body).and_then(|()| getrandom::fill(&mut seed)).context("random bytes")?;
        let (leaves, _) = body.as_chunks();
        let tree = BaseTree::new(leaves);
        Ok(Plan { tree, body: Bytes::from(body), seed })
    }

    /// The same body with other submissions.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn renew(&mut self) -> anyhow::Result<()> {
        getrandom::fill(&mut self.seed).context("random bytes")
    }

    /// How many hashes a submission has.
    pub fn hashes(&self) -> usize {
        self.body.len() / 32
    }

    /// The body of which every submission changes one leaf.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What submission `n` changes.
    pub fn changed(&self, n: u64) -> Changed {
        let mut leaf = [0; 32];
        leaf[..16].copy_from_slice(&self.seed);
        leaf[16..24].copy_from_slice(&n.to_be_bytes());
        let hashes = u64::try_from(self.hashes()).unwrap_or(u64::MAX);
        // Spread over the body by a factor that shares none with most counts.
        let index = usize::try_from(n.wrapping_mul(0x9e37_79b9) % hashes).unwrap_or(0);
        Changed { index, leaf }
    }

    /// The root of submission `n`.
    pub fn root(&self, n: u64) -> Bytes32 {
        let Changed { index, leaf } = self.changed(n);
        self.tree.root_with(index, &leaf)
    }

    /// The root of submission `n` as a leaf of its batch.
    pub fn batch_leaf(&self, n: u64) -> Bytes32 {
        leaf_hash(&self.root(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_submissions_have_the_same_root() {
        for hashes in [1, 7, 64] {
            let plan = Plan::new(hashes).unwrap();
            let roots: HashSet<_> = (0..500).map(|n| plan.root(n)).collect();
            assert_eq!(roots.len(), 500);
        }
    }

    #[test]
    fn the_root_is_that_of_the_bytes_that_are_sent() {
        let plan = Plan::new(21).unwrap();
        for n in 0..50 {
            let Changed { index, leaf } = plan.changed(n);
            let mut body = plan.body().to_vec();
            body[index * 32..][..32].copy_from_slice(&leaf);
            assert_eq!(BaseTree::new(body.as_chunks().0).root(), plan.root(n));
        }
    }

    #[test]
    fn a_renewed_plan_sends_what_was_never_sent() {
        let mut plan = Plan::new(3).unwrap();
        let before = plan.root(0);
        plan.renew().unwrap();
        assert_ne!(plan.root(0), before);
    }
}
