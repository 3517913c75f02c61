//! The scrub of a running log: it reads all of the old data again, and names what was damaged under it.

use std::{fs::OpenOptions, os::unix::fs::FileExt as _};

use treering_tests::{files, net, random, view, wait};

/// A bit flips in a table of the running log's store, where nobody has looked since the start.
#[test]
fn damage_under_a_running_log_is_named_and_not_served() {
    let mut net = net::plan().set("scrub_mib_per_second", "64").start();
    let first = random::commitments(3);
    net.log.stamp(&first);
    for _ in 0..3 {
        net.log.stamp(&random::commitments(2));
    }
    // What is in the WAL alone goes into tables when the store is opened again.
    for _ in 0..2 {
        net.log.kill();
        net.log.start();
        net.log.wait_idle();
    }
    let metric = |name: &str| {
        let metrics = net.log.admin().get("/metrics").text().to_owned();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        line.and_then(|value| value.trim().parse::<f64>().ok()).unwrap_or_default()
    };
    // A whole round over what is right finds nothing.
    let round = wait::until("a round of the scrub", || {
        let time = metric("treering_log_scrub_round_time_seconds");
        (time > 0.0).then_some(time)
    });
    assert!(metric("treering_log_scrub_read_bytes_total") > 0.0);
    assert_eq!(metric("treering_log_scrub_findings"), 0.0);
    assert!(!net.log.status()["degraded"].to_string().contains("damage"), "{round}");

    let leaf = treering_tlog::hash::leaf_hash(view::root_of(&first).as_bytes());
    // In a batch's tile it stands alone; in a receipt's row an entry's number follows it.
    let tables = files::below(&net.log.store())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "sst"));
    let mut damaged = 0;
    for table in tables {
        let bytes = std::fs::read(&table).expect("a table can be read");
        if let Some(at) = files::find(&bytes, leaf.as_bytes()) {
            let file = OpenOptions::new().write(true).open(&table).expect("a table");
            file.write_all_at(&[bytes[at + 5] ^ 1], at as u64 + 5).expect("it can be written");
            damaged += 1;
        }
    }
    assert!(damaged > 0, "the batch is in no table");
    let why = wait::until("the scrub names it", || {
        let why = net.log.status()["degraded"].to_string();
        why.contains("damage: ").then_some(why)
    });
    assert!(why.contains("batch 0") || why.contains("receipt of leaf"), "{why}");
    wait::until("the whole of it", || {
        net.log.status()["degraded"].to_string().contains("damage: batch 0").then_some(())
    });
    wait::until("it is counted", || (metric("treering_log_scrub_findings") > 0.0).then_some(()));
    wait::until("it is logged", || {
        let said = net.log.stderr();
        (said.contains("the scrub found damage") && said.contains("batch 0")).then_some(())
    });
    // It goes on accepting, signing and publishing: what is new was read back before it was signed.
    let next = random::commitments(1);
    view::verify(&net.policy, &net.log.stamp(&next), &view::root_of(&next));
    net.log.admin().get("/readyz/publish").expect_status(200);
    // And what is damaged is not served as if it were right.
    let batch = net.log.public().try_get("/v1/batches/0");
    assert!(batch.map_or(true, |answer| answer.status == 500), "a damaged batch was served");
    net.log.public().get(&format!("/v1/receipts/{}", view::root_of(&first))).expect_status(500);
    let checked = {
        assert!(net.log.stop().success());
        net.log.command("check")
    };
    assert_eq!(checked.status.code(), Some(1), "{}", treering_tests::log::shown(&checked));
}
