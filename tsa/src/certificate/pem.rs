//! Texts with several PEM blocks (RFC 7468) and other lines between them.

use super::CertificateError;

pub(crate) const CERTIFICATE: &str = "CERTIFICATE";

/// The DER of each block with this label, in order. Blocks with other labels and all other lines are passed over.
pub(super) fn blocks(text: &str, label: &str) -> Result<Vec<Vec<u8>>, CertificateError> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(&begin) {
        rest = &rest[start..];
        let length = rest.find(&end).ok_or(CertificateError::PemCutOff)? + end.len();
        let (block, after) = rest.split_at(length);
        blocks.push(der::pem::decode_vec(block.as_bytes()).map_err(CertificateError::Pem)?.1);
        rest = after;
    }
    Ok(blocks)
}

/// One block, with a line break at its end.
pub(crate) fn to_pem(label: &str, der: &[u8]) -> String {
    let pem = der::pem::encode_string(label, der::pem::LineEnding::LF, der);
    pem.expect("a label of this crate is a valid one, and what fits in memory twice can be encoded")
}
