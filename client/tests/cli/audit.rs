//! `treering audit`: the log is asked whether what it signed still stands.

use crate::support::{Bench, FakeLog, Manner, Ran, snapshots};
use insta::assert_snapshot;

fn audited(bench: &Bench, log: &FakeLog, args: &[&str]) -> Ran {
    bench.trusting(&[&["audit", "--from", log.url()], args].concat())
}

/// A bundle and two tokens, and a log that has grown since.
fn grown() -> (FakeLog, Bench) {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("d/a", "alpha");
    bench.write("b", "beta");
    bench.stamp(&log, &["d"]);
    log.grow(3);
    bench.stamp(&log, &["b"]);
    log.grow(9);
    (log, bench)
}

#[test]
fn what_is_there_is_found_there() {
    let (log, bench) = grown();
    let ran = audited(&bench, &log, &["d.treering", "b.tlog-proof"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        the newest checkpoint of the log log.example: size 11; its witnesses cosigned it at [time]
        2 entries are there, in trees that the newest one begins with
        ");
    });
    let names: Vec<_> = audited(&bench, &log, &["d.treering", "--json"]).objects();
    let kinds: Vec<_> = names.iter().map(|object| object["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["newest", "entry", "finished"]);
    assert_eq!((&names[1]["result"], &names[2]["there"]), (&"there".into(), &1.into()));
}

/// Under its own signatures: proof for anybody.
#[test]
fn a_rewritten_history_is_proved() {
    let (log, bench) = grown();
    log.fork();
    let ran = audited(&bench, &log, &["d.treering", "b.tlog-proof", "--evidence", "found"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 1
        the newest checkpoint of the log log.example: size 11; its witnesses cosigned it at [time]
        d.treering, submission [hash]: entry 0: the log has SIGNED TWO HISTORIES: its tree of size 1 is not the beginning of its tree of size 11. Both checkpoints are signed by it
          evidence: found; anybody can judge it: treering-witness evidence found --policy POLICY
        b.tlog-proof: entry 4: the log has SIGNED TWO HISTORIES: its tree of size 5 is not the beginning of its tree of size 11. Both checkpoints are signed by it
        0 entries are there, in trees that the newest one begins with
        ");
    });
    let evidence = bench.read("found");
    assert!(evidence.starts_with(b"\x89\x73treering.evidence/1\x6cinconsistent"), "{evidence:02x?}");
}

#[test]
fn an_entry_that_is_served_otherwise_is_told_and_kept() {
    let (log, bench) = grown();
    log.be(Manner { spoiled: true, ..Manner::default() });
    let ran = audited(&bench, &log, &["b.tlog-proof", "--evidence", "found"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 1
        the newest checkpoint of the log log.example: size 11; its witnesses cosigned it at [time]
        b.tlog-proof: entry 4: entry 4 as it is served is not the token's, though its hash is in the tree: whoever serves it has changed or lost it
          evidence: found; anybody can judge it: treering-witness evidence found --policy POLICY
        0 entries are there, in trees that the newest one begins with
        ");
    });
    assert!(bench.read("found").starts_with(b"\x89\x73treering.evidence/1\x6bwrong_entry"));
}

#[test]
fn an_outage_or_another_log_is_no_proof() {
    let (log, bench) = grown();
    let gone = bench.trusting(&["audit", "d.treering", "--from", "http://127.0.0.1:9"]);
    assert_eq!(gone.code, 2, "{gone:?}");
    let other = FakeLog::with_keys(Manner::default(), 9);
    let ran = audited(&bench, &other, &["d.treering"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 1
        treering: no policy accepts what is served as the newest checkpoint: no key of the log has signed this checkpoint
        ");
    });
    bench.write("nonsense", "x");
    assert_eq!(audited(&bench, &log, &["nonsense"]).code, 2);
    // A mirror that is behind.
    let (behind, older) = (FakeLog::start(Manner::default()), bench.read("b.tlog-proof"));
    behind.grow(2);
    bench.write("b.tlog-proof", older);
    let ran = audited(&bench, &behind, &["b.tlog-proof"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains("behind"), "{ran:?}");
}
