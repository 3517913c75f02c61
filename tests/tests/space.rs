//! A disk that fills up: nothing is taken below the floor, everything else goes on, and so does the intake when there is room
//! again. And a disk that is really full: the log ends rather than go on in doubt, and nothing acknowledged is lost.

use std::{env, fs, path::Path};

use crate::oracle::Oracle;
use treering_tests::{
    disk::Disk,
    net::{self, Net},
    programs, random, tsa, view, wait,
};

/// How many fill levels, unless the environment says.
const LEVELS: u64 = 4;
/// So many submissions of 1,000 hashes are sent at each level, unless the disk is full before.
const POSTS: usize = 150;
/// A disk takes so many, before it is full of what was acknowledged.
const LEVELS_A_DISK: usize = 40;
/// The disk's size is 512 MiB; the floor is so much.
const FLOOR_MIB: u64 = 200;

/// A log on a disk of its own, running.
fn start(floor_mib: u64) -> Option<(Disk, Net)> {
    if let Err(why) = Disk::is_possible() {
        programs::skipped(
            "space",
            &format!("no disk can be made here (that takes root, loop devices and ext4): {why}"),
        );
        return None;
    }
    let mut disk = None;
    let mut net = net::plan().make_with(|root| disk = Some(Disk::new(root, &root.join("log"))));
    net.log.set("min_free_mib", &floor_mib.to_string());
    tsa::init(&net.log, "p256");
    net.log.start();
    net.log.wait_idle();
    Some((disk.expect("made before the log"), net))
}

/// Leaves so many bytes of the disk free.
fn fill(disk: &Disk, leave: u64) {
    let path = disk.place().join("filler");
    let _ = fs::remove_file(&path);
    let file = fs::File::create(&path).expect("a new file");
    let mut rest = disk.free().saturating_sub(leave);
    let (mut at, mut chunk) = (0, rest);
    // The file system needs some of it for itself: whatever doesn't fit is tried in smaller pieces.
    while chunk >= 4096 && rest >= 4096 {
        let length = chunk.min(rest);
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), at, length) {
            Ok(()) => {
                at += length;
                rest -= length;
            }
            Err(_) => chunk /= 2,
        }
    }
}

fn empty(place: &Path) {
    fs::remove_file(place.join("filler")).expect("the filler");
}

#[test]
fn below_the_floor_nothing_is_taken_and_above_it_everything_again() {
    let Some((disk, mut net)) = start(FLOOR_MIB) else { return };
    let before = random::commitments(2);
    net.log.stamp(&before);
    fill(&disk, (FLOOR_MIB - 20) << 20);
    let refused = wait::until("the intake stops", || {
        let answer = net.log.submit(&random::commitments(1));
        (answer.status != 202).then_some(answer)
    });
    assert_eq!(refused.status, 507, "{}", refused.shown());
    assert_eq!(refused.json()["type"], "urn:treering:problem:no_space");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 30));
    let ready = net.log.admin().get("/readyz").expect_status(503);
    assert!(ready.text().contains("the disk is nearly full"), "{}", ready.shown());
    // What is known is still answered, and read.
    net.log.submit(&before).expect_status(202);
    view::verify(&net.policy, &net.log.receipt(&view::root_of(&before)), &view::root_of(&before));
    empty(disk.place());
    wait::until("the intake goes on", || {
        (net.log.submit(&random::commitments(1)).status == 202).then_some(())
    });
    net.log.admin().get("/readyz").expect_status(200);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let levels: u64 =
        env::var("TREERING_FILL_LEVELS").ok().and_then(|levels| levels.parse().ok()).unwrap_or(LEVELS);
    let mut full = 0;
    for first in (0..levels).step_by(LEVELS_A_DISK) {
        // No floor: writes fail wherever they happen to.
        let Some((disk, mut net)) = start(0) else { return };
        let mut oracle = Oracle::quiet(&net);
        for level in first..levels.min(first + LEVELS_A_DISK as u64) {
            full += usize::from(fills_up(&disk, &net, &oracle, level));
            net.log.kill();
            empty(disk.place());
            net.log.start();
            oracle.look(&net);
        }
        oracle.finish(&net);
        assert!(net.log.stop().success());
        net.log.assert_clean();
    }
    println!("{levels} fill levels; at {full} of them the disk was full");
    assert!(full > 0, "the disk was never full");
}

/// Leaves little room, or none, and sends until there is none; says if it came to that.
fn fills_up(disk: &Disk, net: &Net, oracle: &Oracle, level: u64) -> bool {
    // Nothing at all, or up to some megabytes: what one tick, one table, one WAL may need.
    fill(disk, if level.is_multiple_of(2) { 0 } else { random::between(0, 64) << (10 + level % 8) });
    for _ in 0..POSTS {
        let commitments = random::commitments(1000);
        let headers = [("content-type", treering_tests::log::OCTETS)];
        let path = format!("{}?tokens=true", treering_tests::log::SUBMISSIONS);
        match net.log.public().try_post(&path, &headers, commitments.concat()) {
            Ok(answer) if answer.status == 202 => oracle.acknowledged(view::root_of(&commitments)),
            // Refused, or the log has ended: nothing was promised.
            _ => return true,
        }
    }
    false
}
