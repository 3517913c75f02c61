//! `kill -9` of the log in the middle of a load, 50 times in a row (`make crash`: a thousand).
//!
//! After each restart every acknowledged submission gets a receipt that verifies, the log is consistent with every
//! checkpoint that it ever showed, and `treering-log check` finds nothing.

use std::time::{Duration, Instant};

use treering_tests::{
    counts,
    flood::{Flood, Kind},
    net::{self, Net},
    random, wait,
};

use crate::{
    oracle::Oracle,
    overload::{address, assert_all_in_batches},
};

/// How often, unless the environment says.
const KILLS: usize = 50;
/// How many submissions are acknowledged from one kill to the next, about: they go on while the log is started again.
const MORE: usize = 40;
/// Connections, each with one submission after the other.
const FLOOD: [(Kind, usize); 1] = [(Kind::Single, 128)];
/// A log that is killed is back at work within so long, however much waited.
const BACK: Duration = Duration::from_secs(2);

#[test]
fn what_was_acknowledged_survives_fifty_kills() {
    let kills = kills().unwrap_or(KILLS);
    let mut net = net::plan().start();
    let mut oracle = Oracle::start(&net);
    let mut back = Vec::new();
    for kill in 1..=kills {
        oracle.more(MORE);
        wait::pace(Duration::from_millis(random::between(0, 50)));
        net.log.kill();
        if kill % 5 == 0 {
            net.log.assert_clean();
        }
        // A witness may be killed as well: it never forgets what it cosigned.
        if kill % 5 == 0 {
            let witness = &mut net.witnesses[kill % 3];
            witness.kill();
            witness.start();
        }
        back.push(started(&mut net));
        oracle.look(&net);
    }
    back.sort_unstable();
    println!("back at work after {:?} (p50), {:?} at most", back[back.len() / 2], back[back.len() - 1]);
    let seen = oracle.finish(&net);
    assert!(
        seen.len() > kills / 2,
        "only {} checkpoints were published in all: too few to show anything",
        seen.len()
    );
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// How many, if the environment says.
fn kills() -> Option<usize> {
    counts::number("TREERING_KILLS")
}

/// How long it takes until it is back at work.
fn started(net: &mut Net) -> Duration {
    let begun = Instant::now();
    net.log.start();
    wait::until("it is back at work", || {
        (net.log.admin().get("/readyz/publish").status == 200).then_some(())
    });
    begun.elapsed()
}

/// Everything that may be in it at once: what came in during a tick that never ended. The full count fills the queue for as long as it
/// takes to have some hundred thousand submissions in it, and holds the start to its figure.
#[test]
fn a_queue_that_was_full_at_the_kill_is_there_after_it() {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    assert!(net.log.stop().success());
    net.log.set("tick_ms", "60000");
    net.log.start();
    let flood = Flood::start(address(&net), &FLOOD);
    if kills().is_some() {
        wait::pace(Duration::from_secs(40));
    }
    wait::until("there is something in it", || (flood.acknowledged() > 100).then_some(()));
    net.log.kill();
    let flooded = flood.stop();
    net.log.set("tick_ms", "50");
    let took = started(&mut net);
    net.log.wait_idle();
    println!("{} submissions waited at the kill: back at work after {took:?}", flooded.acknowledged.len());
    assert_all_in_batches(&net, flooded.acknowledged.iter(), usize::MAX);
    assert!(kills().is_none() || took <= BACK, "back at work after {took:?} only");
    assert!(net.log.stop().success());
    net.log.assert_clean();
}
