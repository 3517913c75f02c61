//! The timestamp authority (RFC 3161) from outside: asked and verified by openssl, by HTTP, and through crashes.

mod keys;

use std::{
    collections::{HashMap, HashSet},
    fs,
    process::Command,
    thread,
};

use treering_tests::{
    client::Ran,
    http::Answer,
    net::{self, Net},
    programs, random,
    trace::{self, Trace},
    tsa::{self, Asker, Granted},
    wait,
};
use treering_tlog::{hash::Hash, time::UnixSeconds};
use treering_token::{commitment::Commitment, verify::Verifier};
use treering_tsa::{commitment::commitment_of, embed::ProofAttribute, reply::Reply};

const ALGORITHMS: [&str; 6] = ["-sha256", "-sha384", "-sha512", "-sha3-256", "-sha3-384", "-sha3-512"];
/// The one that `tsa init` configures.
const PROOF_OID: &str = "1.3.6.1.4.1.32473.3161.1";

/// A running log whose timestamp authority has a key of this kind.
fn start(key: &str) -> Net {
    let mut net = net::plan().make();
    tsa::init(&net.log, key);
    net.log.start();
    // The first tick has looked at the clock.
    wait::until("a timestamp is given", || Granted::by(&net.log).map(drop));
    net.log.wait_idle();
    net
}

fn proof_attribute() -> ProofAttribute {
    ProofAttribute::new(PROOF_OID).expect("an OID")
}

/// A token; with its proof if that is asked for. On a busy machine two ticks may be too few for the witnesses, and then
/// a token comes without.
#[track_caller]
fn ask(net: &Net, asker: &Asker, path: &str, query: &[u8]) -> Answer {
    let embeds = path.ends_with("embed");
    wait::until("a token with its proof", || {
        let answer = asker.ask(&net.log, path, query).expect_status(200);
        let embedded = proof_attribute().extract(&answer.body).expect("a reply");
        assert!(embeds || embedded.is_none());
        (embedded.is_some() == embeds).then_some(answer)
    })
}

fn commitment(reply: &[u8]) -> Commitment {
    Commitment(Hash::new(commitment_of(reply).expect("a token")))
}

#[test]
fn openssl_verifies_every_imprint_with_every_key_with_and_without_certificates_and_proof() {
    for key in ["p256", "p384", "rsa3072"] {
        let net = start(key);
        let asker = Asker::new(&net, "asker");
        for algorithm in ALGORITHMS {
            for cert in [&["-cert"][..], &[]] {
                for path in ["/tsa", "/tsa?proof=embed"] {
                    let query = asker.query(&[&[algorithm], cert].concat());
                    let answer = ask(&net, &asker, path, &query);
                    assert_eq!(answer.header("content-type"), "application/timestamp-reply");
                    let what = format!("{key} {algorithm} {cert:?} {path}");
                    let passed = |arguments: &[&str]| {
                        asker.verifies(arguments).unwrap_or_else(|said| panic!("{what}: {said}"));
                    };
                    passed(&["-data", "file"]);
                    passed(&["-queryfile", "query"]);
                    assert!(asker.verifies(&["-data", "other"]).is_err(), "{what}: another file passed");
                }
            }
        }
        // Another nonce, and a reply in which one bit of the signature is another.
        let reply = fs::read(asker.path("reply")).unwrap();
        asker.query(&["-sha3-512"]);
        assert!(asker.verifies(&["-queryfile", "query"]).is_err(), "{key}: another nonce passed");
        let plain = proof_attribute().remove(&reply).unwrap();
        let mut changed = plain.clone();
        let last = changed.len() - 3;
        changed[last] ^= 1;
        fs::write(asker.path("reply"), &changed).unwrap();
        assert!(asker.verifies(&["-data", "file"]).is_err(), "{key}: a changed reply passed");
        fs::write(asker.path("reply"), &plain).unwrap();
        asker.verifies(&["-data", "file"]).unwrap();
    }
}

#[test]
fn each_token_is_in_the_log_and_the_proof_says_nothing_of_its_imprint() {
    let net = start("p256");
    let asker = Asker::new(&net, "asker");
    let query = asker.query(&["-sha256", "-cert"]);
    let imprint = asker.openssl(&["dgst", "-sha256", "-binary", "file"]).stdout;
    let verifier = Verifier { policy: &net.policy, now: UnixSeconds::MAX };
    for embed in [false, true] {
        let path = if embed { "/tsa?proof=embed" } else { "/tsa" };
        let answer = ask(&net, &asker, path, &query);
        let commitment = commitment(&answer.body);
        let proof = tsa::proof(&net.log, &tsa::proof_path(&answer));
        verifier.receipt(&proof, &commitment).unwrap();
        let text = net.log.public().get(&tsa::proof_path(&answer)).expect_status(200);
        assert!(!text.text().contains(&hex::encode(&imprint)));
        if embed {
            let embedded = proof_attribute().extract(&answer.body).unwrap();
            let embedded = treering_token::token::Token::parse(&embedded.expect("a proof")).unwrap();
            verifier.receipt(&embedded, &commitment).unwrap();
        }
    }
    // Our own client says of the same file what the witnesses say.
    let ca = net.log.dir().join("tsa-ca.pem");
    let client = net.client();
    let verify = || client.run(&asker.path(""), ["verify", "file", "reply", "--ca", ca.to_str().unwrap()]);
    verify().expect(0);
    fs::write(asker.path("file"), "changed\n").unwrap();
    verify().expect(1);
}

#[test]
fn the_session_of_the_readme_verifies_with_openssl_and_with_ours() {
    const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    // Two ticks that are enough for the witnesses, however busy the machine is.
    let mut net = net::plan().set("tick_ms", "5000").make();
    tsa::init(&net.log, "p256");
    net.log.start();
    net.log.wait_idle();
    let dir = net.new_dir("files");
    fs::write(dir.join("contract.pdf"), "a contract\n").unwrap();
    fs::create_dir(dir.join(".run")).unwrap();
    fs::copy(net.log.dir().join("tsa-ca.pem"), dir.join(".run").join("tsa-ca.pem")).unwrap();
    let readme = fs::read_to_string(README).unwrap();
    let (_, section) = readme.split_once("## RFC 3161").unwrap();
    let session = section.split_once("```sh\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", session]).current_dir(&dir);
    net.client().environment(&mut command);
    command.env("TREERING_TSA", format!("{}/tsa", net.log.public().base()));
    let ran = Ran(command.output().unwrap()).expect(0);
    assert!(ran.said().contains("Verification: OK"), "{}", ran.said());
    let said = ran.stdout();
    assert!(said.contains("contract.pdf"), "{said}");
}

#[test]
fn failures_are_told_as_the_rfc_has_them_and_what_is_no_query_as_http_has_it() {
    let net = start("p256");
    let asker = Asker::new(&net, "asker");
    for (arguments, failure) in [
        (&["-sha1"][..], "unrecognized or unsupported algorithm identifier"),
        (&["-sha256", "-tspolicy", "1.2.3.4"], "the requested TSA policy is not supported by the TSA"),
    ] {
        let query = asker.query(arguments);
        let answer = asker.ask(&net.log, "/tsa", &query).expect_status(200);
        assert_eq!(answer.header("treering-proof"), "");
        let text = asker.reply_text();
        assert!(text.contains("Status: Rejected.") && text.contains(failure), "{arguments:?}: {text}");
    }
    let query = asker.query(&["-sha256"]);
    let post =
        |path: &str, kind: &str, body: &[u8]| net.log.public().post(path, &[("content-type", kind)], body);
    let problem = |answer: Answer| {
        let name = answer.json()["type"].as_str().unwrap().to_owned();
        (answer.status, name.trim_start_matches("urn:treering:problem:").to_owned())
    };
    for (path, kind, body, status, name) in [
        ("/tsa", tsa::QUERY, &b"not a query"[..], 400, "not_a_query"),
        ("/tsa", tsa::QUERY, b"", 400, "not_a_query"),
        ("/tsa", tsa::QUERY, &query[..query.len() - 1], 400, "not_a_query"),
        ("/tsa", tsa::QUERY, &[0x30; 5000], 413, "query_too_long"),
        ("/tsa", "application/octet-stream", &query, 415, "query_type"),
        ("/tsa?proof=none", tsa::QUERY, &query, 400, "parameter_value"),
        ("/tsa?wait=1", tsa::QUERY, &query, 400, "unknown_parameter"),
    ] {
        assert_eq!(problem(post(path, kind, body)), (status, name.to_owned()), "{path} {kind}");
    }
    // Nothing is unpacked here, whatever it would be; `identity` says that there is nothing to unpack.
    for (encoding, taken) in [("gzip", false), ("br", false), ("gzip, identity", false), ("identity", true)] {
        let headers = [("content-type", tsa::QUERY), ("content-encoding", encoding)];
        let answer = net.log.public().post("/tsa", &headers, query.clone());
        if taken {
            assert_eq!(answer.expect_status(200).header("content-type"), "application/timestamp-reply");
            continue;
        }
        assert_eq!(answer.header("accept-encoding"), "identity", "{encoding}");
        assert_eq!(problem(answer), (415, "content_encoding".to_owned()), "{encoding}");
    }
    for (path, status, name) in [
        (format!("/v1/tsa/{}", "0".repeat(32)), 404, "unknown_serial"),
        ("/v1/tsa/1".to_owned(), 400, "path_value"),
        (format!("/v1/tsa/{}?size=1", "0".repeat(32)), 400, "unknown_parameter"),
        ("/tsa".to_owned(), 405, "method"),
    ] {
        assert_eq!(problem(net.log.public().get(&path)), (status, name.to_owned()), "{path}");
    }
    // A log without a timestamp authority says so.
    let plain = net::plan().start();
    let answer = plain.log.public().post("/tsa", &[("content-type", tsa::QUERY)], query);
    assert_eq!(problem(answer), (404, "no_tsa".to_owned()));
}

#[test]
fn mutated_queries_get_a_reply_or_a_400() {
    let net = start("p256");
    let asker = Asker::new(&net, "asker");
    let queries = [asker.query(&["-sha256", "-cert"]), asker.query(&["-sha512", "-tspolicy", "1.2.3"])];
    let mut replies = 0;
    for number in 0..400 {
        let mut query = queries[number % 2].clone();
        for _ in 0..random::between(1, 4) {
            let at = usize::try_from(random::between(0, query.len() as u64 - 1)).unwrap();
            query[at] = u8::try_from(random::between(0, 255)).unwrap();
        }
        let answer = net.log.public().post("/tsa", &[("content-type", tsa::QUERY)], query.clone());
        match answer.status {
            200 => {
                Reply::parse(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", hex::encode(&query)));
                replies += 1;
            }
            400 => assert_eq!(answer.json()["type"], "urn:treering:problem:not_a_query"),
            other => panic!("{other} for {}", hex::encode(&query)),
        }
    }
    assert!(replies > 50, "only {replies} of 400 were still queries");
}

#[test]
fn tokens_that_were_given_out_are_found_after_a_kill() {
    let mut net = start("p256");
    let mut given = Vec::new();
    for round in 0..5 {
        for _ in 0..random::between(1, 40) {
            // Killed before its first entry, the log waits for the witnesses to confirm its clock, and gives none meanwhile.
            given.push(wait::until("a timestamp", || Granted::by(&net.log)));
        }
        net.log.kill();
        if round == 2 {
            net.log.assert_clean();
        }
        net.log.start();
    }
    for granted in &given {
        granted.assert_proved(&net);
    }
    net.log.wait_idle();
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

#[test]
fn no_token_leaves_before_its_commitment_is_on_disk() {
    if !trace::is_possible() {
        programs::skipped(
            "tsa",
            "strace is not installed or may not trace, so nobody has looked whether tokens wait for the disk",
        );
        return;
    }
    let mut net = net::plan().make();
    tsa::init(&net.log, "p256");
    let file = net.dir().join("trace");
    net.log.start_traced(&file);
    net.log.wait_idle();
    let asker = Asker::new(&net, "asker");
    let query = asker.query(&["-sha256"]);
    let given: Vec<_> = (0..5)
        .map(|_| {
            let answer = asker.ask(&net.log, "/tsa", &query).expect_status(200);
            (hex::decode(&tsa::proof_path(&answer)[8..]).unwrap(), commitment(&answer.body))
        })
        .collect();
    assert!(net.log.stop().success());
    let trace = Trace::read(&file);
    for (serial, commitment) in given {
        let in_wal = |call: &trace::Call| {
            call.is_write() && call.target().contains("/store/") && call.target().ends_with(".log")
        };
        let written = trace.first(0, |call| in_wal(call) && call.holds(commitment.0.as_bytes()));
        let written = written.expect("the commitment was written to the WAL");
        let wal = written.target();
        let synced = trace.first(written.ended, |call| call.is_sync() && call.target() == wal);
        let synced = synced.expect("the WAL was synced");
        let sent = trace.first(0, |call| call.is_to_network() && call.is_write() && call.holds(&serial));
        let sent = sent.expect("the token was sent");
        assert!(synced.ended < sent.began, "sent on line {}, synced on {}", sent.began, synced.ended);
    }
}

#[test]
fn many_at_once_are_one_submission_a_tick() {
    let net = start("p256");
    let asker = Asker::new(&net, "asker");
    let query = asker.query(&["-sha256"]);
    let ask =
        || net.log.public().post("/tsa", &[("content-type", tsa::QUERY)], query.clone()).expect_status(200);
    let some = || (0..50).map(|_| tsa::proof_path(&ask())).collect::<Vec<_>>();
    let paths: HashSet<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(some)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(paths.len(), 400, "a serial number was given twice");
    let mut entries = HashMap::new();
    for path in &paths {
        let proof = tsa::proof(&net.log, path);
        *entries.entry(proof.index()).or_insert(0) += 1;
        assert_eq!(
            proof.entry().submissions(),
            1,
            "more than the timestamps' submission in entry {}",
            proof.index()
        );
    }
    assert!(entries.values().any(|count| *count > 1), "{entries:?}");
}
