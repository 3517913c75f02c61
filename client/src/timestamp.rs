//! RFC 3161 timestamps of files: held against the file, the authorities' roots and the log's policy; and asked for.
//!
//! Two words are kept apart. The *authority's*: its signature says that the file existed at its time, and a root that the user
//! trusts (`--ca`) vouches for the authority. The *witnesses'*: the log's proof says by when that signature existed, so that
//! the authority (or a thief of its key) can't have chosen the time afterwards. What is missing is said, never passed over.

mod ask;
mod describe;
mod fault;
mod proof;
mod roots;

pub(crate) use ask::{Ask, Asked, ask};
pub(crate) use describe::lines;
pub(crate) use fault::TimestampFault;
pub(crate) use proof::ProofFrom;

use crate::{
    args::Authorities,
    clock, hash,
    http::CredentialsError,
    policy_file::{self, PolicyFileError, read_bounded},
};
use roots::RootsError;
use std::path::{Path, PathBuf};
use treering_tlog::policy::Policy;
use treering_token::digest::HashId;
use treering_tsa::{
    imprint::{Imprint, ImprintAlgorithm},
    nonce::Nonce,
    reply::{Reply, TstInfo},
    transparent::{DEFAULT_MAX_LAG, Transparent, TransparentError, verify_embedded, verify_transparent},
    verify::{Signed, Verifier},
};

/// Whom the user trusts, and what else they gave.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) verifier: Verifier,
    /// Without roots, nobody vouches for the authority.
    pub(crate) has_roots: bool,
    pub(crate) policy: Option<Policy>,
    /// Instead of the proof that the timestamp carries.
    pub(crate) proof: Option<ProofFrom>,
    /// In seconds.
    pub(crate) max_lag: u64,
}

/// Why there is nobody to trust.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl Trust {
    /// As the command line says it. Neither roots nor a policy are required: what they would have shown is then told to be
    /// missing.
    pub(crate) fn new(authorities: &Authorities, policy: Option<&PathBuf>) -> Result<Trust, TrustError> {
        let policy = match policy_file::read(policy, None) {
            // Nobody has to pin anything for an authority's word.
            Err(PolicyFileError::None { .. } | PolicyFileError::Several { .. }) => None,
            read => Some(read?),
        };
        Ok(Trust {
            verifier: roots::roots(&authorities.ca, &authorities.untrusted)?,
            has_roots: !authorities.ca.is_empty(),
            policy,
            proof: None,
            max_lag: DEFAULT_MAX_LAG,
        })
    }
}

/// What a timestamp shows about a file.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Of the file, in bytes.
    pub(crate) size: u64,
    /// The authority's words.
    pub(crate) info: TstInfo,
    /// The subject of its certificate, not escaped; `None` if there was no certificate to check the signature with.
    pub(crate) authority: Option<String>,
    /// The subject of the root that vouches for it, not escaped; `None` without roots.
    pub(crate) root: Option<String>,
    pub(crate) witnesses: WitnessesWord,
    /// Is the authority's time in the future by this verifier's clock? Told, not refused: either clock may be wrong.
    pub(crate) is_in_future: bool,
}

/// By this verifier's clock, as far as the authority says how accurate its own is.
fn is_in_future(info: &TstInfo) -> bool {
    let accuracy = info.accuracy.map_or(0, |accuracy| accuracy.as_micros() / 1000);
    // The verifier's clock is read in whole seconds, rounded down.
    u128::from(info.gen_time.millis()) > u128::from(clock::now().get() + 1) * 1000 + u128::from(accuracy)
}

/// What became of the log's proof.
#[derive(Debug)]
pub(crate) enum WitnessesWord {
    Shown(Box<Transparent>),
    /// There is no proof.
    NoProof,
    /// There is one, and no policy to judge it by.
    NoPolicy,
    /// There is one, and no certificate to check the signature with that it is of.
    NoCertificate,
    /// The policy asks for no witness.
    NoWitness(TransparentError),
}

impl Shown {
    /// Do the witnesses say anything?
    pub(crate) fn has_witnesses(&self) -> bool {
        matches!(self.witnesses, WitnessesWord::Shown(_))
    }

    /// Is there a log's proof, checked or not?
    pub(crate) fn has_proof(&self) -> bool {
        !matches!(self.witnesses, WitnessesWord::NoProof)
    }

    /// Is anything missing that was asked for, or that a verdict needs?
    pub(crate) fn is_checked(&self) -> bool {
        self.root.is_some() && !matches!(self.witnesses, WitnessesWord::NoWitness(_))
    }
}

/// Holds a file against the timestamp at `path`.
pub(crate) fn judge(file: &Path, path: &Path, trust: &Trust) -> Result<Shown, TimestampFault> {
    if !std::fs::metadata(path)?.is_file() {
        // A named pipe would be waited for, for ever.
        return Err(TimestampFault::NotAFile);
    }
    let bytes = read_bounded(path, Reply::MAX_BYTES)?.ok_or(TimestampFault::TooLong)?;
    let reply = Reply::parse_file(&bytes)?;
    let Some(token) = reply.token() else { return Err(TimestampFault::refusal(&reply)) };
    let (size, imprint) = imprint_of(file, token.info().imprint.algorithm())?;
    hold(&reply, size, &imprint, None, trust)
}

/// Holds a reply against an imprint.
fn hold(
    reply: &Reply,
    size: u64,
    imprint: &Imprint,
    nonce: Option<&Nonce>,
    trust: &Trust,
) -> Result<Shown, TimestampFault> {
    let signed = trust.verifier.signature(reply, imprint, nonce)?;
    let witnesses = witnesses(&signed, trust)?;
    let info = signed.token().info().clone();
    let authority = Some(signed.certificate().subject());
    let root = match trust.has_roots {
        true => Some(trust.verifier.chain(signed)?.root().to_owned()),
        false => None,
    };
    let is_in_future = is_in_future(&info);
    Ok(Shown { size, info, authority, root, witnesses, is_in_future })
}

fn witnesses(signed: &Signed<'_>, trust: &Trust) -> Result<WitnessesWord, TimestampFault> {
    let given = match &trust.proof {
        Some(from) => Some(from.get(&signed.token().info().serial)?),
        None if signed.token().embedded_proofs().is_empty() => return Ok(WitnessesWord::NoProof),
        None => None,
    };
    let Some(policy) = &trust.policy else { return Ok(WitnessesWord::NoPolicy) };
    let judged = match given {
        Some(proof) => Some(verify_transparent(signed, &proof, policy, clock::now(), trust.max_lag)),
        None => verify_embedded(signed, policy, clock::now(), trust.max_lag),
    };
    match judged {
        None => Ok(WitnessesWord::NoProof),
        Some(Ok(shown)) => Ok(WitnessesWord::Shown(Box::new(shown))),
        Some(Err(error)) if error.is_incomplete() => Ok(WitnessesWord::NoWitness(error)),
        Some(Err(error)) => Err(error.into()),
    }
}

/// A file's size and its imprint.
fn imprint_of(file: &Path, algorithm: ImprintAlgorithm) -> Result<(u64, Imprint), TimestampFault> {
    let source = file.canonicalize().map_err(hash::HashError::from)?;
    let id = match algorithm {
        ImprintAlgorithm::Sha256 => HashId::SHA_256,
        ImprintAlgorithm::Sha384 => HashId::SHA_384,
        ImprintAlgorithm::Sha512 => HashId::SHA_512,
        ImprintAlgorithm::Sha3_256 => HashId::SHA3_256,
        ImprintAlgorithm::Sha3_384 => HashId::SHA3_384,
        ImprintAlgorithm::Sha3_512 => HashId::SHA3_512,
    };
    let (size, digests) = hash::file(&source, &[id], &mut hash::buffer())?;
    let digest = digests.get(id).expect("the digests that were asked for are there").to_vec();
    Ok((size, Imprint::new(algorithm, digest).expect("both are the digest of that algorithm")))
}
