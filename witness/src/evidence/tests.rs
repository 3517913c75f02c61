mod entries;

use proptest::prelude::*;
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    hash::{Hash, leaf_hash},
    note::{KeyName, Note, SigningKey},
    policy::Policy,
    time::{UnixMillis, UnixSeconds},
    tree::{MemoryTree, NodeReader as _, TreeHead, TreeSize, peaks, prove_inclusion},
};

use super::{Evidence, EvidenceError, Kind, Leaf, Refuted, Served, Unclear, Verdict, cover, verify};

const ORIGIN: &str = "log.example/2026";
const TIME: u64 = 1_800_000_000;

fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), &[5; 32])
}

fn witness() -> CosignerKey {
    CosignerKey::ed25519(KeyName::new("w1.example").unwrap(), &[6; 32])
}

fn policy() -> Policy {
    let text = format!("log {}\nwitness w1 {}\nquorum w1\n", key(ORIGIN).verifier(), witness().verifier());
    Policy::parse(text.as_bytes()).unwrap()
}

fn tree(size: u64, history: &str) -> MemoryTree {
    MemoryTree::new((0..size).map(|n| leaf_hash(format!("{history}{n}").as_bytes())).collect())
}

fn note_of(origin: &str, tree: &MemoryTree, time: Option<u64>) -> Note {
    let head = TreeHead { size: tree.size(), root: tree.root() };
    let checkpoint = Checkpoint { origin: Origin::new(origin).unwrap(), head, extensions: Vec::new() };
    let own = key(origin).sign(&checkpoint.to_text());
    let by_witness = time.map(|at| witness().cosign(&checkpoint, UnixSeconds::new(at).unwrap()).unwrap());
    Note::new(&checkpoint.to_text(), std::iter::once(own).chain(by_witness).collect()).unwrap()
}

fn note(size: u64, history: &str) -> Note {
    note_of(ORIGIN, &tree(size, history), Some(TIME))
}

fn evidence(kind: Kind, notes: Vec<Note>) -> Evidence {
    let observed_at = UnixMillis::new(TIME * 1000).unwrap();
    let (hashes, leaves, served) = (Vec::new(), Vec::new(), Vec::new());
    Evidence { kind, observed_at, source: "https://log".into(), notes, hashes, leaves, served, number: 0 }
}

/// `old` of one history, `new` of another.
fn inconsistent(old: u64, new: u64) -> Evidence {
    let size = |n| TreeSize::new(n).unwrap();
    let tree = tree(new, "b");
    let nodes = [peaks(size(old)), cover(size(old), size(new))].concat();
    let hashes = (&tree).read(&nodes).unwrap();
    Evidence { hashes, ..evidence(Kind::Inconsistent, vec![note(old, "a"), note(new, "b")]) }
}

fn refuted(evidence: &Evidence) -> Refuted {
    match verify(evidence, &policy()) {
        Verdict::Refuted(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whatever_the_sizes_a_rewritten_history_is_confirmed() {
    for new in 2..40 {
        for old in 1..new {
            let evidence = inconsistent(old, new);
            assert_eq!(Evidence::parse(&evidence.encode()), Ok(evidence.clone()));
            let Verdict::Confirmed(confirmed) = verify(&evidence, &policy()) else { panic!("{old} {new}") };
            assert_eq!(confirmed.culprits, [ORIGIN, "w1"]);
        }
    }
}

#[test]
fn what_is_consistent_is_refuted() {
    let mut honest = inconsistent(5, 9);
    honest.notes[0] = note(5, "b");
    assert_eq!(refuted(&honest), Refuted::Consistent);
    // Hashes of the old tree, or others: they don't lead to the new root.
    for at in 0..honest.hashes.len() {
        let mut forged = honest.clone();
        forged.hashes[at] = leaf_hash(b"forged");
        assert_eq!(refuted(&forged), Refuted::Hashes);
    }
    let mut order = inconsistent(5, 9);
    order.notes.reverse();
    assert_eq!(refuted(&order), Refuted::Order);
}

#[test]
fn a_split_view_needs_one_log_one_size_and_two_roots() {
    let split = |a, b| evidence(Kind::SplitView, vec![a, b]);
    assert!(matches!(verify(&split(note(7, "a"), note(7, "b")), &policy()), Verdict::Confirmed(_)));
    assert_eq!(refuted(&split(note(7, "a"), note(7, "a"))), Refuted::SameRoot);
    assert_eq!(refuted(&split(note(7, "a"), note(8, "b"))), Refuted::OtherSizes);
    let other = note_of("log.example/other", &tree(7, "b"), None);
    let unknown = verify(&split(note(7, "a"), other.clone()), &policy());
    assert_eq!(unknown, Verdict::Open(Unclear::UnknownLog("log.example/other".into())));
    let two = format!("log {}\nlog {}\nquorum none\n", key(ORIGIN).verifier(), other_key());
    let two = Policy::parse(two.as_bytes()).unwrap();
    let verdict = verify(&split(note(7, "a"), other_note()), &two);
    assert_eq!(verdict, Verdict::Refuted(Refuted::OtherOrigins));
}

fn other_key() -> treering_tlog::note::VerifierKey {
    SigningKey::from_seed(KeyName::new("log.example/other").unwrap(), &[8; 32]).verifier()
}

fn other_note() -> Note {
    let key = SigningKey::from_seed(KeyName::new("log.example/other").unwrap(), &[8; 32]);
    let head = TreeHead { size: TreeSize::new(7).unwrap(), root: leaf_hash(b"x") };
    let origin = Origin::new("log.example/other").unwrap();
    Checkpoint { origin, head, extensions: Vec::new() }.sign(&key)
}

#[test]
fn signatures_that_are_missing_or_forged_confirm_nothing() {
    let body = note(7, "b");
    let lines = |note: Note| note.signatures().to_vec();
    let cosigned_only = Note::new(body.text(), lines(body.clone())[1..].to_vec()).unwrap();
    let split = evidence(Kind::SplitView, vec![note(7, "a"), cosigned_only]);
    assert_eq!(verify(&split, &policy()), Verdict::Open(Unclear::Unsigned(ORIGIN.into())));
    let forged = Note::new(body.text(), lines(note(7, "a"))).unwrap();
    let split = evidence(Kind::SplitView, vec![note(7, "a"), forged]);
    assert!(matches!(refuted(&split), Refuted::Checkpoint(_)));
}

#[test]
fn a_cosigner_contradicts_itself_by_a_larger_size_at_an_earlier_time_only() {
    let pair = |early: u64, late: u64| {
        let at = |size, time| note_of(ORIGIN, &tree(size, "a"), Some(time));
        verify(&evidence(Kind::CosignerContradiction, vec![at(7, early), at(9, late)]), &policy())
    };
    assert!(matches!(pair(TIME + 1, TIME), Verdict::Confirmed(_)));
    for (early, late) in [(TIME, TIME), (TIME, TIME + 1)] {
        assert_eq!(pair(early, late), Verdict::Refuted(Refuted::NoContradiction));
    }
}

/// Whatever byte is changed, a proof never says anything else than it said.
#[test]
fn a_changed_file_never_confirms_something_else() {
    let bytes = inconsistent(5, 9).encode();
    let said = verify(&inconsistent(5, 9), &policy());
    for at in 0..bytes.len() {
        for bit in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            let Ok(evidence) = Evidence::parse(&changed) else { continue };
            match (verify(&evidence, &policy()), &said) {
                (Verdict::Confirmed(now), Verdict::Confirmed(then)) => {
                    assert_eq!(now.statement, then.statement, "byte {at}");
                    assert!(now.culprits.iter().all(|name| then.culprits.contains(name)));
                }
                (Verdict::Confirmed(_), _) => panic!("byte {at}"),
                _ => {}
            }
        }
    }
}

#[test]
fn there_is_one_encoding_and_one_shape() {
    let good = inconsistent(5, 9);
    let bytes = good.encode();
    assert_eq!(Evidence::parse(&[&bytes[..], &[0]].concat()), Err(EvidenceError::NotDeterministic));
    assert_eq!(Evidence::parse(b""), Err(EvidenceError::Magic));
    assert_eq!(Evidence::parse(&bytes[..bytes.len() - 1]), Err(EvidenceError::Cbor));
    // The array's length in two bytes instead of one.
    let longer = [&[0x98, 9], &bytes[1..]].concat();
    assert_eq!(Evidence::parse(&longer), Err(EvidenceError::NotDeterministic));
    let more = |change: fn(&mut Evidence)| {
        let mut evidence = good.clone();
        change(&mut evidence);
        Evidence::parse(&evidence.encode()).unwrap_err()
    };
    let shape = EvidenceError::Shape(Kind::Inconsistent);
    assert_eq!(more(|e| e.number = 1), shape);
    assert_eq!(more(|e| e.hashes.clear()), shape);
    assert_eq!(more(|e| drop(e.notes.pop())), shape);
    assert_eq!(more(|e| e.leaves.push(Leaf { index: 0, entry: vec![], proof: vec![] })), shape);
    assert_eq!(more(|e| e.served.push(Served { path: String::new(), bytes: vec![] })), shape);
    assert_eq!(more(|e| e.notes.push(e.notes[0].clone())), EvidenceError::Length("the list of notes"));
    assert_eq!(more(|e| e.hashes = vec![Hash::EMPTY_ROOT; 200]), EvidenceError::Length("the hashes"));
    assert_eq!(more(|e| e.source = "x".repeat(2_049)), EvidenceError::Length("the source"));
}

#[test]
fn kinds_have_names_of_their_own() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
    }
    assert_eq!(Kind::from_name("Split_view"), None);
}

#[test]
fn an_entry_counts_only_where_the_tree_has_it() {
    let tree = tree(9, "a");
    let leaf = |index: u64| {
        let proof = prove_inclusion(&mut &tree, tree.size().leaf(index).unwrap(), tree.size()).unwrap();
        Leaf { index, entry: format!("a{index}").into_bytes(), proof }
    };
    let malformed =
        |leaf| Evidence { leaves: vec![leaf], ..evidence(Kind::MalformedEntry, vec![note(9, "a")]) };
    assert!(matches!(verify(&malformed(leaf(4)), &policy()), Verdict::Confirmed(_)));
    let elsewhere = Leaf { index: 5, ..leaf(4) };
    assert!(matches!(refuted(&malformed(elsewhere)), Refuted::Inclusion { index: 5, .. }));
    let invented = Leaf { entry: b"invented".to_vec(), ..leaf(4) };
    assert!(matches!(refuted(&malformed(invented)), Refuted::Inclusion { index: 4, .. }));
}

/// Values made by a program and not by the parser may have any shape: that is no reason to panic.
#[test]
fn evidence_of_the_wrong_shape_confirms_nothing() {
    for kind in Kind::ALL {
        for notes in [vec![], vec![note(3, "a")], vec![note(3, "a"); 2]] {
            let verdict = verify(&evidence(kind, notes), &policy());
            assert!(!matches!(verdict, Verdict::Confirmed(_)), "{kind} {verdict:?}");
        }
    }
}

proptest! {
    #[test]
    fn foreign_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Evidence::parse(&bytes);
        let mut with_magic = evidence(Kind::Stopped, vec![]).encode();
        with_magic.truncate(1 + 1 + 19);
        with_magic.extend(&bytes);
        let _ = Evidence::parse(&with_magic);
    }

    #[test]
    fn any_parts_are_judged_without_panic(
        kind in 0..Kind::ALL.len(), number: u64, index: u64,
        hashes in proptest::collection::vec(any::<[u8; 32]>(), 0..9),
        path in "(tile/(0|1|7|63|entries)/(000|001|x001/002|000.p/3)|v1/batches/[0-9]{1,20}|.{0,9})",
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let hashes: Vec<Hash> = hashes.into_iter().map(Hash::new).collect();
        let base = evidence(Kind::ALL[kind], vec![note(3, "a")]);
        let evidence = Evidence {
            number,
            leaves: vec![Leaf { index, entry: body.clone(), proof: hashes.clone() }],
            hashes,
            served: vec![Served { path, bytes: body }],
            ..base
        };
        let confirmed = matches!(verify(&evidence, &policy()), Verdict::Confirmed(_));
        prop_assert!(!confirmed);
    }
}

#[test]
fn a_head_that_the_log_says_it_never_made_stays_open() {
    let (small, large) = (tree(3, "a"), tree(5, "b"));
    let evidence = |notes: Vec<Note>| Evidence {
        kind: Kind::UnmadeHead,
        observed_at: UnixMillis::new(TIME * 1000).unwrap(),
        source: "w1".to_owned(),
        notes,
        hashes: Vec::new(),
        leaves: Vec::new(),
        served: Vec::new(),
        number: 0,
    };
    let file = evidence(vec![note_of(ORIGIN, &small, None), note_of(ORIGIN, &large, None)]);
    assert_eq!(Evidence::parse(&file.encode()), Ok(file.clone()));
    assert_eq!(verify(&file, &policy()), Verdict::Open(Unclear::LogsWord));
    let swapped = evidence(vec![note_of(ORIGIN, &large, None), note_of(ORIGIN, &small, None)]);
    assert_eq!(verify(&swapped, &policy()), Verdict::Refuted(Refuted::Order));
    let strange = evidence(vec![note_of(ORIGIN, &small, None), note_of("other.example", &large, None)]);
    assert!(matches!(verify(&strange, &policy()), Verdict::Open(Unclear::UnknownLog(_))));
}
