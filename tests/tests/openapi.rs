//! `spec/openapi.json` held against a running server: each described call is there, and answers with a status and a
//! media type that the description knows.

use serde_json::Value;
use treering_tests::{
    http::Answer,
    net::{self, Net},
    random, view,
};

const DESCRIPTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/openapi.json");

#[test]
fn every_described_call_is_served_as_described() {
    let text = std::fs::read_to_string(DESCRIPTION).expect("spec/openapi.json");
    let api: Value = serde_json::from_str(&text).expect("JSON");
    let net = net::plan().start();
    let root = prepared(&net);
    let mut calls = 0;
    for (path, methods) in api["paths"].as_object().expect("paths") {
        for (method, description) in methods.as_object().expect("methods") {
            calls += 1;
            for (values, accept) in
                [(Values::Good, "text/plain"), (Values::Good, "application/json"), (Values::Bad, "*/*")]
            {
                let answer = call(&net, method, &filled(path, values, &root), accept);
                assert_described(path, method, description, &answer);
            }
            // Another method is not there, and the answer says which ones are.
            let refused =
                net.log.public().call("DELETE", &filled(path, Values::Good, &root)).expect_status(405);
            let allowed = refused.header("allow").to_lowercase();
            assert!(allowed.contains(method), "{path} allows {allowed:?}, not {method}");
        }
    }
    assert!(calls >= 9, "only {calls} calls are described");
}

/// Which values stand for the parameters in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    Good,
    Bad,
}

/// A submission with tokens, published: its root and one commitment.
fn prepared(net: &Net) -> (String, String) {
    let commitments = random::commitments(2);
    let headers = [("content-type", "application/octet-stream"), ("prefer", "wait=30")];
    net.log.public().post("/v1/submissions?tokens=true", &headers, commitments.concat()).expect_status(200);
    (view::root_of(&commitments).to_string(), hex::encode(commitments[0]))
}

fn filled(path: &str, values: Values, (root, commitment): &(String, String)) -> String {
    let good = [
        ("{root}", root.as_str()),
        ("{commitment}", commitment),
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
