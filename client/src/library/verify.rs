//! Verifying, offline: a file against its token, under a policy.

use crate::{clock, hash};
use std::path::{Path, PathBuf};
use treering_tlog::policy::Policy;
use treering_token::{
    digest::{Digester, Digests},
    token::Token,
    verify::{Verified, Verifier, VerifyError},
};

/// Why a file could not be held against its token, or doesn't agree with it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Checked, and not valid: another file, a forgery, or too few witnesses. The cause says which.
    #[error(transparent)]
    Invalid(#[from] VerifyError),
    /// The file can't be read, or changed while it was.
    #[error("{}: it {reason}", crate::paths::shown(.path))]
    File {
        /// Which.
        path: PathBuf,
        /// In words.
        reason: String,
    },
}

/// Holds bytes against their token.
///
/// ```
/// use treering_tlog::policy::Policy;
/// use treering_token::token::Token;
/// # let vectors = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors/token.json"));
/// # let vectors: serde_json::Value = serde_json::from_str(vectors)?;
/// # let good = &vectors["good"][0];
/// # let policy = vectors["policies"][good["policy"].as_str().unwrap()].as_str().unwrap();
/// # let token = good["tokens"][0].as_str().unwrap();
/// let policy = Policy::parse(policy.as_bytes())?;
/// let token = Token::parse(token.as_bytes())?;
/// let verified = treering::verify::bytes(b"hello, treering\n", &token, &policy)?;
/// let before = verified.attested.before().expect("the policy has a quorum");
/// assert_eq!(before.get(), 1_795_322_464); // 2026-11-22T04:41:04Z
///
/// let changed = treering::verify::bytes(b"hello, Treering\n", &token, &policy);
/// assert!(changed.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Invalid`].
pub fn bytes(bytes: &[u8], token: &Token, policy: &Policy) -> Result<Verified, Error> {
    let mut digester = Digester::new(&token.digest_ids());
    digester.update(bytes);
    digests(&digester.finish(), token, policy)
}

/// Holds a file against its token. This reads the file: from an async program, call it through `spawn_blocking`.
///
/// ```no_run
/// # // A file and a token of your own.
/// # use treering_tlog::policy::Policy;
/// # use treering_token::token::Token;
/// let policy = Policy::parse(&std::fs::read("court.policy")?)?;
/// let token = Token::parse(&std::fs::read("contract.pdf.tlog-proof")?)?;
/// let verified = treering::verify::file("contract.pdf".as_ref(), &token, &policy)?;
/// for line in treering_token::describe::verified(&verified) {
///     println!("{line}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Invalid`], [`Error::File`].
pub fn file(path: &Path, token: &Token, policy: &Policy) -> Result<Verified, Error> {
    let failed = |reason: String| Error::File { path: path.to_owned(), reason };
    // A path that somebody names is what it leads to.
    let source = path.canonicalize().map_err(|error| failed(format!("can't be read: {error}")))?;
    let (_, read) = hash::file(&source, &token.digest_ids(), &mut hash::buffer())
        .map_err(|error| failed(error.to_string()))?;
    digests(&read, token, policy)
}

/// Holds digests against their token; [`Token::digest_ids`] says which are needed.
///
/// # Errors
/// [`Error::Invalid`].
pub fn digests(digests: &Digests, token: &Token, policy: &Policy) -> Result<Verified, Error> {
    Ok(Verifier { policy, now: clock::now() }.token(token, digests)?)
}
