//! Sample bundles: every blinding, own names, bare records, several submissions and runs.

use crate::log::Log;
use ed25519_dalek::{Signer as _, SigningKey};
use treering_tlog::hash::sha256;
use treering_token::{
    bundle::{Blinding, Header, Item, Kind, Opener, Own, Record, RelativePath, RunHeader, Step, Walker},
    claim::HolderKey,
    commitment::{Commitment, Salt},
    digest::{Digests, HashId},
    salt::RunSecret,
};

/// A run: its header, and the records of each submission.
pub(crate) type Run = (RunHeader, Vec<Vec<Record>>);

/// A file whose bytes are its name.
pub(crate) fn file(name: &str) -> Record {
    let digests = Digests::new(*sha256(name.as_bytes()).as_bytes());
    let path = RelativePath::new(name.as_bytes().to_vec()).unwrap();
    Record::Path { kind: Kind::File, path, size: Some(name.len() as u64), digests, own: Own::default() }
}

pub(crate) fn bare(byte: u8) -> Record {
    Record::Bare(Commitment(sha256(&[byte])))
}

pub(crate) fn with(mut record: Record, change: impl FnOnce(&mut Own)) -> Record {
    if let Record::Path { own, .. } = &mut record {
        change(own);
    }
    record
}

pub(crate) fn with_digest(mut record: Record, id: u64, digest: Vec<u8>) -> Record {
    if let Record::Path { digests, .. } = &mut record {
        assert!(digests.insert(HashId::new(id).unwrap(), digest));
    }
    record
}

pub(crate) fn link(mut record: Record) -> Record {
    if let Record::Path { kind, .. } = &mut record {
        *kind = Kind::Link;
    }
    record
}

pub(crate) fn plain() -> RunHeader {
    RunHeader::new(Blinding::Plain)
}

pub(crate) fn secret() -> RunHeader {
    RunHeader::new(Blinding::Secret(RunSecret::new([7; 32])))
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

pub(crate) fn holder_key() -> HolderKey {
    HolderKey::Ed25519(key().verifying_key().to_bytes())
}

/// Adds the key's signature to each record of a run.
pub(crate) fn sign((header, mut submissions): Run) -> Run {
    let opener = Opener::new(header.clone()).unwrap();
    for (place, record) in submissions.iter_mut().flatten().enumerate() {
        let Record::Path { digests, own, .. } = &*record else { continue };
        if let Ok(input) = opener.signing_input(place as u64, digests, own) {
            let signature = key().sign(&input).to_bytes();
            *record = with(record.clone(), |own| own.signature = Some(signature));
        }
    }
    (header, submissions)
}

/// Plain digests, two submissions.
pub(crate) fn plain_run() -> Run {
    (plain(), vec![vec![file("a"), file("b/c"), link(file("b/d"))], vec![file("e")]])
}

/// From a secret, with everything that a header can say, records that differ from it, and a bare one.
pub(crate) fn secret_run(log: &Log) -> Run {
    let header = RunHeader {
        holder: Some("Ada".to_owned()),
        agent: Some("Stamping Ltd".to_owned()),
        title: Some("Engines".to_owned()),
        after: Some(log.after_note()),
        key: Some(holder_key()),
        ..secret()
    };
    let other = |own: &mut Own| {
        own.holder = Some("Grace".to_owned());
        own.agent = Some(String::new());
        own.title = Some(String::new());
    };
    let first = vec![file("a"), bare(1), with(file("b"), other)];
    sign((header, vec![first, vec![with_digest(file("c"), 8, vec![8; 64]), file("d")]]))
}

/// Each record with salts of its own, as in a part that was split off.
pub(crate) fn own_run() -> Run {
    let salts = |byte: u8| {
        move |own: &mut Own| {
            own.salt = Some(Salt([byte; 32]));
            own.holder_salt = Some(Salt([byte + 1; 32]));
        }
    };
    let agent = |own: &mut Own| {
        salts(30)(own);
        own.agent = Some("Courier".to_owned());
        own.agent_salt = Some(Salt([32; 32]));
    };
    let nobody = |own: &mut Own| {
        own.holder = Some(String::new());
        own.salt = Some(Salt([40; 32]));
    };
    let header = RunHeader { holder: Some("Ada".to_owned()), ..RunHeader::new(Blinding::Own) };
    (
        header,
        vec![
            vec![with(file("x"), salts(20)), bare(2), with(file("y"), agent)],
            vec![with(file("z"), nobody)],
        ],
    )
}

/// The same submission twice and a third time, with another one between: two distinct roots.
pub(crate) fn repeated_run() -> Run {
    (plain(), vec![vec![file("a")], vec![file("b"), file("c")], vec![file("a")], vec![file("a")]])
}

/// Every sample run, in one bundle.
pub(crate) fn everything(log: &Log) -> Vec<Item> {
    assemble(log, vec![plain_run(), secret_run(log), own_run(), repeated_run()])
}

/// A whole bundle of these runs, with receipts.
pub(crate) fn assemble(log: &Log, runs: Vec<Run>) -> Vec<Item> {
    let mut items = vec![Item::Header(Header { policy: log.policy.as_bytes().to_vec() })];
    let mut walker = Walker::new();
    walker.step(&items[0]).unwrap();
    for (header, submissions) in runs {
        let run = without_receipts(header, submissions);
        let mut roots: Vec<Commitment> = Vec::new();
        for item in &run {
            match walker.step(item).unwrap() {
                Step::Mark { root, .. } if !roots.contains(&root) => roots.push(root),
                _ => {}
            }
        }
        items.extend(run);
        for receipt in log.receipts(&roots) {
            let item = Item::Receipt(Box::new(receipt));
            walker.step(&item).unwrap();
            items.push(item);
        }
    }
    walker.finish().unwrap();
    items
}

pub(crate) fn without_receipts(header: RunHeader, submissions: Vec<Vec<Record>>) -> Vec<Item> {
    let mut items = vec![Item::Run(Box::new(header))];
    for records in submissions {
        let mark = Item::Mark(records.len() as u64);
        items.extend(records.into_iter().map(Item::Record));
        items.push(mark);
    }
    items
}

pub(crate) fn bytes(items: &[Item]) -> Vec<u8> {
    let mut bytes = Vec::new();
    items.iter().for_each(|item| item.encode(&mut bytes));
    bytes
}
