//! A file and its token, or its chain of tokens where newer ones renew older ones.

use super::Fault;
use crate::{hash, locate, paths, policy_file::read_bounded};
use std::path::Path;
use treering_token::{
    token::Token,
    verify::{Verified, Verifier},
};

/// Holds a file against the token at `newest` and the older ones that it renews. Gives the file's size as well.
pub(super) fn judge(
    file: &Path,
    newest: &Path,
    verifier: Verifier<'_>,
    buffer: &mut [u8],
) -> Result<(u64, Vec<Verified>), Fault> {
    let (bytes, oldest) = chain(newest)?;
    if oldest.is_receipt() {
        return Err(Fault::Refused(treering_token::verify::VerifyError::ReceiptNotToken));
    }
    let (size, digests) = hash::file(file, &oldest.digest_ids(), buffer)?;
    let links: Vec<_> = bytes.iter().map(Vec::as_slice).collect();
    Ok((size, verifier.chain(&links, &digests)?))
}

/// The tokens' bytes, newest first, and the oldest one parsed.
fn chain(newest: &Path) -> Result<(Vec<Vec<u8>>, Token), Fault> {
    let (bytes, mut token) = read(newest)?;
    let mut chain = vec![bytes];
    let mut earlier = None;
    while token.renews().is_some() && chain.len() < MAX_CHAIN {
        let names = match &mut earlier {
            Some(names) => names,
            None => {
                let error = |error| Fault::TokenUnreadable { token: paths::shown(newest), error };
                earlier.insert(locate::earlier_tokens(newest).map_err(error)?.into_iter())
            }
        };
        // Without it, the verifier says which one is missing.
        let Some(next) = names.next() else { break };
        let (bytes, older) = read(&next)?;
        chain.push(bytes);
        token = older;
    }
    Ok((chain, token))
}

/// A renewal every few years: so many would last for centuries, and a megabyte each is what they may take.
const MAX_CHAIN: usize = 64;

fn read(path: &Path) -> Result<(Vec<u8>, Token), Fault> {
    let shown = || paths::shown(path);
    let unreadable = |error| Fault::TokenUnreadable { token: shown(), error };
    // A named pipe would be waited for, for ever.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "it is no regular file",
        )));
    }
    let bytes = read_bounded(path, Token::MAX_BYTES)
        .map_err(unreadable)?
        .ok_or_else(|| Fault::TokenTooLong { token: shown() })?;
    let token = Token::parse(&bytes).map_err(|error| Fault::Token { token: shown(), error })?;
    Ok((bytes, token))
}
