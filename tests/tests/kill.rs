//! `kill -9` of the log in the middle of a load, 50 times in a row (`make crash`: a thousand).
//!
//! After each restart every acknowledged submission gets a receipt that verifies, the log is consistent with every
//! checkpoint that it ever showed, and `treering-log check` finds nothing.

use std::{env, time::Duration};

use treering_tests::{net, random, wait};

use crate::oracle::Oracle;

/// How often, unless the environment says.
const KILLS: usize = 50;
/// How many submissions are acknowledged from one kill to the next, about: they go on while the log is started again.
const MORE: usize = 40;

#[test]
fn what_was_acknowledged_survives_fifty_kills() {
    let kills = env::var("TREERING_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(KILLS);
    let mut net = net::plan().start();
    let mut oracle = Oracle::start(&net);
    for kill in 1..=kills {
        oracle.more(MORE);
        wait::pace(Duration::from_millis(random::between(0, 50)));
        net.log.kill();
        if kill % 20 == 0 {
            net.log.assert_clean();
        }
        // A witness may be killed as well: it never forgets what it cosigned.
        if kill % 5 == 0 {
            let witness = &mut net.witnesses[kill % 3];
            witness.kill();
            witness.start();
        }
        net.log.start();
        oracle.look(&net);
    }
    let seen = oracle.finish(&net);
    assert!(
        seen.len() > kills / 2,
        "only {} checkpoints were published in all: too few to show anything",
        seen.len()
    );
    assert!(net.log.stop().success());
    net.log.assert_clean();
}
