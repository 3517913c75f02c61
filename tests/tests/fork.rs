//! A head under the log's own signature that the log never made: a witness shows it, the log signs nothing more, and what
//! it keeps can be judged by anybody.

use std::fs;

use treering_tests::{
    liar::{Liar, NAME},
    log::shown,
    net::{self, Net, ORIGIN},
    programs, random, view, wait,
};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    hash::sha256,
    note::{KeyName, SigningKey},
    tree::{TreeHead, TreeSize},
};

fn net(liar: &Liar) -> Net {
    net::plan().witnesses(2).quorum(2).other(NAME, liar.policy_line()).start()
}

/// The log's own key, in somebody else's hands.
fn stolen(net: &Net) -> SigningKey {
    let line = fs::read_to_string(net.log.dir().join("key")).expect("the key");
    SigningKey::parse(line.trim_end()).expect("a key")
}

/// A head of another history.
fn head(size: u64, key: &SigningKey) -> String {
    let head = TreeHead { size: TreeSize::new(size).expect("a size"), root: sha256(b"another history") };
    let origin = Origin::new(ORIGIN).expect("an origin");
    Checkpoint { origin, head, extensions: Vec::new() }.sign(key).to_string()
}

/// Waits until the log says that it signs no more, and why, and where the proof is kept: that it says once it is there.
fn held(net: &Net) -> String {
    wait::until("signing has ended", || {
        let answer = net.log.admin().get("/readyz/publish");
        let why = answer.json()["degraded"].to_string();
        let whole = ["never made", "store.evidence"].iter().all(|part| why.contains(part));
        (answer.status == 503 && whole).then_some(why)
    })
}

/// The exit code and the words of `treering-witness evidence`.
fn judged(net: &Net) -> (Option<i32>, String) {
    let file = net.log.dir().join("store.evidence");
    // Signing ends before it is on disk.
    wait::until("the evidence is kept", || file.exists().then_some(()));
    let mut command = programs::command(programs::WITNESS);
    let output = command.arg("evidence").arg(file).arg("--policy").arg(net.policy_file()).output();
    let output = output.expect("the program starts");
    (output.status.code(), shown(&output))
}

#[test]
fn a_larger_head_under_the_logs_own_signature_ends_signing() {
    let liar = Liar::start();
    let mut net = net(&liar);
    let first = random::commitments(1);
    net.log.stamp(&first);
    let size = net.log.published_size().get();

    // A bare number proves nothing, nor does a head that somebody else has signed.
    liar.claim(size + 1000, "");
    net.log.stamp(&random::commitments(1));
    let strange = SigningKey::from_seed(KeyName::new(ORIGIN).expect("a name"), &[9; 32]);
    liar.claim(size + 1000, &head(size + 1000, &strange));
    let from = liar.asked().len();
    wait::until("it was asked again", || (liar.asked().len() > from + 1).then_some(()));
    net.log.stamp(&random::commitments(1));
    assert_eq!(net.log.metrics().number("treering_log_held{part=\"signing\"}"), Some(0.0));
    assert!(!net.log.dir().join("store.evidence").exists());

    liar.show(size + 1000, &head(size + 1000, &stolen(&net)));
    let why = held(&net);
    assert!(why.contains("the witness liar shows a head of size"), "{why}");
    let (code, text) = judged(&net);
    assert_eq!(code, Some(2), "open, since the larger tree may begin with the smaller one: {text}");
    assert!(text.contains("its own word"), "{text}");

    // Nothing goes on, also not after a restart, whatever the witness says then; what is there is shown.
    let seen = net.log.public().get("/checkpoint").text().to_owned();
    for restarted in [false, true] {
        if restarted {
            liar.be(treering_tests::liar::Conduct::Honest);
            net.log.stop();
            net.log.start();
            held(&net);
        }
        let sealed = net.log.status_number("sealed_size");
        let refused = net.log.submit(&random::commitments(1)).expect_status(503);
        assert_eq!(refused.json()["type"], "urn:treering:problem:held", "{}", refused.shown());
        net.log.admin().get("/readyz").expect_status(503);
        // What it had before has its receipt.
        let again = net.log.stamp(&first);
        view::verify(&net.policy, &again, &view::root_of(&first));
        let status = net.log.status();
        assert_eq!(
            (status["sealed_size"].as_u64(), status["pending"].as_u64()),
            (sealed, Some(0)),
            "{status}"
        );
        assert_eq!(net.log.metrics().number("treering_log_held{part=\"signing\"}"), Some(1.0));
        assert_eq!(net.log.public().get("/checkpoint").text(), seen);
    }
    // The operator has judged it and moves it away: it goes on.
    fs::rename(net.log.dir().join("store.evidence"), net.dir().join("kept")).expect("moved");
    net.log.stop();
    net.log.start();
    net.log.wait_idle();
    let commitments = random::commitments(1);
    view::verify(&net.policy, &net.log.stamp(&commitments), &view::root_of(&commitments));
}

#[test]
fn two_roots_of_one_size_are_proof() {
    let liar = Liar::start();
    let mut net = net(&liar);
    net.log.stamp(&random::commitments(1));
    net.log.wait_idle();
    let size = net.log.published_size().get();
    wait::until("it has cosigned that", || {
        (net.log.metrics().number("treering_log_witness_cosigned_size{witness=\"liar\"}")
            == Some(size as f64))
        .then_some(())
    });
    // Asked with a proof from there, it says that it is there, and has another root.
    liar.show(size, &head(size, &stolen(&net)));
    net.log.submit(&random::commitments(1)).expect_status(202);
    held(&net);
    let (code, text) = judged(&net);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("signed two roots for size"), "{text}");

    // A start meets the same: without the file, the witness's answer keeps it from signing, and the proof is kept anew.
    let evidence = net.log.dir().join("store.evidence");
    fs::remove_file(&evidence).expect("the evidence");
    net.log.kill();
    liar.show(net.log_recorded(), &head(net.log_recorded(), &stolen(&net)));
    net.log.start();
    wait::until("the proof is kept again", || evidence.exists().then_some(()));
    assert_eq!(judged(&net).0, Some(0));
}
