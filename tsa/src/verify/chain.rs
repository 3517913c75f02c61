//! From the signer's certificate to a root, as of genTime.

use super::{Signed, Verifier, VerifyError, algorithm};
use crate::certificate::Certificate;
use const_oid::{
    ObjectIdentifier,
    db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_TIME_STAMPING},
};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{
    EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext,
};

/// The root that vouches for the signer.
pub(super) fn root_of<'v>(
    verifier: &'v Verifier,
    signed: &Signed<'_>,
) -> Result<&'v Certificate, VerifyError> {
    let signer = signed.certificate();
    // webpki builds no path of length zero.
    if let Some(pinned) = verifier.roots.iter().find(|root| *root == signer) {
        return Ok(pinned);
    }
    let der = CertificateDer::from(signer.der());
    let end_entity = EndEntityCert::try_from(&der).map_err(VerifyError::CertificateForm)?;
    let carried = signed.token().certificates().iter().map(|der| CertificateDer::from(der.as_slice()));
    let given = verifier.untrusted.iter().map(|certificate| CertificateDer::from(certificate.der()));
    let issuers: Vec<_> = carried.chain(given).collect();
    let gen_time = signed.token().info().gen_time;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(gen_time.millis() / 1000));
    let path = end_entity
        .verify_for_usage(&algorithm::ALL, &verifier.anchors, &issuers, time, Purpose, None, None)
        .map_err(|error| refused(error, signed))?;
    let place = verifier.anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
    Ok(&verifier.roots[place.expect("the path's anchor is one of those that it was built from")])
}

fn refused(error: Error, signed: &Signed<'_>) -> VerifyError {
    match error {
        Error::UnknownIssuer => VerifyError::UnknownIssuer { issuer: signed.certificate().issuer() },
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => {
            VerifyError::ChainTime { gen_time: signed.token().info().gen_time }
        }
        Error::InvalidSignatureForPublicKey => VerifyError::ChainSignature,
        other => VerifyError::Chain(other),
    }
}

/// An issuer that says what its certificates are for has to name timestamps (RFC 5280 section 4.2.1.12). That the signer's
/// own certificate names nothing else has been checked before.
struct Purpose;

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let arcs = |oid: ObjectIdentifier| oid.arcs().map(|arc| arc as usize).collect::<Vec<_>>();
        let (timestamps, any) = (arcs(ID_KP_TIME_STAMPING), arcs(ANY_EXTENDED_KEY_USAGE));
        let mut present = Vec::new();
        for purpose in purposes {
            let purpose = purpose?.to_decoded_oid();
            if purpose == timestamps || purpose == any {
                return Ok(());
            }
            present.push(purpose);
        }
        if present.is_empty() {
            return Ok(());
        }
        let required = KeyUsage::required(ID_KP_TIME_STAMPING_DER);
        Err(Error::RequiredEkuNotFoundContext(RequiredEkuNotFoundContext { required, present }))
    }
}

/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8.
const ID_KP_TIME_STAMPING_DER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
