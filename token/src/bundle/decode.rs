//! From bytes to items.

use super::{
    cursor::{Cursor, Keys, Major, Stop},
    error::{BundleError, Field},
    item::{Header, Item},
    path::RelativePath,
    record::{Kind, Own, Record},
    run::{Blinding, RunHeader},
};
use crate::{
    claim::{HolderKey, MAX_CLAIM, MAX_TEXT},
    commitment::{Commitment, Salt},
    digest::{Digests, HashId},
    salt::RunSecret,
    token::Token,
};
use treering_tlog::{hash::Hash, policy::Policy};

/// The first item; the cursor then stands behind it.
pub(super) fn item(cursor: &mut Cursor<'_>) -> Result<Item, Stop> {
    match cursor.peek()? {
        Major::Array => array(cursor),
        Major::Map => Ok(Item::Run(Box::new(run(cursor)?))),
        Major::Unsigned => mark(cursor),
        Major::Text => receipt(cursor),
        Major::Negative | Major::Bytes | Major::Tag | Major::Simple => Err(BundleError::NotAnItem.into()),
    }
}

fn array(cursor: &mut Cursor<'_>) -> Result<Item, Stop> {
    match cursor.array(Field::Item)? {
        2 if cursor.peek()? == Major::Text => Ok(Item::Header(header(cursor)?)),
        2 => Ok(Item::Record(bare(cursor)?)),
        4 => Ok(Item::Record(record(cursor, false)?)),
        5 => Ok(Item::Record(record(cursor, true)?)),
        count => Err(BundleError::ArrayLength(count).into()),
    }
}

fn header(cursor: &mut Cursor<'_>) -> Result<Header, Stop> {
    if cursor.text(Field::Version, Item::MAX_BYTES)? != Header::VERSION {
        return Err(BundleError::Version.into());
    }
    Ok(Header { policy: cursor.bytes(Field::Policy, Policy::MAX_BYTES)?.to_vec() })
}

fn bare(cursor: &mut Cursor<'_>) -> Result<Record, Stop> {
    match cursor.unsigned(Field::Kind)? {
        2 => Ok(Record::Bare(Commitment(Hash::new(cursor.exactly(Field::Commitment)?)))),
        kind => Err(BundleError::BareKind(kind).into()),
    }
}

fn record(cursor: &mut Cursor<'_>, differs: bool) -> Result<Record, Stop> {
    let kind = match cursor.unsigned(Field::Kind)? {
        0 => Kind::File,
        1 => Kind::Link,
        kind => return Err(BundleError::UnknownKind(kind).into()),
    };
    let path = RelativePath::new(cursor.bytes(Field::Path, RelativePath::MAX_BYTES)?.to_vec())?;
    let size = size(cursor, kind)?;
    let digests = digests(cursor)?;
    let own = if differs { own(cursor)? } else { Own::default() };
    Ok(Record::Path { kind, path, size, digests, own })
}

/// SPEC: bundle section 3: −1 where it is not known, which it always is of a link.
fn size(cursor: &mut Cursor<'_>, kind: Kind) -> Result<Option<u64>, Stop> {
    if cursor.peek()? == Major::Unsigned {
        return Ok(Some(cursor.unsigned(Field::Size)?));
    }
    cursor.minus_one(Field::Size)?;
    if kind == Kind::Link { Err(BundleError::LinkSize.into()) } else { Ok(None) }
}

fn digests(cursor: &mut Cursor<'_>) -> Result<Digests, Stop> {
    let begin = cursor.position();
    let mut keys = cursor.map(Field::Digests)?;
    if keys.next(cursor)? != Some(HashId::SHA_256.get()) {
        return Err(BundleError::NoSha256.into());
    }
    let mut digests = Digests::new(cursor.exactly(Field::Sha256)?);
    while let Some(id) = keys.next(cursor)? {
        let hash = HashId::new(id).ok_or(BundleError::DigestId(id))?;
        let digest = cursor.bytes(Field::Digest, MAX_CLAIM)?;
        if !digests.insert(hash, digest.to_vec()) {
            return Err(BundleError::DigestLength { id, got: digest.len() }.into());
        }
        // No claim could hold more. So a record is short but for its path, and reading it again when more of it has
        // come costs little.
        let got = cursor.position() - begin;
        if got > MAX_CLAIM {
            return Err(BundleError::Limit { field: Field::Digests, max: MAX_CLAIM, got: got as u64 }.into());
        }
    }
    Ok(digests)
}

fn own(cursor: &mut Cursor<'_>) -> Result<Own, Stop> {
    let mut keys = cursor.map(Field::Own)?;
    if keys.is_empty() {
        return Err(BundleError::Empty { field: Field::Own }.into());
    }
    let mut own = Own::default();
    while let Some(key) = keys.next(cursor)? {
        match key {
            2 => own.holder = Some(cursor.text(Field::Holder, MAX_TEXT)?.to_owned()),
            3 => own.agent = Some(cursor.text(Field::Agent, MAX_TEXT)?.to_owned()),
            4 => own.title = Some(cursor.text(Field::Title, MAX_TEXT)?.to_owned()),
            7 => own.signature = Some(cursor.exactly(Field::Signature)?),
            8 => own.salt = Some(Salt(cursor.exactly(Field::Salt)?)),
            9 => own.holder_salt = Some(Salt(cursor.exactly(Field::HolderSalt)?)),
            10 => own.agent_salt = Some(Salt(cursor.exactly(Field::AgentSalt)?)),
            _ => return Err(BundleError::UnknownKey { field: Field::Own, key }.into()),
        }
    }
    Ok(own)
}

fn run(cursor: &mut Cursor<'_>) -> Result<RunHeader, Stop> {
    let mut keys = cursor.map(Field::Run)?;
    let mut run = RunHeader::new(blinding(cursor, &mut keys)?);
    let mut next = keys.next(cursor)?;
    if next == Some(1) {
        let secret = RunSecret::new(cursor.exactly(Field::Secret)?);
        if !matches!(run.blinding, Blinding::Secret(_)) {
            return Err(BundleError::StraySecret.into());
        }
        run.blinding = Blinding::Secret(secret);
        next = keys.next(cursor)?;
    } else if matches!(run.blinding, Blinding::Secret(_)) {
        return Err(BundleError::NoSecret.into());
    }
    while let Some(key) = next {
        match key {
            2 => run.holder = Some(cursor.text(Field::Holder, MAX_TEXT)?.to_owned()),
            3 => run.agent = Some(cursor.text(Field::Agent, MAX_TEXT)?.to_owned()),
            4 => run.title = Some(cursor.text(Field::Title, MAX_TEXT)?.to_owned()),
            5 => run.after = Some(cursor.bytes(Field::After, RunHeader::MAX_AFTER)?.to_vec()),
            6 => {
                let key = cursor.value(Field::Key, HolderKey::MAX_BYTES)?;
                run.key = Some(HolderKey::decode(key).map_err(|e| BundleError::Key(e.into()))?);
            }
            _ => return Err(BundleError::UnknownKey { field: Field::Run, key }.into()),
        }
        next = keys.next(cursor)?;
    }
    run.validate()?;
    Ok(run)
}

/// Field 0. Of a blinding with a secret, the secret itself is field 1 and still to come.
fn blinding(cursor: &mut Cursor<'_>, keys: &mut Keys) -> Result<Blinding, Stop> {
    if keys.next(cursor)? != Some(0) {
        return Err(BundleError::NoBlinding.into());
    }
    match cursor.unsigned(Field::Blinding)? {
        0 => Ok(Blinding::Plain),
        1 => Ok(Blinding::Secret(RunSecret::new([0; 32]))),
        2 => Ok(Blinding::Own),
        other => Err(BundleError::UnknownBlinding(other).into()),
    }
}

fn mark(cursor: &mut Cursor<'_>) -> Result<Item, Stop> {
    match cursor.unsigned(Field::Mark)? {
        0 => Err(BundleError::MarkZero.into()),
        records => Ok(Item::Mark(records)),
    }
}

fn receipt(cursor: &mut Cursor<'_>) -> Result<Item, Stop> {
    let text = cursor.text(Field::Receipt, Token::MAX_BYTES)?;
    let token = Token::parse(text.as_bytes()).map_err(BundleError::Receipt)?;
    // A receipt is for a root: what belongs to one file has no place in it.
    if token.opening().is_some() || token.after().is_some() || token.renews().is_some() {
        return Err(BundleError::ReceiptOpens.into());
    }
    Ok(Item::Receipt(Box::new(token)))
}
