//! Every bad request gets a problem (RFC 9457) with a stable type, which says what was wrong and what would be right.

use std::{fmt::Write as _, io::Write as _, net::TcpStream};

use treering_tests::{
    http::{Answer, Http},
    log::{LogServer, OCTETS, SUBMISSIONS},
    net, random,
};

/// One line of the table: status, type's end, detail, whether a retry may help.
#[track_caller]
fn row(what: &str, answer: &Answer) -> String {
    let shown = answer.shown();
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}: {shown}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}: {shown}");
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status, "{what}: {shown}");
    let kind = problem["type"].as_str().expect("a type").strip_prefix("urn:treering:problem:").expect("ours");
    let (title, detail) =
        (problem["title"].as_str().expect("a title"), problem["detail"].as_str().expect("a detail"));
    assert!(!title.is_empty());
    let again = if problem["retry"].as_bool().expect("retry") { "retry" } else { "final" };
    format!("{what}: {} {kind} ({again})\n    {detail}\n", answer.status)
}

fn post(http: &Http, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    http.post(SUBMISSIONS, &[("content-type", content_type)], body)
}

#[test]
fn bodies() {
    let net = net::plan().set("max_hashes", "100").set("max_json_hashes", "10").start();
    let http = net.log.public();
    let zeroes = |count: usize| vec![0_u8; count];
    let mut table = String::new();
    let mut add = |what: &str, answer: Answer| table.push_str(&row(what, &answer));
    add("0 bytes", post(http, OCTETS, zeroes(0)));
    add("31 bytes", post(http, OCTETS, zeroes(31)));
    add("33 bytes", post(http, OCTETS, zeroes(33)));
    add("10×32+1 bytes", post(http, OCTETS, zeroes(321)));
    add("over the limit", post(http, OCTETS, zeroes(101 * 32)));
    add("over the limit of text", {
        let lines: String = (0..11).map(|_| line(&random::commitment())).collect();
        post(http, "text/plain", lines)
    });
    add("cut off", cut_off(http, OCTETS, 96, &zeroes(40)));
    add("JSON cut off", cut_off(http, "application/json", 80, b"{\"hashes\": ["));
    add("no JSON", post(http, "application/json", "hashes"));
    add("other JSON", post(http, "application/json", "{\"hash\": []}"));
    add("JSON without hashes", post(http, "application/json", "{\"hashes\": []}"));
    add(
        "JSON and more",
        post(http, "application/json", format!("{{\"hashes\": [\"{}\"]}} x", "0".repeat(64))),
    );
    add("short hex", post(http, "application/json", format!("{{\"hashes\": [\"{}\"]}}", "0".repeat(63))));
    add("long hex", post(http, "application/json", format!("{{\"hashes\": [\"{}\"]}}", "0".repeat(65))));
    add(
        "uppercase hex",
        post(http, "application/json", format!("{{\"hashes\": [\"{}\"]}}", "AB".repeat(32))),
    );
    add("no hex", post(http, "application/json", format!("{{\"hashes\": [\"{}\"]}}", "zz".repeat(32))));
    add("no sums", post(http, "text/plain", "hello\n"));
    add("sums of SHA-1", post(http, "text/plain", format!("{}  name\n", "0".repeat(40))));
    add("sums without newline", post(http, "text/plain", format!("{}  name", "0".repeat(64))));
    add("a form", post(http, "application/x-www-form-urlencoded", "x=y"));
    add("no content type", http.post(SUBMISSIONS, &[], zeroes(32)));
    add(
        "compressed",
        http.post(SUBMISSIONS, &[("content-type", OCTETS), ("content-encoding", "gzip")], zeroes(32)),
    );
    insta::assert_snapshot!(table, @r#"
    0 bytes: 400 empty_body (final)
        the body holds no hash; send at least one (32 bytes each as application/octet-stream)
    31 bytes: 400 body_length (final)
        the body has 31 bytes, which is 31 more than a multiple of 32; send 32 bytes a hash
    33 bytes: 400 body_length (final)
        the body has 33 bytes, which is 1 more than a multiple of 32; send 32 bytes a hash
    10×32+1 bytes: 400 body_length (final)
        the body has 321 bytes, which is 1 more than a multiple of 32; send 32 bytes a hash
    over the limit: 413 too_many_hashes (final)
        the body holds more than 100 hashes; send several submissions
    over the limit of text: 413 too_many_hashes (final)
        the body holds more than 10 hashes; send several submissions
    cut off: 400 cut_off (retry)
        the body was cut off after 40 bytes; nothing of it is stored, send it again
    JSON cut off: 400 cut_off (retry)
        the body was cut off after 12 bytes; nothing of it is stored, send it again
    no JSON: 400 json (final)
        byte 0 of the JSON body: "{" was expected; send {"hashes": ["<64 lowercase hex digits>", …]}
    other JSON: 400 json (final)
        byte 6 of the JSON body: the key "hashes" and no other was expected; send {"hashes": ["<64 lowercase hex digits>", …]}
    JSON without hashes: 400 empty_body (final)
        the body holds no hash; send at least one (32 bytes each as application/octet-stream)
    JSON and more: 400 json (final)
        byte 81 of the JSON body: the end of the body was expected; send {"hashes": ["<64 lowercase hex digits>", …]}
    short hex: 400 json_hash (final)
        hash 0 of the JSON body has 63 characters; a hash is 64 lowercase hex digits
    long hex: 400 json_hash (final)
        hash 0 of the JSON body has more than 64 characters; a hash is 64 lowercase hex digits
    uppercase hex: 400 json_hash (final)
        hash 0 of the JSON body has uppercase hex digits; a hash is 64 lowercase hex digits
    no hex: 400 json_hash (final)
        hash 0 of the JSON body has a character that is no hex digit; a hash is 64 lowercase hex digits
    no sums: 400 sums_line (final)
        line 1 of the text body is not what sha256sum writes: 64 lowercase hex digits, two spaces (or space and *), a name
    sums of SHA-1: 400 sums_line (final)
        line 1 of the text body is not what sha256sum writes: its digest has 40 characters; a hash is 64 lowercase hex digits
    sums without newline: 400 sums_line (final)
        line 1 of the text body has no newline at its end, so the body may be cut off (with curl use --data-binary, -d drops newlines)
    a form: 415 content_type (final)
        the content type is "application/x-www-form-urlencoded"; send application/octet-stream (32 bytes a hash), application/json or text/plain (the output of sha256sum)
    no content type: 415 content_type (final)
        the content type is missing; send application/octet-stream (32 bytes a hash), application/json or text/plain (the output of sha256sum)
    compressed: 415 content_encoding (final)
        the body is encoded as "gzip"; send it without Content-Encoding (hashes don't compress)
    "#);
    // Nothing of all this is stored.
    assert_eq!(net.log.status()["pending"], 0);
    assert_eq!(net.log.published_size().get(), 0);
}

#[test]
fn paths_and_queries() {
    let net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    let http = net.log.public();
    let root = "ab".repeat(32);
    let mut table = String::new();
    for path in [
        "/nothing".to_owned(),
        "/v1".to_owned(),
        "/v1/receipts".to_owned(),
        format!("/v1/receipts/{root}"),
        format!("/v1/receipts/{root}/tokens/{root}"),
        "/v1/receipts/abc".to_owned(),
        format!("/v1/receipts/{}", "AB".repeat(32)),
        format!("/v1/receipts/{root}?min_entry=x"),
        format!("/v1/receipts/{root}?min_entry=9000"),
        format!("/v1/receipts/{root}?size=01"),
        format!("/v1/receipts/{root}?size=1&size=1"),
        format!("/v1/receipts/{root}?wait=10"),
        "/v1/batches/x".to_owned(),
        "/v1/batches/9000".to_owned(),
        "/v1/checkpoints/-1".to_owned(),
        "/v1/checkpoints/9000".to_owned(),
        "/v1/log?x=y".to_owned(),
        "/checkpoint?x=y".to_owned(),
        "/tile/0/0".to_owned(),
        "/tile/0/999".to_owned(),
        // Probes are never on the public address.
        "/metrics".to_owned(),
        "/readyz".to_owned(),
        "/livez".to_owned(),
    ] {
        table.push_str(&row(&path.replace(&root, "<root>"), &http.get(&path)));
    }
    insta::assert_snapshot!(table, @r#"
        /nothing: 404 unknown_path (final)
            there is nothing at this path; the API is described in spec/openapi.json, and /v1/log says who this is
        /v1: 404 unknown_path (final)
            there is nothing at this path; the API is described in spec/openapi.json, and /v1/log says who this is
        /v1/receipts: 404 unknown_path (final)
            there is nothing at this path; the API is described in spec/openapi.json, and /v1/log says who this is
        /v1/receipts/<root>: 404 unknown_root (final)
            no submission with this root is known here; if you sent it, send the same hashes again
        /v1/receipts/<root>/tokens/<root>: 404 unknown_root (final)
            no submission with this root is known here; if you sent it, send the same hashes again
        /v1/receipts/abc: 400 path_value (final)
            the root in the path must be 64 lowercase hex digits
        /v1/receipts/ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB: 400 path_value (final)
            the root in the path must be 64 lowercase hex digits
        /v1/receipts/<root>?min_entry=x: 400 parameter_value (final)
            the query parameter "min_entry" must be a decimal number below 2^63 without sign or leading zeroes
        /v1/receipts/<root>?min_entry=9000: 400 min_entry_too_large (final)
            min_entry must be at most 1, the log's current size
        /v1/receipts/<root>?size=01: 400 parameter_value (final)
            the query parameter "size" must be a decimal number below 2^63 without sign or leading zeroes
        /v1/receipts/<root>?size=1&size=1: 400 repeated_parameter (final)
            the query parameter "size" stands there twice
        /v1/receipts/<root>?wait=10: 400 unknown_parameter (final)
            this call has no query parameter "wait"; it has size and min_entry
        /v1/batches/x: 400 path_value (final)
            the entry in the path must be a decimal number below 2^63 without sign or leading zeroes
        /v1/batches/9000: 404 not_published (retry)
            there is no batch here within the published log; if it is new, try again after the next tick
        /v1/checkpoints/-1: 400 path_value (final)
            the size in the path must be a decimal number below 2^63 without sign or leading zeroes
        /v1/checkpoints/9000: 404 not_published (retry)
            there is no checkpoint here within the published log; if it is new, try again after the next tick
        /v1/log?x=y: 400 unknown_parameter (final)
            this call has no query parameter "x"; it has none
        /checkpoint?x=y: 400 unknown_parameter (final)
            this call has no query parameter "x"; it has none
        /tile/0/0: 400 tile_path (final)
            not a tile path: tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>], canonical
        /tile/0/999: 404 not_published (retry)
            there is no tile here within the published log; if it is new, try again after the next tick
        /metrics: 404 unknown_path (final)
            there is nothing at this path; the API is described in spec/openapi.json, and /v1/log says who this is
        /readyz: 404 unknown_path (final)
            there is nothing at this path; the API is described in spec/openapi.json, and /v1/log says who this is
        /livez: 404 unknown_path (final)
            there is nothing at this path; the API is described in spec/openapi.json, and /v1/log says who this is
        "#);
}

#[test]
fn methods_and_parameters_of_a_submission() {
    let net = net::plan().start();
    let http = net.log.public();
    let mut table = String::new();
    for method in ["GET", "PUT", "DELETE"] {
        let answer = http.call(method, SUBMISSIONS);
        assert_eq!(answer.header("allow").to_uppercase(), "POST");
        table.push_str(&row(method, &answer));
    }
    table.push_str(&row("POST /checkpoint", &http.post("/checkpoint", &[], "")));
    for query in
        ["tokens=yes", "tokens=", "min_entry=-1", "min_entry=9000", "min_entry=1&min_entry=1", "token=true"]
    {
        let path = format!("{SUBMISSIONS}?{query}");
        let answer = http.post(&path, &[("content-type", OCTETS)], random::commitments(1).concat());
        table.push_str(&row(query, &answer));
    }
    let many = random::commitments(1025).concat();
    let answer = http.post("/v1/submissions?tokens=true", &[("content-type", OCTETS)], many);
    assert_eq!(answer.json()["limit"], 1024);
    table.push_str(&row("1025 hashes with tokens=true", &answer));
    insta::assert_snapshot!(table, @r#"
    GET: 405 method (final)
        this path does not have this method; the Allow header lists those that it has
    PUT: 405 method (final)
        this path does not have this method; the Allow header lists those that it has
    DELETE: 405 method (final)
        this path does not have this method; the Allow header lists those that it has
    POST /checkpoint: 405 method (final)
        this path does not have this method; the Allow header lists those that it has
    tokens=yes: 400 parameter_value (final)
        the query parameter "tokens" must be true or false
    tokens=: 400 parameter_value (final)
        the query parameter "tokens" must be true or false
    min_entry=-1: 400 parameter_value (final)
        the query parameter "min_entry" must be a decimal number below 2^63 without sign or leading zeroes
    min_entry=9000: 400 min_entry_too_large (final)
        min_entry must be at most 0, the log's current size
    min_entry=1&min_entry=1: 400 repeated_parameter (final)
        the query parameter "min_entry" stands there twice
    token=true: 400 unknown_parameter (final)
        this call has no query parameter "token"; it has tokens and min_entry
    1025 hashes with tokens=true: 413 too_many_for_tokens (final)
        tokens=true takes at most 1024 hashes; send several submissions, or fetch a receipt without it
    "#);
}

#[test]
fn limits_are_published_and_stand_in_the_answers() {
    let net = net::plan().set("max_hashes", "100").set("max_wait_seconds", "7").start();
    let log = net.log.public().get("/v1/log").expect_status(200).json();
    let limits = &log["limits"];
    let submitted = net.log.submit(&random::commitments(1)).expect_status(202);
    let refused = net.log.submit(&[]).expect_status(400);
    for answer in [submitted, refused] {
        for (header, limit) in [
            ("treering-max-hashes", "max_hashes"),
            ("treering-max-json-hashes", "max_json_hashes"),
            ("treering-max-tokens", "max_tokens"),
            ("treering-max-wait", "max_wait_seconds"),
        ] {
            assert_eq!(answer.header(header), limits[limit].to_string(), "{header}");
        }
    }
    assert_eq!((&limits["max_hashes"], &limits["max_wait_seconds"]), (&100.into(), &7.into()));
    assert_eq!(log["origin"], net::ORIGIN);
    assert_eq!(log["vkey"], net.log.vkey());
}

/// Over the limit the answer is 429, and nothing that was accepted is lost.
#[test]
fn a_full_queue_is_told_and_loses_nothing() {
    // A tick so long that the queue stays full until it is over.
    let mut net = net::plan().set("max_pending", "1").set("tick_ms", "60000").start();
    let (kept, refused) = full(&net.log);
    let seconds: u64 = refused.header("retry-after").parse().expect("Retry-After");
    assert!(seconds >= 60);
    insta::assert_snapshot!(row("full", &refused), @r"
full: 429 queue_full (retry)
    the queue of submissions waiting for their tick is full; nothing of this one is stored, send it again
");
    // A stop seals what is accepted.
    assert!(net.log.stop().success());
    net.log.set("tick_ms", "50");
    net.log.start();
    net.log.receipt(&treering_tests::view::root_of(&kept));
}

/// Fills a queue that takes one submission, and gives it and the refusal of the next one. The first tick comes at the start,
/// and may take what is there already: only once, so that there is room once more.
fn full(log: &LogServer) -> (Vec<[u8; 32]>, Answer) {
    let mut waits: Option<(Vec<[u8; 32]>, Answer)> = None;
    for _ in 0..4 {
        let next = random::commitments(1);
        let answer = log.submit(&next);
        match (answer.status, &waits) {
            (202, _) => waits = Some((next, answer)),
            (429, Some((kept, taken))) => {
                // The one that is pending may be sent again.
                let again = log.submit(kept).status;
                let ready = log.admin().get("/readyz").status;
                let receipt = log.public().get(taken.header("location")).status;
                if (again, ready, receipt) == (202, 503, 202) {
                    return (kept.clone(), answer);
                }
            }
            _ => panic!("{answer:?}"),
        }
    }
    panic!("a queue of one that is never full, or says so of nothing that waits");
}

/// A head of a request that never ends, and one that is none: closed, without harm to others.
#[test]
fn a_connection_that_says_nothing_good_harms_nobody() {
    let net = net::plan().start();
    let address = net.log.public().base().strip_prefix("http://").expect("a URL").to_owned();
    let mut silent: Vec<TcpStream> =
        (0..50).map(|_| TcpStream::connect(&address).expect("the server is there")).collect();
    for stream in &mut silent {
        stream.write_all(b"POST /v1/submissions HTTP/1.1\r\nhost: x\r\n").expect("the server reads");
    }
    let garbage = net.log.public().raw(b"\x16\x03\x01 this is no HTTP\r\n\r\n");
    assert_eq!(garbage.status, 400);
    net.log.stamp(&random::commitments(1));
}

fn line(digest: &[u8; 32]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}  a-file", hex::encode(digest));
    text
}

/// Announces more than it sends, and closes its side.
fn cut_off(http: &Http, content_type: &str, announced: usize, sent: &[u8]) -> Answer {
    let mut request =
        format!("POST {SUBMISSIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\ncontent-length: {announced}\r\n\r\n")
            .into_bytes();
    request.extend_from_slice(sent);
    http.raw(&request)
}
