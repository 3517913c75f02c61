//! From an older program to this one and back, on one store.
//!
//! `TREERING_OLD_LOG` names an older `treering-log`; without it this one takes both parts, which shows that the test is sound
//! and no more. With the same format the older one opens what this one wrote; with a former format it refuses what was
//! migrated, by name, and opens the copy that was made before.

use std::{env, path::PathBuf};

use treering_tests::{files, net, programs, random, view};

#[test]
fn from_an_older_program_to_this_one_and_back() {
    let old = env::var_os("TREERING_OLD_LOG").map(PathBuf::from);
    if old.is_none() {
        programs::skipped(
            "upgrade (another program)",
            "TREERING_OLD_LOG names no older treering-log, so both parts are taken by this one, and no store is migrated",
        );
    }
    let old = old.unwrap_or_else(|| programs::path(programs::LOG));
    let mut net = net::plan().make();
    // A configuration that the older one may have written: without what it didn't know.
    let config = net.log.dir().join("log.toml");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let known = |line: &&str| !line.starts_with("version = ") && !line.starts_with("scrub_mib_per_second = ");
    // Tables have come since, and stand at the end.
    let lines = text.lines().take_while(|line| !line.starts_with('[')).filter(known);
    std::fs::write(&config, lines.map(|line| format!("{line}\n")).collect::<String>())
        .expect("a configuration");

    net.log.use_program(Some(&old));
    net.log.start();
    let first = random::commitments(3);
    let receipt = net.log.stamp(&first);
    net.log.wait_idle();
    assert!(net.log.stop().success());
    let copy = net.log.dir().join("store.format-2");

    net.log.use_program(None);
    net.log.start();
    let place = |receipt: &treering_token::token::Token| (receipt.index(), receipt.layers().clone());
    let root = view::root_of(&first);
    assert_eq!(place(&net.log.receipt(&root)), place(&receipt));
    let migrated = copy.exists();
    if migrated {
        // Nothing was signed since, so the older one goes on, on the copy of before; and then this one again.
        net.log.wait_idle();
        assert!(net.log.stop().success());
        net.log.use_program(Some(&old));
        let (status, said) = net.log.start_refused();
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains("the store has format 3, and this program knows format 2"), "{said}");
        std::fs::rename(net.log.store(), net.dir().join("migrated")).expect("a store");
        std::fs::rename(&copy, net.log.store()).expect("a copy");
        net.log.start();
        assert_eq!(place(&net.log.receipt(&root)), place(&receipt));
        net.log.stamp(&random::commitments(1));
        net.log.wait_idle();
        assert!(net.log.stop().success());
        net.log.use_program(None);
        net.log.start();
        assert!(copy.exists(), "the store was not migrated once more");
    }
    let record = std::fs::read(net.log.record()).expect("a record");
    let second = random::commitments(2);
    net.log.stamp(&second);
    net.log.wait_idle();
    assert!(net.log.stop().success());
    net.log.assert_clean();

    net.log.use_program(Some(&old));
    if migrated {
        let (status, said) = net.log.start_refused();
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains("the store has format 3, and this program knows format 2"), "{said}");
        // What was made before is what it was, for the older one.
        let newest = net.log.dir().join("newest");
        std::fs::rename(net.log.store(), &newest).expect("a store");
        std::fs::rename(&copy, net.log.store()).expect("a copy");
        let now = std::fs::read(net.log.record()).expect("a record");
        // This one has signed since, so the record is ahead of the copy, and the older one refuses that, too.
        let (_, said) = net.log.start_refused();
        assert!(said.contains("nothing is signed, since that would fork the log"), "{said}");
        std::fs::write(net.log.record(), record).expect("the record's file");
        net.log.assert_clean();
        std::fs::write(net.log.record(), now).expect("the record's file");
        files::put_back(&newest, &net.log.store());
        net.log.use_program(None);
    }
    net.log.start();
    assert_eq!(place(&net.log.receipt(&root)), place(&receipt));
    net.log.stamp(&random::commitments(1));
    assert!(net.log.stop().success());
    net.log.use_program(None);
    net.log.assert_clean();
}
