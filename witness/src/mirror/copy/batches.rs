//! Batches of a copy: taken over once they were verified, and given out.

use std::sync::Arc;

use treering_tlog::tree::TreeSize;
use treering_token::entry::Entry;

use super::{LogCopy, MirrorFault, WIDTH};
use crate::{
    mirror::{
        files::Draft,
        growing::CopyError,
        packs::{self, Batch, Found},
    },
    read::batch::length_of,
};

/// One entry's batch, as it was read and verified.
#[derive(Debug)]
pub(in crate::mirror) enum Taken {
    /// Its hashes, at most [`packs::MAX_PACKED`] bytes.
    Small(Vec<u8>),
    /// In a file that nobody else has written to.
    Large(Draft),
    /// The log had dropped it.
    Gone,
}

impl LogCopy {
    /// Appends verified batches; `first` is the index of the first one's entry. Those that are here already are left out.
    pub(in crate::mirror) async fn append_batches(
        self: &Arc<Self>,
        first: u64,
        batches: Vec<Taken>,
    ) -> Result<(), MirrorFault> {
        self.change(move |copy, writer| {
            let open = writer.opened();
            let done = open.batches;
            let known = usize::try_from(done.saturating_sub(first)).unwrap_or(usize::MAX);
            // INVARIANT: no gap.
            if first > done {
                return Ok(());
            }
            let mut next = done;
            // INVARIANT: `change` drops all of this after an error, so that the count is only ever that of the packs.
            for taken in batches.into_iter().skip(known) {
                let batch = match taken {
                    Taken::Small(bytes) => Batch::Packed(bytes),
                    Taken::Gone => Batch::Gone,
                    Taken::Large(draft) => {
                        let path = packs::large(&copy.folder, next);
                        let adopted = open.growing.written().adopt(draft, path.clone());
                        adopted.map_err(|source| CopyError::Io { path, source })?;
                        Batch::Large
                    }
                };
                open.packs.append(&copy.folder, next, batch, open.growing.written())?;
                next += 1;
            }
            open.batches = next;
            Ok(())
        })
        .await
    }

    /// The batch of an entry, of `count` that may be served. One that is kept as a file has the length that its entry
    /// says: it is served for ever, and nobody looks at all of it on the way.
    pub(in crate::mirror) fn batch(&self, entry: u64, count: TreeSize) -> Result<Option<Found>, MirrorFault> {
        let found = packs::read(&self.folder, entry, count)?;
        if let Some(Found::File(_, length)) = &found {
            let bundle = self.entries_now(entry / WIDTH)?;
            let place = usize::try_from(entry % WIDTH).ok();
            let own = place.and_then(|place| Entry::decode(bundle.get(place)?).ok());
            if own.as_ref().and_then(length_of).is_none_or(|wanted| wanted as u64 != *length) {
                return Err(CopyError::Pack { path: packs::large(&self.folder, entry) }.into());
            }
        }
        Ok(found)
    }
}
