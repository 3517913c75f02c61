//! What the walker refuses: items out of order, and records that do not fit their run's header.

use crate::{
    build::{self, bare, file, plain, secret, with, with_digest},
    log::Log,
};
use treering_token::{
    bundle::{Blinding, BundleError, Header, Item, Own, Record, RunHeader, Walker},
    commitment::Salt,
};

fn header() -> Item {
    Item::Header(Header { policy: Vec::new() })
}

fn run(header: RunHeader) -> Item {
    Item::Run(Box::new(header))
}

fn record(record: Record) -> Item {
    Item::Record(record)
}

fn receipt(root: u8) -> Item {
    let Record::Bare(root) = bare(root) else { unreachable!("bare records are bare") };
    Item::Receipt(Box::new(Log::new().receipts(&[root]).remove(0)))
}

/// All items but the last are taken, and that one is refused.
fn refused(items: &[Item]) -> String {
    let (last, before) = items.split_last().unwrap();
    let mut walker = Walker::new();
    for item in before {
        walker.step(item).unwrap();
    }
    walker.step(last).unwrap_err().to_string()
}

/// All items are taken, and the bundle is not whole.
fn not_whole(items: &[Item]) -> String {
    let mut walker = Walker::new();
    for item in items {
        walker.step(item).unwrap();
    }
    walker.finish().unwrap_err().to_string()
}

/// The record is refused under this header.
fn unfit(under: RunHeader, one: Record) -> String {
    let error = under.claim(0, &one).unwrap_err().to_string();
    assert_eq!(error, refused(&[header(), run(under), record(one)]));
    error
}

#[test]
fn a_bundle_begins_with_its_header() {
    insta::assert_snapshot!(refused(&[run(plain())]), @"a bundle begins with its header, and this one with a run header");
}

#[test]
fn there_is_one_header() {
    insta::assert_snapshot!(refused(&[header(), header()]), @"the bundle has a second header");
}

#[test]
fn a_record_needs_a_run() {
    insta::assert_snapshot!(refused(&[header(), record(file("a"))]), @"a record comes before the first run header");
}

#[test]
fn a_mark_needs_a_run() {
    insta::assert_snapshot!(refused(&[header(), Item::Mark(1)]), @"a mark comes before the first run header");
}

#[test]
fn a_receipt_needs_a_run() {
    insta::assert_snapshot!(refused(&[header(), receipt(1)]), @"a receipt comes before the first run header");
}

#[test]
fn a_mark_needs_records() {
    insta::assert_snapshot!(refused(&[header(), run(plain()), Item::Mark(1)]), @"a mark ends a submission without records");
}

#[test]
fn a_mark_counts_its_records() {
    insta::assert_snapshot!(refused(&[header(), run(plain()), record(bare(1)), Item::Mark(2)]), @"a mark says 2 records, and there were 1");
}

#[test]
fn a_receipt_waits_for_the_mark() {
    insta::assert_snapshot!(refused(&[header(), run(plain()), record(bare(1)), receipt(1)]), @"the last records of the run (1) have no mark");
}

#[test]
fn a_receipt_needs_a_submission() {
    insta::assert_snapshot!(refused(&[header(), run(plain()), receipt(1)]), @"the run has no record");
}

#[test]
fn there_are_no_more_receipts_than_roots() {
    let items = [header(), run(plain()), record(bare(1)), Item::Mark(1), receipt(1), receipt(1)];
    insta::assert_snapshot!(refused(&items), @"the run has more receipts than distinct submission roots (1)");
}

#[test]
fn a_record_comes_before_the_receipts() {
    let items = [header(), run(plain()), record(bare(1)), Item::Mark(1), receipt(1), record(bare(2))];
    insta::assert_snapshot!(refused(&items), @"a record comes after the first receipt of its run");
}

#[test]
fn a_mark_comes_before_the_receipts() {
    let items = [header(), run(plain()), record(bare(1)), Item::Mark(1), receipt(1), Item::Mark(1)];
    insta::assert_snapshot!(refused(&items), @"a mark comes after the first receipt of its run");
}

#[test]
fn the_next_run_waits_for_the_receipts() {
    let items = [header(), run(plain()), record(bare(1)), Item::Mark(1), run(plain())];
    insta::assert_snapshot!(refused(&items), @"the run has 0 receipts where 1 are needed, one for each distinct submission root");
}

#[test]
fn the_next_run_waits_for_the_mark() {
    let items = [header(), run(plain()), record(bare(1)), run(plain())];
    insta::assert_snapshot!(refused(&items), @"the last records of the run (1) have no mark");
}

#[test]
fn a_run_without_records_is_refused() {
    insta::assert_snapshot!(refused(&[header(), run(plain()), run(plain())]), @"the run has no record");
    assert_eq!(not_whole(&[header(), run(plain())]), refused(&[header(), run(plain()), run(plain())]));
}

#[test]
fn nothing_is_not_a_bundle() {
    insta::assert_snapshot!(not_whole(&[]), @"the bundle is empty");
}

#[test]
fn a_header_alone_is_not_a_bundle() {
    insta::assert_snapshot!(not_whole(&[header()]), @"the bundle has no run");
}

#[test]
fn a_bundle_without_its_last_mark_is_not_whole() {
    insta::assert_snapshot!(not_whole(&[header(), run(plain()), record(bare(1)), record(bare(2))]), @"the last records of the run (2) have no mark");
}

#[test]
fn a_bundle_without_a_receipt_is_not_whole() {
    let items = [record(bare(1)), Item::Mark(1), record(bare(2)), Item::Mark(1), receipt(1)];
    let items = [&[header(), run(plain())][..], &items].concat();
    insta::assert_snapshot!(not_whole(&items), @"the run has 1 receipts where 2 are needed, one for each distinct submission root");
}

/// One root twice in a run needs one receipt, and in the next run its own.
#[test]
fn receipts_are_counted_by_distinct_root_and_run() {
    let once = [record(bare(1)), Item::Mark(1), record(bare(1)), Item::Mark(1), receipt(1)];
    let mut walker = Walker::new();
    walker.step(&header()).unwrap();
    for _ in 0..2 {
        walker.step(&run(plain())).unwrap();
        once.iter().for_each(|item| drop(walker.step(item).unwrap()));
    }
    walker.finish().unwrap();
}

#[test]
fn a_refused_item_changes_nothing() {
    let two = |own: &mut Own| own.holder_salt = Some(Salt([1; 32]));
    let others =
        [header(), run(plain()), Item::Mark(77), receipt(1), record(with(file("a"), two)), record(bare(1))];
    let mut walker = Walker::new();
    let mut refusals = 0;
    for item in build::everything(&Log::new()) {
        for other in &others {
            let mut tried = walker.clone();
            if tried.step(other).is_err() {
                assert_eq!(format!("{tried:?}"), format!("{walker:?}"));
                refusals += 1;
            }
        }
        walker.step(&item).unwrap();
    }
    assert!(refusals > 100, "{refusals}");
}

fn salted(own: &mut Own) {
    own.salt = Some(Salt([1; 32]));
}

#[test]
fn a_plain_run_has_no_fields() {
    let named = RunHeader { holder: Some("Ada".to_owned()), ..plain() };
    insta::assert_snapshot!(refused(&[header(), run(named)]), @"a plain run has no holder, agent, title, after note or key: they would not be stamped");
    for header in [
        RunHeader { agent: Some("Ada".to_owned()), ..plain() },
        RunHeader { title: Some("Ada".to_owned()), ..plain() },
        RunHeader { after: Some(b"note".to_vec()), ..plain() },
        RunHeader { key: Some(build::holder_key()), ..plain() },
    ] {
        assert_eq!(header.validate(), Err(BundleError::PlainRunHasFields));
    }
}

#[test]
fn a_header_has_no_empty_and_no_long_text() {
    insta::assert_snapshot!(RunHeader { title: Some(String::new()), ..secret() }.validate().unwrap_err(), @"the title is empty");
    insta::assert_snapshot!(RunHeader { agent: Some("a".repeat(1025)), ..secret() }.validate().unwrap_err(), @"the agent's name has 1025 bytes where at most 1024 are allowed");
    insta::assert_snapshot!(RunHeader { after: Some(vec![b'a'; 48_001]), ..secret() }.validate().unwrap_err(), @"the after note has 48001 bytes where at most 48000 are allowed");
    assert!(RunHeader { agent: Some("a".repeat(1024)), ..secret() }.validate().is_ok());
}

#[test]
fn a_plain_record_has_nothing_of_its_own() {
    insta::assert_snapshot!(unfit(plain(), with(file("a"), salted)), @"a record of a plain run has names, a signature or salts: they would not be stamped");
}

/// The attack: a digest that looks like evidence and was never stamped.
#[test]
fn a_plain_record_has_no_digest_that_is_not_stamped() {
    insta::assert_snapshot!(unfit(plain(), with_digest(file("a"), 8, vec![1; 64])), @"a record of a plain run has more than its SHA-256 digest: the others would not be stamped");
}

#[test]
fn own_salts_have_no_place_beside_a_secret() {
    insta::assert_snapshot!(unfit(secret(), with(file("a"), salted)), @"the record has the claim's salt, which is of no use under its run's header");
    let under = RunHeader { holder: Some("Ada".to_owned()), agent: Some("Ada".to_owned()), ..secret() };
    let holder = with(file("a"), |own| own.holder_salt = Some(Salt([1; 32])));
    insta::assert_snapshot!(unfit(under.clone(), holder), @"the record has the holder's salt, which is of no use under its run's header");
    let agent = with(file("a"), |own| own.agent_salt = Some(Salt([1; 32])));
    insta::assert_snapshot!(unfit(under, agent), @"the record has the agent's salt, which is of no use under its run's header");
}

#[test]
fn own_salts_are_needed_where_there_is_no_secret() {
    let under = RunHeader::new(Blinding::Own);
    insta::assert_snapshot!(unfit(under.clone(), file("a")), @"the record lacks the claim's salt, which it needs under its run's header");
    let holder = RunHeader { holder: Some("Ada".to_owned()), ..under.clone() };
    insta::assert_snapshot!(unfit(holder, with(file("a"), salted)), @"the record lacks the holder's salt, which it needs under its run's header");
    let agent = RunHeader { agent: Some("Ada".to_owned()), ..under };
    insta::assert_snapshot!(unfit(agent, with(file("a"), salted)), @"the record lacks the agent's salt, which it needs under its run's header");
}

#[test]
fn a_name_s_salt_needs_a_name() {
    let both = |own: &mut Own| {
        salted(own);
        own.holder_salt = Some(Salt([2; 32]));
    };
    insta::assert_snapshot!(unfit(RunHeader::new(Blinding::Own), with(file("a"), both)), @"the record has the holder's salt, which is of no use under its run's header");
}

#[test]
fn a_signature_and_a_key_come_both_or_neither() {
    let signature = |own: &mut Own| own.signature = Some([0; 64]);
    insta::assert_snapshot!(unfit(secret(), with(file("a"), signature)), @"the record has the signature, which is of no use under its run's header");
    let keyed = RunHeader { key: Some(build::holder_key()), ..secret() };
    insta::assert_snapshot!(unfit(keyed.clone(), file("a")), @"the record lacks the signature, which it needs under its run's header");
    insta::assert_snapshot!(unfit(keyed, with(file("a"), signature)), @"the signature of the record's claim does not verify");
}

#[test]
fn an_empty_text_needs_something_to_take_away() {
    let empty = |own: &mut Own| own.title = Some(String::new());
    insta::assert_snapshot!(unfit(secret(), with(file("a"), empty)), @"the record takes away the title, and its run's header has none");
}

#[test]
fn a_record_s_text_has_its_limit() {
    let long = |own: &mut Own| own.title = Some("a".repeat(1025));
    insta::assert_snapshot!(unfit(secret(), with(file("a"), long)), @"the title has 1025 bytes where at most 1024 are allowed");
    let just = |own: &mut Own| own.title = Some("a".repeat(1024));
    assert!(secret().claim(0, &with(file("a"), just)).is_ok());
}

#[test]
fn a_claim_has_its_limit() {
    insta::assert_snapshot!(unfit(secret(), with_digest(file("a"), 99, vec![1; 4060])), @"the record's claim has 4103 bytes where at most 4096 are allowed");
    assert!(secret().claim(0, &with_digest(file("a"), 99, vec![1; 4053])).is_ok());
}

#[test]
fn without_a_key_there_is_nothing_to_sign() {
    let opener = |key| treering_token::bundle::Opener::new(RunHeader { key, ..secret() }).unwrap();
    let Record::Path { digests, own, .. } = file("a") else { panic!("a file") };
    assert!(opener(Some(build::holder_key())).signing_input(0, &digests, &own).is_ok());
    insta::assert_snapshot!(opener(None).signing_input(0, &digests, &own).unwrap_err(), @"there is nothing to sign: the run's header has no key");
}

/// Each takes 37 bytes, and memory in whoever reads it.
#[test]
fn a_run_has_a_limited_number_of_submissions() {
    let mut walker = Walker::new();
    for item in [header(), run(plain())] {
        walker.step(&item).unwrap();
    }
    let (one, mark) = (record(bare(1)), Item::Mark(1));
    for _ in 0..Walker::MAX_SUBMISSIONS {
        walker.step(&one).unwrap();
        walker.step(&mark).unwrap();
    }
    let mut whole = walker.clone();
    walker.step(&one).unwrap();
    insta::assert_snapshot!(walker.step(&mark).unwrap_err().to_string(), @"the run has more than 1048576 submissions");
    // One receipt is for all of them, and the next run begins to count anew.
    for item in [receipt(1), run(plain()), one, mark, receipt(1)] {
        whole.step(&item).unwrap();
    }
    whole.finish().unwrap();
}
