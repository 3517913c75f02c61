//! Older copies of a store put back, with the record that was beside them or the newest one: no new signature, ever.
//!
//! Each time a running log's store is copied, the log goes on for some ticks, and the copy is put in the store's place.
//! With the newest record the log doesn't start; with the old one it starts and holds its signatures, since its witnesses
//! know more. Either way no witness is given a head that it hasn't seen.

use std::env;

use treering_tests::{
    files,
    net::{self, Net, ORIGIN},
    random, wait,
};

/// How often, unless the environment says.
const RESTORES: usize = 6;

#[test]
fn no_older_copy_ever_signs() {
    let count = env::var("TREERING_RESTORES").ok().and_then(|count| count.parse().ok()).unwrap_or(RESTORES);
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    for restore in 0..count {
        let (older, newest) = (net.dir().join("older"), net.dir().join("newest"));
        assert!(net.log.stop().success());
        files::copy(&net.log.store(), &older);
        let old_record = std::fs::read(net.log.record()).expect("a record");
        net.log.start();
        for _ in 0..random::between(1, 4) {
            net.log.stamp(&random::commitments(1));
        }
        net.log.wait_idle();
        assert!(net.log.stop().success());
        files::copy(&net.log.store(), &newest);
        let new_record = std::fs::read(net.log.record()).expect("a record");
        let before = cosigned(&net);

        files::put_back(&older, &net.log.store());
        if restore % 2 == 0 {
            let (status, said) = net.log.start_refused();
            assert_eq!(status.code(), Some(2), "{said}");
            assert!(said.contains("nothing is signed, since that would fork the log"), "{said}");
        } else {
            std::fs::write(net.log.record(), &old_record).expect("the record's file");
            net.log.start();
            wait::until("signing is held", || {
                net.log.status().to_string().contains("beyond everything").then_some(())
            });
            // It takes submissions, and signs none of them.
            net.log.submit(&random::commitments(1)).expect_status(202);
            net.log.kill();
        }
        assert_eq!(cosigned(&net), before, "a witness was given a head by an older store");

        files::put_back(&newest, &net.log.store());
        std::fs::write(net.log.record(), &new_record).expect("the record's file");
        for copied in [older, newest] {
            std::fs::remove_dir_all(copied).expect("a copy");
        }
        net.log.start();
        net.log.stamp(&random::commitments(1));
    }
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// What each witness cosigned last: the head, whenever that was.
fn cosigned(net: &Net) -> Vec<String> {
    let head = |note: &str| note.split("\n\n").next().unwrap_or_default().to_owned();
    net.witnesses.iter().map(|witness| head(witness.latest(ORIGIN).expect_status(200).text())).collect()
}
