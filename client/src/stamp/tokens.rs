//! A token beside each file, cut out of the bundle that was just written.

use super::{Event, StampError, Target, Trouble, Wish};
use crate::{cut, output};
use std::{collections::HashMap, fs, path::Path};
use treering_token::{
    bundle::{Disclose, Kind},
    commitment::Commitment,
    token::Token,
};

/// Writes the tokens of all files; how many there are.
pub(super) fn write(
    bundle: &Path,
    receipts: &HashMap<Commitment, Token>,
    target: &Target,
    wish: &Wish,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<u64, StampError> {
    let mut written = 0;
    cut::cut(
        bundle,
        receipts,
        Disclose::ALL,
        |candidate| (candidate.kind == Kind::File).then(|| target.token_path(candidate.path)),
        |path, token| {
            let outcome = token.map_err(Trouble::Cut).and_then(|token| {
                let text = token.to_string();
                // CRASH: a run that ended among its tokens has written some of them.
                if wish.goes_on && fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
                    return Ok(());
                }
                Ok(output::write(&path, text.as_bytes(), wish.force)?)
            });
            match outcome {
                Ok(()) => {
                    written += 1;
                    observe(Event::Wrote { path: &path });
                }
                Err(error) => observe(Event::Failed { source: &path, error: &error }),
            }
            Ok::<_, StampError>(())
        },
    )?;
    Ok(written)
}
