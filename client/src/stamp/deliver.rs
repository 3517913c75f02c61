//! Brings receipts for submissions that lie in the partial bundle: asks the log for each, and sends again what it doesn't have.

use super::{Log, StampError};
use crate::bundle_file::Reader;
use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::Duration,
};
use treering_tlog::hash::Hash;
use treering_token::{
    bundle::{Item, Step, Walker},
    token::Token,
};

/// So many receipts are asked for at once.
const AT_ONCE: usize = 32;

/// Receipts of all these roots, each verified. What was acknowledged is not sent again: the log has it.
///
/// # Errors
/// One that [`StampError::may_pass`] if the log is away or its witnesses are: nothing is lost, and it can be done later.
pub(super) fn deliver(
    log: &Log,
    partial: &Path,
    roots: &[Hash],
    wait: Duration,
) -> Result<HashMap<Hash, Token>, StampError> {
    let mut submissions = log.submissions(wait);
    let (mut settled, mut unknown) = (HashMap::new(), HashSet::new());
    for some in roots.chunks(AT_ONCE) {
        some.iter().for_each(|root| submissions.ask(*root));
        let collected = submissions.collect()?;
        if let Some(away) = collected.away {
            return Err(away);
        }
        settled.extend(collected.settled);
        unknown.extend(collected.unknown);
    }
    if unknown.is_empty() {
        return Ok(settled);
    }
    let mut reader = Reader::open(partial)?;
    let (mut walker, mut body) = (Walker::new(), Vec::new());
    while !unknown.is_empty()
        && let Some(item) = reader.item()?
    {
        let step = walker.step(&item).map_err(|_| StampError::Lost)?;
        match (&item, step) {
            (Item::Record(_), Step::Record { opened, .. }) => {
                body.extend_from_slice(opened.commitment.0.as_bytes());
            }
            (_, Step::Mark { root, .. }) => {
                let body = std::mem::take(&mut body);
                if unknown.remove(&root.0) {
                    submissions.send(root.0, body)?;
                }
            }
            _ => {}
        }
    }
    let collected = submissions.collect()?;
    settled.extend(collected.settled);
    match (collected.away, roots.iter().all(|root| settled.contains_key(root))) {
        (Some(away), _) => Err(away),
        (None, true) => Ok(settled),
        // The partial bundle doesn't have what it had.
        (None, false) => Err(StampError::Lost),
    }
}
