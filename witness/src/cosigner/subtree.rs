//! Decides whether a subtree is signed (C2SP tlog-witness, sign-subtree).
//!
//! The request brings a checkpoint that this witness cosigned before: its own signature is the proof of that, so no record
//! is read, and none is written. What is signed says nothing about time.
//!
//! Only the ML-DSA-44 keys that cosigned the checkpoint sign the subtree: an Ed25519 cosignature can't be exchanged for one
//! that outlives it.

use treering_tlog::{
    checkpoint::Checkpoint,
    note::{Signature, SignatureType},
    tree::verify_subtree,
    witness::SignSubtree,
};

use super::{Charge, Cosigner, Refusal};

impl Cosigner {
    /// Answers the body of a `sign-subtree` request with the signatures over the subtree.
    ///
    /// # Errors
    /// Why it is not signed.
    pub fn sign_subtree(&self, body: &[u8]) -> Result<Vec<Signature>, Refusal> {
        if !self.keys.has(SignatureType::CosignatureMlDsa44) {
            // SPEC: tlog-witness, sign-subtree: it is optional; the cosignature format must support subtrees.
            return Err(Refusal::NoSubtreeKey);
        }
        let request = SignSubtree::parse(body).map_err(Refusal::MalformedSubtree)?;
        let SignSubtree { subtree, hash, proof, checkpoint: note } = &request;
        let checkpoint = Checkpoint::parse(note.text()).map_err(Refusal::Checkpoint)?;
        let (origin, head) = (&checkpoint.origin, &checkpoint.head);
        if !subtree.within(head.size) {
            // SPEC: tlog-witness, sign-subtree: 400 if end is above the checkpoint size.
            return Err(Refusal::SubtreeBeyond { end: subtree.end(), size: head.size });
        }
        // SPEC: tlog-witness, sign-subtree: 404 if the checkpoint origin is unknown.
        let log = self.known(origin)?;
        let _place = self.enter(origin)?;
        // SPEC: tlog-witness, sign-subtree: 403 if no key of this witness has validly signed the checkpoint.
        let signers =
            self.keys.subtree_signers(&checkpoint, note.signatures()).ok_or(Refusal::NotCosigned)?;
        // SPEC: tlog-witness, sign-subtree: 422 if the subtree consistency proof does not verify.
        verify_subtree(*subtree, hash, head, proof).map_err(Refusal::InconsistentSubtree)?;
        self.refuse_held(origin)?;
        self.refuse_failed()?;
        self.charge(origin, &log, Charge::Subtree)?;
        let signatures = signers.into_iter().map(|key| key.sign_subtree(origin, *subtree, hash));
        signatures.collect::<Result<_, _>>().map_err(Refusal::Cosign)
    }
}
