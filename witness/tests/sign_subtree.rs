//! `POST /sign-subtree`, as C2SP tlog-witness has it.
#![forbid(unsafe_code)]

mod support;

use support::{Answer, TestLog, TestWitness, config, directory};
use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature::{CosignerKey, verify_subtree},
    hash::Hash,
    note::{KeyName, Note, Signature, VerifierKey},
    time::UnixSeconds,
    tree::{MemoryTree, Subtree, prove_subtree, subtree_hash},
    witness::{SignSubtree, parse_signatures},
};
use treering_witness::{
    key::{KeyKind, create_key_file_of},
    serve,
};

/// A witness with both kinds of key.
async fn both(
    log: &TestLog,
    set: impl FnOnce(&mut treering_witness::config::Settings),
) -> (TestWitness, [VerifierKey; 2]) {
    let (dir, ed25519) = directory();
    let path = dir.path().join("key-ml-dsa");
    let ml_dsa = create_key_file_of(KeyKind::MlDsa44, &path, ed25519.name().clone()).expect("a new key");
    support::add(dir.path(), log);
    let mut config = config(dir.path());
    config.settings.keys = vec!["key".into(), "key-ml-dsa".into()];
    set(&mut config.settings);
    let running = serve::start(config).await.expect("the witness starts");
    let keys = [ed25519.clone(), ml_dsa];
    (TestWitness { dir, vkey: ed25519, running, http: reqwest::Client::new() }, keys)
}

async fn post(witness: &TestWitness, body: impl Into<reqwest::Body>) -> Answer {
    let request = witness.http.post(witness.url("/sign-subtree")).body(body);
    Answer::of(request.send().await.expect("an answer")).await
}

/// The log's checkpoint with what the witness answered to it.
async fn cosigned(witness: &TestWitness, keys: &[VerifierKey; 2], log: &TestLog, size: u64) -> Note {
    let answer = witness.send(&log.request(0, size)).await;
    answer.cosigned_by_all(keys, &log.checkpoint(size));
    with(&log.note(size), &parse_signatures(answer.body.as_bytes()).expect("lines"))
}

fn with(note: &Note, lines: &[Signature]) -> Note {
    Note::new(note.text(), [note.signatures(), lines].concat()).expect("a note")
}

fn request(tree: &MemoryTree, subtree: Subtree, checkpoint: &Note) -> SignSubtree {
    let hash = subtree_hash(&mut &*tree, subtree).expect("in memory");
    let proof = prove_subtree(&mut &*tree, subtree, tree.size()).expect("in memory");
    SignSubtree { subtree, hash, proof, checkpoint: checkpoint.clone() }
}

fn subtree(start: u64, end: u64) -> Subtree {
    Subtree::new(start, end).expect("a subtree")
}

#[tokio::test]
async fn every_subtree_of_a_cosigned_checkpoint_is_signed_by_the_key_that_can() {
    let log = TestLog::new("log.example/a");
    let (witness, keys) = both(&log, |_| {}).await;
    let checkpoint = cosigned(&witness, &keys, &log, 14).await;
    let tree = log.tree(14);
    // A whole one, one that is not in the tree as such, single leaves, the whole tree.
    for (start, end) in [(4, 8), (8, 13), (12, 14), (0, 1), (13, 14), (0, 14)] {
        let request = request(&tree, subtree(start, end), &checkpoint);
        let answer = post(&witness, request.to_string()).await;
        assert_eq!(
            (answer.status, answer.content_type.as_str()),
            (200, "text/plain; charset=utf-8"),
            "{}",
            answer.body
        );
        let lines = parse_signatures(answer.body.as_bytes()).expect("signature lines");
        let [line] = lines.as_slice() else { panic!("one key signs subtrees: {}", answer.body) };
        let verified = verify_subtree(&keys[1], &log.origin, request.subtree, &request.hash, line);
        assert_eq!(verified, Ok(None), "{start} to {end}");
    }
    // A later checkpoint changes nothing about those from before.
    witness.send(&log.request(14, 20)).await.cosigned_by_all(&keys, &log.checkpoint(20));
    assert_eq!(post(&witness, request(&tree, subtree(8, 13), &checkpoint).to_string()).await.status, 200);
    // Subtrees of what is signed by nothing but a subtree's signature: the whole tree has one.
    let whole = post(&witness, request(&tree, subtree(0, 14), &checkpoint).to_string()).await;
    let timeless = with(&log.note(14), &parse_signatures(whole.body.as_bytes()).expect("lines"));
    assert_eq!(post(&witness, request(&tree, subtree(8, 12), &timeless).to_string()).await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_its_own_status() {
    let log = TestLog::new("log.example/a");
    let (witness, keys) = both(&log, |_| {}).await;
    let checkpoint = cosigned(&witness, &keys, &log, 14).await;
    let tree = log.tree(14);
    let good = request(&tree, subtree(8, 13), &checkpoint);
    let refused = async |change: &dyn Fn(&mut SignSubtree), status: u16| {
        let mut request = good.clone();
        change(&mut request);
        post(&witness, request.to_string()).await.problem(status)
    };

    // SPEC: tlog-witness, sign-subtree: 400 for what the format does not have.
    let text = good.to_string();
    for (from, to) in
        [("subtree 8 13", "subtree 9 13"), ("subtree 8 13", "subtree 08 13"), ("subtree", "old")]
    {
        let answer = post(&witness, text.replacen(from, to, 1)).await;
        assert_eq!(answer.problem(400), "malformed_request", "{to}");
    }
    assert_eq!(refused(&|request| request.subtree = subtree(8, 16), 400).await, "subtree_beyond");
    let text = |text: &str| Note::new(text, checkpoint.signatures().to_vec()).expect("a note");
    let bad = text("log.example/a\n014\nx\n");
    assert_eq!(refused(&|request| request.checkpoint = bad.clone(), 400).await, "malformed_checkpoint");

    // SPEC: 404 for a log that isn't known.
    let other = TestLog::new("log.example/b").checkpoint(14).to_text();
    let other = text(&other);
    assert_eq!(refused(&|request| request.checkpoint = other.clone(), 404).await, "unknown_log");

    // SPEC: 403 without a valid signature by a key of the witness: none, another's, one of another checkpoint, and an
    // Ed25519 one, whose format has no subtrees.
    let lines = checkpoint.signatures();
    let [of_log, ed25519, ml_dsa] = lines else { panic!("{checkpoint}") };
    let stranger = CosignerKey::ml_dsa_44(KeyName::new("witness.example/w1").unwrap(), &[9; 32]);
    let time = UnixSeconds::new(1_800_000_000).unwrap();
    let strange = stranger.cosign(&log.checkpoint(14), time).unwrap();
    let mut bytes = ml_dsa.bytes().to_vec();
    bytes[100] ^= 1;
    let forged = Signature::new(ml_dsa.name().clone(), ml_dsa.id(), bytes);
    let unsigned: [&[&Signature]; 5] =
        [&[of_log], &[of_log, &strange], &[of_log, ed25519], &[of_log, &forged], &[ml_dsa, &forged]];
    for lines in unsigned {
        let lines: Vec<Signature> = lines.iter().map(|line| (*line).clone()).collect();
        let note = Note::new(checkpoint.text(), lines).expect("a note");
        assert_eq!(
            refused(&|request| request.checkpoint = note.clone(), 403).await,
            "not_cosigned",
            "{note}"
        );
    }
    let moved = Checkpoint { head: log.checkpoint(13).head, ..log.checkpoint(14) }.to_text();
    let moved = text(&moved);
    assert_eq!(refused(&|request| request.checkpoint = moved.clone(), 403).await, "not_cosigned");

    // SPEC: 422 if the subtree consistency proof does not verify.
    let inconsistent = "inconsistent_subtree";
    assert_eq!(refused(&|request| request.hash = Hash::EMPTY_ROOT, 422).await, inconsistent);
    assert_eq!(refused(&|request| request.proof[0] = Hash::EMPTY_ROOT, 422).await, inconsistent);
    assert_eq!(refused(&|request| request.proof.truncate(1), 422).await, inconsistent);
    assert_eq!(refused(&|request| request.subtree = subtree(0, 5), 422).await, inconsistent);
    let forked = log.forked("b").tree(14);
    assert_eq!(
        refused(&|r| r.hash = subtree_hash(&mut &forked, r.subtree).unwrap(), 422).await,
        inconsistent
    );

    assert_eq!(witness.get(&witness.url("/sign-subtree")).await.problem(405), "method");
    let metrics = witness.get(&witness.admin_url("/metrics")).await.body;
    assert!(
        metrics.contains("treering_witness_sign_subtree_total{result=\"not_cosigned\"} 6\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_witness_without_an_ml_dsa_key_signs_none() {
    let log = TestLog::new("log.example/a");
    let witness = TestWitness::start(&[&log]).await;
    let answer = witness.send(&log.request(0, 3)).await;
    let checkpoint = with(&log.note(3), &parse_signatures(answer.body.as_bytes()).expect("lines"));
    let refused = post(&witness, request(&log.tree(3), subtree(0, 2), &checkpoint).to_string()).await;
    assert_eq!(refused.problem(404), "no_subtrees");
}

/// Who asks for subtrees of a public checkpoint uses up no growth.
#[tokio::test]
async fn subtrees_have_a_quota_of_their_own() {
    let log = TestLog::new("log.example/a");
    let (witness, keys) = both(&log, |settings| {
        settings.limits.cosignatures_per_day = std::num::NonZeroU64::MIN;
    })
    .await;
    let checkpoint = cosigned(&witness, &keys, &log, 14).await;
    let body = request(&log.tree(14), subtree(8, 13), &checkpoint).to_string();
    for _ in 0..10 {
        assert_eq!(post(&witness, body.clone()).await.status, 200);
    }
    let refused = post(&witness, body).await;
    assert_eq!(refused.problem(429), "quota");
    assert!(refused.headers.contains_key("retry-after"));
    let answer = witness.send(&log.request(14, 15)).await;
    answer.cosigned_by_all(&keys, &log.checkpoint(15));
}
