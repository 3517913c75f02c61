//! The library, as other programs call it; what it makes, the command takes.

use crate::support::{Bench, FakeLog, Manner};
use std::{path::PathBuf, process::Command, time::Duration};
use treering::{
    Client,
    stamp::{Bundled, Error, Evidence, Passed, Stamper},
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

/// Stamps paths of the bench into a bundle of it; what was told on the way, each as one line without the bench's own path.
fn bundle(
    stamper: &Stamper,
    bench: &Bench,
    names: &[&str],
    output: &str,
) -> (Result<Bundled, Error>, Vec<String>) {
    let (tell, told) = std::sync::mpsc::channel();
    let paths = names.iter().map(|name| bench.path(name));
    let passed = move |passed: Passed| tell.send(passed.to_string()).unwrap();
    let done = run(stamper.tree(paths, &bench.path(output), passed));
    let here = format!("{}/", bench.path("").display());
    (done, told.iter().map(|line| line.replace(&here.replace("//", "/"), "")).collect())
}

#[test]
fn a_tree_of_any_size_becomes_a_bundle() {
    let log = FakeLog::start(Manner { max_hashes: 2, pending: 1, ..Manner::default() });
    let bench = Bench::new(&log);
    for name in ["a", "b/c", "b/d", "e"] {
        bench.write(&format!("d/{name}"), format!("this is {name}"));
    }
    std::os::unix::fs::symlink("a", bench.path("d/link")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(bench.path("d/socket")).unwrap();
    let (done, told) = bundle(&stamper(&log).holder("Ada"), &bench, &["d"], "d.treering");
    drop(socket);
    let done = done.unwrap();
    assert_eq!((done.records, done.attested.len()), (5, 3));
    assert_eq!(told, ["d/socket: left out: a socket"]);
    let mut sizes = log.submissions();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2, 2]);
    let verified = bench.trusting(&["verify", "d/b/c", "--strict"]);
    assert!(verified.code == 0 && verified.out.contains("holder: Ada"), "{verified:?}");
    assert_eq!(bench.trusting(&["verify", "d"]).code, 0);
    assert!(!bench.list("").iter().any(|name| name.contains("partial")), "{:?}", bench.list(""));
}

#[test]
fn several_paths_keep_their_names_and_one_that_is_not_there_is_told() {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("d/a", "alpha");
    bench.write("f", "gamma");
    let (done, told) = bundle(&stamper(&log).plain(), &bench, &["d", "none", "f"], "both.treering");
    assert_eq!(done.unwrap().records, 2);
    assert_eq!(told, ["none: not stamped: there is no such file or directory"]);
    let shown = bench.run(&["show", "both.treering", "--policy", "policy"]);
    assert!(shown.code == 0, "{shown:?}");
}

#[test]
fn a_tree_that_can_not_become_a_bundle_leaves_none() {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("d/a", "alpha");
    std::fs::create_dir(bench.path("empty")).unwrap();
    let none = |stamper: &Stamper, names: &[&str], output: &str| {
        let error = bundle(stamper, &bench, names, output).0.unwrap_err();
        assert!(!bench.list("").iter().any(|name| name.contains("partial")), "{:?}", bench.list(""));
        error
    };
    assert!(matches!(none(&stamper(&log), &["empty"], "x"), Error::Nothing));
    assert!(matches!(none(&stamper(&log), &["none"], "x"), Error::Nothing));
    assert!(matches!(none(&stamper(&log), &["d"], "no/such/place"), Error::Bundle { .. }));
    assert!(matches!(none(&stamper(&log), &["d", "d/../d"], "x"), Error::Bundle { .. }));
    bench.write("there", "evidence of an earlier time");
    let there = none(&stamper(&log), &["d"], "there");
    assert!(
        there.to_string().ends_with("there: something is there already, maybe evidence of an earlier time")
    );
    assert_eq!(bench.read("there"), b"evidence of an earlier time");
    log.behave(|manner| manner.lying = true);
    assert!(matches!(none(&stamper(&log), &["d"], "x"), Error::Receipt { .. }));
    log.behave(|manner| (manner.lying, manner.lacking) = (false, 99));
    assert!(matches!(none(&stamper(&log).wait(Duration::ZERO), &["d"], "x"), Error::NotYet { .. }));
    assert!(!bench.exists("x"));
}

/// Whoever can go on with it has hashed for hours.
#[test]
fn what_an_unfinished_run_of_the_command_left_is_not_touched() {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("d/a", "alpha");
    bench.write(".d.treering.partial", "the beginning of a bundle");
    let error = bundle(&stamper(&log), &bench, &["d"], "d.treering").0.unwrap_err();
    assert!(
        matches!(error, Error::Bundle { .. }) && error.to_string().contains("treering resume"),
        "{error}"
    );
    assert_eq!(bench.read(".d.treering.partial"), b"the beginning of a bundle");
    // What the library's own runs leave when they are killed is no use to anybody.
    bench.write(".e.treering.partial", "");
    bench.write(".e.treering.partial.new", "the beginning of a bundle");
    bundle(&stamper(&log), &bench, &["d"], "e.treering").0.unwrap();
    assert_eq!(bench.trusting(&["verify", "d", "e.treering", "--strict"]).code, 0);
    assert!(!bench.list("").iter().any(|name| name.starts_with(".e")), "{:?}", bench.list(""));
}

#[test]
fn who_drops_the_future_gets_no_bundle() {
    let log = FakeLog::start(Manner { max_hashes: 1, stalled_after: 1, ..Manner::default() });
    let bench = Bench::new(&log);
    bench.write("d/a", "alpha");
    bench.write("d/b", "beta");
    // The runtime waits for its blocking threads when it goes: were the work to go on, it would wait for ever.
    run(async {
        let stamper = stamper(&log);
        let output = bench.path("d.treering");
        let mut work = std::pin::pin!(stamper.tree([bench.path("d")], &output, |_| ()));
        while log.submissions().is_empty() {
            tokio::select! {
                done = &mut work => panic!("{done:?}"),
                () = tokio::time::sleep(Duration::from_millis(10)) => {}
            }
        }
    });
    assert_eq!(
        bench.list("").iter().filter(|name| name.contains("treering")).count(),
        0,
        "{:?}",
        bench.list("")
    );
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
