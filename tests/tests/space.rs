//! A disk that fills up: nothing is taken below the floor, everything else goes on, and so does the intake when there is room
//! again. And a disk that is really full: the log ends rather than go on in doubt, and nothing acknowledged is lost.

use std::{fs, path::Path};

use crate::oracle::Oracle;
use treering_tests::{
    counts,
    disk::Disk,
    http::Answer,
    log::{LogServer, OCTETS, SUBMISSIONS},
    net::{self, Net},
    programs, random, tsa, view, wait,
};

/// How many fill levels, unless the environment says.
const LEVELS: u64 = 2;
/// So many submissions of 1,000 hashes are sent at each level, unless the disk is full before: more than RocksDB has taken for
/// its WAL in advance.
const POSTS: usize = 700;
/// A disk takes so many, before it is full of what was acknowledged.
const LEVELS_A_DISK: usize = 12;
/// So often the log is started at each level before there is room again.
const STARTS: u64 = 2;
/// What a file system gives away at once.
const PAGE: u64 = 4096;
/// ENOSPC in words.
const FULL: &str = "No space left on device";
/// RocksDB could not write a table: why, stands in its own `LOG`, if there was room for that.
const BACKGROUND: &str = "the store's engine reports";
/// The disk's size is 512 MiB; the floor is so much.
const FLOOR_MIB: u64 = 200;

/// A log on a disk of its own, running.
fn start(floor_mib: u64) -> Option<(Disk, Net)> {
    let (disk, mut net) = make(floor_mib)?;
    net.log.start();
    net.log.wait_idle();
    Some((disk, net))
}

/// The same, not started yet.
fn make(floor_mib: u64) -> Option<(Disk, Net)> {
    if let Err(why) = Disk::is_possible() {
        programs::skipped(
            "space",
            &format!("no disk can be made here (that takes root, loop devices and ext4): {why}"),
        );
        return None;
    }
    let mut disk = None;
    let net = net::plan().make_with(|root| disk = Some(Disk::new(root, &root.join("log"))));
    net.log.set("min_free_mib", &floor_mib.to_string());
    tsa::init(&net.log, "p256");
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
    let Some((disk, mut net)) = make(FLOOR_MIB) else { return };
    net.log.set("refresh_seconds", "1");
    net.log.start();
    net.log.wait_idle();
    let before = random::commitments(2);
    net.log.stamp(&before);
    fill(&disk, (FLOOR_MIB - 20) << 20);
    let refused = assert_intake_stops(&net.log, "the store");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 30));
    // The head is shown anew, with newer cosignatures.
    let shown = net.log.public().get("/checkpoint").body;
    wait::until("a refresh below the floor", || {
        (net.log.public().get("/checkpoint").body != shown).then_some(())
    });
    // What is known is still answered, and read.
    net.log.submit(&before).expect_status(202);
    // With its commitments it would be something new: it is answered, and they are not kept.
    let with_tokens = || {
        let path = format!("{SUBMISSIONS}?tokens=true");
        net.log.public().post(&path, &[("content-type", OCTETS)], before.concat()).expect_status(202)
    };
    let token = format!("/v1/receipts/{}/tokens/{}", view::root_of(&before), hex::encode(before[0]));
    with_tokens();
    net.log.public().get(&token).expect_status(404);
    view::verify(&net.policy, &net.log.receipt(&view::root_of(&before)), &view::root_of(&before));
    empty(disk.place());
    assert_intake_goes_on(&net.log);
    with_tokens();
    net.log.public().get(&token).expect_status(200);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// A store that is a mount of its own has its record on another disk; what can't write that can't sign either.
#[test]
fn the_floor_counts_where_the_record_is_as_well() {
    let Some((below, mut net)) = make(FLOOR_MIB) else { return };
    let store = Disk::new(net.dir(), &net.log.store());
    net.log.start();
    net.log.wait_idle();
    net.log.stamp(&random::commitments(2));
    for (disk, place) in [(&below, "the record beside the store"), (&store, "the store")] {
        fill(disk, (FLOOR_MIB - 20) << 20);
        assert_intake_stops(&net.log, place);
        empty(disk.place());
        assert_intake_goes_on(&net.log);
    }
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// Waits until nothing is taken for want of space, and readiness says where: the refusal.
fn assert_intake_stops(log: &LogServer, place: &str) -> Answer {
    let refused = wait::until("the intake stops", || {
        let answer = log.submit(&random::commitments(1));
        (answer.status != 202).then_some(answer)
    });
    assert_eq!(refused.status, 507, "{}", refused.shown());
    assert_eq!(refused.json()["type"], "urn:treering:problem:no_space");
    let ready = log.admin().get("/readyz").expect_status(503);
    let why = format!("the disk is nearly full where {place} is: ");
    assert!(ready.text().contains(&why), "{}", ready.shown());
    refused
}

fn assert_intake_goes_on(log: &LogServer) {
    wait::until("the intake goes on", || (log.submit(&random::commitments(1)).status == 202).then_some(()));
    log.admin().get("/readyz").expect_status(200);
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let levels: u64 = counts::number("TREERING_FILL_LEVELS").unwrap_or(LEVELS);
    let (mut full, mut started) = (0, 0);
    for first in (0..levels).step_by(LEVELS_A_DISK) {
        // No floor: writes fail wherever they happen to.
        let Some((disk, mut net)) = start(0) else { return };
        let mut oracle = Oracle::quiet(&net);
        for level in first..levels.min(first + LEVELS_A_DISK as u64) {
            full += usize::from(fills_up(&disk, &mut net, &oracle, level));
            net.log.kill();
            // Whoever runs it starts it again at once, and again, while there is still no room.
            for _ in 0..STARTS {
                started += usize::from(net.log.try_start());
                net.log.kill();
            }
            empty(disk.place());
            net.log.start();
            oracle.look(&net);
        }
        oracle.finish(&net);
        assert!(net.log.stop().success());
        net.log.assert_clean();
    }
    println!(
        "{levels} fill levels; at {full} of them the disk was full; {started} of {} starts with no more room came to listen",
        levels * STARTS
    );
    assert!(full > 0, "the disk was never full");
}

/// Leaves little room, or none, and sends until there is none; says if it came to that.
fn fills_up(disk: &Disk, net: &mut Net, oracle: &Oracle, level: u64) -> bool {
    // Nothing at all, some pages, or up to some megabytes: what a record, one tick, one table, one WAL may need.
    let leave = match level % 4 {
        0 => 0,
        1 => random::between(1, 4) * PAGE,
        2 => random::between(4, 512) * PAGE,
        _ => random::between(0, 64) << (10 + level % 8),
    };
    fill(disk, leave);
    let full = (0..POSTS).any(|_| wait::until("an answer, or the log's end", || met_full_disk(net, oracle)));
    println!("level {level}: {leave} bytes left, {}", if full { "full" } else { "not full" });
    full
}

/// Sends a submission: did it meet a full disk? That is a 507, or a log that has ended and says why; none if it is to be sent
/// again.
fn met_full_disk(net: &mut Net, oracle: &Oracle) -> Option<bool> {
    let commitments = random::commitments(1000);
    let headers = [("content-type", OCTETS)];
    let path = format!("{SUBMISSIONS}?tokens=true");
    match net.log.public().try_post(&path, &headers, commitments.concat()) {
        Ok(answer) => match answer.status {
            202 => {
                // Looking for the tokens of all takes longer than to fill the disk.
                match random::between(0, 7) {
                    0 => oracle.acknowledged_with_tokens(&commitments),
                    _ => oracle.acknowledged(view::root_of(&commitments)),
                }
                Some(false)
            }
            507 => Some(true),
            // Its queue is full, or it is about to end.
            429 | 503 => None,
            _ => panic!("{}", answer.shown()),
        },
        Err(error) => {
            wait::until(&format!("the log ends: {error:?}"), || (!net.log.is_running()).then_some(()));
            let said = net.log.stderr();
            assert!(
                said.contains(FULL) || said.contains(BACKGROUND),
                "it ended for another reason than a full disk: {said}"
            );
            Some(true)
        }
    }
}
