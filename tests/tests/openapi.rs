//! `spec/openapi.json` held against a running server: each described call is there, and answers with a status and a
//! media type that the description knows.

use serde_json::Value;
use treering_tests::{
    http::Answer,
    net::{self, Net},
    random, tsa, view,
};
use treering_tsa::{
    imprint::{Imprint, ImprintAlgorithm},
    query::Query,
};

const DESCRIPTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/openapi.json");

#[test]
fn every_described_call_is_served_as_described() {
    let text = std::fs::read_to_string(DESCRIPTION).expect("spec/openapi.json");
    let api: Value = serde_json::from_str(&text).expect("JSON");
    let mut net = net::plan().make();
    tsa::init(&net.log, "p256");
    net.log.start();
    net.log.wait_idle();
    let prepared = prepared(&net);
    let mut calls = 0;
    for (path, methods) in api["paths"].as_object().expect("paths") {
        for (method, description) in methods.as_object().expect("methods") {
            calls += 1;
            for (values, accept) in
                [(Values::Good, "text/plain"), (Values::Good, "application/json"), (Values::Bad, "*/*")]
            {
                let answer = call(&net, method, &filled(path, values, &prepared), accept);
                assert_described(path, method, description, &answer);
            }
            // Another method is not there, and the answer says which ones are.
            let refused =
                net.log.public().call("DELETE", &filled(path, Values::Good, &prepared)).expect_status(405);
            let allowed = refused.header("allow").to_lowercase();
            assert!(allowed.contains(method), "{path} allows {allowed:?}, not {method}");
        }
    }
    assert!(calls >= 11, "only {calls} calls are described");
}

/// Which values stand for the parameters in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    Good,
    Bad,
}

/// What is in the log.
struct Prepared {
    root: String,
    commitment: String,
    serial: String,
}

/// A submission with tokens and a timestamp, both published.
fn prepared(net: &Net) -> Prepared {
    let commitments = random::commitments(2);
    let headers = [("content-type", "application/octet-stream"), ("prefer", "wait=30")];
    net.log.public().post("/v1/submissions?tokens=true", &headers, commitments.concat()).expect_status(200);
    let answer = net.log.public().post("/tsa", &[("content-type", tsa::QUERY)], query()).expect_status(200);
    let proof = tsa::proof_path(&answer);
    tsa::proof(&net.log, &proof);
    Prepared {
        root: view::root_of(&commitments).to_string(),
        commitment: hex::encode(commitments[0]),
        serial: proof.trim_start_matches("/v1/tsa/").to_owned(),
    }
}

/// A TimeStampReq for a random digest.
fn query() -> Vec<u8> {
    let imprint = Imprint::new(ImprintAlgorithm::Sha256, random::commitment().to_vec()).expect("a digest");
    Query::new(imprint, None, None, false).encode()
}

fn filled(path: &str, values: Values, prepared: &Prepared) -> String {
    let good = [
        ("{root}", prepared.root.as_str()),
        ("{commitment}", &prepared.commitment),
        ("{serial}", &prepared.serial),
        ("{entry}", "0"),
        ("{size}", "1"),
        ("{path}", "0/000.p/1"),
    ];
    let filled = good.iter().fold(path.to_owned(), |path, (name, value)| {
        path.replace(name, if values == Values::Good { value } else { "00x" })
    });
    assert!(!filled.contains('{'), "{path} has a parameter that this test does not know");
    filled
}

fn call(net: &Net, method: &str, path: &str, accept: &str) -> Answer {
    match method {
        "get" => net.log.public().get_with(path, &[("accept", accept)]),
        "post" if path == "/tsa" => {
            net.log.public().post(path, &[("content-type", tsa::QUERY), ("accept", accept)], query())
        }
        "post" => {
            let headers = [("content-type", "application/octet-stream"), ("accept", accept)];
            net.log.public().post(path, &headers, random::commitments(1).concat())
        }
        _ => panic!("{path} has a method that this test does not know: {method}"),
    }
}

fn assert_described(path: &str, method: &str, description: &Value, answer: &Answer) {
    let shown = format!("{method} {path}: {}", answer.shown());
    if answer.header("content-type") == "application/problem+json" {
        let kind = answer.json()["type"].as_str().expect("a type").to_owned();
        assert!(!kind.ends_with(":unknown_path") && !kind.ends_with(":method"), "{shown}");
    }
    let response = &description["responses"][answer.status.to_string()];
    assert!(response.is_object(), "the description has no such status: {shown}");
    let kinds: Vec<&String> = response["content"].as_object().expect("media types").keys().collect();
    let got = answer.header("content-type").split(';').next().unwrap_or_default();
    assert!(kinds.iter().any(|kind| *kind == got), "{got} is not among {kinds:?}: {shown}");
}
