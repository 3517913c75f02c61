//! Making a checkpoint: the most dangerous line of the program, and the checks before it.

use crate::{
    batch,
    broken::{Promise, is_broken},
    read_back,
    record::HighMark,
    state::{Core, Fatal},
    store::StoreError,
};
use treering_tlog::{
    checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint},
    note::{Note, Signature, VerifierKey},
    tree::{self, TreeHead, TreeSize},
};

/// What came of it.
#[derive(Debug)]
pub(crate) enum Signing {
    /// Signed, and kept.
    Done(Checkpoint, Note),
    /// This process stood still meanwhile: the witnesses are asked first.
    AskFirst,
    /// Nothing is signed any more.
    Over,
}

/// Signs a sealed head, whose batches were read back; the last one that was signed has the size `from`. Blocking.
///
/// INVARIANT 2: durable before signed. The order: the seal is synced (the caller has it from `Core::sealed`); the
/// record of the head about to be signed is synced; it is signed; the signed checkpoint is synced; only then does
/// anybody see it.
pub(crate) fn sign(core: &Core, from: TreeSize, head: TreeHead) -> Result<Signing, Fatal> {
    if let Some(size) = core.frozen {
        return Err(Fatal::Frozen { size });
    }
    if !is_broken(Promise::ReadBack) {
        read_back::tree(core.store.as_ref(), from, &head)?;
    }
    if let Some(HighMark { head: highest, ended }) = core.record.read()?
        && !is_broken(Promise::History)
    {
        if ended {
            return Err(Fatal::Frozen { size: highest.size });
        }
        if head.size < highest.size || head.size == highest.size && head != highest {
            return Err(Fatal::Recorded { size: head.size, record: highest.size });
        }
    }
    // Reading back may take seconds, in which a witness may have shown another history.
    if core.signing_is_over() {
        return Ok(Signing::Over);
    }
    core.record.write(&HighMark { head, ended: false })?;
    // And so may the record's sync. That it is ahead then is allowed.
    if core.signing_is_over() {
        return Ok(Signing::Over);
    }
    // In all of that time the process may have been stopped, or its machine suspended. Size 0 has one root, whoever signs it.
    if !head.size.is_zero() && core.has_stood_still() {
        return Ok(Signing::AskFirst);
    }
    // CRASH: the record is ahead of the last signed checkpoint, which is allowed: nobody has seen this head.
    let checkpoint = Checkpoint { origin: core.settings.origin.clone(), head, extensions: Vec::new() };
    let text = checkpoint.to_text();
    let signatures = core.signer.sign_all(&text)?;
    let note = Note::new(&text, signatures)
        .map_err(|error| Fatal::ReadBack { size: head.size, what: error.to_string() })?;
    core.store.keep_signed(head.size, &note)?;
    // CRASH: signed and kept, not sent: the next start sends this very checkpoint first.
    Ok(Signing::Done(checkpoint, note))
}

/// The last signed checkpoint with a signature by each key that signs now. Blocking.
///
/// A key that was made since has not signed it, and a witness that knows only that one would refuse it: an idle log would
/// then never get on. It is the very same text, so no new head is signed (INVARIANT 2 and 3).
pub(crate) fn complete(core: &Core, note: Note) -> Result<Note, Fatal> {
    let lacks = |key: &VerifierKey| !note.signatures().iter().any(|line| key.matches(line));
    if !core.signer.verifiers().iter().any(lacks) {
        return Ok(note);
    }
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| damaged(&error))?;
    may_complete(core, &checkpoint, &note)?;
    let known = |line: &Signature| {
        note.signatures().iter().any(|old| old.id() == line.id() && old.name() == line.name())
    };
    let fresh = core.signer.sign_all(note.text())?.into_iter().filter(|line| !known(line));
    let all = note.signatures().iter().cloned().chain(fresh).collect();
    let note = Note::new(note.text(), all).map_err(|error| damaged(&error))?;
    core.store.keep_signed(checkpoint.head.size, &note)?;
    tracing::info!(size = %checkpoint.head.size, "a key that has joined signs the last checkpoint, too");
    Ok(note)
}

/// It was read from the store, and a row may say something else than what was written: a signature is made over it as if it were new.
fn may_complete(core: &Core, checkpoint: &Checkpoint, note: &Note) -> Result<(), Fatal> {
    match VerifiedCheckpoint::open(note.clone(), &core.settings.origin, &core.signer.verifiers()) {
        // By keys of before alone.
        Ok(_) | Err(CheckpointError::Unsigned) => {}
        Err(error) => return Err(damaged(&error)),
    }
    let TreeHead { size, root } = checkpoint.head;
    if let Some(HighMark { head, .. }) = core.record.read()?
        && (size > head.size || size == head.size && root != head.root)
    {
        return Err(Fatal::Recorded { size, record: head.size });
    }
    if tree::root_from(&mut batch::reader(core.store.as_ref(), size), size)? != root {
        return Err(Fatal::ReadBack { size, what: "the last signed checkpoint has another root".into() });
    }
    Ok(())
}

fn damaged(error: &dyn std::fmt::Display) -> Fatal {
    StoreError::Damaged { what: format!("the last signed checkpoint: {error}") }.into()
}
