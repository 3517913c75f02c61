//! What a reader of the log has seen: every checkpoint ever shown, held against the one shown now.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use treering_tlog::{
    hash::{self, Hash},
    note::Note,
    policy::{Opened, Policy},
    tile::{self, TileKind, TilePath, TileReader},
    time::UnixSeconds,
    tree::{self, TreeHead, TreeSize},
};
use treering_token::{
    commitment::Commitment,
    entry::Entry,
    token::Token,
    verify::{Attested, Verifier},
};

use crate::http::Http;

/// Opens a checkpoint; it must meet the policy.
///
/// # Errors
/// If it does not.
pub fn open(policy: &Policy, note: &[u8]) -> anyhow::Result<Opened> {
    let opened = policy.open(Note::parse(note)?)?;
    ensure!(policy.upper_bound(&opened.cosigned).is_some(), "a checkpoint was shown without a quorum");
    Ok(opened)
}

/// Verifies a receipt for its root; the verifier's own time says nothing here.
///
/// # Panics
/// If it is no evidence under this policy.
#[track_caller]
pub fn verify(policy: &Policy, receipt: &Token, root: &Hash) -> Attested {
    let verifier = Verifier { policy, now: UnixSeconds::MAX };
    let verified = verifier.receipt(receipt, &Commitment(*root));
    verified.unwrap_or_else(|error| panic!("the receipt {root}: {error}"))
}

/// The root of a submission.
pub fn root_of(commitments: &[[u8; 32]]) -> Hash {
    let leaves: Vec<Hash> = commitments.iter().map(|commitment| hash::leaf_hash(commitment)).collect();
    tree::root(&leaves)
}

/// The log's nodes, out of the tiles that it serves.
pub fn nodes(
    http: &Http,
    size: TreeSize,
) -> TileReader<impl FnMut(TilePath) -> Result<Vec<u8>, anyhow::Error>> {
    let http = http.clone();
    TileReader::new(size, move |path| fetch(&http, path))
}

/// A tile or entry bundle.
///
/// # Errors
/// If it is not served.
pub fn fetch(http: &Http, path: TilePath) -> anyhow::Result<Vec<u8>> {
    let answer = http.try_get(&format!("/{path}")).with_context(|| path.to_string())?;
    ensure!(answer.status == 200, "{path}: {}", answer.shown());
    Ok(answer.body)
}

/// All entries of the log of this size, in order.
///
/// # Errors
/// If a bundle is not served, or is none.
pub fn entries(http: &Http, size: TreeSize) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for path in tile::tiles_of(size, TileKind::Entries) {
        let bytes = fetch(http, path)?;
        for entry in tile::split_entries(&bytes, path.width())? {
            entries.push(Entry::decode(entry)?);
        }
    }
    Ok(entries)
}

/// Every head that a log ever showed.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    heads: BTreeMap<TreeSize, Hash>,
}

impl Seen {
    /// How many.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// None yet?
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Another head.
    ///
    /// # Panics
    /// If the log showed another root at this size before.
    #[track_caller]
    pub fn add(&mut self, head: TreeHead) {
        let first = *self.heads.entry(head.size).or_insert(head.root);
        assert_eq!(first, head.root, "two roots at size {}", head.size);
    }

    /// All of them, by their sizes.
    pub fn heads(&self) -> impl Iterator<Item = TreeHead> {
        self.heads.iter().map(|(size, root)| TreeHead { size: *size, root: *root })
    }

    /// The largest.
    pub fn newest(&self) -> Option<TreeHead> {
        self.heads.last_key_value().map(|(size, root)| TreeHead { size: *size, root: *root })
    }

    /// Holds every head against the newest one, by consistency proofs out of the tiles that the log serves now, and the
    /// entries' times against each other.
    ///
    /// # Panics
    /// If the log has another history than it showed.
    pub fn assert_one_history(&self, http: &Http) {
        let Some(newest) = self.newest() else { return };
        let mut nodes = nodes(http, newest.size);
        for (size, root) in &self.heads {
            let old = TreeHead { size: *size, root: *root };
            let proof =
                tree::prove_consistency(&mut nodes, *size, newest.size).expect("the tiles are served");
            let consistent = tree::verify_consistency(&old, &newest, &proof);
            consistent.unwrap_or_else(|error| panic!("sizes {size} and {}: {error}", newest.size));
        }
        let entries = entries(http, newest.size).expect("the entry bundles are served");
        assert_eq!(entries.len() as u64, newest.size.get());
        let leaves: Vec<Hash> = entries.iter().map(Entry::leaf_hash).collect();
        assert_eq!(tree::root(&leaves), newest.root, "the entries have another root than the checkpoint");
        let ordered = entries.windows(2).all(|pair| pair[0].sealed_at() < pair[1].sealed_at());
        assert!(ordered, "sealed_at does not grow from entry to entry");
    }
}
