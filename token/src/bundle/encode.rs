//! From items to bytes. minicbor writes the shortest form of every integer and length; keys are written in order.

use super::{
    item::{Header, Item},
    record::{Kind, Own, Record},
    run::{Blinding, RunHeader},
};
use minicbor::{Encoder, encode::Error};
use std::convert::Infallible;

type Written = Result<(), Error<Infallible>>;
type Out<'a> = Encoder<&'a mut Vec<u8>>;

pub(super) fn item(item: &Item, bytes: &mut Vec<u8>) -> Written {
    let out = &mut Encoder::new(bytes);
    match item {
        Item::Header(header) => out.array(2)?.str(Header::VERSION)?.bytes(&header.policy)?.ok(),
        Item::Run(header) => run(header, out),
        Item::Record(r) => record(r, out),
        Item::Mark(records) => out.u64(*records)?.ok(),
        Item::Receipt(token) => out.str(&token.to_string())?.ok(),
    }
}

fn record(record: &Record, out: &mut Out<'_>) -> Written {
    let (kind, path, size, digests, own) = match record {
        Record::Bare(commitment) => return out.array(2)?.u8(2)?.bytes(commitment.0.as_bytes())?.ok(),
        Record::Path { kind, path, size, digests, own } => (kind, path, size, digests, own),
    };
    let kind = match kind {
        Kind::File => 0,
        Kind::Link => 1,
    };
    let elements = if own.is_empty() { 4 } else { 5 };
    out.array(elements)?.u8(kind)?.bytes(path.as_bytes())?;
    match size {
        Some(size) => out.u64(*size)?,
        None => out.i8(-1)?,
    };
    out.map(digests.iter().count() as u64)?;
    for (id, digest) in digests.iter() {
        out.u64(id.get())?.bytes(digest)?;
    }
    if own.is_empty() { Ok(()) } else { own_fields(own, out) }
}

fn own_fields(own: &Own, out: &mut Out<'_>) -> Written {
    let texts = [(2, &own.holder), (3, &own.agent), (4, &own.title)];
    let salts = [(8, &own.salt), (9, &own.holder_salt), (10, &own.agent_salt)];
    let fields = texts.iter().filter(|(_, text)| text.is_some()).count()
        + salts.iter().filter(|(_, salt)| salt.is_some()).count()
        + usize::from(own.signature.is_some());
    out.map(fields as u64)?;
    write_texts(&texts, out)?;
    if let Some(signature) = &own.signature {
        out.u8(7)?.bytes(signature)?;
    }
    for (key, salt) in salts {
        if let Some(salt) = salt {
            out.u8(key)?.bytes(&salt.0)?;
        }
    }
    Ok(())
}

fn run(run: &RunHeader, out: &mut Out<'_>) -> Written {
    let (blinding, secret) = match &run.blinding {
        Blinding::Plain => (0, None),
        Blinding::Secret(secret) => (1, Some(secret)),
        Blinding::Own => (2, None),
    };
    let texts = [(2, &run.holder), (3, &run.agent), (4, &run.title)];
    let fields = 1
        + texts.iter().filter(|(_, text)| text.is_some()).count()
        + [secret.is_some(), run.after.is_some(), run.key.is_some()].into_iter().filter(|&is| is).count();
    out.map(fields as u64)?.u8(0)?.u8(blinding)?;
    if let Some(secret) = secret {
        out.u8(1)?.bytes(secret.as_bytes())?;
    }
    write_texts(&texts, out)?;
    if let Some(note) = &run.after {
        out.u8(5)?.bytes(note)?;
    }
    if let Some(key) = &run.key {
        out.u8(6)?.writer_mut().extend_from_slice(&key.encode());
    }
    Ok(())
}

fn write_texts(texts: &[(u8, &Option<String>)], out: &mut Out<'_>) -> Written {
    for (key, text) in texts {
        if let Some(text) = text {
            out.u8(*key)?.str(text)?;
        }
    }
    Ok(())
}
