//! What must hold at every moment, whatever goes wrong; held against everything that the log and its witnesses give out.

use crate::{
    disk::{Disk, Flaw},
    executor::Executor,
    store::{Held, Watch},
    trace::Trace,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use treering_log::{record::HighMark, store::Tick};
use treering_tlog::{
    checkpoint::{Checkpoint, VerifiedCheckpoint},
    cosignature,
    hash::Hash,
    note::{Note, Signature},
    policy::Policy,
    time::UnixSeconds,
    tree::{TreeHead, TreeSize},
};
use treering_token::{commitment::Commitment, layer::Layer, token::Token, verify::Verifier};

#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) policy: Policy,
    executor: Arc<Executor>,
    trace: Arc<Trace>,
    store: Arc<Disk<Held>>,
    record: Arc<Disk<Option<HighMark>>>,
    /// Look at the disks, too, and not only at what is given out.
    sees_disks: bool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    roots: BTreeMap<TreeSize, Hash>,
    acknowledged: BTreeSet<Hash>,
    granted: BTreeSet<[u8; 16]>,
    places: BTreeMap<Hash, (u64, Vec<Layer>)>,
    shown: TreeSize,
    /// An older copy of the store runs: nothing may be signed.
    rolled_back: bool,
    /// What each witness has cosigned, by time.
    cosigned: BTreeMap<usize, Vec<(UnixSeconds, TreeHead)>>,
}

impl Oracle {
    pub(crate) fn new(
        policy: Policy,
        (executor, trace): (&Arc<Executor>, &Arc<Trace>),
        store: &Arc<Disk<Held>>,
        record: &Arc<Disk<Option<HighMark>>>,
        flaw: Flaw,
    ) -> Arc<Oracle> {
        Arc::new(Oracle {
            policy,
            executor: Arc::clone(executor),
            trace: Arc::clone(trace),
            store: Arc::clone(store),
            record: Arc::clone(record),
            sees_disks: matches!(flaw, Flaw::None | Flaw::RecordSync),
            kept: Mutex::default(),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.executor.millis()
    }

    /// INVARIANT 3: a size has one root, in everything that is ever signed, cosigned or shown.
    fn one_root(&self, kept: &mut Kept, by: &str, head: TreeHead) {
        let root = *kept.roots.entry(head.size).or_insert(head.root);
        assert_eq!(root, head.root, "{} ms: {by} has another root at size {}", self.now(), head.size);
    }

    /// The log is about to sign.
    pub(crate) fn signs(&self, head: TreeHead) {
        self.trace.given(head.root.as_bytes());
        let mut kept = self.kept();
        assert!(!kept.rolled_back, "{} ms: an older copy of the store signs size {}", self.now(), head.size);
        self.one_root(&mut kept, "what the log signs", head);
        if self.sees_disks {
            // INVARIANT 2: durable before signed: the entries, and the record.
            let sealed = self.store.durable(|held| held.head);
            assert!(
                sealed.size >= head.size,
                "{} ms: size {} is signed before it is durable",
                self.now(),
                head.size
            );
            let record = self.record.durable(|record| *record);
            assert_eq!(
                record,
                Some(HighMark { head, ended: false }),
                "{} ms: the record is not durable before the signature",
                self.now()
            );
        }
    }

    /// A submission's 202 leaves the log.
    pub(crate) fn acknowledges(&self, root: Hash) {
        self.trace.given(root.as_bytes());
        self.kept().acknowledged.insert(root);
    }

    /// A timestamp token leaves the log.
    pub(crate) fn grants(&self, serial: [u8; 16]) {
        self.trace.given(&serial);
        self.kept().granted.insert(serial);
    }

    /// A witness's cosignature leaves it.
    pub(crate) fn cosigns(&self, witness: usize, checkpoint: &Checkpoint, lines: &[Signature]) {
        lines.iter().for_each(|line| self.trace.given(line.to_string().as_bytes()));
        let key = &self.policy.witnesses()[witness].key;
        let line = lines.iter().find(|line| key.matches(line)).expect("a witness answers with its own line");
        let time =
            cosignature::verify(key, checkpoint, line).expect("an honest witness's cosignature verifies");
        let head = checkpoint.head;
        let mut kept = self.kept();
        self.one_root(&mut kept, "what a witness cosigns", head);
        let all = kept.cosigned.entry(witness).or_default();
        for (other_time, other) in all.iter() {
            // C2SP tlog-cosignature: at that time this was the largest tree that it had seen.
            let backwards = (other.size > head.size && *other_time < time)
                || (other.size < head.size && *other_time > time);
            assert!(
                !backwards,
                "{} ms: witness {witness} went back from {} to {}",
                self.now(),
                other.size,
                head.size
            );
        }
        all.push((time, head));
    }

    /// The largest size that a witness has cosigned.
    pub(crate) fn cosigned_by(&self, witness: usize) -> Option<TreeSize> {
        self.kept().cosigned.get(&witness)?.iter().map(|(_, head)| head.size).max()
    }

    /// `/checkpoint` leaves the log.
    pub(crate) fn shows(&self, note: &[u8]) {
        self.trace.given(note);
        let note = Note::parse(note).expect("/checkpoint is a note");
        let origin = Checkpoint::parse(note.text()).expect("/checkpoint is a checkpoint").origin;
        let keys = self.policy.log_keys(&origin);
        let verified = VerifiedCheckpoint::open(note.clone(), &origin, &keys).expect("/checkpoint is signed");
        // INVARIANT 5: what is published meets the policy.
        let met: Vec<usize> = (0..self.policy.witnesses().len())
            .filter(|witness| {
                let key = &self.policy.witnesses()[*witness].key;
                let mut lines = note.signatures().iter().filter(|line| key.matches(line));
                lines.any(|line| cosignature::verify(key, verified.checkpoint(), line).is_ok())
            })
            .collect();
        assert!(self.policy.is_met(&met), "{} ms: shown with {met:?} only", self.now());
        let head = verified.head();
        let mut kept = self.kept();
        self.one_root(&mut kept, "/checkpoint", head);
        assert!(head.size >= kept.shown, "{} ms: /checkpoint went back to {}", self.now(), head.size);
        kept.shown = head.size;
    }

    /// A receipt leaves the log. INVARIANT 8: it says the same for ever.
    pub(crate) fn receipt(&self, root: Hash, token: &Token) {
        self.trace.given(token.to_string().as_bytes());
        let verifier = Verifier { policy: &self.policy, now: UnixSeconds::MAX };
        if let Err(error) = verifier.receipt(token, &Commitment(root)) {
            panic!("{} ms: a receipt does not verify: {error}", self.now());
        }
        let place = (token.index(), token.layers().as_slice().to_vec());
        let mut kept = self.kept();
        let first = kept.places.entry(root).or_insert_with(|| place.clone());
        assert_eq!(*first, place, "{} ms: a submission changed its place", self.now());
    }

    /// The proof of a grant leaves the log.
    pub(crate) fn grant_proof(&self, commitment: [u8; 32], token: &Token) {
        self.trace.given(token.to_string().as_bytes());
        let verifier = Verifier { policy: &self.policy, now: UnixSeconds::MAX };
        if let Err(error) = verifier.receipt(token, &Commitment(Hash::new(commitment))) {
            panic!("{} ms: a grant's proof does not verify: {error}", self.now());
        }
    }

    /// Does an older copy of the store run?
    pub(crate) fn is_rolled_back(&self) -> bool {
        self.kept().rolled_back
    }

    /// From now on an older copy of the store runs, or no longer.
    pub(crate) fn roll_back(&self, rolled_back: bool) {
        self.kept().rolled_back = rolled_back;
    }

    /// INVARIANT 1: what was acknowledged would survive a power cut.
    pub(crate) fn nothing_is_lost(&self) {
        let kept = self.kept();
        self.store.durable(|held| {
            for root in &kept.acknowledged {
                assert!(held.has(root), "{} ms: an acknowledged submission is lost", self.now());
            }
            for serial in &kept.granted {
                assert!(held.has_grant(serial), "{} ms: a granted timestamp is lost", self.now());
            }
        });
    }

    /// Every root that was ever given out.
    pub(crate) fn roots(&self) -> Vec<TreeHead> {
        self.kept().roots.iter().map(|(size, root)| TreeHead { size: *size, root: *root }).collect()
    }
}

impl Watch for Oracle {
    fn seals(&self, held: &Held, tick: &Tick) {
        if !self.sees_disks {
            return;
        }
        // INVARIANT 6: time only goes forward. INVARIANT 4: a tick consumes what waits, in its order, and nothing else.
        assert!(held.sealed_at < Some(tick.sealed_at), "{} ms: sealed_at does not grow", self.now());
        assert_eq!(held.head.size.get() + 1, tick.head.size.get(), "{} ms: a tick is one entry", self.now());
        let waiting: Vec<_> = held.waiting.values().take(tick.submissions.len()).copied().collect();
        assert_eq!(waiting, tick.submissions, "{} ms: sealed is not what waits", self.now());
    }
}
