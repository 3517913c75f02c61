//! The token's own half: from the file's digests to the log's entry.

use super::{ClaimShown, Named, VerifyError};
use crate::{
    claim::Claim,
    commitment::{Commitment, blind_name},
    digest::{Digests, HashId},
    token::{ClaimOpening, Opening, Token},
};
use treering_tlog::hash::{Hash, sha256};

/// The commitment of a file under a token, and what its claim shows; the token's layers lead from it to its entry.
pub(super) fn open(token: &Token, file: &Digests) -> Result<(Commitment, Option<ClaimShown>), VerifyError> {
    match (token.opening(), token.claim()) {
        (Some(opening), Some(claim)) => {
            let shown = open_claim(token, opening, claim, file)?;
            let commitment = Commitment::blinded(&opening.salt, &opening.claim);
            if !leads_to_entry(token, &commitment) {
                return Err(VerifyError::LayersMissEntry);
            }
            claim.check_signature().map_err(|_| VerifyError::ClaimSignature)?;
            Ok((commitment, Some(shown)))
        }
        _ => open_plain(token, file).map(|commitment| (commitment, None)),
    }
}

/// Do the token's layers lead from these 32 bytes to the batch root of its entry?
pub(super) fn leads_to_entry(token: &Token, commitment: &Commitment) -> bool {
    token.layers().root(&commitment.0) == token.entry().batch_root()
}

fn open_plain(token: &Token, file: &Digests) -> Result<Commitment, VerifyError> {
    let commitment = Commitment::plain(file.sha256());
    let fits = leads_to_entry(token, &commitment);
    match token.renews() {
        Some(renews) if renews != commitment.0 && fits => Err(VerifyError::RenewalMismatch),
        Some(renews) if renews != commitment.0 => Err(VerifyError::EarlierTokenMissing { renews }),
        _ if !fits => Err(VerifyError::NotThisFile),
        _ => Ok(commitment),
    }
}

fn open_claim(
    token: &Token,
    opening: &ClaimOpening,
    claim: &Claim,
    file: &Digests,
) -> Result<ClaimShown, VerifyError> {
    let holder = open_name(claim.holder, opening.holder.as_ref()).ok_or(VerifyError::HolderMismatch)?;
    let agent = open_name(claim.agent, opening.agent.as_ref()).ok_or(VerifyError::AgentMismatch)?;
    // Both are there or neither: the token's form has been checked.
    if token.after().map(sha256) != claim.after {
        return Err(VerifyError::AfterHash);
    }
    check_renewal(token, claim, file)?;
    let (checked, unchecked) = check_digests(claim, file)?;
    let key = claim.signed.as_ref().map(|(key, _)| key.clone());
    Ok(ClaimShown { holder, agent, title: claim.title.clone(), key, checked, unchecked })
}

fn check_renewal(token: &Token, claim: &Claim, file: &Digests) -> Result<(), VerifyError> {
    let Some(renews) = token.renews() else { return Ok(()) };
    if renews.as_bytes() != claim.digests.sha256() {
        return Err(VerifyError::RenewalMismatch);
    }
    if renews.as_bytes() != file.sha256() {
        return Err(VerifyError::EarlierTokenMissing { renews });
    }
    Ok(())
}

/// `None` if the name that is disclosed is not the one in the claim.
fn open_name(blinded: Option<Hash>, opening: Option<&Opening>) -> Option<Named> {
    match (blinded, opening) {
        (None, None) => Some(Named::Absent),
        (Some(_), None) => Some(Named::Withheld),
        (blinded, Some(Opening { salt, name })) => {
            (blinded == Some(blind_name(salt, name))).then(|| Named::Disclosed(name.clone()))
        }
    }
}

/// The ids of the claim's digests that the file has, and of those that cannot be computed here.
fn check_digests(claim: &Claim, file: &Digests) -> Result<(Vec<HashId>, Vec<HashId>), VerifyError> {
    let (mut checked, mut unchecked) = (Vec::new(), Vec::new());
    for (algorithm, digest) in claim.digests.iter() {
        match file.get(algorithm) {
            Some(of_file) if of_file == digest => checked.push(algorithm),
            Some(_) => return Err(VerifyError::DigestMismatch { algorithm }),
            None if algorithm.name().is_some() => return Err(VerifyError::DigestNotGiven { algorithm }),
            None => unchecked.push(algorithm),
        }
    }
    Ok((checked, unchecked))
}
