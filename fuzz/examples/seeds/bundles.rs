//! Bundles: of each kind of run.

use ed25519_dalek::Signer as _;
use treering_fuzz::vectors::{NOTES, TOKENS};
use treering_tlog::hash::sha256;
use treering_token::{
    bundle::{Blinding, Header, Item, Kind, Opener, Own, Record, RelativePath, RunHeader},
    claim::HolderKey,
    commitment::{Commitment, Salt},
    digest::{Digests, HashId},
    salt::RunSecret,
    token::Token,
};

use crate::{Seeds, seed};

/// Each begins with the byte that says how it is cut.
pub(crate) fn bundles() -> Seeds {
    let whole = [header(), plain_run(), secret_run(), own_run()].concat();
    let bytes = |cut: u8, items: &[Item]| {
        let mut bytes = vec![cut];
        items.iter().for_each(|item| item.encode(&mut bytes));
        bytes
    };
    vec![
        seed("whole", bytes(40, &whole)),
        seed("plain", bytes(0, &[header(), plain_run()].concat())),
        seed("secret", bytes(5, &[header(), secret_run()].concat())),
        seed("own_salts", bytes(255, &[header(), own_run()].concat())),
        seed("records_out_of_place", bytes(3, &[header(), own_run()[2..].to_vec(), plain_run()].concat())),
    ]
}

fn header() -> Vec<Item> {
    vec![Item::Header(Header { policy: b"quorum none\n".to_vec() })]
}

fn plain_run() -> Vec<Item> {
    let same = || vec![file("a", Own::default())];
    let link = match file("b/c", Own::default()) {
        Record::Path { path, size, digests, own, .. } => {
            Record::Path { kind: Kind::Link, path, size, digests, own }
        }
        bare => bare,
    };
    run(
        RunHeader::new(Blinding::Plain),
        vec![same(), vec![link, Record::Bare(Commitment(sha256(b"x")))], same()],
    )
}

fn secret_run() -> Vec<Item> {
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let header = RunHeader {
        blinding: Blinding::Secret(RunSecret::new([7; 32])),
        holder: Some("Ada".to_owned()),
        agent: Some("Stamping Ltd".to_owned()),
        title: Some("Engines".to_owned()),
        after: Some(NOTES.checkpoints[0].signed.clone().into_bytes()),
        key: Some(HolderKey::Ed25519(key.verifying_key().to_bytes())),
    };
    let mut record = file("a", Own { agent: Some(String::new()), ..Own::default() });
    let opener = Opener::new(header.clone()).expect("a header");
    if let Record::Path { digests, own, .. } = &mut record {
        let input = opener.signing_input(0, digests, own).expect("it has a key");
        own.signature = Some(key.sign(&input).to_bytes());
    }
    run(header, vec![vec![record]])
}

fn own_run() -> Vec<Item> {
    let header = RunHeader { holder: Some("Ada".to_owned()), ..RunHeader::new(Blinding::Own) };
    let salt = |byte| Some(Salt([byte; 32]));
    let own = Own { salt: salt(1), holder_salt: salt(2), ..Own::default() };
    let agent = Own { agent: Some("Courier".to_owned()), agent_salt: salt(3), ..own.clone() };
    run(header, vec![vec![file("x", own), file("y", agent)]])
}

fn file(path: &str, own: Own) -> Record {
    let mut digests = Digests::new(*sha256(path.as_bytes()).as_bytes());
    if own.salt.is_some() {
        assert!(digests.insert(HashId::new(99).expect("an id"), vec![9; 9]));
    }
    let path = RelativePath::new(path.as_bytes().to_vec()).expect("a path");
    Record::Path { kind: Kind::File, path, size: Some(1), digests, own }
}

/// With a receipt for each distinct submission, which a walker doesn't verify.
fn run(header: RunHeader, submissions: Vec<Vec<Record>>) -> Vec<Item> {
    let receipt = Token::parse(TOKENS.case("receipt").tokens[0].as_bytes()).expect("a receipt");
    let mut distinct: Vec<&Vec<Record>> = Vec::new();
    submissions.iter().for_each(|records| {
        if !distinct.contains(&records) {
            distinct.push(records);
        }
    });
    let receipts = distinct.len();
    let mut items = vec![Item::Run(Box::new(header))];
    for records in submissions {
        let mark = Item::Mark(records.len() as u64);
        items.extend(records.into_iter().map(Item::Record));
        items.push(mark);
    }
    items.extend((0..receipts).map(|_| Item::Receipt(Box::new(receipt.clone()))));
    items
}
