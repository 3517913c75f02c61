//! The same submission sent twice, at once and later, across a restart: one entry, one position. `min_entry` asks for
//! a newer one, and is idempotent too.

use std::thread;

use treering_tests::{
    http::Answer,
    log::{LogServer, OCTETS},
    net, random,
    view::{self, root_of},
};
use treering_token::{entry::Entry, layer::Layers, token::Token};

/// Entry, and the path in its batch.
fn place(receipt: &Token) -> (u64, Layers) {
    (receipt.index(), receipt.layers().clone())
}

fn post(log: &LogServer, query: &str, commitments: &[[u8; 32]], wait: bool) -> Answer {
    let path = format!("/v1/submissions{query}");
    let mut headers = vec![("content-type", OCTETS)];
    headers.extend(wait.then_some(("prefer", "wait=30")));
    log.public().post(&path, &headers, commitments.concat())
}

fn stamped(log: &LogServer, query: &str, commitments: &[[u8; 32]]) -> Token {
    Token::parse(&post(log, query, commitments, true).expect_status(200).body).expect("a receipt")
}

/// How many submissions the log has sealed in all.
fn sealed(log: &LogServer) -> u64 {
    log.wait_idle();
    let entries = view::entries(log.public(), log.published_size()).expect("the entries are served");
    entries.iter().map(Entry::submissions).sum()
}

#[test]
fn at_once_and_later_and_after_a_restart_it_has_one_place() {
    let mut net = net::plan().start();
    let commitments = random::commitments(5);
    let receipts: Vec<Token> = thread::scope(|scope| {
        let senders: Vec<_> = (0..16).map(|_| scope.spawn(|| net.log.stamp(&commitments))).collect();
        senders.into_iter().map(|sender| sender.join().expect("a receipt")).collect()
    });
    let first = place(&receipts[0]);
    assert!(receipts.iter().all(|receipt| place(receipt) == first));
    // The batch may hold others', but this root stands in it once.
    let batch = net.log.public().get(&format!("/v1/batches/{}", first.0)).expect_status(200).body;
    let leaf = treering_tlog::hash::leaf_hash(root_of(&commitments).as_bytes());
    assert_eq!(batch.chunks(32).filter(|hash| *hash == leaf.as_bytes()).count(), 1);
    assert_eq!(receipts[0].entry().submissions(), batch.len() as u64 / 32);

    net.log.stamp(&random::commitments(1));
    assert_eq!(place(&net.log.stamp(&commitments)), first);
    net.log.kill();
    net.log.start();
    assert_eq!(place(&net.log.stamp(&commitments)), first);
    assert_eq!(place(&net.log.receipt(&root_of(&commitments))), first);
    assert_eq!(sealed(&net.log), 2, "it was stamped anew");
}

#[test]
fn sent_again_while_it_is_pending_across_a_kill_it_has_one_place() {
    let mut net = net::plan().start();
    // Nothing is published, so the first promise is still open when the second one is asked for.
    net.witnesses.iter_mut().for_each(|witness| witness.kill());
    let commitments = random::commitments(2);
    net.log.submit(&commitments).expect_status(202);
    net.log.kill();
    net.log.start();
    net.log.submit(&commitments).expect_status(202);
    net.witnesses.iter_mut().for_each(|witness| witness.start());
    let receipt = net.log.receipt(&root_of(&commitments));
    view::verify(&net.policy, &receipt, &root_of(&commitments));
    assert_eq!(sealed(&net.log), 1, "it was stamped twice");
}

#[test]
fn min_entry_asks_for_a_newer_place_and_is_idempotent_too() {
    let net = net::plan().start();
    let commitments = random::commitments(3);
    let root = root_of(&commitments);
    let first = stamped(&net.log, "", &commitments);
    let size = net.log.published_size().get();
    assert!(first.index() < size);
    // The earliest that will do is the one that is there.
    assert_eq!(
        place(&stamped(&net.log, &format!("?min_entry={}", first.index()), &commitments)),
        place(&first)
    );
    let newer = stamped(&net.log, &format!("?min_entry={size}"), &commitments);
    assert!(newer.index() >= size);
    assert_eq!(place(&stamped(&net.log, &format!("?min_entry={size}"), &commitments)), place(&newer));
    // Without it, the earliest.
    assert_eq!(place(&stamped(&net.log, "", &commitments)), place(&first));

    let announced = post(&net.log, &format!("?min_entry={size}"), &commitments, false).expect_status(202);
    let location = announced.header("location").to_owned();
    assert_eq!(location, format!("/v1/receipts/{root}?min_entry={size}"));
    let there = net.log.public().get(&location).expect_status(200);
    assert_eq!(there.header("cache-control"), "no-store");
    assert_eq!(place(&Token::parse(&there.body).expect("a receipt")), place(&newer));

    assert_eq!(sealed(&net.log), 2, "it was stamped more often than asked for");

    let beyond = net.log.published_size().get() + 1000;
    let refused = post(&net.log, &format!("?min_entry={beyond}"), &commitments, false).expect_status(400);
    assert_eq!(refused.json()["type"], "urn:treering:problem:min_entry_too_large");
    let refused = net.log.public().get(&format!("/v1/receipts/{root}?min_entry={beyond}")).expect_status(400);
    assert_eq!(refused.json()["type"], "urn:treering:problem:min_entry_too_large");
}

#[test]
fn tokens_are_to_be_had_after_a_plain_submission_of_the_same_bytes() {
    let net = net::plan().start();
    let commitments = random::commitments(4);
    let root = root_of(&commitments);
    let plain = net.log.stamp(&commitments);
    let single = format!("/v1/receipts/{root}/tokens/{}", hex::encode(commitments[2]));
    net.log.public().get(&single).expect_status(404);

    let answer = post(&net.log, "?tokens=true", &commitments, true).expect_status(200).json();
    for (commitment, element) in commitments.iter().zip(answer["tokens"].as_array().expect("tokens")) {
        assert_eq!(element["hash"], hex::encode(commitment));
        let token = Token::parse(element["token"].as_str().expect("a token").as_bytes()).expect("a token");
        assert_eq!(token.index(), plain.index());
        view::verify(&net.policy, &token, &treering_tlog::hash::Hash::new(*commitment));
    }
    // From now on single ones are kept, within their window.
    let token = net.log.public().get(&single).expect_status(200);
    assert_eq!(token.header("cache-control"), "no-store");
    let token = Token::parse(&token.body).expect("a token");
    view::verify(&net.policy, &token, &treering_tlog::hash::Hash::new(commitments[2]));
    // Who asks has to know both.
    let other = format!("/v1/receipts/{root}/tokens/{}", hex::encode(random::commitment()));
    net.log.public().get(&other).expect_status(404);
}
