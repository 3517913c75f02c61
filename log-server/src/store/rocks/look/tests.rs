use super::*;
use crate::store::{
    Accepted, RocksStore, Store as _,
    rocks::framing::{
        FULL,
        files::{file, file_of, record, records, write},
    },
};
use treering_tlog::{checkpoint::Origin, hash::Hash};

const WRITES: [usize; 6] = [100, 40_000, 15, 32_761, 150_000, 300];

/// What a look at these log files shows: where the torn end of the last one begins, or `Err` with the place of damage.
fn of(files: &[&[u8]]) -> Result<Option<u64>, u64> {
    let dir = tempfile::tempdir().unwrap();
    for (number, bytes) in files.iter().enumerate() {
        fs::write(dir.path().join(format!("{:06}.log", number + 9)), bytes).unwrap();
    }
    match writes(dir.path()) {
        Ok(torn) => Ok(torn.map(|torn| torn.at)),
        Err(Wrong::At(_, at)) => Err(at),
        Err(Wrong::Io(error)) => panic!("{error}"),
    }
}

#[test]
fn whole_files_are_left_alone() {
    let (bytes, begins) = file(&WRITES);
    assert_eq!(of(&[&bytes]), Ok(None));
    assert_eq!(of(&[&bytes[..begins[5]]]), Ok(None));
    assert_eq!(of(&[&[]]), Ok(None));
    assert_eq!(of(&[]), Ok(None));
    let dir = tempfile::tempdir().unwrap();
    assert!(look(&dir.path().join("none")).unwrap().is_none());
}

#[test]
fn the_last_write_is_cut_off_wherever_it_is_torn() {
    for count in 1..=WRITES.len() {
        let (bytes, begins) = file(&WRITES[..count]);
        let last = begins[count - 1];
        for at in (last..bytes.len()).step_by(997).chain([last, bytes.len() - 1]) {
            let torn_there = Ok(Some(last as u64));
            let mut torn = bytes.clone();
            torn[at] ^= 1;
            assert_eq!(of(&[&torn]), torn_there, "write {count}, byte {at}");
            // Nothing is written before all of it is synced: a new file is empty.
            assert_eq!(of(&[&torn, &[]]), torn_there, "write {count}, byte {at}");
            // Pages that never came, with others behind them.
            let mut torn = bytes.clone();
            let page = at / 4096 * 4096;
            let end = (page + 4096).min(torn.len());
            torn[page.max(last)..end].fill(0);
            assert_eq!(of(&[&torn]), torn_there, "write {count}, page of byte {at}");
            // What came of it is its beginning.
            let short = if at == last { Ok(None) } else { torn_there };
            assert_eq!(of(&[&bytes[..at]]), short, "write {count}, to byte {at}");
        }
    }
}

/// Commitments are kept as they came, thousands of bytes of a client's choice.
#[test]
fn what_a_client_has_sent_is_not_taken_for_a_write() {
    let full = |payload: &[u8]| record(FULL, payload);
    let far = [&(1_u64 << 40).to_le_bytes()[..], &1_u32.to_le_bytes()].concat();
    for planted in [full(&[]), full(&[7; 11]), full(&far), full(&write(1, 12)), full(&[0; 12])] {
        let mut last = write(6, 20_000);
        for place in last[100..].chunks_exact_mut(planted.len()) {
            place.copy_from_slice(&planted);
        }
        let mut writes: Vec<Vec<u8>> = (1..6).map(|number| write(number, 3_000)).collect();
        writes.push(last);
        let (mut bytes, begins) = file_of(&writes);
        bytes[begins[5]..][..4_096].fill(0);
        assert_eq!(of(&[&bytes]), Ok(Some(begins[5] as u64)), "{planted:?}");
    }
}

/// What decision 0011 says of it: nobody can tell it from one large write that was torn.
#[test]
fn a_last_page_that_is_zeroed_takes_all_the_writes_in_it() {
    let (mut bytes, begins) = file(&[150; 60]);
    let page = bytes.len() / 4096 * 4096;
    bytes[page..].fill(0);
    let first = begins.iter().rposition(|begin| *begin < page).unwrap();
    let gone = begins.len() - first;
    assert!(gone > 5, "{gone}");
    assert_eq!(of(&[&bytes]), Ok(Some(begins[first] as u64)));
    // But for one that begins whole behind it.
    let (whole, _) = file(&[150; 61]);
    let more = [&bytes[..], &whole[bytes.len()..]].concat();
    assert_eq!(of(&[&more]), Err(begins[first] as u64));
}

#[test]
fn damage_to_an_earlier_write_is_never_cut_off() {
    let (bytes, begins) = file(&WRITES);
    for (number, pair) in begins.windows(2).enumerate() {
        for at in (pair[0]..pair[1]).step_by(499).chain([pair[0], pair[0] + 4, pair[0] + 6]) {
            // A block's unused end is part of no write.
            if bytes[at..pair[1]].iter().all(|byte| *byte == 0) {
                continue;
            }
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(of(&[&damaged]).is_err(), "write {number}, byte {at}");
        }
        // RocksDB takes kind and length 0 for the file's end.
        let mut damaged = bytes.clone();
        damaged[pair[0]..][..HEADER].fill(0);
        assert_eq!(of(&[&damaged]), Err(pair[0] as u64), "write {number}");
    }
}

#[test]
fn damage_to_the_end_of_a_file_is_seen_by_the_next_one() {
    let (one, begins) = file(&[100; 5]);
    let short = &one[..one.len() - 1];
    let next = |number: u8| file_of(&[write(number, 100), write(number + 1, 100)]).0;
    // The fifth write was dropped by a former start, and the number was used again.
    assert_eq!(of(&[short, &next(5)]), Ok(None));
    // It was not: the log went on behind it.
    assert_eq!(of(&[short, &next(6)]), Err(begins[4] as u64));
    assert_eq!(of(&[short, &[], &next(6)]), Err(begins[4] as u64));
    // A torn end of its own has only the last file.
    let last = next(5);
    let torn = Ok(Some(HEADER as u64 + 100));
    assert_eq!(of(&[short, &last[..last.len() - 1]]), torn);
    assert_eq!(of(&[&one, &next(6)[..last.len() - 1]]), torn);
    // And before something that nobody can read it is damage, or where nothing of it can be read.
    assert_eq!(of(&[short, &[7; 20]]), Err(begins[4] as u64));
    assert_eq!(of(&[&one[..9], &next(2)]), Err(0));
}

/// The last write of a file may be in several pieces, the first of which are whole.
#[test]
fn damage_to_the_last_piece_of_a_write_is_seen_by_the_next_file() {
    let (one, begins) = file(&[100, 100_000]);
    let next = |number: u8| file_of(&[write(number, 100)]).0;
    let last = *records(&one).last().unwrap();
    for bit in 0..8 * HEADER {
        let mut damaged = one.clone();
        damaged[last + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(of(&[&damaged, &next(3)]), Err(begins[1] as u64), "bit {bit}");
        assert_eq!(of(&[&damaged, &next(2)]), Ok(None), "bit {bit}");
        assert_eq!(of(&[&damaged, &[]]), Ok(Some(begins[1] as u64)), "bit {bit}");
    }
    assert_eq!(of(&[&one, &next(3)]), Ok(None));
}

fn origin() -> Origin {
    Origin::new("log.example/look").unwrap()
}

/// A store as a kill leaves it, with twenty writes in its log beside the one that made it.
fn killed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    for number in 0..20 {
        let accepted = Accepted { root: Hash::new([u8::try_from(number).unwrap(); 32]), small: None };
        store.accept(number, &[accepted]).unwrap();
    }
    copy_of(dir.path())
}

fn copy_of(store: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for item in fs::read_dir(store).unwrap() {
        let item = item.unwrap();
        fs::copy(item.path(), copy.path().join(item.file_name())).unwrap();
    }
    copy
}

fn open(path: &Path) -> Result<RocksStore, StoreError> {
    RocksStore::open(path, &origin(), 1 << 20)
}

/// A copy of a store, one file of which says something else.
fn with(store: &Path, file: &Path, bytes: &[u8]) -> tempfile::TempDir {
    let copy = copy_of(store);
    fs::write(copy.path().join(file.file_name().unwrap()), bytes).unwrap();
    copy
}

/// The one that isn't empty.
fn only(store: &Path, is: impl Fn(&str) -> bool) -> PathBuf {
    let items = fs::read_dir(store).unwrap().map(|item| item.unwrap().path());
    let mut found = items.filter(|path| is(path.file_name().unwrap().to_str().unwrap()));
    found.find(|path| fs::metadata(path).unwrap().len() > 0).unwrap()
}

/// One record's header, each bit of it, and all of it zeroed.
fn headers(whole: &[u8], at: usize) -> impl Iterator<Item = (usize, Vec<u8>)> {
    let flipped = (0..8 * HEADER).map(move |bit| {
        let mut damaged = whole.to_vec();
        damaged[at + bit / 8] ^= 1 << (bit % 8);
        (bit, damaged)
    });
    let mut zeroed = whole.to_vec();
    zeroed[at..][..HEADER].fill(0);
    flipped.chain([(usize::MAX, zeroed)])
}

/// Of most of these RocksDB itself would say nothing, and open a log without what stands behind them.
#[test]
fn each_bit_of_a_header_in_the_write_ahead_log_is_damage_or_a_torn_end() {
    let store = killed();
    let path = only(store.path(), |name| name.ends_with(".log"));
    let whole = fs::read(&path).unwrap();
    let begins = records(&whole);
    assert!(begins.len() > 20, "{begins:?}");
    for (number, at) in begins.iter().enumerate() {
        for (bit, damaged) in headers(&whole, *at) {
            let damaged = with(store.path(), &path, &damaged);
            if number + 1 < begins.len() {
                let refused = open(damaged.path()).unwrap_err();
                assert!(matches!(refused, StoreError::Damaged { .. }), "{number}, bit {bit}: {refused}");
                let copy = RocksStore::open_copy(damaged.path(), &origin()).unwrap_err();
                assert!(matches!(copy, StoreError::Damaged { .. }), "{number}, bit {bit}: {copy}");
                continue;
            }
            // A copy is not cut: it has what its files say, or is refused. What was being written when it was made it lacks.
            match RocksStore::open_copy(damaged.path(), &origin()) {
                Ok(copy) => assert_eq!(copy.load().unwrap().waiting.len(), 19, "bit {bit}"),
                Err(copy) => assert!(matches!(copy, StoreError::Damaged { .. }), "bit {bit}: {copy}"),
            }
            // The very last write: as a power cut may leave it.
            let opened = open(damaged.path()).unwrap();
            assert!(opened.cut().is_some(), "bit {bit}");
            assert_eq!(opened.load().unwrap().waiting.len(), 19, "bit {bit}");
        }
    }
}

/// The manifest says which files are the store: by less of it RocksDB removes the others.
#[test]
fn each_bit_of_a_header_in_the_manifest_is_named_or_loses_nothing() {
    let store = killed();
    let path = only(store.path(), |name| name.starts_with("MANIFEST"));
    let whole = fs::read(&path).unwrap();
    assert!(look(store.path()).unwrap().is_none());
    let begins = records(&whole);
    assert!(begins.len() > 5, "{begins:?}");
    let mut opened = 0;
    for (number, at) in begins.iter().enumerate() {
        for (bit, damaged) in headers(&whole, *at) {
            let damaged = with(store.path(), &path, &damaged);
            match open(damaged.path()) {
                Ok(store) => {
                    assert_eq!(number + 1, begins.len(), "bit {bit}");
                    assert_eq!(store.load().unwrap().waiting.len(), 20, "bit {bit}");
                    opened += 1;
                }
                Err(refused) if number + 1 < begins.len() => {
                    assert!(matches!(refused, StoreError::Damaged { .. }), "{number}, bit {bit}: {refused}");
                    assert!(refused.to_string().contains("MANIFEST"), "{refused}");
                    let copy = RocksStore::open_copy(damaged.path(), &origin()).unwrap_err();
                    assert!(matches!(copy, StoreError::Damaged { .. }), "{copy}");
                }
                Err(_) => {}
            }
        }
    }
    println!("{opened} of the last record's were opened, and nothing was lost");
}

/// Whoever looks in beside a running log touches nothing of it: what is being written there may look torn.
#[test]
fn a_store_that_is_open_is_not_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let accepted = Accepted { root: Hash::new([7; 32]), small: None };
    store.accept(0, &[accepted]).unwrap();
    let path = only(dir.path(), |name| name.ends_with(".log"));
    // As much as is there of a write so far.
    let mut half = fs::read(&path).unwrap();
    half.extend([1, 2, 3]);
    fs::write(&path, &half).unwrap();
    let refused = open(dir.path()).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), half);
    drop(store);
    assert_eq!(open(dir.path()).unwrap().load().unwrap().waiting.len(), 1);
}
