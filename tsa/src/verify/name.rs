//! Names and hashes by which a token speaks of its signer's certificate.

use super::VerifyError;
use crate::{
    certificate::Certificate,
    reply::{CertificateId, TimestampToken},
    tlv::{self, Elements},
};
use der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{SubjectAltName, SubjectKeyIdentifier};

/// Two DER Names: the same bytes, or the same attributes with the same text in other cases or string types.
pub(super) fn is_same(left: &[u8], right: &[u8]) -> bool {
    left == right || has_same_text(left, right).unwrap_or(false)
}

/// `None` for what is no Name.
fn has_same_text(left: &[u8], right: &[u8]) -> Option<bool> {
    let parts = |name| Some(Elements::new(Elements::only(name, tlv::SEQUENCE).ok()?.content));
    let (mut left, mut right) = (parts(left)?, parts(right)?);
    while !left.is_empty() && !right.is_empty() {
        let (part, other) = (left.take(tlv::SET).ok()?, right.take(tlv::SET).ok()?);
        let (mut part, mut other) = (Elements::new(part.content), Elements::new(other.content));
        while !part.is_empty() && !other.is_empty() {
            if attribute(&mut part)? != attribute(&mut other)? {
                return Some(false);
            }
        }
        if !(part.is_empty() && other.is_empty()) {
            return Some(false);
        }
    }
    Some(left.is_empty() && right.is_empty())
}

/// UTF8String, PrintableString, TeletexString, IA5String: their letters of ASCII have the same bytes.
const STRINGS: [u8; 4] = [tlv::UTF8_STRING, 0x13, 0x14, 0x16];

/// The attribute's type; its value's tag, where that is no string; and its value, of strings without their case.
fn attribute<'a>(attributes: &mut Elements<'a>) -> Option<(&'a [u8], Option<u8>, Vec<u8>)> {
    let mut fields = Elements::new(attributes.take(tlv::SEQUENCE).ok()?.content);
    let oid = fields.take(tlv::OID).ok()?.content;
    let value = fields.next().ok()?;
    fields.end().ok()?;
    if STRINGS.contains(&value.tag) {
        Some((oid, None, value.content.to_ascii_lowercase()))
    } else {
        Some((oid, Some(value.tag), value.content.to_vec()))
    }
}

/// Is the certificate the one that the signed attribute means? The hash decides; issuer and number may not contradict it.
pub(super) fn is_bound(id: &CertificateId, certificate: &Certificate) -> bool {
    let issuer_fits = id.issuer_serial.as_ref().is_none_or(|(names, serial)| {
        serial == certificate.serial()
            && directory_name(names).is_some_and(|issuer| is_same(issuer, certificate.issuer_der()))
    });
    issuer_fits && id.digest.of(certificate.der()) == id.hash
}

/// SPEC: RFC 3161 section 2.4.2: `tsa`, if it is there, MUST be one of the subject names of the certificate.
pub(super) fn check_tsa_name(token: &TimestampToken, certificate: &Certificate) -> Result<(), VerifyError> {
    let Some(tsa) = &token.info().tsa else { return Ok(()) };
    let is_subject = directory_name(tsa).is_some_and(|name| is_same(name, certificate.subject_der()));
    if is_subject || is_alternative(tsa, certificate) { Ok(()) } else { Err(VerifyError::TsaName) }
}

/// The subject key identifier, if the certificate has one.
pub(super) fn key_id(certificate: &Certificate) -> Option<Vec<u8>> {
    let parsed = x509_cert::Certificate::from_der(certificate.der()).ok()?;
    let (_, id) = parsed.tbs_certificate.get::<SubjectKeyIdentifier>().ok()??;
    Some(id.0.as_bytes().to_vec())
}

fn is_alternative(name: &[u8], certificate: &Certificate) -> bool {
    let Ok(parsed) = x509_cert::Certificate::from_der(certificate.der()) else { return false };
    let Ok(Some((_, names))) = parsed.tbs_certificate.get::<SubjectAltName>() else { return false };
    names.0.iter().any(|other| other.to_der().is_ok_and(|other| other == name))
}

/// The Name in a GeneralName `[4]` that stands alone.
fn directory_name(general_name: &[u8]) -> Option<&[u8]> {
    let explicit = Elements::only(general_name, tlv::constructed(4)).ok()?.content;
    Some(Elements::only(explicit, tlv::SEQUENCE).ok()?.whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &[(u8, u8, &str)]) -> Vec<u8> {
        let parts: Vec<_> = parts
            .iter()
            .map(|(oid, tag, text)| {
                let oid = tlv::element(tlv::OID, &[&[0x55, 4, *oid]]);
                let attribute = tlv::element(tlv::SEQUENCE, &[&oid, &tlv::element(*tag, &[text.as_bytes()])]);
                tlv::element(tlv::SET, &[&attribute])
            })
            .collect();
        tlv::element(tlv::SEQUENCE, &[&parts.concat()])
    }

    #[test]
    fn string_types_and_cases_make_no_difference_and_all_else_does() {
        const PRINTABLE: u8 = 0x13;
        let one = name(&[(10, tlv::UTF8_STRING, "Example"), (3, tlv::UTF8_STRING, "A TSA")]);
        assert!(is_same(&one, &name(&[(10, PRINTABLE, "EXAMPLE"), (3, PRINTABLE, "A TSA")])));
        for other in [
            name(&[(10, PRINTABLE, "Example"), (3, PRINTABLE, "A CA")]),
            // Constructed of other strings, and of two bytes a letter.
            name(&[(10, PRINTABLE, "Example"), (3, tlv::UTF8_STRING | 0x20, "A TSA")]),
            name(&[(10, PRINTABLE, "Example"), (3, 0x1e, "A TSA")]),
            name(&[(3, PRINTABLE, "A TSA"), (10, PRINTABLE, "Example")]),
            name(&[(10, PRINTABLE, "Example")]),
            name(&[(10, PRINTABLE, "Example"), (3, PRINTABLE, "A TSA"), (3, PRINTABLE, "")]),
            name(&[]),
            Vec::new(),
        ] {
            assert!(!is_same(&one, &other) && !is_same(&other, &one), "{other:02x?}");
        }
    }
}
