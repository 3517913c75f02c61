//! Older copies of a store put back, with the record that was beside them or the newest one: no new signature, ever.
//!
//! Each time the store of a log that was stopped is copied, the log goes on for some ticks, and the copy is put in the store's
//! place. With the newest record the log doesn't start; with the old one it starts, and takes, seals and signs nothing, since its
//! witnesses know more. Either way no witness is given a head that it hasn't seen, and with the newest store in its place again
//! everything that was acknowledged by that is there.

use std::time::Duration;

use treering_tests::{
    counts, files,
    net::{self, Net},
    random, view, wait,
};

use crate::oracle::Oracle;

/// How often, unless the environment says.
const RESTORES: usize = 6;
/// The log's.
const TICK: Duration = Duration::from_millis(50);

#[test]
fn no_older_copy_ever_signs() {
    let count = counts::number("TREERING_RESTORES").unwrap_or(RESTORES);
    let mut net = net::plan().start();
    let mut oracle = Oracle::quiet_beside_copies(&net);
    stamp(&net, &oracle);
    for restore in 0..count {
        let (older, newest) = (net.dir().join("older"), net.dir().join("newest"));
        assert!(net.log.stop().success());
        files::copy(&net.log.store(), &older);
        let old_record = std::fs::read(net.log.record()).expect("a record");
        net.log.start();
        for _ in 0..random::between(1, 4) {
            stamp(&net, &oracle);
        }
        net.log.wait_idle();
        let before = net.settled();
        assert!(net.log.stop().success());
        files::copy(&net.log.store(), &newest);
        let new_record = std::fs::read(net.log.record()).expect("a record");

        files::put_back(&older, &net.log.store());
        if restore % 2 == 0 {
            let (status, said) = net.log.start_refused();
            assert_eq!(status.code(), Some(2), "{said}");
            assert!(said.contains("nothing is signed, since that would fork the log"), "{said}");
        } else {
            std::fs::write(net.log.record(), &old_record).expect("the record's file");
            net.log.start();
            assert_nothing_goes_on(&net, &old_record);
            net.log.kill();
        }
        assert_eq!(net.heads(), before, "a witness was given a head by an older store");

        files::put_back(&newest, &net.log.store());
        std::fs::write(net.log.record(), &new_record).expect("the record's file");
        for copied in [older, newest] {
            std::fs::remove_dir_all(copied).expect("a copy");
        }
        net.log.start();
        oracle.look(&net);
        stamp(&net, &oracle);
    }
    oracle.finish(&net);
    assert!(net.log.stop().success());
    net.log.assert_clean();
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
