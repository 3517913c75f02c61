//! A file under a chain of tokens, of which each newer one renews the next older one, and under several policies.
//!
//! Witnesses come and go, and so do policies: the oldest token of a chain may be one for a policy of twenty years ago. Each
//! token is judged by the first policy that accepts it.

use super::{Verified, Verifier, VerifyError};
use crate::{
    digest::{Digester, Digests},
    token::Token,
};
use treering_tlog::{hash::sha256, policy::Policy, time::UnixSeconds};

/// [`Verifier::chain`] under several policies, those that are to be asked first first. The answer has, for each token, the
/// place of the policy that accepted it.
///
/// # Errors
/// Those of [`Verifier::chain`]. Where no policy accepts a token, the first that lists its log says why.
pub fn chain_under(
    policies: &[&Policy],
    now: UnixSeconds,
    newest_first: &[&[u8]],
    file: &Digests,
) -> Result<Vec<(usize, Verified)>, VerifyError> {
    let mut chain = Vec::with_capacity(newest_first.len());
    let (mut now, mut as_of) = (now, None);
    for (i, bytes) in newest_first.iter().enumerate() {
        let earlier = newest_first.get(i + 1).copied();
        let link = under(policies, |policy| link(Verifier { policy, now }, bytes, earlier, file, as_of));
        let (policy, link) = match link {
            Err(error) if newest_first.len() > 1 => return Err(VerifyError::in_chain(i + 1, error)),
            other => other?,
        };
        // SPEC: Treering verify, section 8: each is judged as of the upper bound of the one that renews it.
        as_of = link.attested.before();
        now = as_of.unwrap_or(now);
        chain.push((policy, link));
    }
    if chain.is_empty() { Err(VerifyError::NoToken) } else { Ok(chain) }
}

/// The first policy that accepts, by its place; else the refusal of the first that lists the log.
///
/// # Errors
/// As `judge` says; [`VerifyError::NoPolicy`] without a policy.
pub fn under<T>(
    policies: &[&Policy],
    mut judge: impl FnMut(&Policy) -> Result<T, VerifyError>,
) -> Result<(usize, T), VerifyError> {
    let mut refusal = None;
    for (place, policy) in policies.iter().enumerate() {
        match judge(policy) {
            Ok(accepted) => return Ok((place, accepted)),
            Err(error) if refusal.as_ref().is_none_or(is_unknown_log) => refusal = Some(error),
            Err(_) => {}
        }
    }
    Err(refusal.unwrap_or(VerifyError::NoPolicy))
}

fn is_unknown_log(error: &VerifyError) -> bool {
    error.fault() == super::Fault::UnknownLog
}

/// One token of a chain: it is of the earlier token's bytes, or else of the file's.
fn link(
    verifier: Verifier<'_>,
    bytes: &[u8],
    earlier: Option<&[u8]>,
    file: &Digests,
    as_of: Option<UnixSeconds>,
) -> Result<Verified, VerifyError> {
    let token = Token::parse(bytes)?;
    let Some(earlier) = earlier else { return verifier.token_as_of(&token, file, as_of) };
    if token.renews() != Some(sha256(earlier)) {
        return Err(VerifyError::NotRenewed);
    }
    let mut digester = Digester::new(&token.digest_ids());
    digester.update(earlier);
    verifier.token_as_of(&token, &digester.finish(), as_of)
}
