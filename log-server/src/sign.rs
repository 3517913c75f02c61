//! Making a checkpoint: the most dangerous line of the program, and the checks before it.

use crate::{
    batch, entries,
    record::Record,
    state::{Core, Fatal},
};
use treering_tlog::{
    checkpoint::Checkpoint,
    hash,
    note::Note,
    tree::{self, NodeId, NodeReader, TreeHead},
};

/// Signs a sealed head. Blocking.
///
/// INVARIANT 2: durable before signed. The order: the seal is synced (the caller has it from `Core::sealed`); the
/// record of the head about to be signed is synced; it is signed; the signed checkpoint is synced; only then does
/// anybody see it.
pub(crate) fn sign(core: &Core, head: TreeHead) -> Result<(Checkpoint, Note), Fatal> {
    read_back(core, head)?;
    let record = Record::beside(&core.settings.store);
    if let Some(highest) = record.read()?
        && head.size < highest.size
    {
        return Err(Fatal::ReadBack {
            size: head.size,
            what: format!("size {} may have been signed", highest.size),
        });
    }
    record.write(&head)?;
    // CRASH: the record is ahead of the last signed checkpoint, which is allowed: nobody has seen this head.
    let checkpoint = Checkpoint { origin: core.settings.origin.clone(), head, extensions: Vec::new() };
    let text = checkpoint.to_text();
    let signature = core.signer.sign(&text)?;
    let note = Note::new(&text, vec![signature])
        .map_err(|error| Fatal::ReadBack { size: head.size, what: error.to_string() })?;
    core.store.keep_signed(head.size, &note)?;
    // CRASH: signed and kept, not sent: the next start sends this very checkpoint first.
    Ok((checkpoint, note))
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
