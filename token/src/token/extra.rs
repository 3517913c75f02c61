//! The `extra` of a token: reading, writing, and the rules between its fields.

use super::{ClaimOpening, Extra, Opening, Token, TokenError};
use crate::{
    cbor::{self, CborError, Reader, Writer},
    claim::{Claim, MAX_TEXT},
    commitment::Salt,
    entry::Entry,
    layer::Layers,
};
use treering_tlog::hash::Hash;

/// Reads exactly what [`Extra::encode`] writes.
pub(super) fn read(bytes: &[u8]) -> Result<Extra, TokenError> {
    if bytes.len() > Token::MAX_EXTRA {
        return Err(TokenError::ExtraTooLong(bytes.len()));
    }
    let mut reader = Reader::new(bytes);
    let extra = Extra::read(&mut reader)?;
    reader.finish()?;
    cbor::same(bytes, &extra.encode())?;
    Ok(extra)
}

impl Extra {
    pub(super) fn encode(&self) -> Vec<u8> {
        let optional = [self.opening.is_some(), self.after.is_some(), self.renews.is_some()];
        let mut writer = Writer::new();
        writer.map(2 + optional.iter().filter(|&&there| there).count());
        writer.uint(ENTRY).bytes(&self.entry.encode());
        self.layers.write(writer.uint(LAYERS));
        if let Some(opening) = &self.opening {
            opening.write(writer.uint(OPENING));
        }
        if let Some(after) = &self.after {
            writer.uint(AFTER).bytes(after);
        }
        if let Some(renews) = &self.renews {
            writer.uint(RENEWS).bytes(renews.as_bytes());
        }
        writer.finish()
    }

    /// Holds the fields to the rules between them; the claim, if there is one.
    pub(super) fn check(&self) -> Result<Option<Claim>, TokenError> {
        let optional = self.opening.is_some() || self.after.is_some() || self.renews.is_some();
        if self.layers.as_slice().len() == 1 && optional {
            return Err(TokenError::ReceiptFields);
        }
        let claim = self.opening.as_ref().map(ClaimOpening::check).transpose()?;
        match (claim.as_ref().and_then(|claim| claim.after), &self.after) {
            (Some(_), None) => Err(TokenError::AfterMissing),
            (None, Some(_)) => Err(TokenError::AfterUnexpected),
            _ => Ok(claim),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Extra, TokenError> {
        let mut keys = reader.map()?;
        required(keys.next(reader)?, ENTRY)?;
        let entry = Entry::decode(reader.bytes()?)?;
        required(keys.next(reader)?, LAYERS)?;
        let layers = Layers::read(reader)?;
        let mut extra = Extra { entry, layers, opening: None, after: None, renews: None };
        while let Some(key) = keys.next(reader)? {
            match key {
                OPENING => extra.opening = Some(ClaimOpening::read(reader)?),
                AFTER => extra.after = Some(reader.bytes()?.to_vec()),
                RENEWS => extra.renews = Some(Hash::new(reader.exact()?)),
                unknown => return Err(CborError::UnknownKey(unknown).into()),
            }
        }
        Ok(extra)
    }
}

impl ClaimOpening {
    fn write(&self, writer: &mut Writer) {
        writer.array(3).bytes(&self.salt.0).bytes(&self.claim);
        writer.map(usize::from(self.holder.is_some()) + usize::from(self.agent.is_some()));
        for (key, name) in [(HOLDER, &self.holder), (AGENT, &self.agent)] {
            if let Some(Opening { salt, name }) = name {
                writer.uint(key).array(2).bytes(&salt.0).text(name);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<ClaimOpening, TokenError> {
        reader.array_of(3)?;
        let salt = Salt(reader.exact()?);
        let claim = reader.bytes()?.to_vec();
        let (mut holder, mut agent) = (None, None);
        let mut keys = reader.map()?;
        while let Some(key) = keys.next(reader)? {
            match key {
                HOLDER => holder = Some(Opening::read(reader)?),
                AGENT => agent = Some(Opening::read(reader)?),
                unknown => return Err(CborError::UnknownKey(unknown).into()),
            }
        }
        Ok(ClaimOpening { salt, claim, holder, agent })
    }

    /// The claim, if what is disclosed fits it.
    fn check(&self) -> Result<Claim, TokenError> {
        let claim = Claim::parse(&self.claim)?;
        if self.holder.is_some() && claim.holder.is_none() {
            return Err(TokenError::HolderUnexpected);
        }
        if self.agent.is_some() && claim.agent.is_none() {
            return Err(TokenError::AgentUnexpected);
        }
        for Opening { name, .. } in self.holder.iter().chain(&self.agent) {
            if name.is_empty() || name.len() > MAX_TEXT {
                return Err(TokenError::Name(name.len()));
            }
        }
        Ok(claim)
    }
}

impl Opening {
    fn read(reader: &mut Reader<'_>) -> Result<Opening, TokenError> {
        reader.array_of(2)?;
        Ok(Opening { salt: Salt(reader.exact()?), name: reader.text()?.to_owned() })
    }
}

const ENTRY: u64 = 1;
const LAYERS: u64 = 2;
const OPENING: u64 = 3;
const AFTER: u64 = 4;
const RENEWS: u64 = 5;

/// The fields of a claim that an opening is for.
const HOLDER: u64 = 2;
const AGENT: u64 = 3;

fn required(key: Option<u64>, want: u64) -> Result<(), CborError> {
    if key == Some(want) { Ok(()) } else { Err(CborError::MissingKey(want)) }
}
