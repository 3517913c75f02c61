//! Making a checkpoint: the most dangerous line of the program, and the checks before it.

use crate::{
    batch,
    broken::{Promise, is_broken},
    entries,
    state::{Core, Fatal},
    store::StoreError,
};
use treering_tlog::{
    checkpoint::Checkpoint,
    hash,
    note::{Note, Signature, VerifierKey},
    tree::{self, NodeId, NodeReader, TreeHead},
};

/// Signs a sealed head. Blocking.
///
/// INVARIANT 2: durable before signed. The order: the seal is synced (the caller has it from `Core::sealed`); the
/// record of the head about to be signed is synced; it is signed; the signed checkpoint is synced; only then does
/// anybody see it.
pub(crate) fn sign(core: &Core, head: TreeHead) -> Result<(Checkpoint, Note), Fatal> {
    if let Some(size) = core.frozen {
        return Err(Fatal::Frozen { size });
    }
    read_back(core, head)?;
    if let Some(highest) = core.record.read()?
        && head.size < highest.size
        && !is_broken(Promise::History)
    {
        return Err(Fatal::ReadBack {
            size: head.size,
            what: format!("size {} may have been signed", highest.size),
        });
    }
    core.record.write(&head)?;
    // CRASH: the record is ahead of the last signed checkpoint, which is allowed: nobody has seen this head.
    let checkpoint = Checkpoint { origin: core.settings.origin.clone(), head, extensions: Vec::new() };
    let text = checkpoint.to_text();
    let signatures = core.signer.sign_all(&text)?;
    let note = Note::new(&text, signatures)
        .map_err(|error| Fatal::ReadBack { size: head.size, what: error.to_string() })?;
    core.store.keep_signed(head.size, &note)?;
    // CRASH: signed and kept, not sent: the next start sends this very checkpoint first.
    Ok((checkpoint, note))
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

fn damaged(error: &dyn std::fmt::Display) -> Fatal {
    StoreError::Damaged { what: format!("the last signed checkpoint: {error}") }.into()
}

/// Recomputes the root from what the store gives back, and the last leaf from its entry: a bit that flipped between
/// sealing and signing must not become a signed head.
fn read_back(core: &Core, head: TreeHead) -> Result<(), Fatal> {
    let differs = |what: &str| Fatal::ReadBack { size: head.size, what: what.to_owned() };
    let store = core.store.as_ref();
    let mut reader = batch::reader(store, head.size);
    if tree::root_from(&mut reader, head.size)? != head.root {
        return Err(differs("its tiles have another root"));
    }
    let Some(last) = head.size.get().checked_sub(1).and_then(|last| head.size.leaf(last)) else {
        return Ok(());
    };
    let leaf = reader.read(&[NodeId { level: 0, index: last.get() }])?;
    let entry = entries::bytes(store, last, head.size)?;
    if leaf.first() != Some(&hash::leaf_hash(&entry)) {
        return Err(differs("its last entry has another leaf hash"));
    }
    Ok(())
}
