//! What a mirror's key has signed outlives its copies: a mirror whose copies are gone, or older, signs no second history.

use std::{fs, path::Path, sync::Arc};

use treering_tlog::{checkpoint::Checkpoint, cosignature, hash::leaf_hash, note::Note};
use treering_witness::{mirror::Mirror, store::RedbStore};

use crate::{
    copying::{Copying, Serving},
    lying::{LyingLog, NOW},
};

/// Another history from this entry on, nine entries longer.
fn fork(log: &LyingLog, entry: usize) {
    log.pages().entries[entry][10] ^= 1;
    grow(log);
}

fn grow(log: &LyingLog) {
    (1..=9).for_each(|n| log.push((NOW + n) * 1000));
    log.publish(NOW + 10);
}

fn refused(copying: &Copying) -> String {
    Mirror::open(copying.config.clone(), Arc::clone(&copying.clock) as Arc<_>)
        .expect_err("it does not start")
        .to_string()
}

/// When the mirror signed what it serves, and of which size.
async fn served(copying: &mut Copying) -> (u64, u64) {
    let serving = copying.serve().await;
    let note = Note::parse(&Serving::ok(serving.get("checkpoint").await)).expect("a note");
    serving.end().await;
    let checkpoint = Checkpoint::parse(note.text()).expect("a checkpoint");
    let own = note.signatures().iter().find(|line| copying.vkey.matches(line)).expect("its line");
    let time = cosignature::verify(&copying.vkey, &checkpoint, own).expect("genuine");
    (checkpoint.head.size.get(), time.get())
}

#[tokio::test]
async fn a_mirror_whose_copies_are_gone_signs_no_other_history() {
    let log = LyingLog::with_entries(300).await;
    let mut copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    copying.mirror = None;
    fs::remove_dir_all(&copying.config.data).unwrap();
    let data = copying.config.data.clone();
    let lost = |copying: &mut Copying| {
        copying.mirror = None;
        fs::remove_dir_all(&data).unwrap();
        copying.restart();
    };
    // A longer one, one of the same size, and the true one as it was before.
    fork(&log, 3);
    copying.clock.set(NOW + 10);
    copying.restart();
    for _ in 0..2 {
        assert!(copying.wrong().await.contains("another history"));
        assert_eq!(copying.round().await.size, 0);
        assert!(!copying.folder().join("checkpoint").exists());
        copying.restart();
    }
    let mut forked = log.checkpoint(300);
    forked.head.root = leaf_hash(b"another");
    log.set("checkpoint", 200, log.signed(&forked, &[(0, NOW), (1, NOW)]).to_string());
    lost(&mut copying);
    assert!(copying.wrong().await.contains("another history"));
    log.pages().entries[3][10] ^= 1;
    log.set("checkpoint", 200, log.note(299, NOW).to_string());
    lost(&mut copying);
    let round = copying.round().await;
    assert!(round.unchecked[0].contains("has signed size 300 before"), "{round:?}");
    assert_eq!((round.size, round.wrong.len()), (0, 0));
    assert!(!copying.folder().join("checkpoint").exists());
    // The history that it knows is read again, and signed on; and no time before the last one.
    log.publish(NOW + 10);
    copying.clock.set(NOW - 10);
    let behind = copying.mirror.as_ref().unwrap().once().await.unwrap_err().to_string();
    assert!(behind.contains("behind the last timestamp"), "{behind}");
    copying.clock.set(NOW + 20);
    Copying::good(&copying.round().await);
    assert_eq!(served(&mut copying).await, (309, NOW + 20));
}

#[tokio::test]
async fn a_mirror_whose_copies_are_older_signs_no_other_history() {
    let log = LyingLog::with_entries(300).await;
    let mut copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    copying.mirror = None;
    let backup = copying.dir.path().join("backup");
    copy(&copying.config.data, &backup);
    grow(&log);
    copying.clock.set(NOW + 10);
    copying.restart();
    Copying::good(&copying.round().await);
    copying.mirror = None;
    // From 300 on another history would do, if the copy were all that is known.
    fs::remove_dir_all(&copying.config.data).unwrap();
    copy(&backup, &copying.config.data);
    fork(&log, 305);
    copying.restart();
    assert!(copying.wrong().await.contains("another history"));
    assert_eq!(copying.round().await.size, 300);
    log.pages().entries[305][10] ^= 1;
    log.publish(NOW + 10);
    Copying::good(&copying.round().await);
    assert_eq!(served(&mut copying).await.0, 318);
}

/// INVARIANT: nobody makes this file but `mirror init`: a mirror that no longer knows what it signed doesn't start.
#[tokio::test]
async fn a_mirror_that_does_not_know_what_it_signed_does_not_start() {
    let log = LyingLog::with_entries(5).await;
    let mut copying = Copying::start(&log);
    let first = copying.dir.path().join("first");
    copying.mirror = None;
    fs::copy(&copying.config.signed, &first).unwrap();
    copying.restart();
    Copying::good(&copying.round().await);
    copying.mirror = None;
    let signed = copying.config.signed.clone();
    let newest = fs::read(&signed).unwrap();
    fs::remove_file(&signed).unwrap();
    let way_out = "must never sign again. Bring the file back from the original disk, or make a new directory with a new \
                   key (`init`); the copies' folder (`data`) can be taken along";
    let told = refused(&copying);
    assert!(told.contains("signed.redb is missing: ") && told.ends_with(way_out), "{told}");
    fs::write(&signed, "").unwrap();
    let told = refused(&copying);
    assert!(told.contains("signed.redb is empty: ") && told.ends_with(way_out), "{told}");
    assert_eq!(fs::read(&signed).unwrap(), b"", "and it stays so");
    fs::copy(&first, &signed).unwrap();
    let told = refused(&copying);
    assert!(told.contains("signed.redb is an old one: by its copy of log.example/2026"), "{told}");
    // The way out: another key, whose store is new; the copies are taken along.
    fs::write(&signed, &newest).unwrap();
    let name = treering_tlog::note::KeyName::new("mirror.example/m2").unwrap();
    let key = copying.dir.path().join("key-2");
    copying.vkey = treering_witness::key::create_key_file(&key, name).unwrap();
    copying.config.keys = vec![key];
    assert!(refused(&copying).contains("was made for other keys"));
    copying.config.signed = copying.dir.path().join("signed-2.redb");
    RedbStore::create(&copying.config.signed, std::slice::from_ref(&copying.vkey)).unwrap();
    copying.clock.set(NOW + 1);
    copying.restart();
    log.publish(NOW + 1);
    Copying::good(&copying.round().await);
    assert_eq!(served(&mut copying).await, (5, NOW + 1));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for item in fs::read_dir(from).expect("read") {
        let item = item.expect("an item");
        let to = to.join(item.file_name());
        if item.path().is_dir() {
            copy(&item.path(), &to);
        } else {
            fs::copy(item.path(), to).expect("copied");
        }
    }
}
