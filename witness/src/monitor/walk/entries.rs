//! Entries of a Treering log: in their place, well formed, sealed in order and in time.

use treering_tlog::{
    hash::{Hash, leaf_hash},
    tile::{TilePath, split_entries},
};
use treering_token::entry::Entry;

use super::{WIDTH, Walk};
use crate::{
    evidence::{Evidence, Kind, Leaf, Served},
    monitor::{report::Finding, state::State, views::blank},
    read::tiles::Trouble,
};

impl Walk<'_> {
    /// Checks a bundle's entries from `start` on.
    pub(super) async fn entries(
        &mut self,
        state: &State,
        start: u64,
        (path, bytes): (TilePath, &[u8]),
        hashes: &[Hash],
        (last, batches): (&mut Option<Vec<u8>>, &mut Vec<(u64, Entry)>),
    ) -> Result<(), Trouble> {
        let entries = split_entries(bytes, path.width()).unwrap_or_default();
        let mut wrong = false;
        for (index, (offset, hash)) in (path.index() * WIDTH..).zip(hashes.iter().enumerate()) {
            let entry = entries.get(offset);
            let Some(entry) = entry.filter(|entry| leaf_hash(entry) == *hash) else {
                // Evidence holds the whole bundle: once is enough.
                if wrong {
                    self.more += 1;
                } else {
                    self.wrong_entry(index, hash, (path, bytes)).await?;
                }
                wrong = true;
                if index >= start {
                    *last = None;
                }
                continue;
            };
            if index < start {
                continue;
            }
            match Entry::decode(entry) {
                Ok(decoded) => {
                    self.times(state, index, entry, &decoded, last.as_deref()).await?;
                    if self.wants_batch(state, index) {
                        batches.push((index, decoded));
                    }
                    *last = Some(entry.to_vec());
                }
                Err(why) => {
                    *last = None;
                    let source = format!("entry {index}: {why}");
                    self.with_leaf(Kind::MalformedEntry, index, entry, &source, |_| {}).await?;
                }
            }
        }
        Ok(())
    }

    /// The order of sealing, and the distance from the monitor's clock.
    async fn times(
        &mut self,
        state: &State,
        index: u64,
        bytes: &[u8],
        entry: &Entry,
        last: Option<&[u8]>,
    ) -> Result<(), Trouble> {
        let sealed = entry.sealed_at();
        let before = last.and_then(|last| Some((last, Entry::decode(last).ok()?)));
        if let Some((last, before)) = before
            && sealed <= before.sealed_at()
            && let Some(mut finding) =
                self.leaf_finding(Kind::SealedAtBackwards, index, bytes, "sealed_at").await?
        {
            // INVARIANT: `last` is the entry at `index` − 1, so there is one.
            let earlier = Leaf {
                index: index - 1,
                entry: last.to_vec(),
                proof: self.tiles.inclusion(index - 1).await?,
            };
            finding.evidence.leaves.insert(0, earlier);
            self.findings.push(finding);
        }
        let (sealed, allowed) = (sealed.get(), self.log.clock_distance_ms);
        // An entry that wasn't there at the last look can't have been sealed long before it.
        let baseline = state.baseline.as_ref().filter(|base| base.note.head().size.get() <= index);
        let too_old = baseline.filter(|base| sealed.saturating_add(allowed) < base.at_ms);
        if sealed > self.now.get().saturating_add(allowed) || too_old.is_some() {
            let before = too_old.map(|base| base.note.note().clone());
            let said = match too_old {
                Some(base) => format!("entry {index}: not there yet at {} ms", base.at_ms),
                None => format!("entry {index}: sealed in the future"),
            };
            self.with_leaf(Kind::SealedAtClock, index, bytes, &said, |evidence| {
                evidence.number = allowed;
                evidence.notes.splice(0..0, before);
            })
            .await?;
        }
        Ok(())
    }

    pub(super) async fn wrong_entry(
        &mut self,
        index: u64,
        hash: &Hash,
        (path, bytes): (TilePath, &[u8]),
    ) -> Result<(), Trouble> {
        if self.wants(Kind::WrongEntry) {
            let hashes = [vec![*hash], self.tiles.inclusion(index).await?].concat();
            let served = vec![Served { path: path.to_string(), bytes: bytes.to_vec() }];
            let source = format!("entry {index} in {path}");
            let evidence =
                Evidence { hashes, served, number: index, ..blank(Kind::WrongEntry, self.now, &source) };
            self.findings.push(Finding { evidence, about: format!("entry {index}") });
        }
        Ok(())
    }

    /// A finding about an entry of the tree.
    pub(super) async fn with_leaf(
        &mut self,
        kind: Kind,
        index: u64,
        entry: &[u8],
        source: &str,
        add: impl FnOnce(&mut Evidence),
    ) -> Result<(), Trouble> {
        if let Some(mut finding) = self.leaf_finding(kind, index, entry, source).await? {
            add(&mut finding.evidence);
            self.findings.push(finding);
        }
        Ok(())
    }

    async fn leaf_finding(
        &mut self,
        kind: Kind,
        index: u64,
        entry: &[u8],
        source: &str,
    ) -> Result<Option<Finding>, Trouble> {
        if !self.wants(kind) {
            return Ok(None);
        }
        let proof = self.tiles.inclusion(index).await?;
        let leaves = vec![Leaf { index, entry: entry.to_vec(), proof }];
        let evidence = Evidence { leaves, ..blank(kind, self.now, source) };
        Ok(Some(Finding { evidence, about: format!("entry {index}") }))
    }
}
