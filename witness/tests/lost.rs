//! A store that was lost is not a new one: the witness doesn't start on it, whatever is in its place.
#![forbid(unsafe_code)]

mod support;

use std::{fs, path::Path};

use redb::{Database, ReadableDatabase as _, TableDefinition};
use support::{TestLog, TestWitness, config, directory};
use treering_tlog::note::VerifierKey;
use treering_witness::{serve, store::RedbStore};

const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
const ABOUT: TableDefinition<'_, &str, &str> = TableDefinition::new("about");
const KEYS: TableDefinition<'_, &str, ()> = TableDefinition::new("keys");

async fn refusal(dir: &Path) -> String {
    serve::start(config(dir)).await.expect_err("it doesn't start").to_string()
}

/// A witness that has cosigned size 3 of the log, and was stopped.
async fn stopped(log: &TestLog) -> (tempfile::TempDir, VerifierKey) {
    let witness = TestWitness::start(&[log]).await;
    witness.send(&log.request(0, 3)).await.cosigned(&witness.vkey, &log.checkpoint(3));
    assert!(witness.running.stop().await, "not stopped in time");
    (witness.dir, witness.vkey)
}

async fn start(dir: tempfile::TempDir, vkey: VerifierKey) -> TestWitness {
    let running = serve::start(config(dir.path())).await.expect("the witness starts");
    TestWitness { dir, vkey, running, http: reqwest::Client::new() }
}

#[tokio::test]
async fn a_store_that_is_gone_empty_or_blank_is_not_taken_for_a_new_one() {
    let log = TestLog::new("log.example/a");
    let (dir, vkey) = stopped(&log).await;
    let store = dir.path().join("witness.redb");
    let whole = fs::read(&store).unwrap();
    let way_out = "what was signed with these keys is no longer known, so they must never sign again. Bring the file \
                   back from the original disk, or make a new directory with a new key (`init`)";

    fs::remove_file(&store).unwrap();
    assert_eq!(refusal(dir.path()).await, format!("{} is missing: {way_out}", store.display()));
    assert!(!store.exists(), "and none is made");
    // A copy that met a full disk.
    fs::write(&store, "").unwrap();
    assert_eq!(refusal(dir.path()).await, format!("{} is empty: {way_out}", store.display()));
    assert_eq!(fs::metadata(&store).unwrap().len(), 0, "and it stays so");
    // A database without anything.
    fs::remove_file(&store).unwrap();
    drop(Database::create(&store).unwrap());
    let told = format!("{} holds nothing, not even the mark of `init`: {way_out}", store.display());
    assert_eq!(refusal(dir.path()).await, told);
    assert_eq!(refusal(dir.path()).await, told, "a start that was refused made it no better");
    // Half of one, and something else.
    for wrong in [&whole[..whole.len() / 2], &whole[..5], b"witness"] {
        fs::write(&store, wrong).unwrap();
        let told = refusal(dir.path()).await;
        assert!(
            told.contains("witness.redb is damaged, or no store at all (") && told.ends_with(way_out),
            "{told}"
        );
    }
    // The new store of another witness: what somebody might put there to get on.
    let (other, _) = directory();
    fs::copy(other.path().join("witness.redb"), &store).unwrap();
    let told = refusal(dir.path()).await;
    assert!(told.contains("was made for other keys than those of `keys`"), "{told}");
    // Nor is one made where there is one.
    fs::write(&store, &whole).unwrap();
    assert!(
        RedbStore::create(&store, std::slice::from_ref(&vkey)).unwrap_err().to_string().contains("exists")
    );

    let witness = start(dir, vkey).await;
    assert_eq!(witness.send(&log.request(0, 3)).await.conflict(), 3);
}

#[tokio::test]
async fn a_store_without_its_table_of_records_is_refused() {
    let log = TestLog::new("log.example/a");
    let (dir, _) = stopped(&log).await;
    change(&dir.path().join("witness.redb"), |transaction| {
        transaction.delete_table(RECORDS).unwrap();
    });
    let told = refusal(dir.path()).await;
    assert!(told.contains("holds nothing, not even the mark of `init`"), "{told}");
}

/// Before there was a mark, a store had the table of records as soon as it had one, and nothing else.
#[tokio::test]
async fn a_store_from_before_the_mark_is_gone_on_with_and_gets_it() {
    let log = TestLog::new("log.example/a");
    let (dir, vkey) = stopped(&log).await;
    let store = dir.path().join("witness.redb");
    change(&store, |transaction| {
        assert!(transaction.delete_table(ABOUT).unwrap());
        assert!(transaction.delete_table(KEYS).unwrap());
    });
    let witness = start(dir, vkey.clone()).await;
    assert_eq!(witness.send(&log.request(0, 3)).await.conflict(), 3);
    witness.send(&log.request(3, 4)).await.cosigned(&witness.vkey, &log.checkpoint(4));
    assert!(witness.running.stop().await, "not stopped in time");
    let database = Database::open(&store).unwrap();
    let transaction = database.begin_read().unwrap();
    let about = transaction.open_table(ABOUT).unwrap();
    assert_eq!(about.get("format").unwrap().unwrap().value(), "treering-witness/1");
    assert!(transaction.open_table(KEYS).unwrap().get(vkey.to_string().as_str()).unwrap().is_some());
}

#[tokio::test]
async fn a_store_of_a_later_format_is_refused() {
    let log = TestLog::new("log.example/a");
    let (dir, _) = stopped(&log).await;
    change(&dir.path().join("witness.redb"), |transaction| {
        transaction.open_table(ABOUT).unwrap().insert("format", "treering-witness/2").unwrap();
    });
    let told = refusal(dir.path()).await;
    assert!(told.contains(r#"the format "treering-witness/2", which this program doesn't know"#), "{told}");
}

fn change(store: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(store).expect("a database");
    let transaction = database.begin_write().expect("nobody else writes");
    change(&transaction);
    transaction.commit().expect("committed");
}
