//! A head under the log's own valid signature that the log never made: somebody else signs with its key, or a copy of
//! this log runs somewhere.
//!
//! A witness's 409 is a bare number, and anybody can say one. So when a witness says that it knows more than the log, or
//! another root, it is asked for the checkpoint that it cosigned last (tlog-witness, `<prefix>/<origin hash>/checkpoint`).
//! Only if that is signed by a key of the log, and not a head of the log's own tree, there are two histories, or will be:
//! then it is kept as evidence, and nothing is signed any more. Where a witness shows its checkpoints elsewhere than below
//! its submission prefix, nothing can be seen here; monitors look there.

mod evidence;

use crate::{
    batch,
    state::{Core, Fatal},
    store::Store,
    witnesses::Peer,
};
pub(crate) use evidence::Evidence;
use std::sync::Arc;
use treering_tlog::{
    checkpoint::VerifiedCheckpoint,
    note::Note,
    tree::{self, NodeReader, TreeHead, TreeSize, cover, peaks},
};

/// What a witness showed.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Nothing under a key of the log.
    Nothing,
    /// A head of the log's own tree, of this size.
    Own(TreeSize),
    /// Another one.
    Unmade(Unmade),
}

/// A head that the log never made, with what contradicts it.
#[derive(Debug)]
pub(crate) struct Unmade {
    pub(crate) head: TreeHead,
    pub(crate) evidence: Evidence,
}

impl Unmade {
    /// What this witness showed, in words.
    pub(crate) fn shown_by(&self, witness: &str) -> String {
        format!(
            "the witness {witness} shows a head of size {} under this log's own signature that this log never made",
            self.head.size
        )
    }
}

/// Looks at the checkpoint that a witness shows.
pub(crate) async fn look(core: &Arc<Core>, peer: &Peer) -> Result<Seen, Fatal> {
    let Ok(note) = core.witnesses.latest(&peer.url, &core.settings.origin).await else {
        return Ok(Seen::Nothing);
    };
    let origin = &core.settings.origin;
    // INVARIANT: only what a key of the log has signed counts, or any witness could stop the log.
    let keys = core.settings.policy.log_keys(origin);
    let Ok(found) = VerifiedCheckpoint::open(note, origin, &keys) else { return Ok(Seen::Nothing) };
    let source = format!("the witness at {}", peer.url);
    // Later than the answer: whatever the log itself had signed by then is sealed.
    match core.blocking(move |core| judge(core, &found, source)).await {
        // Where old data is damaged nobody can say whose head this is; it is looked at again when the witness says so again.
        Err(Fatal::Store(error)) => {
            tracing::error!(%error, url = peer.url, "what a witness shows can't be held against the store");
            Ok(Seen::Nothing)
        }
        judged => judged,
    }
}

fn judge(core: &Core, found: &VerifiedCheckpoint, source: String) -> Result<Seen, Fatal> {
    let (head, store) = (found.head(), core.store.as_ref());
    let sealed = core.sealed.borrow().head.size;
    if head.size <= sealed && tree::root_from(&mut batch::reader(store, head.size), head.size)? == head.root {
        return Ok(Seen::Own(head.size));
    }
    let own = newest(core, store)?;
    let theirs = found.note().clone();
    let observed_at = core.clock.now();
    let evidence = match (store.checkpoint(head.size)?, own) {
        (Some(own), _) => {
            Evidence { kind: "split_view", observed_at, source, notes: vec![own, theirs], hashes: vec![] }
        }
        (None, Some((size, own))) if size > head.size => {
            let nodes = [peaks(head.size), cover(head.size, size)].concat();
            let hashes = batch::reader(store, size).read(&nodes)?;
            Evidence { kind: "inconsistent", observed_at, source, notes: vec![theirs, own], hashes }
        }
        (None, own) => {
            let notes = own.map(|(_, own)| own).into_iter().chain([theirs]).collect();
            Evidence { kind: "unmade_head", observed_at, source, notes, hashes: vec![] }
        }
    };
    Ok(Seen::Unmade(Unmade { head, evidence }))
}

/// The newest checkpoint that the log has signed.
fn newest(core: &Core, store: &dyn Store) -> Result<Option<(TreeSize, Note)>, Fatal> {
    let recorded = core.record.read()?.map(|mark| mark.head.size);
    let published = core.published.borrow().as_ref().map(|published| published.size);
    for size in recorded.into_iter().chain(published) {
        if let Some(note) = store.checkpoint(size)? {
            return Ok(Some((size, note)));
        }
    }
    Ok(None)
}

/// Keeps the evidence, and ends signing for good: at each start the file is found again.
pub(crate) async fn end_signing(core: &Arc<Core>, witness: &str, unmade: Unmade) -> Result<(), Fatal> {
    let (seen, evidence) = (unmade.shown_by(witness), unmade.evidence);
    // At once: what is kept about it may take as long as a disk likes.
    core.end_signing(seen.clone());
    let path = core.blocking(move |core| Ok(evidence.keep(&core.settings.store)?)).await?;
    core.end_signing(format!("{seen}; it is kept in {}", path.display()));
    Ok(())
}

/// Why a log that has such evidence signs nothing.
pub(crate) fn kept(core: &Core) -> Option<String> {
    let path = Evidence::path(&core.settings.store);
    let says = match path.try_exists() {
        Ok(false) => return None,
        Ok(true) => "shows a head under this log's own signature that this log never made".to_owned(),
        // INVARIANT 2: what can't be looked for may be there.
        Err(error) => format!("may be there, and can't be looked for ({error})"),
    };
    let path = path.display();
    Some(format!("{path} {says}: see docs/operating.md, \"When the log refuses to start\""))
}
