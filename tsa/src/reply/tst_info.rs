//! TSTInfo (RFC 3161 section 2.4.2): what the authority signs.

use super::{ReplyError, oid, small};
use crate::{
    accuracy::Accuracy,
    gen_time::GenTime,
    imprint::Imprint,
    nonce::Nonce,
    serial::Serial,
    tlv::{self, DerError, Elements},
};
use const_oid::ObjectIdentifier;

/// The authority's statement: this imprint was there at this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TstInfo {
    /// Under which rules the authority stamps.
    pub policy: ObjectIdentifier,
    /// Of what.
    pub imprint: Imprint,
    /// Of the token, one of a kind at its authority.
    pub serial: Serial,
    /// When.
    pub gen_time: GenTime,
    /// How far `gen_time` may be off; `None` if the authority doesn't say.
    pub accuracy: Option<Accuracy>,
    /// Whether the authority promises that its tokens can be ordered by `gen_time` alone.
    pub ordering: bool,
    /// The query's, if it had one.
    pub nonce: Option<Nonce>,
    /// The authority's name as it states it itself: a DER GeneralName.
    pub tsa: Option<Vec<u8>>,
}

impl TstInfo {
    /// Reads the whole DER of a TSTInfo.
    pub(super) fn parse(bytes: &[u8]) -> Result<TstInfo, ReplyError> {
        let mut info = Elements::new(Elements::only(bytes, tlv::SEQUENCE)?.content);
        let version = small(&mut info)?;
        if version != 1 {
            return Err(ReplyError::Version { what: "TSTInfo", version });
        }
        let policy = oid(&mut info)?;
        let imprint = Imprint::parse(info.take(tlv::SEQUENCE)?.whole)?;
        let serial = Serial::from_der_content(info.take(tlv::INTEGER)?.content)?;
        let gen_time = GenTime::from_der_content(info.take(tlv::GENERALIZED_TIME)?.content)?;
        let accuracy = match info.take_if(tlv::SEQUENCE)? {
            Some(accuracy) => Some(Accuracy::parse(accuracy.whole)?),
            None => None,
        };
        let ordering = match info.take_if(tlv::BOOLEAN)?.map(|ordering| ordering.content) {
            None => false,
            // DER leaves a default out, but some write it.
            Some([0x00]) => false,
            Some([0xff]) => true,
            Some(_) => return Err(DerError::Value(tlv::BOOLEAN).into()),
        };
        let nonce = match info.take_if(tlv::INTEGER)? {
            Some(nonce) => Some(Nonce::from_der_content(nonce.content)?),
            None => None,
        };
        let tsa = match info.take_if(tlv::constructed(0))? {
            Some(tsa) => {
                let mut name = Elements::new(tsa.content);
                let whole = name.next()?.whole.to_vec();
                name.end()?;
                Some(whole)
            }
            None => None,
        };
        if let Some(extensions) = info.take_if(tlv::constructed(1))? {
            check_extensions(extensions.content)?;
        }
        info.end()?;
        Ok(TstInfo { policy, imprint, serial, gen_time, accuracy, ordering, nonce, tsa })
    }
}

/// None is known here; one that isn't critical may be passed over.
fn check_extensions(extensions: &[u8]) -> Result<(), ReplyError> {
    let mut extensions = Elements::new(extensions);
    while !extensions.is_empty() {
        let mut extension = Elements::new(extensions.take(tlv::SEQUENCE)?.content);
        let oid = oid(&mut extension)?;
        let critical = extension.take_if(tlv::BOOLEAN)?;
        extension.take(tlv::OCTET_STRING)?;
        extension.end()?;
        if critical.is_some_and(|critical| critical.content != [0x00]) {
            return Err(ReplyError::CriticalExtension(oid));
        }
    }
    Ok(())
}
