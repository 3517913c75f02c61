//! The ways out of a refused start, as docs/operating.md has them ("When the log refuses to start"): a record that is written by
//! hand, and a new origin beside a log that stays readable. `startup` has the witness that is taken out, `restore` the mirror.

use treering_tests::{
    files,
    http::Http,
    log::{LogServer, recorded_head},
    mirror::MirrorServer,
    net::{self, Net, ORIGIN},
    random, view, wait,
};
use treering_tlog::{
    hash::{Hash, sha256},
    note::Note,
    policy::Policy,
    tree::TreeSize,
};
use treering_token::token::Token;

use crate::mirror;

/// The refusal of a start.
fn refused(log: &mut LogServer) -> String {
    let (status, stderr) = log.start_refused();
    assert_eq!(status.code(), Some(2), "{stderr}");
    stderr
}

/// Step by step: each witness is asked for the head that it cosigned last (`GET <its URL>/<SHA-256 of the origin, in
/// hex>/checkpoint`), the log's signature is looked at, and the largest of these heads is written down in three lines.
fn asked_for_the_record(net: &Net) -> (TreeSize, String) {
    let origin = sha256(ORIGIN.as_bytes()).to_string();
    let asked = net.policy.witnesses().iter().map(|witness| {
        let http = Http::new(witness.url.clone().expect("a URL"));
        let answer = http.get(&format!("/{origin}/checkpoint")).expect_status(200);
        let opened =
            net.policy.open(Note::parse(&answer.body).expect("a note")).expect("the log's signature");
        let mut lines = answer.text().lines().skip(1).map(str::to_owned);
        let (size, root) = (lines.next().expect("a size"), lines.next().expect("a root"));
        (opened.checkpoint.head().size, format!("treering-record/1\n{size}\n{root}\n"))
    });
    asked.max_by_key(|(size, _)| *size).expect("there are witnesses")
}

#[test]
fn a_missing_record_is_written_by_hand_from_what_the_witnesses_say() {
    let mut net = net::plan().start();
    let receipts: Vec<(Hash, Token)> = (1..4)
        .map(|count| {
            let commitments = random::commitments(count);
            (view::root_of(&commitments), net.log.stamp(&commitments))
        })
        .collect();
    // And a head that was signed and that no witness has seen.
    net.log.wait_idle();
    let seen = net.log.published_size();
    net.witnesses.iter_mut().for_each(treering_tests::witness::WitnessServer::kill);
    let last = random::commitments(2);
    net.log.submit(&last).expect_status(202);
    wait::until("it is signed", || (net.log_recorded() > seen.get()).then_some(()));
    net.log.kill();
    let lost = recorded_head(&net.log.record());
    std::fs::remove_file(net.log.record()).expect("a record");
    let said = refused(&mut net.log);
    assert!(said.contains("store.record is missing, although this log has signed checkpoints"), "{said}");

    net.witnesses.iter_mut().for_each(treering_tests::witness::WitnessServer::start);
    let (size, record) = asked_for_the_record(&net);
    assert_eq!(size, seen);
    assert!(size < lost.size);
    // A hand that errs does no harm: the store has to have that head.
    let larger = format!("treering-record/1\n{}\n{}\n", lost.size.get() + 1, lost.root.to_base64());
    for (wrong, why) in [
        (
            record.replacen("treering-record/1\n", "treering-record/1\r\n", 1),
            "is not a record of a signed head",
        ),
        (larger, "it was put back from an older copy, or has lost data"),
        (
            record.replacen(record.lines().nth(2).expect("a root"), &sha256(b"another").to_base64(), 1),
            "the store has another root",
        ),
    ] {
        std::fs::write(net.log.record(), wrong).expect("the record's file");
        let said = refused(&mut net.log);
        assert!(said.contains(why), "{said}");
    }

    std::fs::write(net.log.record(), record).expect("the record's file");
    net.log.start();
    view::verify(&net.policy, &net.log.receipt(&view::root_of(&last)), &view::root_of(&last));
    let next = random::commitments(1);
    view::verify(&net.policy, &net.log.stamp(&next), &view::root_of(&next));
    for (root, receipt) in &receipts {
        assert_eq!(net.log.receipt(root).index(), receipt.index());
    }
    assert!(net.log_recorded() > lost.size.get());
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

#[test]
fn without_the_policy_of_its_last_start_a_log_starts() {
    let mut net = net::plan().start();
    assert!(net.log.stop().success());
    let kept = net.log.dir().join("store.last-policy");
    let policy = std::fs::read(&kept).expect("the policy of the last start");
    // What can't be read.
    std::fs::remove_file(&kept).expect("a file");
    std::fs::create_dir(&kept).expect("a directory");
    let said = refused(&mut net.log);
    assert!(said.contains("the policy of the last start, ") && said.contains("Is a directory"), "{said}");
    std::fs::remove_dir(&kept).expect("an empty directory");
    net.log.start();
    net.log.stamp(&random::commitments(1));
    assert!(net.log.stop().success());
    assert_eq!(std::fs::read(&kept).expect("it is kept again"), policy);
    net.log.assert_clean();
}

/// A log of another origin with the same witnesses, running, and its policy.
fn follow(net: &Net, origin: &str) -> (LogServer, Policy) {
    let ports = (net::free_port(), net::free_port());
    let mut next = LogServer::init(
        &net.dir().join("next"),
        &net.dir().join("output"),
        origin,
        &net.witnesses_file(),
        ports,
    );
    next.set("tick_ms", "50");
    net.witnesses.iter().for_each(|witness| witness.add_log(&next.vkey()));
    next.start();
    let lines = std::fs::read_to_string(net.witnesses_file()).expect("the witnesses' lines");
    let policy = Policy::parse(format!("log {}\n{lines}", next.vkey()).as_bytes()).expect("a policy");
    (next, policy)
}

/// What is read at a log or at its mirror is one history of this size at least, and has its quorum.
fn assert_readable(net: &Net, http: &Http, size: u64) {
    let opened = view::open(&net.policy, &http.get("/checkpoint").expect_status(200).body).expect("a quorum");
    assert!(opened.checkpoint.head().size.get() >= size, "{size}");
    let mut seen = view::Seen::default();
    seen.add(opened.checkpoint.head());
    seen.assert_one_history(http);
}

#[test]
fn a_log_that_can_not_go_on_is_followed_by_one_of_a_new_origin_and_stays_readable() {
    let mut net = net::plan().start();
    let stamped = |net: &Net, count| {
        let commitments = random::commitments(count);
        (view::root_of(&commitments), net.log.stamp(&commitments))
    };
    let early = stamped(&net, 2);
    net.log.wait_idle();
    assert!(net.log.stop().success());
    let copied = net.dir().join("backup");
    files::copy(&net.log.store(), &copied);
    let record = std::fs::read(net.log.record()).expect("a record");
    net.log.start();
    let late = stamped(&net, 3);
    net.log.wait_idle();
    let size = net.log.published_size();
    let output = net.dir().join("output");
    let mut mirror =
        MirrorServer::init(&net.dir().join("mirror"), &output, &net.policy_file(), net::free_port());
    mirror.start();
    mirror::wait_for(&mirror, size);
    // What it had since is lost, and with it the record of it.
    assert!(net.log.stop().success());
    files::put_back(&copied, &net.log.store());
    std::fs::write(net.log.record(), record).expect("the record's file");
    net.log.start();
    wait::until("a witness speaks up", || {
        net.log.status()["degraded"].to_string().contains("beyond everything").then_some(())
    });

    let (next, policy) = follow(&net, "log.test/2027");
    let commitments = random::commitments(1);
    view::verify(&policy, &next.stamp(&commitments), &view::root_of(&commitments));

    // As it is: what it has is read as ever, and nothing is taken.
    let old = net.log.public();
    net.log.submit(&random::commitments(1)).expect_status(503);
    assert_readable(&net, old, early.1.index() + 1);
    let receipt = net.log.receipt(&early.0);
    assert_eq!(receipt.index(), early.1.index());
    view::verify(&net.policy, &receipt, &early.0);
    assert!(old.get("/v1/log").expect_status(200).text().contains(ORIGIN));

    // From its mirror: all that it ever had, also without it.
    net.log.kill();
    std::fs::remove_dir_all(net.log.dir()).expect("the log's directory");
    let copy = mirror.copy(ORIGIN);
    assert_readable(&net, &copy, size.get());
    let client = net.client();
    let made = net.new_dir("made");
    for (root, token) in [&early, &late] {
        let policy = net.policy_file();
        let from =
            ["receipt", "--from", copy.base(), "--policy", policy.to_str().expect("text"), "-o", "made"];
        let arguments = from.iter().map(|text| (*text).to_owned()).chain([root.to_string()]);
        client.run(net.dir(), arguments.collect::<Vec<_>>()).expect(0);
        let bytes = std::fs::read(made.join(format!("{root}.tlog-proof"))).expect("a receipt");
        let receipt = Token::parse(&bytes).expect("a receipt");
        assert_eq!(receipt.index(), token.index());
        view::verify(&net.policy, &receipt, root);
        // Old tokens stay valid.
        view::verify(&net.policy, token, root);
    }
}
