//! A bundle from a later day, with digests of an algorithm that isn't known here.

use crate::support::{Bench, FakeLog, Manner, snapshots};
use insta::assert_snapshot;
use treering_tlog::hash::sha256;
use treering_token::{
    bundle::{Blinding, Header, Item, Kind, Opener, Own, Record, RelativePath, RunHeader},
    digest::{Digests, HashId},
    salt::RunSecret,
};

/// `d/a`, `d/b` and `d/c`, of which two have such a digest.
fn bundle(bench: &Bench, log: &FakeLog) {
    let run = RunHeader::new(Blinding::Secret(RunSecret::new([7; 32])));
    let opener = Opener::new(run.clone()).unwrap();
    let mut items =
        vec![Item::Header(Header { policy: log.policy().into_bytes() }), Item::Run(Box::new(run))];
    let mut commitments = Vec::new();
    for (place, (name, content)) in [("a", "alpha"), ("b", "beta"), ("c", "gamma")].into_iter().enumerate() {
        bench.write(&format!("d/{name}"), content);
        let mut digests = Digests::new(*sha256(content.as_bytes()).as_bytes());
        if name != "b" {
            assert!(digests.insert(HashId::new(4_242).unwrap(), vec![9; 48]));
        }
        let record = Record::Path {
            kind: Kind::File,
            path: RelativePath::new(name.into()).unwrap(),
            size: Some(content.len() as u64),
            digests,
            own: Own::default(),
        };
        commitments.push(*opener.open(place as u64, &record).unwrap().commitment.0.as_bytes());
        items.push(Item::Record(record));
    }
    items.push(Item::Mark(3));
    let receipt = log.receipt(&commitments);
    items.push(Item::Receipt(Box::new(treering_token::token::Token::parse(receipt.as_bytes()).unwrap())));
    let mut bytes = Vec::new();
    items.iter().for_each(|item| item.encode(&mut bytes));
    bench.write("d.treering", bytes);
}

/// What was not checked is said, and is no reason to doubt what was.
#[test]
fn they_are_named_and_counted() {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bundle(&bench, &log);
    let (tree, file) = (bench.trusting(&["verify", "d", "--strict"]), bench.trusting(&["verify", "d/a"]));
    snapshots(|| {
        assert_snapshot!(tree.told(), @"
        exit 0
        not checked: the digests of 2 files by hash id 4242, which is not known here
        3 files verified
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
        assert_snapshot!(file.told(), @"
        exit 0
        d/a: verified (DIR/d.treering)
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          digests that agree with the claim: sha-256
          digest not checked: hash id 4242 is not known here
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
    });
    let objects = bench.trusting(&["verify", "d", "--json"]).objects();
    let unchecked: Vec<_> = objects.iter().map(|object| object["unchecked_digests"].to_string()).collect();
    assert_snapshot!(unchecked.join("\n"), @r#"
    null
    ["id 4242"]
    null
    ["id 4242"]
    null
    null
    "#);
    // SHA-256 is checked all the same.
    bench.write("d/a", "changed");
    assert_eq!(bench.trusting(&["verify", "d"]).code, 1);
}
