use super::*;
use std::{
    io::{Read, Write},
    net::TcpListener,
};

/// Answers one connection after the other with these bytes; gives the requests' heads.
fn serve(answers: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        answers
            .into_iter()
            .map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                    head.push(byte[0]);
                }
                let _ = stream.write_all(answer.as_bytes());
                String::from_utf8(head).unwrap()
            })
            .collect()
    });
    (url, thread)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn told(error: &ClientError, url: &str) -> String {
    error.to_string().replace(url, "http://LOG")
}

#[test]
fn a_busy_log_is_asked_again_as_it_says() {
    let busy = answer("503 Service Unavailable", "retry-after: 0\r\n", "");
    let (url, server) = serve(vec![
        busy.clone(),
        busy,
        answer("200 OK", "", r#"{"origin":"log.example","limits":{"max_hashes":7,"new":1},"later":[]}"#),
    ]);
    let info = run(Client::new(&url).unwrap().log()).unwrap();
    assert_eq!((info.origin.as_str(), info.limits.max_hashes), ("log.example", Some(7)));
    let heads = server.join().unwrap();
    assert_eq!(heads.len(), 3);
    assert!(heads[0].contains(concat!("user-agent: treering/", env!("CARGO_PKG_VERSION"))), "{}", heads[0]);
}

#[test]
fn a_refusal_is_told_in_the_logs_words_made_safe() {
    let body = r#"{"type":"x","title":"too many hashes","detail":"send at most 7\u001b[2J","status":413}"#;
    let (url, _server) = serve(vec![answer("413 Content Too Large", "", body)]);
    let error = run(Client::new(&url).unwrap().submit(Bytes::from(vec![0; 32]), Duration::ZERO)).unwrap_err();
    assert!(!told(&error, &url).contains('\u{1b}'));
    assert!(
        told(&error, &url)
            .starts_with("http://LOG/v1/submissions answered 413: too many hashes: send at most 7")
    );
}

#[test]
fn a_redirect_is_not_followed() {
    let (url, _server) = serve(vec![answer("302 Found", "location: http://127.0.0.1:1/\r\n", "")]);
    let error = run(Client::new(&url).unwrap().checkpoint()).unwrap_err();
    insta::assert_snapshot!(told(&error, &url), @"http://LOG/checkpoint answered 302: a redirect, which is not followed; give the final URL");
}

#[test]
fn an_endless_answer_is_cut_off() {
    let (url, _server) = serve(vec![answer("200 OK", "", &"x".repeat(MAX_SMALL + 1))]);
    let error = run(Client::new(&url).unwrap().log()).unwrap_err();
    insta::assert_snapshot!(told(&error, &url), @"the answer of http://LOG/v1/log is larger than 65536 bytes; is this a Treering log?");
}

#[test]
fn receipts_that_are_not_there_are_told_apart() {
    let root = Hash::new([0xab; 32]);
    let (url, server) = serve(vec![
        answer("404 Not Found", "", "{}"),
        answer("410 Gone", "", "{}"),
        answer("202 Accepted", "retry-after: 2\r\n", ""),
        answer("200 OK", "", "hello"),
    ]);
    let client = Client::new(&url).unwrap();
    assert!(matches!(run(client.receipt(&root, None)), Err(ClientError::Unknown { .. })));
    assert!(matches!(run(client.receipt(&root, None)), Err(ClientError::Gone { .. })));
    assert!(
        matches!(run(client.receipt(&root, Some(9))), Ok(Answer::Pending { retry_after }) if retry_after.as_secs() == 2)
    );
    assert!(matches!(run(client.receipt(&root, None)), Err(ClientError::NotAReceipt { .. })));
    let heads = server.join().unwrap();
    assert!(heads[2].starts_with(&format!("GET /v1/receipts/{}?size=9 ", "ab".repeat(32))), "{}", heads[2]);
}

#[test]
fn a_submission_asks_to_wait_and_gets_its_root() {
    let (url, server) = serve(vec![answer("202 Accepted", "", "")]);
    let client = Client::new(&url).unwrap();
    let (root, answer) = run(client.submit_all(&[[1; 32]], Duration::from_secs(10))).unwrap();
    assert_eq!(root, treering_tlog::hash::leaf_hash(&[1; 32]));
    assert!(matches!(answer, Answer::Pending { retry_after } if retry_after == DEFAULT_PAUSE));
    let head = server.join().unwrap().remove(0);
    assert!(
        head.contains("prefer: wait=10") && head.contains("content-type: application/octet-stream"),
        "{head}"
    );
    assert!(matches!(run(client.submit_all(&[], Duration::ZERO)), Err(ClientError::Empty)));
}

#[test]
fn what_the_log_leaves_is_kept_to_before_it_refuses() {
    let left = "ratelimit-policy: \"hashes\";q=100;qu=\"treering-hashes\";w=100\r\nratelimit: \"hashes\";r=0;t=1\r\n";
    let (url, server) = serve(vec![answer("202 Accepted", left, ""), answer("202 Accepted", "", "")]);
    let client = Client::new(&url).unwrap();
    let begun = Instant::now();
    run(async {
        client.submit_all(&[[1; 32]], Duration::ZERO).await.unwrap();
        // A clone knows it, too.
        client.clone().submit_all(&[[2; 32]], Duration::ZERO).await.unwrap();
    });
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    assert_eq!(server.join().unwrap().len(), 2);
}

#[test]
fn a_cap_holds_submissions_back_and_nothing_else() {
    let no_limits = answer("200 OK", "", r#"{"origin":"log.example"}"#);
    let pending = answer("202 Accepted", "", "");
    let (url, server) = serve(vec![pending.clone(), no_limits, pending]);
    let client = Client::new(&url).unwrap().with_rate(10);
    let begun = Instant::now();
    let (read, sent) = run(async {
        client.submit_all(&[[1; 32]; 7], Duration::ZERO).await.unwrap();
        client.log().await.unwrap();
        let read = begun.elapsed();
        client.submit_all(&[[2; 32]], Duration::ZERO).await.unwrap();
        (read, begun.elapsed())
    });
    assert!(sent >= Duration::from_millis(700) && read < sent, "{read:?} {sent:?}");
    assert_eq!(server.join().unwrap().len(), 3);
}

#[test]
fn nobody_there_is_told_with_what_to_check() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = run(Client::new(&url).unwrap().with_attempts(1).log()).unwrap_err();
    insta::assert_snapshot!(told(&error, &url), @"no answer from http://LOG/v1/log after 1 attempts: Connection refused (os error 111); is the log's URL right, and is it up?");
}

#[test]
fn urls_that_are_none_are_refused() {
    for (url, fault) in [
        ("log.example", UrlFault::Form),
        ("ftp://log.example/", UrlFault::Scheme),
        ("https://log.example/?a=b", UrlFault::Extra),
        ("https://log.example/#a", UrlFault::Extra),
    ] {
        assert!(matches!(Client::new(url), Err(ClientError::Url { why, .. }) if why == fault), "{url}");
    }
    assert_eq!(Client::new("https://log.example/a").unwrap().url(), "https://log.example/a/");
}
