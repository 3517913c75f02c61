//! The mirror's cosignature: what it says, where it is kept, and that it comes after everything it speaks of.
//!
//! ```text
//! all of it durable ─▶ a continuation of what was signed before ─▶ signed ─▶ beside the keys ─▶ records ─▶ shown
//! ```

use std::sync::Arc;

use treering_tlog::{
    checkpoint::Checkpoint,
    note::{Note, Signature},
    time::UnixSeconds,
    tree::TreeSize,
};

use super::{LogCopy, MirrorFault, Writer};
use crate::{
    mirror::{
        files::{self, Written},
        growing::{CopyError, root_at},
    },
    monitor::{Kept, config::LogKind},
};

impl LogCopy {
    /// Cosigns a checkpoint of which everything is durable, and serves it: the mirror checkpoint never goes back, so
    /// `None` if it is further already.
    pub(in crate::mirror) async fn sign(
        self: &Arc<Self>,
        checkpoint: Kept,
    ) -> Result<Option<Vec<Signature>>, MirrorFault> {
        let guard = Arc::clone(&self.writer).lock_owned().await;
        // Under the lock, so that a later checkpoint never has an earlier time.
        let time = self.timestamps.next().await?;
        self.change_with(guard, move |copy, writer| copy.sign_at(writer, checkpoint, time)).await
    }

    fn sign_at(
        &self,
        writer: &mut Writer,
        checkpoint: Kept,
        time: UnixSeconds,
    ) -> Result<Option<Vec<Signature>>, MirrorFault> {
        let (head, state) = (checkpoint.head(), &writer.state);
        let last = self.stores.signed.last(&self.log.origin).map(|signed| signed.head());
        let further = state.mirror.as_ref().map(Kept::head).into_iter().chain(last);
        if further.map(|head| head.size).max().is_some_and(|size| size > head.size) {
            return Ok(None);
        }
        let grown = self.seen().grown().size;
        let has_batches = self.log.kind == LogKind::Tlog || self.seen().batches >= head.size.get();
        // INVARIANT: a mirror's cosignature says that all of the checkpoint is durable here. What is signed is what is
        // read back from the disk, as far as it was flushed.
        if head.size > grown || !has_batches || root_at(&self.folder, head.size, grown)? != head.root {
            return Err(CopyError::Root { path: self.folder.clone(), size: head.size }.into());
        }
        // INVARIANT: one key, one history, whatever has become of the copy: the tree on disk begins with the one that was
        // signed last.
        if let Some(last) = last
            && root_at(&self.folder, last.size, grown)? != last.root
        {
            return Err(MirrorFault::OtherHistory { origin: self.log.origin.to_string(), size: last.size });
        }
        let body = Checkpoint::parse(checkpoint.note().text());
        let body = body.map_err(|error| MirrorFault::Cosign(error.to_string()))?;
        let own = self.keys.cosign(&body, time).map_err(|error| MirrorFault::Cosign(error.to_string()))?;
        let mut lines = checkpoint.note().signatures().to_vec();
        lines.extend(own.iter().cloned());
        let note = Note::new(checkpoint.note().text(), lines);
        let note = note.map_err(|error| MirrorFault::Cosign(error.to_string()))?;
        let merged = self.merged(head.size, note.clone())?.map(|note| (head.size, note));
        // CRASH: what was signed is durable beside the keys before it is anywhere else. A restart may find it there alone:
        // then this head, or a later one, is signed again, not earlier than this one.
        self.stores.signed.put(note.clone(), time)?;
        writer.state.mirror = Kept::new(note.clone());
        // CRASH: the cosignature is on disk before anybody sees it. The file is for servers of static files: a crash
        // before it leaves the one before, which is as true.
        self.save(writer, merged.as_slice())?;
        self.show(&note)?;
        Ok(Some(own))
    }

    /// Makes the folder a whole log of C2SP tlog-tiles for servers of static files.
    pub(super) fn show(&self, note: &Note) -> Result<(), MirrorFault> {
        let path = self.folder.join("checkpoint");
        let text = note.to_string();
        let write = || {
            if files::read(&path)?.as_deref() == Some(text.as_bytes()) {
                return Ok(());
            }
            let mut written = Written::default();
            written.write(path.clone(), text.as_bytes())?;
            written.sync()
        };
        Ok(write().map_err(|source| CopyError::Io { path: path.clone(), source })?)
    }

    /// The checkpoint with the lines that it doesn't have yet; `None` if it has them all.
    pub(super) fn merged(&self, size: TreeSize, note: Note) -> Result<Option<Note>, MirrorFault> {
        let Some(kept) = self.stores.records.checkpoint(&self.log.origin, size.get())? else {
            return Ok(Some(note));
        };
        let Ok(kept) = Note::parse(kept.as_bytes()) else { return Ok(Some(note)) };
        // The first cosignature of each key stays: it says the earliest time.
        let mut lines = kept.signatures().to_vec();
        let is_new = |line: &&Signature| {
            !kept.signatures().iter().any(|kept| kept.name() == line.name() && kept.id() == line.id())
        };
        lines.extend(note.signatures().iter().filter(is_new).cloned());
        if lines.len() == kept.signatures().len() || note.text() != kept.text() {
            return Ok(None);
        }
        Ok(Note::new(kept.text(), lines).ok())
    }
}
