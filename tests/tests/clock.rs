//! The real log with its wall clock moved under it (libfaketime): forth and back within the bound, far beyond it, standing
//! still, a second that comes twice.
//!
//! Within the bound it goes on by itself. Beyond it nothing is sealed, readiness says why, submissions are still taken; and
//! when the clock is back it goes on by itself. The entries' times only grow. A start with a clock that is ahead seals nothing
//! and deletes nothing before the witnesses confirm the time, which they do as soon as it is right.

use std::fs;

use treering_tests::{
    clock::MovedClock,
    net::{self, Net},
    programs, random, view, wait,
};

use crate::oracle::Oracle;

/// A greater step than this stops sealing.
const BOUND: i64 = 3;

#[test]
fn a_clock_that_is_moved_delays_sealing_or_stops_it_and_never_breaks_its_order() {
    let mut net = net::plan().set("clock_step_seconds", &BOUND.to_string()).make();
    let Some((clock, mut oracle)) = started(&mut net) else { return };
    // Ahead by less than the bound, and back; a leap second is a step back by one.
    for ahead in [2, 0, -1, 0] {
        clock.ahead(ahead);
        goes_on(&net, &mut oracle);
    }
    for ahead in [10, -10, 3_600, -3_600, 31_536_000, -31_536_000] {
        clock.ahead(ahead);
        stops(&net, &oracle);
        clock.ahead(0);
        goes_on(&net, &mut oracle);
    }
    clock.freeze();
    stops(&net, &oracle);
    clock.ahead(0);
    goes_on(&net, &mut oracle);
    // A start with a clock that is behind the last entry.
    assert!(net.log.stop().success());
    clock.ahead(-3_600);
    net.log.start();
    stops(&net, &oracle);
    net.log.kill();
    clock.ahead(0);
    net.log.start();
    goes_on(&net, &mut oracle);
    oracle.finish(&net);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

#[test]
fn a_start_with_a_clock_that_is_ahead_does_nothing_that_can_not_be_undone() {
    // The upkeep runs each second.
    let plan = net::plan().set("clock_step_seconds", &BOUND.to_string()).set("token_window_seconds", "1");
    let mut net = plan.make();
    let settings = net.log.dir().join("log.toml");
    let text = fs::read_to_string(&settings).expect("log.toml");
    assert!(text.contains("# retention_days = 3650"), "{text}");
    fs::write(settings, text.replace("# retention_days = 3650", "retention_days = 1")).expect("log.toml");
    let Some((clock, mut oracle)) = started(&mut net) else { return };
    for (ahead, killed) in [(3_600, false), (2 * 86_400, true), (31_536_000, false)] {
        if killed {
            net.log.kill();
        } else {
            assert!(net.log.stop().success());
        }
        clock.ahead(ahead);
        net.log.start();
        wait::until("the witnesses have cosigned what it signed last", || {
            let metrics = net.log.metrics();
            let size =
                |name| metrics.number(&format!("treering_log_witness_cosigned_size{{witness=\"{name}\"}}"));
            ["w1", "w2", "w3"].into_iter().all(|name| size(name).is_some()).then_some(())
        });
        stops(&net, &oracle);
        assert!(net.log.status()["degraded"].to_string().contains("not confirmed"), "{}", net.log.status());
        net.log.public().get("/v1/batches/0").expect_status(200);
        clock.ahead(0);
        goes_on(&net, &mut oracle);
        net.log.public().get("/v1/batches/0").expect_status(200);
    }
    oracle.finish(&net);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// The clock of a log that has begun its work; none, and says why, where no clock can be moved.
fn started(net: &mut Net) -> Option<(MovedClock, Oracle)> {
    let clock = match MovedClock::new(net.dir()) {
        Ok(clock) => clock,
        Err(why) => {
            programs::skipped("clock", &format!("no clock is moved: {why}"));
            return None;
        }
    };
    clock.give(&mut net.log);
    net.log.start();
    net.log.wait_idle();
    let mut oracle = Oracle::quiet(net);
    goes_on(net, &mut oracle);
    Some((clock, oracle))
}

/// What is sent is published, sooner or later.
#[track_caller]
fn goes_on(net: &Net, oracle: &mut Oracle) {
    submit(net, oracle);
    oracle.look(net);
    net.log.wait_idle();
}

/// What is sent is taken, and not sealed: readiness says why.
#[track_caller]
fn stops(net: &Net, oracle: &Oracle) {
    wait::until("sealing stops", || {
        let why = net.log.status()["degraded"].to_string();
        (why.contains("the clock stepped by") || why.contains("the clock is")).then_some(())
    });
    let sealed = net.log.status_number("sealed_size");
    submit(net, oracle);
    let not = net.log.admin().get("/readyz/publish").expect_status(503);
    assert!(not.text().contains("the clock"), "{}", not.shown());
    let ready = net.log.admin().get("/readyz").expect_status(200);
    assert_eq!(ready.json()["accepting"], true, "{}", ready.shown());
    assert_eq!(net.log.status_number("sealed_size"), sealed, "it sealed by a clock that is wrong");
}

fn submit(net: &Net, oracle: &Oracle) {
    let commitments = random::commitments(2);
    net.log.submit(&commitments).expect_status(202);
    oracle.acknowledged(view::root_of(&commitments));
}
