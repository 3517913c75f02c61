//! Older copies of a store put back, with the record that was beside them or the newest one: no new signature, ever.
//!
//! Each time the store of a log that was stopped is copied, the log goes on for some ticks, and this copy or one from before, back
//! to the log's first entry, is put in the store's place. With the newest record the log doesn't start; with the old one it starts, and takes, seals and signs nothing, since its
//! witnesses know more. Either way no witness is given a head that it hasn't seen, and with the newest store in its place again
//! everything that was acknowledged by that is there.

use std::{path::PathBuf, time::Duration};

use treering_tests::{
    counts, files,
    net::{self, Net},
    random, view, wait,
};

use crate::oracle::Oracle;

/// How often, unless the environment says.
const RESTORES: usize = 6;
/// So many copies are kept to be put back, the first of all among them.
const COPIES: usize = 8;
/// The log's.
const TICK: Duration = Duration::from_millis(50);

#[test]
fn no_older_copy_ever_signs() {
    let count = counts::number("TREERING_RESTORES").unwrap_or(RESTORES);
    let mut net = net::plan().start();
    let mut oracle = Oracle::quiet_beside_copies(&net);
    stamp(&net, &oracle);
    let mut copies = Vec::new();
    for restore in 0..count {
        assert!(net.log.stop().success());
        if copies.len() == COPIES {
            let Copy { dir, .. } = copies.remove(1 + random::below(COPIES - 1));
            std::fs::remove_dir_all(dir).expect("a copy");
        }
        copies.push(Copy::of(&net, &format!("older-{restore}")));
        net.log.start();
        for _ in 0..random::between(1, 4) {
            stamp(&net, &oracle);
        }
        net.log.wait_idle();
        let before = net.settled();
        assert!(net.log.stop().success());
        let newest = Copy::of(&net, "newest");

        // The one of just now, as often as any.
        let chosen = if random::below(2) == 0 { copies.len() - 1 } else { random::below(copies.len()) };
        let older = &copies[chosen];
        files::put_back(&older.dir, &net.log.store());
        if restore % 2 == 0 {
            let (status, said) = net.log.start_refused();
            assert_eq!(status.code(), Some(2), "{said}");
            assert!(said.contains("nothing is signed, since that would fork the log"), "{said}");
        } else {
            std::fs::write(net.log.record(), &older.record).expect("the record's file");
            net.log.start();
            assert_nothing_goes_on(&net, &older.record);
            net.log.kill();
        }
        assert_eq!(net.heads(), before, "a witness was given a head by an older store");

        files::put_back(&newest.dir, &net.log.store());
        std::fs::write(net.log.record(), &newest.record).expect("the record's file");
        std::fs::remove_dir_all(newest.dir).expect("a copy");
        net.log.start();
        oracle.look(&net);
        stamp(&net, &oracle);
    }
    oracle.finish(&net);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// A store, and the record that was beside it.
struct Copy {
    dir: PathBuf,
    record: Vec<u8>,
}

impl Copy {
    /// Of a log that was stopped.
    fn of(net: &Net, name: &str) -> Copy {
        let dir = net.dir().join(name);
        files::copy(&net.log.store(), &dir);
        Copy { dir, record: std::fs::read(net.log.record()).expect("a record") }
    }
}

/// By the newest store: what an older copy takes is in that copy alone.
fn stamp(net: &Net, oracle: &Oracle) {
    let commitments = random::commitments(1);
    net.log.stamp(&commitments);
    oracle.acknowledged(view::root_of(&commitments));
}

/// As soon as a witness has spoken up it takes nothing, and it signs nothing of what it took before, however many ticks go by.
#[track_caller]
fn assert_nothing_goes_on(net: &Net, record: &[u8]) {
    let refused = wait::until("it takes nothing more", || {
        let answer = net.log.submit(&random::commitments(1));
        (answer.status != 202).then_some(answer)
    });
    assert_eq!(refused.expect_status(503).json()["type"], "urn:treering:problem:held");
    let status = net.log.admin().get("/readyz").expect_status(503);
    assert!(status.text().contains("beyond everything"), "{}", status.shown());
    let standing = |net: &Net| {
        let status = net.log.status();
        (status["sealed_size"].as_u64(), status["pending"].as_u64())
    };
    // What was being sealed at that moment is, however long that takes: one tick more, and what it took.
    let before = standing(net);
    wait::pace(TICK * 15);
    let (after, (sealed, pending)) = (standing(net), before);
    let ended = (sealed.map(|size| size + 1), Some(0));
    assert!(
        after == before || pending > Some(0) && after == ended,
        "it seals what it can't sign: {before:?}, {after:?}"
    );
    assert_eq!(std::fs::read(net.log.record()).expect("a record"), record, "it was about to sign");
}
