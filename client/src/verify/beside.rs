//! A file and its token, or its chain of tokens where newer ones renew older ones.

use super::Fault;
use crate::{
    hash,
    judges::{By, Judges},
    locate, paths,
    policy_file::read_bounded,
};
use std::path::{Path, PathBuf};
use treering_tlog::hash::Hash;
use treering_token::{token::Token, verify::Verified};

/// Holds a file against the token at `newest` and the older ones that it renews. Gives the file's size as well.
pub(super) fn judge(
    file: &Path,
    newest: &Path,
    judges: &Judges,
    buffer: &mut [u8],
) -> Result<(u64, Vec<By<Verified>>), Fault> {
    let (bytes, oldest) = chain(newest, file)?;
    if oldest.is_receipt() {
        return Err(Fault::Refused(treering_token::verify::VerifyError::ReceiptNotToken));
    }
    let (size, digests) = hash::file(file, &oldest.digest_ids(), buffer)?;
    let links: Vec<_> = bytes.iter().map(Vec::as_slice).collect();
    Ok((size, judges.chain(&links, &digests)?))
}

/// The token beside a bundle, if it and those that it renews lead to this bundle's bytes: an earlier bundle counts as an
/// earlier token. One that leads elsewhere renews what the bundle was before it was brought up to date.
pub(crate) fn of_bundle(bundle: &Path) -> Option<PathBuf> {
    let token = locate::token_of(bundle);
    let (_, oldest) = token.is_file().then(|| chain(&token, bundle).ok()).flatten()?;
    oldest.renews().is_some_and(|renews| is_of(bundle, &renews)).then_some(token)
}

/// The tokens' bytes, newest first, and the oldest one parsed. They are of `file`, or of something else.
pub(super) fn chain(newest: &Path, file: &Path) -> Result<(Vec<Vec<u8>>, Token), Fault> {
    let (bytes, mut token) = read(newest)?;
    let mut chain = vec![bytes];
    let mut earlier: Option<Vec<PathBuf>> = None;
    while let Some(renews) = token.renews()
        && chain.len() < MAX_CHAIN
    {
        let names = match &mut earlier {
            Some(names) => names,
            None => {
                let error = |error| Fault::TokenUnreadable { token: paths::shown(newest), error };
                earlier.insert(locate::earlier_tokens(newest).map_err(error)?)
            }
        };
        // Usually it is the next one; but a renewal that ended half way has left the newest token with a number as well.
        let is_it = |name: &PathBuf| is_of(name, &renews);
        let next = match names.iter().position(is_it) {
            Some(at) => names.remove(at),
            // What is renewed is the file itself, a bundle.
            None if is_of(file, &renews) => break,
            // Without it, the verifier says which one is missing; with another, that it is another.
            None if names.is_empty() => break,
            None => names.remove(0),
        };
        let (bytes, older) = read(&next)?;
        chain.push(bytes);
        token = older;
    }
    Ok((chain, token))
}

fn is_of(path: &Path, hash: &Hash) -> bool {
    hash::file(path, &[], &mut hash::buffer()).is_ok_and(|(_, digests)| digests.sha256() == hash.as_bytes())
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
