//! A log that has ended: a last head with every cosignature that can be had, and nothing after it.

use crate::{backup, mirror};
use treering_tests::{
    log::{recorded_size, shown},
    net,
    net::ORIGIN,
    random, view, wait,
};

#[test]
fn a_frozen_log_is_read_and_never_added_to_again() {
    let mut net = net::plan().start();
    let old = random::commitments(2);
    net.log.stamp(&old);
    // The third witness misses all of this, and comes back for the last head.
    net.witnesses[2].kill();
    let last = random::commitments(1);
    net.log.stamp(&last);
    net.log.submit(&random::commitments(3)).expect_status(202);
    net.log.stop();
    net.witnesses[2].start();
    let frozen = net.log.command("freeze");
    assert!(frozen.status.success(), "{}", shown(&frozen));
    let said = String::from_utf8(frozen.stdout).expect("text");
    assert!(
        said.starts_with("frozen at size 3, for ever; its last head is cosigned by w1, w2, w3\n"),
        "{said}"
    );
    net.log.assert_clean();

    // Twice, since it stays so; and without any witness, since nobody is asked any more.
    net.witnesses.iter_mut().for_each(|witness| witness.kill());
    let head = |net: &net::Net| net.log.public().get("/checkpoint").expect_status(200).text().to_owned();
    let mut heads = Vec::new();
    for _ in 0..2 {
        net.log.start();
        net.log.admin().get("/readyz").expect_status(200);
        net.log.admin().get("/readyz/publish").expect_status(200);
        assert_eq!(net.log.status()["frozen"], 3);
        assert_eq!(net.log.public().get("/v1/log").json()["frozen"], 3);
        let opened = view::open(&net.policy, head(&net).as_bytes()).expect("it meets the policy");
        assert_eq!((opened.checkpoint.head().size.get(), opened.cosigned.len()), (3, 3));
        heads.push(head(&net));

        let refused = net.log.submit(&random::commitments(1)).expect_status(410);
        let problem = refused.json();
        assert_eq!(problem["type"], "urn:treering:problem:frozen", "{problem}");
        assert_eq!((problem["size"].as_u64(), problem["retry"].as_bool()), (Some(3), Some(false)));
        // What it has, it gives; the same bytes sent again are only read.
        for known in [&old, &last] {
            let root = view::root_of(known);
            view::verify(&net.policy, &net.log.receipt(&root), &root);
            let again = net.log.stamp(known);
            view::verify(&net.policy, &again, &root);
        }
        net.log.public().get("/v1/batches/2").expect_status(200);
        let metrics = net.log.metrics();
        assert_eq!(metrics.number("treering_log_frozen"), Some(1.0));
        assert_eq!(metrics.number("treering_log_published_size"), Some(3.0));
        assert!(net.log.stop().success());
    }
    assert_eq!(heads[0], heads[1]);
    assert_eq!(recorded_size(&net.log.record()).get(), 3);
    net.log.assert_clean();
    let again = net.log.command("freeze");
    assert!(again.status.success(), "{}", shown(&again));
}

#[test]
fn without_a_quorum_a_log_is_not_frozen_and_goes_on() {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    net.witnesses[1].kill();
    net.witnesses[2].kill();
    net.log.submit(&random::commitments(1)).expect_status(202);
    wait::until("it is sealed", || (net.log.status_number("sealed_size") == Some(2)).then_some(()));
    net.log.kill();
    let refused = net.log.command_with("freeze", &["--wait", "1"]);
    assert_eq!(refused.status.code(), Some(1), "{}", shown(&refused));
    let why = String::from_utf8(refused.stderr).expect("text");
    assert!(why.contains("not frozen: what the log has accepted isn't all published yet"), "{why}");
    net.witnesses[1].start();
    net.log.start();
    net.log.stamp(&random::commitments(1));
}

/// The store is lost, and a mirror has all of the log but that it has ended: the record keeps that.
#[test]
fn a_frozen_log_stays_so_when_its_store_is_made_anew() {
    let mut net = net::plan().start();
    let old = random::commitments(2);
    let receipt = net.log.stamp(&old);
    net.log.wait_idle();
    let mut mirror = mirror::mirror_of(&net);
    mirror.start();
    mirror::wait_for(&mirror, net.log.published_size());
    let backup = net.dir().join("backup");
    backup::made(&net.log, &backup, &[]);
    assert!(net.log.stop().success());
    let frozen = net.log.command("freeze");
    assert!(frozen.status.success(), "{}", shown(&frozen));
    assert!(std::fs::read_to_string(net.log.record()).expect("a record").ends_with("\nended\n"));

    let url = mirror.copy(ORIGIN).base().to_owned();
    let backup = backup.to_str().expect("text");
    for from in [["--from-mirror", url.as_str()], ["--from-backup", backup]] {
        std::fs::remove_dir_all(net.log.store()).expect("a store");
        let restored = net.log.command_with("restore", &from);
        assert!(restored.status.success(), "{}", shown(&restored));
        let told = String::from_utf8(restored.stdout).expect("text");
        assert!(told.contains("the record says that this log has ended at size 1"), "{told}");
        net.log.assert_clean();
        net.log.start();
        let problem = net.log.submit(&random::commitments(1)).expect_status(410).json();
        assert_eq!(problem["type"], "urn:treering:problem:frozen", "{problem}");
        assert_eq!((net.log.status()["frozen"].as_u64(), net.log.published_size().get()), (Some(1), 1));
        assert_eq!(net.log.receipt(&view::root_of(&old)).index(), receipt.index());
        assert!(net.log.stop().success());
        net.log.assert_clean();
    }
    assert_eq!(recorded_size(&net.log.record()).get(), 1);
    mirror.stop();
}
