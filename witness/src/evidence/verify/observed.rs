//! Observations: what can be checked of them is checked, and nothing of them is ever confirmed.

use treering_tlog::{
    hash::{Hash, leaf_hash},
    note::{Note, Signature},
    policy::Policy,
    tile::{
        TILE_HEIGHT, TILE_WIDTH, TileError, TileKind, TilePath, TileReader, split_entries, split_hashes,
        tiles_with,
    },
    tree::{self, NodeId, TreeSize, peaks, root_from, verify_inclusion},
};

use super::{Evidence, Judged, Not, Refuted, Unclear, entries, open};
use crate::evidence::{Served, fold_around};

/// The hash in the tree is shown; the bundle holds another entry, or none, in its place.
pub(super) fn entry(evidence: &Evidence, policy: &Policy) -> Judged {
    let log = entries::last(evidence, policy)?;
    let index = evidence.number;
    let (leaf, proof) = evidence.hashes.split_first().ok_or(Refuted::Hashes)?;
    verify_inclusion(leaf, index, &log.head(), proof)
        .map_err(|source| Refuted::Inclusion { index, source })?;
    let served = served(evidence)?;
    let place = path(served).filter(|tile| tile.kind() == TileKind::Entries);
    let offset = place.and_then(|tile| index.checked_sub(tile.index() * u64::from(TILE_WIDTH)));
    let Some((tile, offset)) = place.zip(offset).filter(|(tile, at)| *at < u64::from(tile.width())) else {
        return Err(Refuted::Path(served.path.clone()).into());
    };
    let there = split_entries(&served.bytes, tile.width()).ok();
    let there = there.zip(usize::try_from(offset).ok()).map(|(entries, offset)| leaf_hash(entries[offset]));
    if there == Some(*leaf) { Err(Refuted::Fits.into()) } else { Err(Not::Open(Unclear::NotSigned)) }
}

/// Either one full tile beside the hash that the tree has for it, or all tiles of the right-hand edge.
pub(super) fn tile(evidence: &Evidence, policy: &Policy) -> Judged {
    let log = entries::last(evidence, policy)?;
    let size = log.head().size;
    let fits = if evidence.hashes.is_empty() {
        edge_root(&evidence.served, size)? == Some(log.head().root)
    } else {
        let served = served(evidence)?;
        let node = path(served).and_then(node_over).ok_or_else(|| Refuted::Path(served.path.clone()))?;
        let (want, head) = fold_around(node, size, &evidence.hashes).ok_or(Refuted::Hashes)?;
        if head != log.head() {
            return Err(Refuted::Hashes.into());
        }
        split_hashes(&served.bytes, TILE_WIDTH).is_ok_and(|hashes| tree::root(&hashes) == want)
    };
    if fits { Err(Refuted::Fits.into()) } else { Err(Not::Open(Unclear::NotSigned)) }
}

/// The entry is in the tree; the batch that was served is another. Without bytes it was too large to be kept.
pub(super) fn batch(evidence: &Evidence, policy: &Policy) -> Judged {
    let log = entries::last(evidence, policy)?;
    let leaf = evidence.leaves.first().ok_or(Refuted::NoEntry)?;
    let entry = entries::entry(&log, leaf)?;
    if let Some(served) = evidence.served.first() {
        if served.path != format!("v1/batches/{}", leaf.index) {
            return Err(Refuted::Path(served.path.clone()).into());
        }
        let (hashes, rest) = served.bytes.as_chunks();
        let hashes: Vec<Hash> = hashes.iter().copied().map(Hash::new).collect();
        let whole = rest.is_empty() && hashes.len() as u64 == entry.submissions();
        if whole && tree::root(&hashes) == entry.batch_root() {
            return Err(Refuted::Fits.into());
        }
    }
    Err(Not::Open(Unclear::NotSigned))
}

/// A line that no key of the policy has made. Anybody can add a line to a note.
pub(super) fn unknown_key(evidence: &Evidence, policy: &Policy) -> Judged {
    let note = evidence.notes.first().ok_or(Refuted::AllKnown)?;
    if unknown_lines(note, policy).next().is_none() {
        return Err(Refuted::AllKnown.into());
    }
    Err(Not::Open(Unclear::NotSigned))
}

pub(super) fn checkpoint(evidence: &Evidence, policy: &Policy) -> Judged {
    let served = served(evidence)?;
    if Note::parse(&served.bytes).is_ok_and(|note| policy.open(note).is_ok()) {
        return Err(Refuted::Accepted.into());
    }
    Err(Not::Open(Unclear::NotSigned))
}

/// What the log had last shown, if anything, was older than allowed when the monitor looked.
pub(super) fn stopped(evidence: &Evidence, policy: &Policy) -> Judged {
    for note in &evidence.notes {
        let opened = open(note, policy)?;
        let cosignatures = super::cosigned(note, opened.checkpoint(), policy);
        let newest = policy.lower_bound(&cosignatures).map(|at| at.get().saturating_mul(1000));
        if newest.is_some_and(|at| at.saturating_add(evidence.number) >= evidence.observed_at.get()) {
            return Err(Refuted::Fresh.into());
        }
    }
    Err(Not::Open(Unclear::Absence))
}

/// The checkpoint covers what could not be had.
pub(super) fn unavailable(evidence: &Evidence, policy: &Policy) -> Judged {
    let log = entries::last(evidence, policy)?;
    let (served, size) = (served(evidence)?, log.head().size);
    let batch = served.path.strip_prefix("v1/batches/").and_then(TreeSize::parse);
    let covered = path(served).is_some_and(|tile| tile.within(size)) || batch.is_some_and(|at| at < size);
    if covered { Err(Not::Open(Unclear::Absence)) } else { Err(Refuted::Path(served.path.clone()).into()) }
}

/// The lines by keys that the policy doesn't know.
pub(crate) fn unknown_lines<'n>(note: &'n Note, policy: &Policy) -> impl Iterator<Item = &'n Signature> {
    note.signatures().iter().filter(|line| {
        let logs = policy.logs().iter().map(|log| &log.key);
        !logs.chain(policy.witnesses().iter().map(|witness| &witness.key)).any(|key| key.matches(line))
    })
}

/// The root that the edge's tiles give; `None` if they are none. The paths have to be those of the tree's edge.
fn edge_root(edge: &[Served], size: TreeSize) -> Result<Option<Hash>, Refuted> {
    let want = tiles_with(&peaks(size), size);
    for (at, tile) in want.iter().enumerate() {
        let served = edge.get(at).ok_or(Refuted::Hashes)?;
        if served.path != tile.to_string() {
            return Err(Refuted::Path(served.path.clone()));
        }
    }
    let mut reader = TileReader::new(size, |tile: TilePath| {
        let place = want.iter().position(|path| *path == tile).ok_or(TileError::Path)?;
        Ok::<_, TileError>(edge[place].bytes.clone())
    });
    Ok(root_from(&mut reader, size).ok())
}

/// The node that a full tile of hashes is below.
fn node_over(tile: TilePath) -> Option<NodeId> {
    let TileKind::Hashes(level) = tile.kind() else { return None };
    let above = level.get().checked_add(1)?.checked_mul(TILE_HEIGHT)?;
    tile.is_full().then_some(NodeId { level: above, index: tile.index() })
}

fn served(evidence: &Evidence) -> Result<&Served, Refuted> {
    evidence.served.first().ok_or(Refuted::Path(String::new()))
}

fn path(served: &Served) -> Option<TilePath> {
    TilePath::parse(&served.path).ok()
}
