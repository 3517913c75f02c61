//! The library, as other programs call it; what it makes, the command takes.

use crate::support::{Bench, FakeLog, Manner};
use std::{path::PathBuf, process::Command, time::Duration};
use treering::{
    Client,
    stamp::{Error, Evidence, Stamper},
};
use treering_tlog::{hash::sha256, policy::Policy};

fn stamper(log: &FakeLog) -> Stamper {
    Stamper::new(Client::new(log.url()).unwrap(), Policy::parse(log.policy().as_bytes()).unwrap())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn paths(bench: &Bench, names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| bench.write(&format!("d/{name}"), format!("this is {name}"))).collect()
}

#[test]
fn files_come_out_as_tokens_and_as_a_bundle() {
    let log = FakeLog::start(Manner { max_hashes: 2, pending: 1, ..Manner::default() });
    let bench = Bench::new(&log);
    let files = paths(&bench, &["a", "b", "c", "d", "e"]);
    let evidence = run(stamper(&log).holder("Ada").agent("Bob").title("five").files(files)).unwrap();
    let mut sizes = log.submissions();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2, 2]);
    assert_eq!((evidence.receipts().count(), evidence.attested().count()), (3, 3));
    bench.write("d.treering", evidence.bundle());
    let verified = bench.trusting(&["verify", "d", "--strict"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    std::fs::remove_file(bench.path("d.treering")).unwrap();
    for (name, token) in ["a", "b", "c", "d", "e"].iter().zip(evidence.tokens().unwrap()) {
        bench.write(&format!("d/{name}.tlog-proof"), token.to_string());
        let verified = bench.trusting(&["verify", &format!("d/{name}")]);
        assert!(verified.code == 0 && verified.out.contains("holder: Ada"), "{verified:?}");
        assert!(verified.out.contains("stamped not before"), "{verified:?}");
    }
    bench.write("d/b", "something else");
    assert_eq!(bench.trusting(&["verify", "d/b"]).code, 1);
}

#[test]
fn plain_digests_and_equal_ones() {
    let log = FakeLog::start(Manner { max_hashes: 2, ..Manner::default() });
    let bench = Bench::new(&log);
    let digest = *sha256(b"alpha").as_bytes();
    let evidence: Evidence = run(stamper(&log).plain().digests([digest; 4])).unwrap();
    let tokens = evidence.tokens().unwrap();
    assert_eq!(tokens.len(), 4);
    bench.write("a", "alpha");
    bench.write("a.tlog-proof", tokens[3].to_string());
    assert_eq!(bench.trusting(&["verify", "a"]).code, 0);
    bench.write("d/a", "alpha");
    bench.write("d.treering", evidence.bundle());
    // The bundle is whole: the same submission twice has one receipt.
    assert_eq!(bench.trusting(&["show", "d.treering", "--policy", "policy"]).code, 0);
}

#[test]
fn what_goes_wrong_is_told_apart() {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    let digest = || [*sha256(b"alpha").as_bytes()];
    let failed = |manner: Manner, seed: u8| {
        let other = FakeLog::with_keys(manner, seed);
        let trusting = Policy::parse(log.policy().as_bytes()).unwrap();
        let client = Client::new(other.url()).unwrap().with_attempts(1);
        run(Stamper::new(client, trusting).wait(Duration::ZERO).digests(digest())).unwrap_err()
    };
    assert!(matches!(failed(Manner::default(), 9), Error::Checkpoint(_)));
    assert!(matches!(
        failed(Manner { unmet: true, ..Manner::default() }, 7),
        Error::NoAfter { cosigned: 1, witnesses: 2 }
    ));
    assert!(matches!(failed(Manner { lying: true, ..Manner::default() }, 7), Error::Receipt { .. }));
    assert!(matches!(
        failed(Manner { lacking: 99, ..Manner::default() }, 7),
        Error::NotYet { unmet: Some(_), .. }
    ));
    assert!(matches!(failed(Manner { busy: 99, ..Manner::default() }, 7), Error::Client(_)));
    assert!(matches!(run(stamper(&log).digests([])), Err(Error::Nothing)));
    let long = stamper(&log).title("x".repeat(1025));
    assert!(matches!(run(long.digests(digest())), Err(Error::Claim(_))));
    // A file that can't be read leaves the run as it was.
    run(async {
        let mut run = stamper(&log).begin().await.unwrap();
        assert!(matches!(run.push_file(&bench.path("none")).await, Err(Error::File { .. })));
        assert!(run.is_empty());
        run.push_file(&bench.write("a", "alpha")).await.unwrap();
        assert_eq!(run.finish().await.unwrap().tokens().unwrap().len(), 1);
    });
}

#[test]
fn the_example_program_stamps_in_its_own_flow() {
    // Cargo builds examples beside the command when it runs all tests.
    let example =
        PathBuf::from(env!("CARGO_BIN_EXE_treering")).with_file_name("examples").join("stamp_in_flow");
    if !example.exists() {
        eprintln!("{} isn't built: `cargo test` without --test builds it", example.display());
        return;
    }
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    let file = bench.write("a", "alpha");
    let output = Command::new(example).arg(log.url()).arg(bench.path("policy")).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("existed before "));
    assert_eq!(bench.trusting(&["verify", "a"]).code, 0);
}
