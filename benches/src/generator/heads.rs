//! Logs that grow and ask a witness for cosignatures (C2SP tlog-witness, add-checkpoint): every request is made before the
//! clock runs, and every cosignature is verified after it has stopped.
//!
//! Each connection is one log, which sends its next checkpoint when the last one was cosigned. All of them have the same
//! leaves, one more a request, so that heads and proofs are made once.

use anyhow::{Context as _, anyhow, ensure};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature,
    hash::{Hash, leaf_hash},
    note::{KeyName, SigningKey, VerifierKey},
    tree::{CompactRange, MemoryTree, TreeHead, prove_consistency},
    witness::{AddCheckpoint, parse_signatures},
};

use super::{parallel::in_parallel, work::ADD_CHECKPOINT};

/// The requests of some logs; request `n` is of log `n % logs`, which then has `n / logs + 1` leaves.
#[derive(Debug)]
pub struct Heads {
    logs: Vec<GrowingLog>,
    heads: Vec<TreeHead>,
}

struct GrowingLog {
    key: SigningKey,
    origin: Origin,
    requests: Vec<Vec<u8>>,
}

impl std::fmt::Debug for GrowingLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GrowingLog({})", self.origin)
    }
}

impl Heads {
    /// Of so many logs, each of which grows so often.
    ///
    /// # Errors
    /// A thread failed.
    pub fn new(logs: usize, sizes: u32) -> anyhow::Result<Heads> {
        let leaves: Vec<_> = (0..sizes).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect();
        let mut range = CompactRange::new();
        let mut heads = vec![range.head()];
        for leaf in &leaves {
            ensure!(range.append(*leaf, |_, _| {}), "a tree that small has room");
            heads.push(range.head());
        }
        let tree = MemoryTree::new(leaves);
        let steps: Vec<Step> = heads
            .windows(2)
            .map(|pair| {
                let proof =
                    prove_consistency(&mut &tree, pair[0].size, pair[1].size).context("a whole tree")?;
                Ok(Step { old: pair[0], proof, new: pair[1] })
            })
            .collect::<anyhow::Result<_>>()?;
        let numbers: Vec<usize> = (0..logs).collect();
        let logs = in_parallel(&numbers, |number| GrowingLog::new(*number, &steps))?;
        Ok(Heads { logs, heads: heads.split_off(1) })
    }

    /// How many logs there are.
    pub fn logs(&self) -> u64 {
        self.logs.len() as u64
    }

    /// How many requests there are.
    pub fn len(&self) -> u64 {
        self.logs() * self.heads.len() as u64
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The logs' verifier keys.
    pub fn vkeys(&self) -> impl Iterator<Item = VerifierKey> {
        self.logs.iter().map(|log| log.key.verifier())
    }

    /// A whole request of HTTP/1.1.
    pub fn request(&self, n: u64) -> &[u8] {
        let (log, turn) = self.place(n);
        &self.logs[log].requests[turn]
    }

    /// Verifies every answer's cosignatures, one by each key; how many cosignatures they are.
    ///
    /// # Errors
    /// One is missing, or is of another checkpoint or by another key.
    pub fn every_one(&self, keys: &[VerifierKey], answers: &[(u64, Vec<u8>)]) -> anyhow::Result<usize> {
        let checked = in_parallel(answers, |(n, answer)| {
            let (log, turn) = self.place(*n);
            let checkpoint = self.logs[log].checkpoint(self.heads[turn]);
            let lines = parse_signatures(answer)?;
            ensure!(lines.len() == keys.len(), "{} cosignatures by {} keys", lines.len(), keys.len());
            for (key, line) in keys.iter().zip(&lines) {
                cosignature::verify(key, &checkpoint, line)?;
            }
            Ok(lines.len())
        })?;
        Ok(checked.into_iter().sum())
    }

    fn place(&self, n: u64) -> (usize, usize) {
        let place = |n: u64| usize::try_from(n).expect("a request's number is an index");
        (place(n % self.logs()), place(n / self.logs()))
    }
}

/// A step from one head to the next.
struct Step {
    old: TreeHead,
    proof: Vec<Hash>,
    new: TreeHead,
}

impl GrowingLog {
    fn new(number: usize, steps: &[Step]) -> anyhow::Result<GrowingLog> {
        let name = format!("log.bench/{number}");
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let key = SigningKey::from_seed(KeyName::new(&name)?, &seed);
        let origin = Origin::new(&name).map_err(|error| anyhow!("{error}"))?;
        let mut log = GrowingLog { key, origin, requests: Vec::with_capacity(steps.len()) };
        for Step { old, proof, new } in steps {
            let checkpoint = log.checkpoint(*new).sign(&log.key);
            let body = AddCheckpoint { old: old.size, proof: proof.clone(), checkpoint }.to_string();
            let length = body.len();
            let head =
                format!("POST {ADD_CHECKPOINT} HTTP/1.1\r\nhost: bench\r\ncontent-length: {length}\r\n\r\n");
            log.requests.push([head.as_bytes(), body.as_bytes()].concat());
        }
        Ok(log)
    }

    fn checkpoint(&self, head: TreeHead) -> Checkpoint {
        Checkpoint { origin: self.origin.clone(), head, extensions: Vec::new() }
    }
}
