//! Witnesses that are away, come back late, or lie.

use treering_tests::{
    liar::{Conduct, Liar, NAME},
    net::{self, Net},
    random, view, wait,
};
use treering_tlog::{
    note::{Note, Signature, SignatureType},
    tree::TreeSize,
};

/// The checkpoint of a past size.
fn checkpoint(net: &Net, size: TreeSize) -> Note {
    let answer = net.log.public().get(&format!("/v1/checkpoints/{size}")).expect_status(200);
    Note::parse(&answer.body).expect("a note")
}

/// How many cosignatures the checkpoint of this size has.
fn cosignatures(net: &Net, size: TreeSize) -> usize {
    view::open(&net.policy, checkpoint(net, size).to_string().as_bytes())
        .expect("it meets the policy")
        .cosigned
        .len()
}

#[test]
fn without_witnesses_all_is_accepted_and_nothing_published_until_they_are_back() {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    net.log.wait_idle();
    let public = net.log.public().clone();
    let size = net.log.published_size();
    // With all that will ever come of it.
    wait::until("each witness has cosigned it", || {
        (cosignatures(&net, size) == net.witnesses.len()).then_some(())
    });
    let shown = public.get("/checkpoint").text().to_owned();
    net.witnesses.iter_mut().for_each(|witness| witness.kill());

    let submissions: Vec<_> = (1..6).map(random::commitments).collect();
    for submission in &submissions {
        net.log.submit(submission).expect_status(202);
    }
    // Sealed it is, and signed, but the witnesses don't answer.
    wait::until("it is sealed", || {
        let status = net.log.status();
        (status["pending"] == 0 && status["sealed_size"].as_u64() > Some(size.get())).then_some(())
    });
    let not_ready = wait::until("it says that it does not publish", || {
        let answer = net.log.admin().get("/readyz/publish");
        (answer.status == 503).then_some(answer)
    });
    let why = not_ready.json()["degraded"].to_string();
    assert!(why.contains("the quorum is not met"), "{why}");
    let ready = net.log.admin().get("/readyz").expect_status(200).json();
    assert_eq!(ready["accepting"], true, "{ready}");
    for witness in &net.witnesses {
        wait::until("each witness is named", || {
            let why = net.log.status()["degraded"].to_string();
            why.contains(&format!("witness {}: ", witness.name())).then_some(())
        });
    }

    assert_eq!(net.log.command("policy").status.code(), Some(1), "`policy` says that the quorum is not met");

    assert_eq!(public.get("/checkpoint").text(), shown, "a checkpoint is shown without its quorum");
    for submission in &submissions {
        let pending = public.get(&format!("/v1/receipts/{}", view::root_of(submission))).expect_status(202);
        assert_eq!(pending.header("cache-control"), "no-store");
        assert_ne!(pending.header("retry-after"), "");
    }
    let beyond = size.get() + 1;
    for path in [
        format!("/tile/0/000.p/{beyond}"),
        format!("/tile/entries/000.p/{beyond}"),
        format!("/v1/batches/{size}"),
        format!("/v1/checkpoints/{beyond}"),
    ] {
        let hidden = public.get(&path).expect_status(404);
        assert_eq!(hidden.header("cache-control"), "no-store", "{path}");
        assert_eq!(hidden.json()["type"], "urn:treering:problem:not_published", "{path}");
    }

    net.witnesses.iter_mut().for_each(|witness| witness.start());
    for submission in &submissions {
        let root = view::root_of(submission);
        view::verify(&net.policy, &net.log.receipt(&root), &root);
    }
    wait::until("nothing is degraded any more", || {
        (net.log.status()["degraded"].as_array().is_some_and(Vec::is_empty)).then_some(())
    });
}

#[test]
fn one_of_three_away_has_no_visible_effect() {
    let mut net = net::plan().start();
    net.witnesses[1].kill();
    let files = net.new_dir("files");
    std::fs::write(files.join("a"), "some text").expect("a new file");
    let client = net.client();
    client.run(&files, ["stamp", "a"]).expect(0);
    let said = client.run(&files, ["verify", "a"]).expect(0).stdout();
    assert!(said.contains("(2 of 3 witnesses; 2 would have to lie)"), "{said}");
    net.log.admin().get("/readyz/publish").expect_status(200);
    assert_eq!(net.log.command("policy").status.code(), Some(0), "`policy` says that the quorum is met");
    let degraded = net.log.status()["degraded"].to_string();
    assert!(degraded.contains("witness w2: "), "{degraded}");
}

#[test]
fn a_late_cosignature_is_kept_and_a_first_one_stays() {
    let mut net = net::plan().start();
    net.witnesses[2].kill();
    let first = net.log.stamp(&random::commitments(1));
    let old = net.log.published_size();
    net.log.stamp(&random::commitments(1));
    net.log.wait_idle();
    let last = net.log.published_size();
    assert!(first.index() < old.get() && old < last);
    assert_eq!((cosignatures(&net, old), cosignatures(&net, last)), (2, 2));
    let lines = checkpoint(&net, last).signatures().to_vec();

    // Back again, it is asked for the newest head, whose checkpoint gains its line; older ones don't.
    net.witnesses[2].start();
    wait::until("the third witness is heard", || (cosignatures(&net, last) == 3).then_some(()));
    assert_eq!(cosignatures(&net, old), 2);
    // What stood there first stands there still.
    assert!(lines.iter().all(|line| checkpoint(&net, last).signatures().contains(line)));

    net.log.stamp(&random::commitments(1));
    let new = net.log.published_size();
    wait::until("all three cosign", || (cosignatures(&net, new) == 3).then_some(()));
}

#[test]
fn a_receipt_can_be_asked_for_at_a_later_size() {
    let net = net::plan().start();
    let commitments = random::commitments(2);
    let root = view::root_of(&commitments);
    let first = net.log.stamp(&commitments);
    net.log.stamp(&random::commitments(1));
    let size = net.log.published_size();
    let answer = net.log.public().get(&format!("/v1/receipts/{root}?size={size}")).expect_status(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let later = treering_token::token::Token::parse(&answer.body).expect("a receipt");
    let attested = view::verify(&net.policy, &later, &root);
    assert_eq!((attested.tree_size, attested.index), (size.get(), first.index()));
    // A receipt without a query may still gain cosignatures.
    let plain = net.log.public().get(&format!("/v1/receipts/{root}")).expect_status(200);
    assert_eq!(plain.header("cache-control"), "public, max-age=60");
    for bad in [first.index(), size.get() + 1] {
        let refused = net.log.public().get(&format!("/v1/receipts/{root}?size={bad}")).expect_status(400);
        assert_eq!(refused.json()["type"], "urn:treering:problem:size");
    }
}

/// One request, two cosignatures: both are kept, published, in receipts and tokens, and needed by whoever verifies.
#[test]
fn witnesses_with_two_keys_cosign_with_both() {
    let mut net = net::plan().two_keys().start();
    let commitments = random::commitments(2);
    let receipt = net.log.stamp(&commitments);
    view::verify(&net.policy, &receipt, &view::root_of(&commitments));
    net.log.wait_idle();
    let size = net.log.published_size();
    wait::until("all six keys cosign", || (cosignatures(&net, size) == 6).then_some(()));
    // Each key is asked for by the same requests.
    let metrics = net.log.metrics();
    for witness in ["w1", "w2", "w3"] {
        let cosigned = |key: &str| {
            let labels = format!("{{witness=\"{witness}-{key}\",result=\"cosigned\"}}");
            metrics.number(&format!("treering_log_witness_requests_total{labels}"))
        };
        assert_eq!(cosigned("ed25519"), cosigned("mldsa44"), "{metrics:?}");
        let last =
            metrics.number(&format!("treering_log_witness_cosigned_size{{witness=\"{witness}-mldsa44\"}}"));
        assert!(last <= Some(size.get() as f64) && last > Some(0.0), "{metrics:?}");
    }
    assert_eq!(metrics.number("treering_log_quorum_margin"), Some(1.0));

    let files = net.new_dir("files");
    std::fs::write(files.join("a"), "some text").expect("a new file");
    let client = net.client();
    client.run(&files, ["stamp", "a"]).expect(0);
    net.kill_all();
    let said = client.run(&files, ["verify", "a"]).expect(0).stdout();
    assert!(said.contains("2 would have to lie"), "{said}");
    // Without its ML-DSA line a witness doesn't count: one of three is no quorum.
    let text = std::fs::read_to_string(files.join("a.tlog-proof")).expect("a token");
    let token = treering_token::token::Token::parse(text.as_bytes()).expect("a token");
    let mut taken = String::new();
    for witness in net.policy.witnesses().iter().filter(|witness| !witness.name.to_string().starts_with("w1"))
    {
        let lines = token.proof().checkpoint.signatures().iter();
        let of_it = |line: &&Signature| {
            witness.key.kind() == SignatureType::CosignatureMlDsa44 && witness.key.matches(line)
        };
        taken.extend(lines.filter(of_it).map(|line| format!("{line}\n")));
    }
    let less: String = text
        .lines()
        .map(|line| format!("{line}\n"))
        .filter(|line| !taken.contains(line.as_str()) || line == "\n")
        .collect();
    assert_eq!(less.len() + taken.len(), text.len());
    assert!(!taken.is_empty());
    std::fs::write(files.join("a.tlog-proof"), less).expect("a token");
    let refused = client.run(&files, ["verify", "a"]);
    assert_ne!(refused.0.status.code(), Some(0), "{}", refused.said());
}

/// Rest is granted, and a busy witness left alone for as long as it wants; whoever isn't slow isn't held up by it.
#[test]
fn a_witness_that_wants_rest_is_left_alone() {
    let liar = Liar::start();
    let net = net::plan()
        .witnesses(2)
        .quorum(2)
        .other(NAME, liar.policy_line())
        .append(&format!("[witnesses.{NAME}]\nmin_interval_ms = 1500\n"))
        .start();
    // Not what a log that has stood still asks everybody first: where they stand.
    let told = || liar.asked().into_iter().filter(|asked| asked.old < asked.size).collect::<Vec<_>>();
    let from = told().len();
    // Others go on at their own pace: many heads are published between two of its requests.
    wait::until("it was asked three times, and others more often", || {
        net.log.stamp(&random::commitments(1));
        let asked = told().split_off(from);
        let heads = asked.last()?.size - asked[0].size;
        (asked.len() >= 3 && heads > 2 * asked.len() as u64).then_some(())
    });
    // Never sooner than it was granted, and for the newest head each time.
    let asked = told().split_off(from);
    for pair in asked.windows(2) {
        assert!(pair[1].at - pair[0].at >= std::time::Duration::from_millis(1500), "{asked:?}");
        assert!(pair[1].size > pair[0].size, "{asked:?}");
    }

    liar.be(Conduct::Busy);
    // There is something that it has not been asked about.
    net.log.stamp(&random::commitments(1));
    let asked = wait::until("it is busy", || told().into_iter().rfind(|asked| asked.busy));
    let degraded = wait::until("that is told", || {
        let text = net.log.status()["degraded"].to_string();
        text.contains("HTTP status 429").then_some(text)
    });
    assert!(degraded.contains("wants to be asked again after 4 s"), "{degraded}");
    liar.be(Conduct::Honest);
    let next = wait::until("it is asked again", || told().into_iter().find(|next| next.at > asked.at));
    assert!(next.at - asked.at >= std::time::Duration::from_secs(4), "{asked:?} {next:?}");
}

/// A witness that lies is worth as much as one that is away.
#[test]
fn a_witness_that_lies_is_ignored_and_named() {
    let liar = Liar::start();
    let net = net::plan()
        .witnesses(2)
        .quorum(2)
        .other(NAME, liar.policy_line())
        .set("witness_timeout_ms", "500")
        .start();
    // Two honest ones are a quorum, and at first all three are.
    net.log.stamp(&random::commitments(1));
    for conduct in [
        Conduct::WrongSignature,
        Conduct::OtherCheckpoint,
        Conduct::Endless,
        Conduct::Conflict,
        Conduct::Failure,
        Conduct::Silent,
    ] {
        liar.be(conduct);
        let commitments = random::commitments(1);
        let receipt = net.log.stamp(&commitments);
        view::verify(&net.policy, &receipt, &view::root_of(&commitments));
        let lines = receipt.proof().checkpoint.signatures().to_vec();
        assert!(!lines.iter().any(|line| liar.made(line)), "{conduct:?}");
        wait::until(&format!("the liar is named when it is {conduct:?}"), || {
            let policy = net.log.public().get_with("/v1/policy", &[("accept", "application/json")]).json();
            let witnesses = policy["witnesses"].as_array().expect("a list").clone();
            let row = witnesses.into_iter().find(|row| row["name"] == NAME).expect("it is in the policy");
            row["last_error"].is_string().then_some(())
        });
        net.log.admin().get("/readyz/publish").expect_status(200);
        // Forgiven when it is honest again: it cosigns the head that it was last asked for.
        liar.be(Conduct::Honest);
        let size = net.log.published_size();
        wait::until(&format!("it cosigns again after it was {conduct:?}"), || {
            checkpoint(&net, size).signatures().iter().any(|line| liar.made(line)).then_some(())
        });
    }
}
