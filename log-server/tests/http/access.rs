//! API keys and rate limits, as a caller meets them.

use std::net::IpAddr;

use treering_log::access::{
    Peer,
    api_key::ApiKey,
    key_file::edit,
    key_list::{KeyEntry, Scope},
};

use super::*;

const CLOSED: (&str, &str) = ("submissions = \"open\"", "submissions = \"keys\"");
const OCTETS: &str = "application/octet-stream";

impl Server {
    /// A key in the file of keys, which the log reads at its start.
    fn add_key(&self, key: &ApiKey, scope: Scope) {
        let entry = KeyEntry {
            id: key.id(),
            name: key.id().to_string(),
            hash: key.hash(),
            scopes: vec![scope],
            added: "2026-01-01T00:00:00Z".parse().unwrap(),
            expires: None,
        };
        edit(&self.folder.path().join("api-keys.toml"), |keys| {
            keys.push(entry);
            Ok(())
        })
        .unwrap();
    }

    /// One submission of so many hashes, from this address.
    async fn send(&self, from: &str, headers: &[(&str, &str)], count: u8) -> Answer {
        let mut request = Request::post("/v1/submissions").header("content-type", OCTETS);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(hashes(count).concat())).unwrap();
        request.extensions_mut().insert(Peer(from.parse::<IpAddr>().unwrap()));
        self.ask(request).await
    }
}

#[tokio::test]
async fn a_closed_log_takes_keys_and_shows_itself_to_all() {
    let server = Server::start_changed(&[CLOSED]).await;
    let answer = server.send("192.0.2.1", &[], 1).await;
    assert_eq!(answer.problem(), (401, "no_api_key".to_owned()));
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"log.example/http\"");
    let key = format!("Bearer {}", *ApiKey::generate().unwrap().to_text());
    let answer = server.send("192.0.2.1", &[("authorization", &key)], 1).await;
    assert_eq!(answer.problem(), (401, "unknown_api_key".to_owned()));
    assert!(answer.header("www-authenticate").ends_with("error=\"invalid_token\""));
    // Reading is open, with or without a key. The first checkpoint is published soon after the start.
    while server.get("/checkpoint").await.status == StatusCode::NOT_FOUND {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for path in ["/v1/log", "/checkpoint", "/v1/policy"] {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }
    let info = server.get("/v1/log").await.json();
    assert_eq!(info["access"], serde_json::json!({"submissions": "keys", "timestamps": "keys"}));
    server.stop().await;
}

#[tokio::test]
async fn a_key_opens_what_it_is_for_as_soon_as_it_is_there_and_until_it_is_gone() {
    let server = Server::start_changed(&[CLOSED]).await;
    let (submit, timestamp) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
    server.add_key(&submit, Scope::Submit);
    server.add_key(&timestamp, Scope::Timestamp);
    tokio::spawn(server.access.clone().watch_keys());
    let bearer = |key: &ApiKey| format!("Bearer {}", *key.to_text());
    let taken = [("authorization", &*bearer(&submit))];
    while server.send("192.0.2.1", &taken, 1).await.status != StatusCode::ACCEPTED {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let answer = server.send("192.0.2.1", &[("authorization", &bearer(&timestamp))], 1).await;
    assert_eq!(answer.problem(), (403, "api_key_scope".to_owned()));
    assert!(answer.header("www-authenticate").ends_with("error=\"insufficient_scope\", scope=\"submit\""));
    edit(&server.folder.path().join("api-keys.toml"), |keys| {
        keys.clear();
        Ok(())
    })
    .unwrap();
    loop {
        let answer = server.send("192.0.2.1", &taken, 1).await;
        if answer.status != StatusCode::ACCEPTED {
            assert_eq!(answer.problem(), (401, "unknown_api_key".to_owned()));
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn an_address_that_sends_too_much_is_told_when_to_come_back() {
    let limit = ("# address_requests = 600", "address_requests = 2");
    let proxy = ("trusted_proxies = []", "trusted_proxies = [\"127.0.0.1\"]");
    let server = Server::start_changed(&[limit, proxy]).await;
    let answer = server.send("192.0.2.1", &[], 1).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.header("ratelimit-policy"), "\"requests\";q=2;w=60");
    // A request comes back every thirty seconds, of which some may be over when it is said.
    let left = answer.header("ratelimit").strip_prefix("\"requests\";r=1;t=");
    assert!(left.is_some_and(|seconds| (1..=30).contains(&seconds.parse().unwrap())), "{left:?}");
    assert_eq!(server.send("192.0.2.1", &[], 1).await.status, StatusCode::ACCEPTED);
    // By itself it may say what it wants; the proxy's word counts.
    for (from, headers) in [
        ("192.0.2.1", vec![]),
        ("192.0.2.1", vec![("x-forwarded-for", "192.0.2.77")]),
        ("127.0.0.1", vec![("x-forwarded-for", "192.0.2.1")]),
    ] {
        let answer = server.send(from, &headers, 1).await;
        assert_eq!(answer.problem(), (429, "rate_limit".to_owned()));
        let retry_after: u64 = answer.header("retry-after").parse().unwrap();
        let left = answer.header("ratelimit").strip_prefix("\"requests\";r=0;t=");
        // The one is said some time after the other.
        assert!(
            left.is_some_and(|seconds| seconds.parse::<u64>().unwrap().abs_diff(retry_after) <= 5),
            "{left:?}"
        );
        assert_eq!(answer.json()["limit"], 2);
    }
    let elsewhere = [("x-forwarded-for", "192.0.2.2")];
    assert_eq!(server.send("127.0.0.1", &elsewhere, 1).await.status, StatusCode::ACCEPTED);
    // Reading costs nothing.
    for _ in 0..5 {
        assert_eq!(server.get("/v1/log").await.status, StatusCode::OK);
    }
    assert_eq!(server.get("/v1/log").await.json()["limits"]["rate"]["address_requests"], 2);
    server.stop().await;
}

#[tokio::test]
async fn a_key_has_an_account_of_its_own_and_hashes_count() {
    let address = ("# address_requests = 600", "address_requests = 1");
    let hashes = ("# key_hashes = 1000000000", "key_hashes = 100");
    let server = Server::start_changed(&[address, hashes]).await;
    let key = ApiKey::generate().unwrap();
    server.add_key(&key, Scope::Submit);
    tokio::spawn(server.access.clone().watch_keys());
    let bearer = format!("Bearer {}", *key.to_text());
    let keyed = [("authorization", &*bearer)];
    // The address has nothing left; the key has.
    assert_eq!(server.send("192.0.2.1", &[], 1).await.status, StatusCode::ACCEPTED);
    assert_eq!(server.send("192.0.2.1", &[], 1).await.status, StatusCode::TOO_MANY_REQUESTS);
    let first = loop {
        let answer = server.send("192.0.2.1", &keyed, 60).await;
        if answer.status != StatusCode::UNAUTHORIZED {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(first.status, StatusCode::ACCEPTED);
    assert_eq!(first.header("ratelimit-policy"), "\"hashes\";q=100;qu=\"treering-hashes\";w=60");
    // As much as there is room for in one request, and paid for afterwards.
    assert_eq!(server.send("192.0.2.1", &keyed, 250).await.status, StatusCode::ACCEPTED);
    let answer = server.send("192.0.2.1", &keyed, 1).await;
    assert_eq!(answer.problem(), (429, "rate_limit".to_owned()));
    assert_eq!(
        (answer.json()["quota"].as_str(), answer.json()["limit"].as_u64()),
        (Some("hashes"), Some(100))
    );
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 60);
    server.stop().await;
}
