//! What the token window deletes is gone from the disk, from the WAL's files too.

use treering_tests::{files, log::OCTETS, net, random, view, wait};
use treering_tlog::hash::Hash;
use treering_token::token::Token;

#[test]
fn after_the_window_no_file_of_the_store_holds_the_commitments() {
    let mut net = net::plan().set("token_window_seconds", "10").start();
    let before = random::commitments(1);
    net.log.stamp(&before);
    let commitments = random::commitments(20);
    let headers = [("content-type", OCTETS), ("prefer", "wait=30")];
    let answer = net.log.public().post("/v1/submissions?tokens=true", &headers, commitments.concat());
    // Within the window they are on the disk: this look can fail.
    let there = files::holding(&net.log.store(), &commitments[7]);
    assert!(!there.is_empty(), "it is nowhere to be found in the store");
    let answer = answer.expect_status(200).json();
    for (commitment, element) in commitments.iter().zip(answer["tokens"].as_array().expect("tokens")) {
        let token = Token::parse(element["token"].as_str().expect("a token").as_bytes()).expect("a token");
        view::verify(&net.policy, &token, &Hash::new(*commitment));
    }

    let root = view::root_of(&commitments);
    let single = format!("/v1/receipts/{root}/tokens/{}", hex::encode(commitments[7]));
    let gone = wait::until("the window is closed", || {
        let answer = net.log.public().get(&single);
        (answer.status == 410).then_some(answer)
    });
    assert_eq!(gone.json()["type"], "urn:treering:problem:gone");
    for commitment in &commitments {
        assert_eq!(files::holding(net.log.dir(), commitment), Vec::<std::path::PathBuf>::new());
    }
    // What is not of the window stays, before and after a restart.
    for _ in 0..2 {
        view::verify(&net.policy, &net.log.receipt(&root), &root);
        net.log.public().get(&single).expect_status(410);
        net.log.kill();
        net.log.start();
    }
    for commitment in &commitments {
        assert_eq!(files::holding(net.log.dir(), commitment), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn without_tokens_no_commitment_ever_reaches_the_disk() {
    let mut net = net::plan().start();
    let commitments = random::commitments(20);
    let receipt = net.log.stamp(&commitments);
    view::verify(&net.policy, &receipt, &view::root_of(&commitments));
    for commitment in &commitments {
        assert_eq!(files::holding(net.log.dir(), commitment), Vec::<std::path::PathBuf>::new());
    }
    assert!(net.log.stop().success());
    for commitment in &commitments {
        assert_eq!(files::holding(net.log.dir(), commitment), Vec::<std::path::PathBuf>::new());
    }
}
