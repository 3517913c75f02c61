//! Two servers of one log: one is stopped (as a machine is that is suspended), another takes over on a copy of its store,
//! and the first is continued. One store is never open twice (`startup`); here there are two of them with one key.
//!
//! The one that was continued signs nothing: it asks the witnesses first, and they know more than it does. Then it takes
//! nothing more either. No witness is given a head of it, its record stays where it was, and the other one goes on, with
//! everything that the first one had acknowledged when it was stopped.

use std::{thread, time::Duration};

use treering_tests::{
    counts,
    disk::Disk,
    log::{LogServer, recorded_head},
    net, programs, random,
    view::{self, Seen},
    wait,
};

use crate::{load::Load, oracle::Oracle};

/// How often, unless the environment says.
const TAKEOVERS: usize = 3;
/// A process that stood still for longer than its tick and this asks before it signs.
const STILL: Duration = Duration::from_millis(1_200);

#[test]
fn a_log_that_was_continued_after_another_took_over_signs_nothing() {
    let count = counts::number("TREERING_TAKEOVERS").unwrap_or(TAKEOVERS);
    let mut net = net::plan().start();
    let mut oracle = Oracle::quiet(&net);
    oracle.reads_of_another();
    let mut seen = Seen::default();
    for takeover in 0..count {
        let load = Load::start(net.log.public(), 2);
        wait::until("submissions are taken", || (load.count() > 5).then_some(()));
        wait::pace(Duration::from_millis(random::between(0, 80)));
        net.log.signal("STOP");
        let acknowledged = load.acknowledged();
        // Whoever waits for an answer of the stopped one gets it when it is continued.
        let leaving = thread::spawn(|| load.stop());
        let dir = net.dir().join(format!("log-{takeover}"));
        let mut second = LogServer::copy_of(&net.log, &dir, (net::free_port(), net::free_port()));
        second.start();
        second.wait_idle();
        for _ in 0..3 {
            second.stamp(&random::commitments(2));
        }
        wait::pace(STILL);
        second.wait_idle();
        let before = net.settled();

        net.log.signal("CONT");
        leaving.join().expect("a load");
        wait::until("it says why it signs nothing", || {
            // It has to have something to sign; it takes it, and can't publish it, and then takes nothing more.
            let _ = net.log.public().try_post("/v1/submissions", &OCTETS, random::commitment());
            let why = net.log.status()["degraded"].to_string();
            // The witnesses know more, or show a head under its own key that it never made.
            ["beyond everything", "another root", "own signature"]
                .iter()
                .any(|text| why.contains(text))
                .then_some(())
        });
        // What it was in the middle of signing when it was stopped was sealed, and so is in the copy: the same head.
        seen.add(recorded_head(&net.log.record()));
        assert_eq!(net.heads(), before, "a witness was given a head by the one that had stood still");
        let refused = wait::until("the one that had stood still takes nothing more", || {
            let answer = net.log.submit(&random::commitments(1));
            (answer.status == 503).then_some(answer)
        });
        assert_eq!(refused.json()["type"], "urn:treering:problem:held", "{}", refused.shown());
        net.log.admin().get("/readyz").expect_status(503);
        net.log.admin().get("/readyz/publish").expect_status(503);
        net.log.kill();

        // What was acknowledged before the stop is in the copy; what the continued one took until it had asked is not: that is
        // why two of them must never run. The oracle's are those of the log that goes on.
        assert!(acknowledged.len() > 5);
        acknowledged.into_iter().for_each(|root| oracle.acknowledged(root));
        let commitments = random::commitments(2);
        second.submit(&commitments).expect_status(202);
        oracle.acknowledged(view::root_of(&commitments));
        net.log = second;
        oracle.look(&net);
    }
    seen.add(oracle.finish(&net).newest().expect("a head"));
    seen.assert_one_history(net.log.public());
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// The same with the disk gone to the other machine: the first one's writes fail, and it ends.
#[test]
fn a_log_that_was_continued_without_its_disk_ends() {
    if let Err(why) = Disk::is_possible() {
        return programs::skipped(
            "takeover",
            &format!("no disk can be taken away here (that takes root, loop devices and ext4): {why}"),
        );
    }
    let mut disk = None;
    let mut net = net::plan().make_with(|root| disk = Some(Disk::new(root, &root.join("log"))));
    let disk = disk.expect("made before the log");
    net.log.set("min_free_mib", "1");
    net.log.start();
    net.log.stamp(&random::commitments(1));
    net.log.signal("STOP");
    let dir = net.dir().join("taken");
    let mut second = LogServer::copy_of(&net.log, &dir, (net::free_port(), net::free_port()));
    disk.cut();
    second.start();
    second.stamp(&random::commitments(2));
    second.wait_idle();
    let before = net.settled();
    net.log.signal("CONT");
    let answer = net.log.public().try_post("/v1/submissions", &OCTETS, random::commitment());
    assert!(!answer.is_ok_and(|answer| answer.status == 202), "it acknowledged what it can't have written");
    assert!(!net.log.end().success(), "it ended as if all were well");
    assert_eq!(net.heads(), before);
    second.stamp(&random::commitments(2));
    assert!(second.stop().success());
    second.assert_clean();
    disk.power_on();
}

const OCTETS: [(&str, &str); 1] = [("content-type", treering_tests::log::OCTETS)];
