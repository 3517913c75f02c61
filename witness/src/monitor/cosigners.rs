//! What each witness has cosigned, and whether it contradicts itself.
//!
//! A cosignature says: at this time, this was the largest tree of the log that I knew (C2SP tlog-cosignature). So of
//! two by one key, the later one can't be of a smaller tree. Kept are, for each key, the first and the last time of
//! each of the [`SIZES`] sizes that were cosigned last, each with a note that has that one cosignature.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use treering_tlog::{
    note::{Note, VerifierKey},
    time::UnixSeconds,
    tree::TreeSize,
};

use super::state::Kept;

/// Sizes that are kept, a key.
const SIZES: usize = 4;

/// By verifier key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cosigners(BTreeMap<String, Vec<Cosignature>>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cosignature {
    time: u64,
    note: Kept,
}

impl Cosignature {
    fn size(&self) -> TreeSize {
        self.note.head().size
    }
}

impl Cosigners {
    /// Takes a verified cosignature over. If an earlier one contradicts it, gives both notes, the smaller tree's first.
    pub(super) fn observe(
        &mut self,
        key: &VerifierKey,
        time: UnixSeconds,
        note: &Note,
    ) -> Option<(Note, Note)> {
        let lines = note.signatures().iter().filter(|line| key.matches(line)).cloned().collect();
        let note = Kept::new(Note::new(note.text(), lines).ok()?)?;
        let new = Cosignature { time: time.get(), note };
        let known = self.0.entry(key.to_string()).or_default();
        let contradicts = |old: &&Cosignature| {
            let (by_size, by_time) = (old.size().cmp(&new.size()), old.time.cmp(&new.time));
            by_size.is_ne() && by_time.is_ne() && by_size != by_time
        };
        let pair = known.iter().find(contradicts).map(|old| {
            let (old, new) = (old.clone(), new.clone());
            if old.size() < new.size() { (old, new) } else { (new, old) }
        });
        known.push(new);
        keep(known);
        pair.map(|(small, large)| (small.note.note().clone(), large.note.note().clone()))
    }
}

/// The first and the last of each size, of the largest sizes.
fn keep(known: &mut Vec<Cosignature>) {
    known.sort_by_key(|by| (by.size(), by.time));
    known.dedup();
    let mut kept: Vec<Cosignature> = Vec::new();
    for (at, by) in known.iter().enumerate() {
        let first = at == 0 || known[at - 1].size() != by.size();
        let last = known.get(at + 1).is_none_or(|next| next.size() != by.size());
        if first || last {
            kept.push(by.clone());
        }
    }
    let mut sizes: Vec<TreeSize> = kept.iter().map(Cosignature::size).collect();
    sizes.dedup();
    if let Some(least) = sizes.len().checked_sub(SIZES).and_then(|at| sizes.get(at)) {
        kept.retain(|by| by.size() >= *least);
    }
    *known = kept;
}

#[cfg(test)]
mod tests {
    use treering_tlog::{
        checkpoint::{Checkpoint, Origin},
        cosignature::CosignerKey,
        hash::leaf_hash,
        note::{KeyName, Note},
        time::UnixSeconds,
        tree::{TreeHead, TreeSize},
    };

    use super::{Cosigners, SIZES};

    fn key() -> CosignerKey {
        CosignerKey::ed25519(KeyName::new("w").unwrap(), &[1; 32])
    }

    fn observe(cosigners: &mut Cosigners, size: u64, time: u64) -> Option<(u64, u64)> {
        let head = TreeHead { size: TreeSize::new(size).unwrap(), root: leaf_hash(&size.to_be_bytes()) };
        let checkpoint = Checkpoint { origin: Origin::new("log").unwrap(), head, extensions: Vec::new() };
        let time = UnixSeconds::new(time).unwrap();
        let line = key().cosign(&checkpoint, time).unwrap();
        let note = Note::new(&checkpoint.to_text(), vec![line]).unwrap();
        let found = cosigners.observe(&key().verifier(), time, &note);
        let size = |note: &Note| Checkpoint::parse(note.text()).unwrap().head.size.get();
        found.map(|(a, b)| (size(&a), size(&b)))
    }

    #[test]
    fn growth_and_refreshes_are_fine() {
        let mut cosigners = Cosigners::default();
        for (size, time) in [(5, 10), (5, 12), (6, 12), (7, 12), (7, 90), (9, 91), (5, 11), (7, 20)] {
            assert_eq!(observe(&mut cosigners, size, time), None, "{size} at {time}");
        }
    }

    #[test]
    fn a_larger_size_at_an_earlier_time_is_a_contradiction_in_whatever_order_it_is_seen() {
        let mut cosigners = Cosigners::default();
        assert_eq!(observe(&mut cosigners, 5, 10), None);
        assert_eq!(observe(&mut cosigners, 6, 9), Some((5, 6)));
        let mut cosigners = Cosigners::default();
        assert_eq!(observe(&mut cosigners, 6, 9), None);
        assert_eq!(observe(&mut cosigners, 5, 10), Some((5, 6)));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut cosigners = Cosigners::default();
        for n in 1..100 {
            observe(&mut cosigners, n, 3 * n);
            observe(&mut cosigners, n, 3 * n + 1);
            observe(&mut cosigners, n, 3 * n + 2);
        }
        let kept = &cosigners.0[&key().verifier().to_string()];
        assert_eq!(kept.len(), 2 * SIZES);
        assert_eq!((kept[0].time, kept[1].time), (3 * 96, 3 * 96 + 2));
    }
}
