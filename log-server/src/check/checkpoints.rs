//! Signed checkpoints, held against the tree of their size, and the cosignatures on them.

use super::Report;
use crate::store::{Loaded, RocksStore, Store, StoreError};
use std::iter::Peekable;
use treering_tlog::{
    checkpoint::{Origin, VerifiedCheckpoint},
    cosignature,
    note::{Note, VerifierKey},
    policy::Policy,
    tree::{TreeHead, TreeSize},
};

/// Goes along with the growing tree, and stops at each size that was signed.
pub(super) struct Checkpoints<'a> {
    store: &'a RocksStore,
    origin: &'a Origin,
    policy: &'a Policy,
    keys: Vec<VerifierKey>,
    sizes: Peekable<Box<dyn Iterator<Item = Result<TreeSize, StoreError>> + 'a>>,
}

impl<'a> Checkpoints<'a> {
    pub(super) fn new(store: &'a RocksStore, origin: &'a Origin, policy: &'a Policy) -> Checkpoints<'a> {
        let sizes: Box<dyn Iterator<Item = _>> = Box::new(store.signed_sizes());
        Checkpoints { store, origin, policy, keys: policy.log_keys(origin), sizes: sizes.peekable() }
    }

    /// The tree has this head now.
    pub(super) fn reach(&mut self, head: &TreeHead, report: &mut Report) -> Result<(), StoreError> {
        while let Some(size) =
            self.sizes.next_if(|size| size.as_ref().map_or(true, |size| *size <= head.size))
        {
            let size = size?;
            if size == head.size {
                self.check(head, report)?;
            }
        }
        Ok(())
    }

    /// The whole tree was gone through.
    pub(super) fn finish(mut self, loaded: &Loaded, report: &mut Report) -> Result<(), StoreError> {
        for size in self.sizes.by_ref() {
            report.find(
                format!("checkpoint {}", size?),
                "is signed, but the log does not have that many entries",
            );
        }
        if let Some(note) = &loaded.refreshed {
            self.refreshed(note, loaded.published, report)?;
        }
        if report.unmet > 0 {
            let unmet = report.unmet;
            report.remarks.push(format!(
                "{unmet} published checkpoints don't meet the present policy: it has changed since"
            ));
        }
        for size in self.store.published_sizes() {
            let size = size?;
            if self.store.checkpoint(size)?.is_none() {
                report.find(format!("checkpoint {size}"), "is published, but not there");
            }
        }
        Ok(())
    }

    fn check(&mut self, head: &TreeHead, report: &mut Report) -> Result<(), StoreError> {
        let checked = Checkpoint { origin: self.origin, policy: self.policy };
        checked.check(self.store, head, report)?;
        Ok(())
    }

    /// The refreshed note is of the newest published checkpoint, which was checked above, with other cosignatures.
    fn refreshed(
        &self,
        note: &Note,
        published: Option<TreeSize>,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let place = "the refreshed checkpoint";
        let opened = match VerifiedCheckpoint::open(note.clone(), self.origin, &self.keys) {
            Ok(opened) => opened,
            Err(error) => {
                report.find(place, error);
                return Ok(());
            }
        };
        let kept = self.store.checkpoint(opened.head().size)?;
        if kept.is_none_or(|kept| kept.text() != note.text()) || Some(opened.head().size) != published {
            report.find(place, "is not the newest one that was published");
        }
        Checkpoint { origin: self.origin, policy: self.policy }.cosignatures(place, &opened, report);
        Ok(())
    }
}

/// Whose checkpoints are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) policy: &'a Policy,
}

impl Checkpoint<'_> {
    /// Holds the checkpoint of this size, if one was signed, against the tree; how many signatures were verified.
    pub(crate) fn check(
        &self,
        store: &RocksStore,
        head: &TreeHead,
        report: &mut Report,
    ) -> Result<u64, StoreError> {
        let place = format!("checkpoint {}", head.size);
        let note = match store.checkpoint(head.size) {
            Ok(Some(note)) => note,
            Ok(None) => return Ok(0),
            Err(error) => {
                report.find(place, error);
                return Ok(0);
            }
        };
        report.checkpoints += 1;
        let opened = match VerifiedCheckpoint::open(note, self.origin, &self.policy.log_keys(self.origin)) {
            Ok(opened) => opened,
            Err(error) => {
                report.find(place, error);
                return Ok(1);
            }
        };
        if opened.head() != *head {
            report
                .find(&place, format!("has the root {}, the entries have {}", opened.head().root, head.root));
        }
        let voters = self.cosignatures(&place, &opened, report);
        if store.is_published(head.size)? {
            report.published += 1;
            if !self.policy.needs_no_witness() && !self.policy.is_met(&voters) {
                report.unmet += 1;
            }
        }
        Ok(1 + voters.len() as u64)
    }

    fn cosignatures(&self, place: &str, opened: &VerifiedCheckpoint, report: &mut Report) -> Vec<usize> {
        let mut voters = Vec::new();
        for (index, witness) in self.policy.witnesses().iter().enumerate() {
            for line in opened.note().signatures().iter().filter(|line| witness.key.matches(line)) {
                match cosignature::verify(&witness.key, opened.checkpoint(), line) {
                    Ok(_) => {
                        report.cosignatures += 1;
                        voters.push(index);
                    }
                    Err(error) => report.find(place, format!("the cosignature of {}: {error}", witness.name)),
                }
            }
        }
        voters
    }
}
