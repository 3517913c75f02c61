//! Bulk customers who have curl and sha256sum and nothing of ours: the README's own session, and the same three formats
//! by another HTTP client.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use treering_tests::{
    client::Ran,
    log::OCTETS,
    net::{self, Net},
    programs, view,
};
use treering_tlog::hash::{Hash, sha256};
use treering_token::token::Token;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const NAMES: [&str; 4] = ["contract.pdf", "a-photo.jpg", "empty", "notes.txt"];

/// Some files, one of them empty.
fn files(net: &Net) -> PathBuf {
    let dir = net.new_dir("files");
    for name in NAMES {
        let content = if name == "empty" { String::new() } else { format!("this is {name}\n").repeat(100) };
        fs::write(dir.join(name), content).expect("a new file");
    }
    dir
}

fn digest(path: &Path) -> Hash {
    sha256(&fs::read(path).expect("a file"))
}

#[test]
fn the_session_of_the_readme_gives_tokens_that_verify() {
    let missing: Vec<&str> = ["bash", "curl", "jq", "sha256sum"]
        .into_iter()
        .filter(|tool| !programs::has_tool(tool, "--version"))
        .collect();
    if !missing.is_empty() {
        programs::skipped(
            "curl",
            &format!("{missing:?} is not installed, so nobody has run the README's session"),
        );
        return;
    }
    let net = net::plan().start();
    let dir = files(&net);
    let readme = fs::read_to_string(README).expect("the README");
    let session =
        readme.split_once("```sh\n").and_then(|(_, rest)| rest.split_once("```")).expect("a session").0;
    assert!(
        session.contains("sha256sum") && session.contains("curl"),
        "another session comes first in the README"
    );
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", session]).current_dir(&dir);
    net.client().environment(&mut command);
    let ran = Ran(command.output().expect("bash starts")).expect(0);
    let verified = ran.stdout().matches("existed before").count();
    assert_eq!(verified, NAMES.len(), "{}", ran.said());
    // The tokens are of these files, and of no others.
    for name in NAMES {
        let token = fs::read(dir.join(format!("{name}.tlog-proof"))).expect("a token");
        let token = Token::parse(&token).expect("a token");
        view::verify(&net.policy, &token, &digest(&dir.join(name)));
    }
    let changed = dir.join("notes.txt");
    fs::write(&changed, "something else").expect("a file");
    net.client().run(&dir, ["verify", "notes.txt"]).expect(1);
}

/// `{"tokens": [{"hash", "url", "token"}]}` in the order of the body.
fn assert_tokens(net: &Net, answer: &Value, digests: &[Hash]) {
    let tokens = answer["tokens"].as_array().expect("tokens");
    assert_eq!(tokens.len(), digests.len());
    for (digest, element) in digests.iter().zip(tokens) {
        assert_eq!(element["hash"], digest.to_string());
        let token = Token::parse(element["token"].as_str().expect("a token").as_bytes()).expect("a token");
        view::verify(&net.policy, &token, digest);
        // The same by its URL; it may have gained a cosignature.
        let again = net.log.public().get(element["url"].as_str().expect("a URL")).expect_status(200);
        let again = Token::parse(&again.body).expect("a token");
        view::verify(&net.policy, &again, digest);
        assert_eq!((again.index(), again.layers()), (token.index(), token.layers()));
    }
}

#[test]
fn three_formats_one_submission() {
    let net = net::plan().start();
    let dir = files(&net);
    let digests: Vec<Hash> = NAMES.iter().map(|name| digest(&dir.join(name))).collect();
    let octets: Vec<u8> = digests.iter().flat_map(|digest| *digest.as_bytes()).collect();
    let quoted: Vec<String> = digests.iter().map(|digest| format!("\"{digest}\"")).collect();
    let json = format!("{{\"hashes\": [{}]}}\n", quoted.join(", ")).into_bytes();
    let lines = |line: &dyn Fn(&Hash, &str) -> String| -> Vec<u8> {
        digests.iter().zip(NAMES).map(|(digest, name)| line(digest, name)).collect::<String>().into_bytes()
    };
    let text = lines(&|digest, name| format!("{digest}  {name}\n"));
    let binary = lines(&|digest, name| format!("{digest} *{name}\n"));
    let tagged = lines(&|digest, name| format!("SHA256 ({name}) = {digest}\n"));
    let escaped = lines(&|digest, name| format!("\\{digest}  {name}\\n2\n"));
    let mut places = Vec::new();
    for (kind, body) in [
        (OCTETS, octets),
        ("application/json", json),
        ("text/plain", text),
        ("text/plain; charset=utf-8", binary),
        ("text/plain", tagged),
        ("text/plain", escaped),
    ] {
        let headers = [("content-type", kind), ("prefer", "wait=30")];
        let answer =
            net.log.public().post("/v1/submissions?tokens=true", &headers, body.clone()).expect_status(200);
        assert_eq!(answer.header("preference-applied"), "wait=30");
        assert_tokens(&net, &answer.json(), &digests);
        // Without tokens=true, the receipt: as text, or as JSON for who likes that better.
        let receipt = net.log.public().post("/v1/submissions", &headers, body.clone()).expect_status(200);
        let liking = [headers[0], headers[1], ("accept", "application/json")];
        let wrapped = net.log.public().post("/v1/submissions", &liking, body).expect_status(200).json();
        let receipt = Token::parse(&receipt.body).expect("a receipt");
        let inner =
            Token::parse(wrapped["receipt"].as_str().expect("a receipt").as_bytes()).expect("a receipt");
        assert_eq!((inner.index(), inner.layers()), (receipt.index(), receipt.layers()));
        assert_eq!(wrapped["entry"], receipt.index());
        let root = Hash::from_hex(wrapped["root"].as_str().expect("a root")).expect("64 hex digits");
        view::verify(&net.policy, &receipt, &root);
        places.push((root, receipt.index()));
    }
    assert!(places.windows(2).all(|pair| pair[0] == pair[1]), "{places:?}");
}

#[test]
fn without_waiting_the_answer_says_where_each_token_will_be() {
    let net = net::plan().start();
    let dir = files(&net);
    let digest = digest(&dir.join("notes.txt"));
    let body = format!("{digest}  notes.txt\n");
    let answer =
        net.log.public().post("/v1/submissions?tokens=true", &[("content-type", "text/plain")], body);
    let answer = answer.expect_status(202);
    assert_ne!(answer.header("retry-after"), "");
    let element = answer.json()["tokens"][0].clone();
    assert!(element.get("token").is_none(), "{element}");
    let url = element["url"].as_str().expect("a URL").to_owned();
    let token = treering_tests::wait::until("the token", || {
        let answer = net.log.public().get(&url);
        (answer.status == 200).then_some(answer)
    });
    fs::write(dir.join("notes.txt.tlog-proof"), &token.body).expect("a new file");
    net.client().run(&dir, ["verify", "notes.txt", "notes.txt.tlog-proof"]).expect(0);
}
