//! What of a token is logged: SHA-256 of its DER SignerInfo without the unsigned attributes (`spec/rfc3161.md`).
//!
//! That binds the signature, and through the signed attributes the TSTInfo (message-digest) and the certificate
//! (signing-certificate-v2). The TSTInfo alone would bind no signature: anybody could log one today and sign it with a
//! key stolen years later. Unsigned attributes are left out, as the proof itself becomes one.

use crate::token::{CutToken, TokenError};

/// The commitment of a TimeStampResp or a TimeStampToken (DER), with or without unsigned attributes.
///
/// The signature is not checked.
///
/// # Errors
/// [`TokenError`] for what is no token, or has none or several signers.
pub fn commitment_of(reply_or_token: &[u8]) -> Result<[u8; 32], TokenError> {
    Ok(CutToken::read(reply_or_token)?.commitment())
}
