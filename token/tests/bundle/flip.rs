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
    for (run, with_receipts) in [(one, true), (build::own_run(), false), (small_secret_run(&log), false)] {
        let items = build::assemble(&log, vec![run]);
        let bytes = build::bytes(&items);
        let before = verify(&bytes, log.verifier()).unwrap();
        let begin = hint_of(&items).end;
        let receipts = begin_of_receipts(&items);
        let end = if with_receipts { bytes.len() } else { receipts };
        for place in begin..end {
            let masks: &[u8] = if place < receipts { &[0x01, 0x20, 0x80] } else { &[0x01] };
            for mask in masks {
                let mut changed = bytes.clone();
                changed[place] ^= mask;
                if let Ok(after) = verify(&changed, log.verifier()) {
                    shows_no_more(&before, &after, place);
                }
            }
        }
    }
}

#[test]
fn a_changed_policy_hint_changes_nothing() {
    let log = Log::new();
    let items = build::assemble(&log, vec![build::plain_run()]);
    let (mut bytes, hint) = (build::bytes(&items), hint_of(&items));
    bytes[hint.start + 3] ^= 1;
    assert_eq!(verify(&bytes, log.verifier()).unwrap().len(), 4);
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
        let time = |attested: &treering_token::verify::Attested| attested.upper.unwrap().time;
        assert!(time(was) <= time(is), "byte {place}");
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
