//! `treering-log check`: nothing to say about a good store, and the name of what is damaged in another.

use std::path::PathBuf;

use treering_tests::{
    files,
    log::{LogServer, shown},
    net::{self, Net},
    random,
};

/// A stopped log with some entries, all of which are in RocksDB's table files.
fn stopped() -> (Net, Vec<[u8; 32]>) {
    let mut net = net::plan().start();
    let first = random::commitments(3);
    net.log.stamp(&first);
    for _ in 0..5 {
        net.log.stamp(&random::commitments(4));
    }
    // What is still in the WAL alone goes into tables when the store is opened again.
    for _ in 0..2 {
        net.log.kill();
        net.log.start();
        net.log.wait_idle();
    }
    assert!(net.log.stop().success());
    (net, first)
}

fn tables(log: &LogServer) -> Vec<PathBuf> {
    let is_table = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sst");
    files::below(&log.store()).into_iter().filter(is_table).collect()
}

#[test]
fn a_good_store_is_clean() {
    let (net, _) = stopped();
    let checked = net.log.command("check");
    assert_eq!(checked.status.code(), Some(0), "{}", shown(&checked));
}

#[test]
fn a_flipped_bit_in_a_batch_is_named() {
    let (net, first) = stopped();
    // The leaf of the first submission's root stands in its batch.
    let leaf = treering_tlog::hash::leaf_hash(treering_tests::view::root_of(&first).as_bytes());
    let found = tables(&net.log).into_iter().find_map(|table| {
        let bytes = std::fs::read(&table).expect("a table can be read");
        files::find(&bytes, leaf.as_bytes()).map(|at| (table, at))
    });
    let (table, at) = found.expect("the batch is in a table");
    files::flip(&table, at + 5);
    let checked = net.log.command("check");
    assert_eq!(checked.status.code(), Some(1), "{}", shown(&checked));
    let said = shown(&checked);
    assert!(said.contains("batch"), "it does not say what is damaged: {said}");
}

#[test]
fn a_missing_table_is_told() {
    let (net, _) = stopped();
    let table = tables(&net.log).into_iter().next().expect("a table");
    std::fs::remove_file(table).expect("a file that is there");
    let checked = net.log.command("check");
    assert_ne!(checked.status.code(), Some(0), "{}", shown(&checked));
}

#[test]
fn a_running_log_can_not_be_checked() {
    let net = net::plan().start();
    let checked = net.log.command("check");
    assert_eq!(checked.status.code(), Some(2), "{}", shown(&checked));
}
