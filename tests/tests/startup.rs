//! What a start refuses: a store that was put back, a record that is gone, an origin that existed, a second log on one
//! store. A restored backup must not become a fork.

use std::path::PathBuf;

use treering_tests::{
    files,
    http::Answer,
    liar::{self, Conduct, Liar},
    log::{self, LogServer, recorded_size, shown},
    net::{self, Net, ORIGIN},
    random, view, wait,
};

use crate::words::settled;

/// A net whose log was copied, went on, and is stopped: the copy is of the store (and the record, if so wished).
fn rolled_back(with_record: bool) -> Net {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    assert!(net.log.stop().success());
    let copied = net.dir().join("backup");
    files::copy(&net.log.store(), &copied);
    let record = std::fs::read(net.log.record()).expect("a record");

    net.log.start();
    net.log.stamp(&random::commitments(1));
    net.log.stamp(&random::commitments(1));
    net.log.wait_idle();
    net.settled();
    assert!(net.log.stop().success());
    files::put_back(&copied, &net.log.store());
    if with_record {
        std::fs::write(net.log.record(), record).expect("the record's file");
    }
    net
}

/// What each witness cosigned last.
fn cosigned(net: &Net) -> Vec<String> {
    net.witnesses.iter().map(|witness| witness.latest(ORIGIN).expect_status(200).text().to_owned()).collect()
}

/// It refuses to start; what it says.
fn refused(log: &mut LogServer) -> String {
    let (status, stderr) = log.start_refused();
    assert_eq!(status.code(), Some(2), "{stderr}");
    let last =
        stderr.lines().filter(|line| line.starts_with("treering-log: ")).collect::<Vec<_>>().join("\n");
    settled(&last, log.dir())
}

#[test]
fn a_store_put_back_from_an_older_copy_never_signs() {
    let mut net = rolled_back(false);
    let before = cosigned(&net);
    let record = recorded_size(&net.log.record());
    insta::assert_snapshot!(refused(&mut net.log), @r#"treering-log: the store ends at size 1, but this log may have signed size 3: it was put back from an older copy, or has lost data; nothing is signed, since that would fork the log. Ways out: docs/operating.md, "When the log refuses to start""#);
    assert_eq!(cosigned(&net), before);
    assert_eq!(recorded_size(&net.log.record()), record);
}

#[test]
fn a_store_put_back_with_its_record_takes_nothing_and_never_signs() {
    let mut net = rolled_back(true);
    let before = cosigned(&net);
    net.log.start();
    let size = net.log.published_size();
    let why = wait::until("a witness speaks up", || {
        let why = net.log.status()["degraded"].to_string();
        why.contains("beyond everything this store may have signed").then_some(why)
    });
    assert!(why.contains("knows this log at size"), "{why}");
    let problem = net.log.submit(&random::commitments(1)).expect_status(503).json();
    assert_eq!(problem["type"], "urn:treering:problem:held", "{problem}");
    net.log.admin().get("/readyz").expect_status(503);
    net.log.admin().get("/readyz/publish").expect_status(503);
    // What it took before the witness spoke up, if anything, isn't sealed any more; and nothing is signed: the record says
    // what may have been.
    assert_eq!(net.log.status_number("pending"), Some(0));
    assert_eq!(net.log.status_number("sealed_size"), Some(size.get()));
    assert_eq!(net.log.published_size(), size);
    assert_eq!(recorded_size(&net.log.record()), size);
    assert_eq!(cosigned(&net), before);
}

#[test]
fn without_its_record_a_log_does_not_start() {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    assert!(net.log.stop().success());
    std::fs::remove_file(net.log.record()).expect("a record");
    insta::assert_snapshot!(refused(&mut net.log), @r#"treering-log: [dir]/store.record is missing, although this log has signed checkpoints: without it nobody can tell whether the store is the newest. Ways out: docs/operating.md, "When the log refuses to start""#);
}

#[test]
fn with_another_logs_record_a_log_does_not_start() {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    assert!(net.log.stop().success());
    let text = std::fs::read_to_string(net.log.record()).expect("a record");
    let root = text.lines().nth(2).expect("a root").to_owned();
    let other = treering_tlog::hash::sha256(b"another history").to_base64();
    std::fs::write(net.log.record(), text.replace(&root, &other)).expect("the record's file");
    insta::assert_snapshot!(refused(&mut net.log), @r#"treering-log: at size 1 the store has another root than the head this log may have signed: it holds another history; nothing is signed, since that would fork the log. Ways out: docs/operating.md, "When the log refuses to start""#);
}

#[test]
fn a_second_log_on_one_store_does_not_start_and_the_first_goes_on() {
    let net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    // The same directory under another configuration, with ports of its own.
    let second = net.dir().join("second");
    std::fs::create_dir(&second).expect("a new directory");
    for name in ["log.toml", "key", "witnesses.policy"] {
        std::fs::copy(net.log.dir().join(name), second.join(name)).expect("a copy");
    }
    let config = second.join("log.toml");
    files::set(&config, "store", &format!("{:?}", net.log.store()));
    for key in ["listen", "admin"] {
        files::set(&config, key, &format!("\"127.0.0.1:{}\"", net::free_port()));
    }
    let refused = || {
        let mut command = treering_tests::programs::command(treering_tests::programs::LOG);
        let output = command.args(["serve", "--dir"]).arg(&second).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("is in use by another process: only one log may write a history"), "{said}");
        assert_says_the_ways_out(&said);
    };
    refused();
    // Nor while the first one stands still, as a machine does that is suspended: it goes on afterwards.
    net.log.signal("STOP");
    refused();
    net.log.signal("CONT");
    let commitments = random::commitments(2);
    let receipt = net.log.stamp(&commitments);
    view::verify(&net.policy, &receipt, &view::root_of(&commitments));
}

#[test]
fn an_origin_that_existed_is_not_made_again() {
    let net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    let again = net.dir().join("again");
    let output = log::init(&again, ORIGIN, &net.witnesses_file(), net::free_port());
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    insta::assert_snapshot!(said, @"treering-log: a log of the origin log.test/2026 existed before; starting it anew would be a fork. Nothing was made. Choose a new origin.");
    assert!(!again.exists(), "something of it was made");
    // Another origin is another log.
    let output = log::init(&again, "log.test/other", &net.witnesses_file(), net::free_port());
    assert!(output.status.success(), "{}", shown(&output));
}

/// A key of an older copy, and a store that begins anew: witnesses know more than nothing.
#[test]
fn a_log_that_lost_store_and_record_signs_nothing() {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    net.settled();
    assert!(net.log.stop().success());
    let before = cosigned(&net);
    std::fs::remove_dir_all(net.log.store()).expect("a store");
    std::fs::remove_file(net.log.record()).expect("a record");
    net.log.start();
    wait::until("a witness speaks up", || {
        net.log.status()["degraded"].to_string().contains("beyond everything").then_some(())
    });
    net.log.submit(&random::commitments(1)).expect_status(503);
    assert_eq!(net.log.status_number("sealed_size"), Some(0));
    let hidden: Answer = net.log.public().get("/checkpoint").expect_status(404);
    assert_eq!(hidden.json()["type"], "urn:treering:problem:not_published");
    assert_eq!(cosigned(&net), before);
}

/// A new log whose witnesses don't know it yet accepts and waits, and goes on once a blocking set knows it.
#[test]
fn a_new_log_waits_for_witnesses_that_know_it() {
    let net = net::plan().start();
    let ports = (net::free_port(), net::free_port());
    let (dir, origin) = (net.dir().join("new"), "log.test/new");
    let mut log = LogServer::init(&dir, &net.dir().join("output"), origin, &net.witnesses_file(), ports);
    log.set("tick_ms", "50");
    log.start();
    let why = wait::until("it says what it waits for", || {
        let why = log.status()["degraded"].to_string();
        // Each of the three has answered: before that, it says of some that they weren't asked yet.
        (why.contains("waiting for witnesses") && !why.contains("not asked yet")).then_some(why)
    });
    assert!(why.contains("the witness does not know this log (404)"), "{why}");
    let commitments = random::commitments(2);
    let root = view::root_of(&commitments);
    let accepted = log.submit(&commitments).expect_status(202);
    net.witnesses[0].add_log(&log.vkey());
    log.public().get(accepted.header("location")).expect_status(202);
    log.public().get("/checkpoint").expect_status(404);
    // Two of three: those who don't know it can't be a quorum any more, and those who do are one.
    net.witnesses[2].add_log(&log.vkey());
    let lines = std::fs::read_to_string(net.witnesses_file()).expect("the witnesses' lines");
    let policy = format!("log {}\n{lines}", log.vkey());
    let policy = treering_tlog::policy::Policy::parse(policy.as_bytes()).expect("a policy");
    view::verify(&policy, &log.receipt(&root), &root);
}

/// One of the ways out (the others are in `ways_out`): a witness that is wrong is taken out of the policy, and everybody can see that.
#[test]
fn a_witness_that_is_wrong_is_taken_out_of_the_policy_and_that_is_shown() {
    let liar = Liar::start();
    let mut net = net::plan().other(liar::NAME, liar.policy_line()).start();
    net.log.stamp(&random::commitments(1));
    let changes = |log: &LogServer| -> Vec<String> {
        let is_one = |line: &&str| line.contains(" WARN ") && line.contains("since the last start");
        log.stderr().lines().filter(is_one).map(str::to_owned).collect()
    };
    assert!(changes(&net.log).is_empty(), "of a new log: {:?}", changes(&net.log));
    assert!(net.log.stop().success());
    liar.be(Conduct::Objects);
    net.log.start();
    wait::until("it is held", || {
        let why = net.log.status()["degraded"].to_string();
        why.contains("the witness liar knows this log at size 4611686018427387904").then_some(())
    });
    assert!(changes(&net.log).is_empty(), "nothing has changed: {:?}", changes(&net.log));
    let held = random::commitments(2);
    net.log.submit(&held).expect_status(503);
    let shown = || net.log.public().get("/v1/policy").expect_status(200).text().to_owned();
    assert!(shown().contains("witness liar "), "{}", shown());

    assert!(net.log.stop().success());
    let file = net.log.dir().join("witnesses.policy");
    let text = std::fs::read_to_string(&file).expect("a policy");
    let without =
        text.lines().filter(|line| !line.starts_with("witness liar ")).map(|line| line.replace(" liar", ""));
    std::fs::write(&file, without.map(|line| line + "\n").collect::<String>()).expect("a policy");
    net.log.start();
    view::verify(&net.policy, &net.log.stamp(&held), &view::root_of(&held));
    let shown = net.log.public().get("/v1/policy").expect_status(200).text().to_owned();
    assert!(!shown.contains("liar"), "{shown}");
    let told = changes(&net.log);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("the witness liar (") && told[0].contains("has left the policy"), "{told:?}");
    let quorum = "the quorum has changed from 2 of w1, w2, w3, liar to 2 of w1, w2, w3";
    assert!(told[1].contains(quorum), "{told:?}");

    // Told once; and a witness that comes is told as well.
    assert!(net.log.stop().success());
    net.log.start();
    assert!(changes(&net.log).is_empty(), "told twice: {:?}", changes(&net.log));
    assert!(net.log.stop().success());
    std::fs::write(&file, text).expect("a policy");
    liar.be(Conduct::Honest);
    net.log.start();
    let told = changes(&net.log);
    assert!(
        told.len() == 2 && told[0].contains("the witness liar (") && told[0].contains("has joined"),
        "{told:?}"
    );
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// A log with some entries in its WAL alone, killed; and that WAL's file.
fn killed_with_wal() -> (Net, PathBuf) {
    let mut net = net::plan().start();
    for count in 1..8 {
        net.log.stamp(&random::commitments(count));
    }
    net.settled();
    net.log.kill();
    let is_wal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    let wals = files::below(&net.log.store()).into_iter().filter(is_wal);
    let largest =
        wals.max_by_key(|path| std::fs::metadata(path).map_or(0, |data| data.len())).expect("a WAL");
    (net, largest)
}

/// Once, and at the end: the section of the documentation that has the way out of each refusal.
fn assert_says_the_ways_out(stderr: &str) {
    let last = stderr.lines().last().unwrap_or_default();
    assert!(last.ends_with(". Ways out: docs/operating.md, \"When the log refuses to start\""), "{stderr}");
    assert_eq!(last.matches("Ways out").count(), 1, "{stderr}");
}

/// RocksDB's default would open it without a word, and without what was synced behind the damage.
#[test]
fn a_wal_with_a_flipped_bit_is_not_cut_off_there() {
    let (mut net, wal) = killed_with_wal();
    let middle = std::fs::metadata(&wal).expect("a WAL").len() / 2;
    files::flip(&wal, usize::try_from(middle).expect("a short file"));
    let before = cosigned(&net);
    let (status, stderr) = net.log.start_refused();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("treering-log: the store is damaged: the record at "), "{stderr}");
    assert_says_the_ways_out(&stderr);
    assert_ne!(net.log.command("check").status.code(), Some(0));
    assert_eq!(cosigned(&net), before);
}

/// The very last write can't be told from one that a power cut has torn: it is cut off, and whoever opens the store says so.
#[test]
fn what_is_cut_off_the_end_of_the_wal_is_told() {
    let (mut net, wal) = killed_with_wal();
    files::flip(
        &wal,
        usize::try_from(std::fs::metadata(&wal).expect("a WAL").len()).expect("a short file") - 1,
    );
    let damaged = net.dir().join("damaged");
    files::copy(&net.log.store(), &damaged);
    let told = |said: &str| {
        let name = wal.file_name().expect("a file").to_string_lossy();
        let words = ["the last ", &name, "were no whole write, as a power cut leaves it, and were cut off"];
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    };
    let checked = net.log.command("check");
    assert_eq!(checked.status.code(), Some(0), "{}", shown(&checked));
    told(&shown(&checked));

    files::put_back(&damaged, &net.log.store());
    let to = net.dir().join("backup");
    let made = net.log.command_with("backup", &["--to", to.to_str().expect("text")]);
    assert!(made.status.success(), "{}", shown(&made));
    told(&shown(&made));

    files::put_back(&damaged, &net.log.store());
    net.log.start();
    told(&net.log.stderr());
    net.log.wait_idle();
    assert!(net.log.stop().success());
    // It is gone, and nothing more is to be told.
    let checked = net.log.command("check");
    assert!(checked.status.success() && !shown(&checked).contains("whole write"), "{}", shown(&checked));
}

/// A torn tail is what a power cut may leave, so RocksDB takes it; but what was signed was synced before, and the
/// record knows it.
#[test]
fn a_wal_that_lost_its_end_is_behind_the_record() {
    let (mut net, wal) = killed_with_wal();
    let file = std::fs::OpenOptions::new().write(true).open(&wal).expect("a WAL");
    let half = file.metadata().expect("a WAL").len() / 2;
    file.set_len(half).expect("it can be cut");
    let before = cosigned(&net);
    let (status, stderr) = net.log.start_refused();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("it was put back from an older copy, or has lost data"), "{stderr}");
    assert_eq!(cosigned(&net), before);
}
