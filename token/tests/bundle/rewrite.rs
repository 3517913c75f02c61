//! Parts split off, and bundles put together.

use crate::{
    build,
    evidence::{Evidence, verify},
    log::Log,
};
use proptest::prelude::*;
use treering_token::bundle::{
    Blinding, Header, Item, Outline, Record, RelativePath, Rewriter, Salts, Walker,
};

/// What is kept of the items, by the number of the record, below `prefix`.
fn rewritten(items: &[Item], kept: &[bool], prefix: &str, salts: Salts) -> Vec<Item> {
    let mut outline = Outline::new();
    let mut keep = kept.iter();
    for item in items {
        let is_kept = matches!(item, Item::Record(_)) && *keep.next().unwrap();
        outline.note(item, is_kept);
    }
    if outline.is_empty() {
        return Vec::new();
    }
    let (mut rewriter, mut walker, mut keep) = (Rewriter::new(outline, salts), Walker::new(), kept.iter());
    let mut out = Vec::new();
    for item in items {
        let step = walker.step(item).unwrap();
        let path = match item {
            Item::Record(record) => match (record, *keep.next().unwrap()) {
                (Record::Path { path, .. }, true) => Some(below(prefix, path)),
                _ => None,
            },
            _ => None,
        };
        rewriter.take(item.clone(), step, path, &mut out);
    }
    out
}

fn below(prefix: &str, path: &RelativePath) -> RelativePath {
    RelativePath::new([prefix.as_bytes(), path.as_bytes()].concat()).unwrap()
}

fn headed(parts: impl IntoIterator<Item = Vec<Item>>) -> Vec<u8> {
    let header = vec![Item::Header(Header { policy: b"# nobody trusts it\n".to_vec() })];
    build::bytes(&[vec![header], parts.into_iter().collect()].concat().concat())
}

/// The records that a bundle covers, with path, commitment and what the witnesses say.
fn covered(shown: &[Evidence]) -> Vec<(Vec<u8>, String)> {
    let mut all: Vec<_> = shown.iter().filter_map(|e| path_of(e).map(|path| (path, fact(e)))).collect();
    all.sort();
    all
}

fn path_of(evidence: &Evidence) -> Option<Vec<u8>> {
    match &evidence.record {
        Record::Path { path, .. } => Some(path.as_bytes().to_vec()),
        Record::Bare(_) => None,
    }
}

fn fact(evidence: &Evidence) -> String {
    format!("{:?} {:?} {:?}", evidence.opened.claim, evidence.attested, evidence.after)
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Each secret thing that a record has, and that nobody else may get.
fn secrets(evidence: &Evidence) -> Vec<Vec<u8>> {
    let mut secrets = Vec::new();
    if let Some(opening) = &evidence.opened.opening {
        secrets.push(opening.salt.0.to_vec());
        secrets.extend([&opening.holder, &opening.agent].into_iter().flatten().map(|o| o.salt.0.to_vec()));
        if let Record::Path { digests, .. } = &evidence.record {
            secrets.push(digests.sha256().to_vec());
        }
    }
    secrets
}

/// Names and titles.
fn words(evidence: &Evidence) -> Vec<String> {
    let opening = evidence.opened.opening.as_ref();
    let names = opening.into_iter().flat_map(|o| [&o.holder, &o.agent]).flatten().map(|o| o.name.clone());
    names.chain(evidence.opened.claim.as_ref().and_then(|claim| claim.title.clone())).collect()
}

/// Who gets a part of a bundle learns nothing of the rest of it but commitments.
fn assert_part(kept: &[bool]) {
    let log = Log::new();
    let items = build::everything(&log);
    let mut all = verify(&build::bytes(&items), log.verifier()).unwrap();
    all.sort_by_key(|evidence| (evidence.submission, evidence.index));
    let part = rewritten(&items, kept, "", Salts::Own);
    let is_kept = |(place, evidence): &(usize, &Evidence)| kept[*place] && path_of(evidence).is_some();
    let (ours, theirs): (Vec<_>, Vec<_>) = all.iter().enumerate().partition(is_kept);
    if part.is_empty() {
        assert!(ours.is_empty(), "what is kept is written");
        return;
    }
    let bytes = headed([part]);
    let shown = verify(&bytes, log.verifier()).unwrap();
    let ours: Vec<Evidence> = ours.into_iter().map(|(_, evidence)| evidence.clone()).collect();
    assert_eq!(covered(&shown), covered(&ours));
    assert!(shown.iter().all(|evidence| !matches!(evidence.run.blinding, Blinding::Secret(_))));
    assert!(!contains(&bytes, &[7; 32]), "the run secret");
    let said: Vec<String> = ours.iter().flat_map(words).collect();
    let own: Vec<Vec<u8>> = ours.iter().flat_map(secrets).collect();
    let plain: Vec<_> =
        all.iter().filter(|e| e.opened.opening.is_none()).map(|e| e.opened.commitment).collect();
    for (_, neighbour) in theirs {
        // Equal files have one digest, also in a plain run, whose commitments it is; and a name may be everybody's.
        for secret in secrets(neighbour).iter().filter(|secret| !own.contains(secret)) {
            let is_plain = plain.iter().any(|commitment| commitment.0.as_bytes()[..] == secret[..]);
            assert!(is_plain || !contains(&bytes, secret), "{} is given away", hex::encode(secret));
        }
        for word in words(neighbour).iter().filter(|word| !said.contains(word)) {
            assert!(!contains(&bytes, word.as_bytes()), "{word}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_part_verifies_and_gives_nothing_else_away(kept in prop::collection::vec(any::<bool>(), 18)) {
        assert_part(&kept);
    }

    #[test]
    fn parts_put_together_cover_what_the_whole_covered(kept in prop::collection::vec(any::<bool>(), 18)) {
        let log = Log::new();
        let items = build::everything(&log);
        let rest: Vec<bool> = kept.iter().map(|kept| !kept).collect();
        let parts = [&kept, &rest].map(|kept| rewritten(&items, kept, "", Salts::Own));
        let whole = covered(&verify(&build::bytes(&items), log.verifier()).unwrap());
        prop_assert_eq!(covered(&verify(&headed(parts), log.verifier()).unwrap()), whole.clone());
        // A part of a part is a part, and its owner may keep the run secrets.
        let kept_secrets = rewritten(&items, &kept, "", Salts::Kept);
        let rest = rewritten(&items, &rest, "", Salts::Kept);
        prop_assert_eq!(covered(&verify(&headed([kept_secrets, rest]), log.verifier()).unwrap()), whole);
    }
}

#[test]
fn each_single_record_can_be_split_off() {
    for place in 0..18 {
        assert_part(&std::array::from_fn::<bool, 18, _>(|i| i == place));
    }
    assert_part(&[true; 18]);
    assert_part(&[false; 18]);
}

#[test]
fn a_part_can_be_split_again() {
    let log = Log::new();
    let items = build::everything(&log);
    let mut half = vec![Item::Header(Header { policy: Vec::new() })];
    half.extend(rewritten(&items, &std::array::from_fn::<bool, 18, _>(|i| i % 2 == 0), "", Salts::Own));
    let records = half.iter().filter(|item| matches!(item, Item::Record(_))).count();
    let again = rewritten(&half, &vec![true; records], "", Salts::Own);
    assert_eq!(build::bytes(&half[1..]), build::bytes(&again), "nothing is left to take away");
}

#[test]
fn paths_are_the_callers_to_choose() {
    let log = Log::new();
    let items = build::assemble(&log, vec![build::plain_run()]);
    let shown = verify(&headed([rewritten(&items, &[true; 4], "x/", Salts::Kept)]), log.verifier()).unwrap();
    let paths: Vec<_> =
        shown.iter().filter_map(path_of).map(|path| String::from_utf8(path).unwrap()).collect();
    assert_eq!(paths, ["x/a", "x/b/c", "x/b/d", "x/e"]);
}

/// Of three submissions, of which the first and the last have one root, only the last two are kept: their roots first
/// appear in the other order.
#[test]
fn receipts_follow_the_roots_that_are_left() {
    let log = Log::new();
    let items = build::assemble(&log, vec![build::repeated_run()]);
    let part = rewritten(&items, &[false, true, false, true, false], "", Salts::Own);
    let shown = verify(&headed([part]), log.verifier()).unwrap();
    assert_eq!(shown.len(), 3, "b, the bare c, and a");
}

#[test]
fn a_run_of_which_nothing_is_kept_is_left_out() {
    let log = Log::new();
    let items = build::assemble(&log, vec![build::plain_run(), build::own_run()]);
    let kept = [false, false, false, false, true, false, false, false];
    let part = rewritten(&items, &kept, "", Salts::Own);
    let count = |is: fn(&Item) -> bool| part.iter().filter(|item| is(item)).count();
    assert_eq!(count(|item| matches!(item, Item::Run(_))), 1);
    assert_eq!(count(|item| matches!(item, Item::Mark(_))), 1, "the submission of x alone");
    assert_eq!(count(|item| matches!(item, Item::Receipt(_))), 1);
}
