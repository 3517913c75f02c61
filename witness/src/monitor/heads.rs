//! Is one signed head the beginning of another?
//!
//! Both are signed by the log; the tiles of the larger tree, authenticated against its own root, give the root over its
//! first leaves. If that isn't the smaller head's, the hashes are proof.

use treering_tlog::{note::Note, time::UnixMillis, tree::TreeHead};

use super::{report::Finding, views::blank};
use crate::{
    evidence::{Evidence, Kind},
    read::tiles::{Tiles, Trouble},
};

/// Holds a head against one of the same size or larger, whose tree `tiles` reads. What contradicts is a finding.
pub(super) async fn compare(
    tiles: &mut Tiles<'_>,
    large: &Note,
    (small, note): (TreeHead, &Note),
    source: &str,
    now: UnixMillis,
) -> Result<Option<Finding>, Trouble> {
    let head = tiles.head();
    let notes = vec![note.clone(), large.clone()];
    if small.size == head.size {
        let about =
            format!("size {}: {} {}", head.size, small.root.min(head.root), small.root.max(head.root));
        let evidence = Evidence { notes, ..blank(Kind::SplitView, now, source) };
        return Ok((small.root != head.root).then_some(Finding { evidence, about }));
    }
    let Some(hashes) = tiles.contradicts(small).await? else { return Ok(None) };
    let evidence = Evidence { notes, hashes, ..blank(Kind::Inconsistent, now, source) };
    Ok(Some(Finding { evidence, about: format!("size {}: {}", small.size, small.root) }))
}
