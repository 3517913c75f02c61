//! A store made anew from what readers have: from the log's own HTTP, from a mirror when the log is gone, and from a backup
//! and a mirror.
//! What was restored signs only if record and witnesses agree.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Output,
    thread,
};

use treering_tests::{
    http::Http,
    log::{OCTETS, SUBMISSIONS, recorded_size, shown},
    mirror::MirrorServer,
    net::{self, Net, ORIGIN},
    random, view, wait,
};
use treering_token::token::Token;

use crate::backup;

/// A place for a log with the same key and configuration, and without a store.
fn bare(net: &Net, name: &str) -> PathBuf {
    let dir = net.new_dir(name);
    for file in ["log.toml", "key", "witnesses.policy"] {
        std::fs::copy(net.log.dir().join(file), dir.join(file)).expect("a copy");
    }
    dir
}

fn restore(net: &Net, dir: &Path, from: &[&str]) -> Output {
    let mut command = net.log.program();
    command.args(["restore", "--dir"]).arg(dir).args(from).output().expect("the program starts")
}

fn restored(net: &Net, dir: &Path, from: &[&str]) -> String {
    let output = restore(net, dir, from);
    assert!(output.status.success(), "{}", shown(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn refused(net: &Net, dir: &Path, from: &[&str]) -> String {
    let output = restore(net, dir, from);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A submission, and its receipt.
type Stamped = (Vec<[u8; 32]>, Token);

/// A log with some submissions, and the receipts that it gave.
fn filled() -> (Net, Vec<Stamped>) {
    filled_by(net::plan())
}

fn filled_by(plan: net::Plan) -> (Net, Vec<Stamped>) {
    let net = plan.start();
    let submissions: Vec<_> = (1..6).map(random::commitments).collect();
    let receipts = submissions.into_iter().map(|submission| {
        let receipt = net.log.stamp(&submission);
        (submission, receipt)
    });
    let receipts = receipts.collect();
    net.log.wait_idle();
    (net, receipts)
}

/// Puts a restored store into the stopped log's place.
fn put_in_place(net: &Net, dir: &Path) {
    std::fs::remove_dir_all(net.log.store()).expect("a store");
    std::fs::rename(dir.join("store"), net.log.store()).expect("a store");
}

#[test]
fn a_lost_store_is_made_anew_from_a_reader_and_signs_on() {
    let (mut net, receipts) = filled();
    let dir = bare(&net, "anew");
    let url = net.log.public().base().to_owned();
    let told = restored(&net, &dir, &["--from-mirror", &url]);
    assert!(told.contains("5 entries, 5 submissions in 5 batches"), "{told}");
    assert!(told.contains("there was no record; now it says size 5"), "{told}");
    assert_eq!(recorded_size(&dir.join("store.record")).get(), 5);
    // Never over a store.
    assert!(refused(&net, &dir, &["--from-mirror", &url]).contains("a store is never overwritten"));

    assert!(net.log.stop().success());
    put_in_place(&net, &dir);
    net.log.assert_clean();
    // Its witnesses know nothing beyond it, so it goes on.
    assert_goes_on(&mut net, &receipts, 5);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// A mirror of the log that has all that is published now, and serves it.
fn mirror(net: &Net, name: &str) -> MirrorServer {
    let output = net.dir().join("output");
    let mut mirror = MirrorServer::init(&net.dir().join(name), &output, &net.policy_file(), net::free_port());
    mirror.start();
    let size = net.log.published_size().to_string();
    wait::until(&format!("{name} has size {size}"), || {
        let answer = mirror.copy(ORIGIN).get("/checkpoint");
        (answer.status == 200 && answer.text().lines().nth(1) == Some(size.as_str())).then_some(())
    });
    mirror
}

/// Every submission that is sent again, and every receipt that is asked for, has the place that it had.
fn assert_places(net: &Net, receipts: &[Stamped]) {
    for (submission, receipt) in receipts {
        let headers = [("content-type", OCTETS), ("prefer", "wait=30")];
        let again = net.log.public().post(SUBMISSIONS, &headers, submission.concat());
        let again = Token::parse(&again.expect_status(200).body).expect("a receipt");
        let root = view::root_of(submission);
        for receipt_now in [again, net.log.receipt(&root)] {
            view::verify(&net.policy, &receipt_now, &root);
            assert_eq!((receipt_now.index(), receipt_now.layers()), (receipt.index(), receipt.layers()));
        }
    }
}

/// It starts, has all that it had, and signs on from this size.
fn assert_goes_on(net: &mut Net, receipts: &[Stamped], size: u64) {
    net.log.start();
    assert_places(net, receipts);
    let next = random::commitments(2);
    let receipt = net.log.stamp(&next);
    assert_eq!(receipt.index(), size);
    view::verify(&net.policy, &receipt, &view::root_of(&next));
}

/// Two mirrors, and the first is behind. The log dies with its store.
#[test]
fn from_a_mirror_a_dead_log_has_every_place_again_and_signs_only_where_it_was() {
    let (mut net, mut receipts) = filled();
    let mut behind = mirror(&net, "behind");
    let behind_size = net.log.published_size();
    behind.stop();
    let last = random::commitments(3);
    receipts.push((last.clone(), net.log.stamp(&last)));
    net.log.wait_idle();
    let whole = mirror(&net, "whole");
    net.log.kill();
    std::fs::remove_dir_all(net.log.store()).expect("a store");
    behind.start();
    let (behind, whole) = (behind.copy(ORIGIN), whole.copy(ORIGIN));
    let size = behind_size.get();

    // With the log's record, a mirror that is behind isn't even taken.
    let dir = bare(&net, "with-record");
    std::fs::copy(net.log.record(), dir.join("store.record")).expect("a copy");
    let why = refused(&net, &dir, &["--from-mirror", behind.base()]);
    let signed = size + 1;
    let wanted = format!("may have signed size {signed}, and what was restored ends at size {size}");
    assert!(why.contains(&wanted), "{why}");
    assert!(!dir.join("store").exists());

    // Without it, only the witnesses know: the log takes nothing, and signs nothing.
    std::fs::remove_file(net.log.record()).expect("a record");
    let told = restored(&net, net.log.dir(), &["--from-mirror", behind.base()]);
    assert!(told.contains(&format!("there was no record; now it says size {size}")), "{told}");
    net.log.start();
    wait::until("a witness speaks up", || {
        let why = net.log.status()["degraded"].to_string();
        why.contains("beyond everything this store may have signed").then_some(())
    });
    net.log.submit(&random::commitments(1)).expect_status(503);
    assert_eq!(net.log.status_number("sealed_size"), Some(size));
    net.log.admin().get("/readyz/publish").expect_status(503);
    assert_eq!((net.log.published_size(), recorded_size(&net.log.record())), (behind_size, behind_size));
    assert!(net.log.stop().success());

    // From the mirror that has it all it goes on.
    std::fs::remove_dir_all(net.log.store()).expect("a store");
    std::fs::remove_file(net.log.record()).expect("a record");
    let told = restored(&net, net.log.dir(), &["--from-mirror", whole.base()]);
    assert!(told.contains(&format!("{signed} entries, {signed} submissions in {signed} batches")), "{told}");
    net.log.assert_clean();
    assert_goes_on(&mut net, &receipts, signed);
    // One history: what the mirror still shows of the old store is a beginning of it.
    let mut seen = view::Seen::default();
    for http in [&whole, net.log.public()] {
        let note = http.get("/checkpoint").expect_status(200);
        seen.add(view::open(&net.policy, &note.body).expect("a quorum").checkpoint.head());
    }
    seen.assert_one_history(net.log.public());
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// The way out of a lost store: what is left of it is moved away, the record stays where it is, and a mirror has it all.
#[test]
fn beside_its_record_a_lost_store_comes_back_from_a_mirror_and_signs_on() {
    let (mut net, receipts) = filled();
    let mirror = mirror(&net, "mirror");
    net.log.kill();
    std::fs::rename(net.log.store(), net.dir().join("damaged")).expect("a store");
    let record = std::fs::read(net.log.record()).expect("a record");
    let told = restored(&net, net.log.dir(), &["--from-mirror", mirror.copy(ORIGIN).base()]);
    assert!(told.contains("the record says size 5, and the store holds that head"), "{told}");
    assert_eq!(std::fs::read(net.log.record()).expect("a record"), record, "the restore wrote a record");
    assert_goes_on(&mut net, &receipts, 5);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

#[test]
fn a_backup_and_what_came_after_it_from_a_reader() {
    let (mut net, _) = filled_by(net::plan().set("refresh_seconds", "1"));
    // The backup has a refresh of its own head.
    let first = net.log.public().get("/checkpoint").body;
    wait::until("a refresh", || (net.log.public().get("/checkpoint").body != first).then_some(()));
    let url = net.log.public().base().to_owned();
    let backup = net.dir().join("backup");
    backup::made(&net.log, &backup, &[]);
    let later = random::commitments(3);
    let receipt = net.log.stamp(&later);
    net.log.wait_idle();
    let dir = bare(&net, "anew");
    // The machine kept its record: the backup alone is behind it.
    std::fs::copy(net.log.record(), dir.join("store.record")).expect("a copy");
    let from_backup = ["--from-backup", backup.to_str().expect("text")];
    let why = refused(&net, &dir, &from_backup);
    assert!(why.contains("may have signed size 6, and what was restored ends at size 5"), "{why}");
    assert!(!dir.join("store").exists());
    let told = restored(&net, &dir, &["--from-mirror", &url]);
    assert!(told.contains("the record says size 6, and the store holds that head"), "{told}");
    assert!(net.log.stop().success());
    put_in_place(&net, &dir);
    net.log.start();
    // Before anything new is published.
    assert_eq!(net.log.published_size().get(), 6);
    assert_eq!(net.log.receipt(&view::root_of(&later)).index(), receipt.index());
    assert_eq!(net.log.stamp(&random::commitments(1)).index(), 6);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

#[test]
fn without_its_store_a_log_that_has_signed_does_not_start_anew() {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    assert!(net.log.stop().success());
    std::fs::rename(net.log.store(), net.dir().join("away")).expect("a store");
    let (status, said) = net.log.start_refused();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("there is no store at") && said.contains("may have signed size 1"), "{said}");
    assert!(!net.log.store().exists(), "a new store was made in the old one's place");
}

/// A reader between the log and whoever asks, which changes one byte of what stands under a path.
fn liar(log: &Http, path: &'static str, at: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound port"));
    let log = log.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let asked = lines.next().unwrap_or_default();
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let asked = asked.split(' ').nth(1).unwrap_or_default().to_owned();
            let answer = log.get(&asked);
            let mut body = answer.body.clone();
            if asked == path {
                body[at] ^= 1;
            }
            let head = format!(
                "HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                answer.status,
                body.len()
            );
            // Whoever hangs up is answered nothing.
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    url
}

#[test]
fn a_mirror_that_changes_a_byte_is_found_out() {
    let (net, _) = filled();
    let lies = [
        // In the first entry: its version, its time, its batch's root.
        ("/tile/entries/000.p/5", 3, "the mirror's entry 0: "),
        ("/tile/entries/000.p/5", 12, "disagree"),
        ("/tile/entries/000.p/5", 20, "disagree"),
        ("/v1/batches/3", 7, "the mirror's batch 3 is not the one that its entry names"),
        ("/v1/checkpoints/2", 16, "the mirror's v1/checkpoints/2 is no checkpoint of this log"),
        ("/checkpoint", 16, "the mirror's checkpoint is no checkpoint of this log"),
    ];
    for (number, (path, at, wanted)) in lies.into_iter().enumerate() {
        let dir = bare(&net, &format!("lied-{number}"));
        let said = refused(&net, &dir, &["--from-mirror", &liar(net.log.public(), path, at)]);
        assert!(said.contains(wanted), "{path}: {said}");
        assert!(!dir.join("store").exists() && !dir.join("store.record").exists(), "{path}");
        // Nothing of it was taken: an honest one goes on from there.
        restored(&net, &dir, &["--from-mirror", net.log.public().base()]);
    }
}

/// Nobody could tell whether a mirror has all of it.
#[test]
fn without_witnesses_and_record_nothing_signs_by_itself() {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    net.log.wait_idle();
    let dir = bare(&net, "anew");
    std::fs::write(dir.join("witnesses.policy"), "quorum none\n").expect("a file");
    let told = restored(&net, &dir, &["--from-mirror", net.log.public().base()]);
    assert!(told.contains("does not start until you have made sure"), "{told}");
    assert!(!dir.join("store.record").exists());
    assert!(net.log.stop().success());
    put_in_place(&net, &dir);
    std::fs::remove_file(net.log.record()).expect("a record");
    let (status, said) = net.log.start_refused();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("store.record is missing"), "{said}");

    // Whoever has made sure writes the three lines that the command told.
    let lines: Vec<&str> = told.lines().skip_while(|line| *line != "treering-record/1").take(3).collect();
    std::fs::write(net.log.record(), lines.join("\n") + "\n").expect("the record's file");
    std::fs::write(net.log.dir().join("witnesses.policy"), "quorum none\n").expect("a file");
    net.log.start();
    assert_eq!(net.log.stamp(&random::commitments(1)).index(), 1);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}
