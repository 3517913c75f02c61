//! Asking an authority, any of RFC 3161, for a timestamp of a file.

use super::{Shown, TimestampFault, Trust, WitnessesWord, hold, imprint_of, is_in_future};
use crate::http::{self, Authority};
use std::path::Path;
use treering_tsa::{
    ObjectIdentifier, imprint::ImprintAlgorithm, nonce::Nonce, query::Query, reply::Reply,
    verify::VerifyError,
};

/// What is asked for, and whom.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) authority: Authority,
    pub(crate) algorithm: ImprintAlgorithm,
    pub(crate) policy: Option<ObjectIdentifier>,
    /// With the authority's certificate?
    pub(crate) certificate: bool,
    pub(crate) nonce: bool,
}

/// An answer that has been checked.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The whole reply, to be kept as it is.
    pub(crate) bytes: Vec<u8>,
    pub(crate) shown: Shown,
}

/// Asks, and checks what comes back as far as `trust` goes: it is of this file, has the query's nonce and the
/// policy that was asked for, and is signed by the certificate that it carries.
pub(crate) fn ask(ask: &Ask, file: &Path, trust: &Trust) -> Result<Asked, TimestampFault> {
    let (size, imprint) = imprint_of(file, ask.algorithm)?;
    let nonce = if ask.nonce { Some(random_nonce()?) } else { None };
    let query = Query::new(imprint.clone(), ask.policy, nonce.clone(), ask.certificate);
    let runtime = http::runtime().map_err(TimestampFault::Runtime)?;
    let bytes = runtime.block_on(ask.authority.timestamp(query.encode()))?.to_vec();
    let reply = Reply::parse(&bytes)?;
    let Some(token) = reply.token() else { return Err(TimestampFault::refusal(&reply)) };
    // SPEC: RFC 3161 section 2.4.1: under the policy that was asked for, or else refused.
    if let Some(asked) = ask.policy
        && token.info().policy != asked
    {
        return Err(TimestampFault::OtherPolicy { asked, given: token.info().policy });
    }
    let shown = match hold(&reply, size, &imprint, nonce.as_ref(), trust) {
        // As asked: imprint and nonce have been checked before the certificate is looked for.
        Err(TimestampFault::Verify(VerifyError::NoCertificate)) if !ask.certificate => {
            unsigned(&reply, size)?
        }
        other => other?,
    };
    Ok(Asked { bytes, shown })
}

/// What can be said without the authority's certificate.
fn unsigned(reply: &Reply, size: u64) -> Result<Shown, TimestampFault> {
    let token = reply.token().ok_or(VerifyError::NoToken)?;
    let info = token.info().clone();
    let witnesses = match token.embedded_proofs() {
        [] => WitnessesWord::NoProof,
        _ => WitnessesWord::NoCertificate,
    };
    let is_in_future = is_in_future(&info);
    Ok(Shown { size, info, authority: None, root: None, witnesses, is_in_future })
}

fn random_nonce() -> Result<Nonce, TimestampFault> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| TimestampFault::NoRandomness)?;
    Ok(Nonce::from_random(random))
}
