//! No changed byte makes a bundle show more than before.

use crate::{
    build,
    evidence::{Evidence, verify},
    log::Log,
};
use treering_token::bundle::{Item, Record, RunHeader};

/// The attack: whoever holds a bundle changes one byte of it. What it then shows may be less (a cosignature that is
/// no longer known), and may differ in what is not stamped: kind, path and size of a record, and the policy hint.
/// Nothing else changes.
#[test]
fn no_changed_byte_shows_more() {
    let log = Log::new();
    let one = (build::plain(), vec![vec![build::file("a"), build::link(build::file("b/c"))]]);
    for run in [one, build::own_run(), small_secret_run(&log)] {
        let items = build::assemble(&log, vec![run]);
        let bytes = build::bytes(&items);
        let before = verify(&bytes, log.verifier()).unwrap();
        let receipts = begin_of_receipts(&items);
        let hint = hint_of(&items);
        let mut taken_of_hint = 0;
        for place in 0..bytes.len() {
            // A bit of a receipt stands for all of its bits: each of those is changed where receipts stand alone.
            let masks: &[u8] = if place < receipts { &[0x01, 0x20, 0x80] } else { &[0x01] };
            for mask in masks {
                let mut changed = bytes.clone();
                changed[place] ^= mask;
                if let Ok(after) = verify(&changed, log.verifier()) {
                    shows_no_more(&before, &after, place);
                    assert!(place >= hint.start, "another version or header, byte {place}");
                    taken_of_hint += usize::from(hint.contains(&place));
                }
            }
        }
        assert!(taken_of_hint > 0, "a hint decides nothing");
    }
}

fn small_secret_run(log: &Log) -> (RunHeader, Vec<Vec<Record>>) {
    let (header, mut submissions) = build::secret_run(log);
    submissions.truncate(1);
    (header, submissions)
}

/// Where the policy stands in the bundle.
fn hint_of(items: &[Item]) -> std::ops::Range<usize> {
    let Item::Header(header) = &items[0] else { panic!("a bundle begins with its header") };
    let end = build::bytes(&items[..1]).len();
    end - header.policy.len()..end
}

fn begin_of_receipts(items: &[Item]) -> usize {
    let receipts = items.iter().position(|item| matches!(item, Item::Receipt(_))).unwrap();
    build::bytes(&items[..receipts]).len()
}

fn shows_no_more(before: &[Evidence], after: &[Evidence], place: usize) {
    assert_eq!(before.len(), after.len(), "byte {place}");
    for (was, is) in before.iter().zip(after) {
        assert_eq!(stamped(was), stamped(is), "byte {place}");
        let (was, is) = (&was.attested, &is.attested);
        assert_eq!((&was.origin, was.index, was.sealed_at), (&is.origin, is.index, is.sealed_at));
        assert_eq!((was.tree_size, was.submissions), (is.tree_size, is.submissions));
        assert!(is.witnesses.iter().all(|witness| was.witnesses.contains(witness)), "byte {place}");
        let (was, is) = (was.upper.unwrap(), is.upper.unwrap());
        assert!(was.time <= is.time && is.would_have_to_lie <= was.would_have_to_lie, "byte {place}");
    }
}

/// What of a record is stamped, with names and the rest of its opening.
fn stamped(evidence: &Evidence) -> String {
    let digests = match &evidence.record {
        Record::Path { digests, .. } => Some(digests),
        Record::Bare(_) => None,
    };
    let opened = &evidence.opened;
    let (submission, index, root) = (evidence.submission, evidence.index, evidence.root);
    let salts = opened.opening.as_ref().map(|o| {
        let salt = |name: &Option<treering_token::token::Opening>| name.as_ref().map(|o| o.salt.0);
        (o.salt.0, salt(&o.holder), salt(&o.agent))
    });
    format!("{submission:?} {index} {root:?} {digests:?} {opened:?} {salts:?} {:?}", evidence.after)
}
