//! A timestamp authority that fits in a test: our own `Authority`, one thread, enough HTTP/1.1.

use super::FakeLog;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use treering_tsa::{
    accuracy::Accuracy,
    authority::{Authority, Settings},
    chain::Chain,
    embed::ProofAttribute,
    gen_time::GenTime,
    issue::TestCa,
    query::{Query, QueryError},
    serial::Serial,
    signer::{KeyKind, LocalSigner, TsaSigner as _},
    status::Rejection,
};

/// How it behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Temper {
    #[default]
    Good,
    /// Refuses every query.
    Refusing,
    /// Answers with a reply to the query before.
    Repeating,
    /// Changes the last byte, which is of the signature.
    Forging,
    /// Answers with a web page.
    Page,
    /// Sets its clock back by an hour.
    Backdating,
    /// Sets its clock forward by an hour.
    Ahead,
    /// Stamps under its own policy, whatever it is asked.
    Stubborn,
}

#[derive(Clone)]
pub(crate) struct FakeTsa {
    url: String,
    ca: String,
    state: Arc<State>,
}

struct State {
    authority: Authority,
    log: FakeLog,
    temper: Temper,
    serial: AtomicU8,
    last: Mutex<Vec<u8>>,
}

impl FakeTsa {
    /// Its proofs are of this log.
    pub(crate) fn start(log: &FakeLog, temper: Temper) -> FakeTsa {
        FakeTsa::below("CN=Test CA", log, temper)
    }

    /// With a root of this name.
    pub(crate) fn below(root: &str, log: &FakeLog, temper: Temper) -> FakeTsa {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/tsa", listener.local_addr().unwrap());
        let begin = GenTime::from_millis(millis() - 7_200_000).unwrap();
        let ca = TestCa::generate(KeyKind::P256, root, [1; 16], begin).unwrap();
        let signer = LocalSigner::generate(KeyKind::P256).unwrap();
        let leaf = ca.issue_tsa(signer.public_key_info(), "CN=TSA,O=Example", [2; 16], begin, 30).unwrap();
        let settings = Settings {
            accuracy: Some(Accuracy::new(1, 0, 0).unwrap()),
            other_policies: vec![treering_tsa::oid::parse("1.3.6.1.4.1.32473.1.2").unwrap()],
            ..Settings::new(treering_tsa::oid::parse("1.3.6.1.4.1.32473.1.1").unwrap())
        };
        let chain = Chain::new(vec![leaf, ca.certificate().clone()]).unwrap();
        let authority = Authority::new(Arc::new(signer), &chain, &settings, begin).unwrap();
        let state = State {
            authority,
            log: log.clone(),
            temper,
            serial: AtomicU8::new(1),
            last: Mutex::new(Vec::new()),
        };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &shared);
            }
        });
        FakeTsa { url, ca: ca.certificate().to_pem(), state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The root's certificate, in PEM.
    pub(crate) fn ca(&self) -> &str {
        &self.ca
    }

    /// The authority's own certificate, in PEM.
    pub(crate) fn certificate(&self) -> String {
        self.state.authority.certificate().to_pem()
    }
}

impl State {
    fn answer(&self, path: &str, body: &[u8]) -> Vec<u8> {
        let query = match Query::parse(body) {
            Ok(query) => query,
            Err(QueryError::Rejected(rejection)) => return rejection.encode(),
            Err(QueryError::NotAQuery(error)) => panic!("{error}"),
        };
        if self.temper == Temper::Refusing {
            return Rejection::TIME_NOT_AVAILABLE.encode();
        }
        let number = self.serial.fetch_add(1, Ordering::Relaxed);
        let time = match self.temper {
            Temper::Backdating => millis() - 3_600_000,
            Temper::Ahead => millis() + 3_600_000,
            _ => millis(),
        };
        let query = match self.temper {
            Temper::Stubborn => {
                Query::new(query.imprint().clone(), None, query.nonce().cloned(), query.cert_req())
            }
            _ => query,
        };
        let granted = self.authority.grant(
            &query,
            GenTime::from_millis(time).unwrap(),
            &Serial::from_random([number; 16]),
        );
        let granted = match granted {
            Ok(granted) => granted,
            Err(refused) => return refused.rejection().encode(),
        };
        let mut reply = granted.reply;
        let proof = self.log.grant([number | 0x80, number], granted.commitment);
        if path.ends_with("?proof=embed") {
            let attribute = ProofAttribute::new("1.3.6.1.4.1.32473.1.9").unwrap();
            reply = attribute.embed(&reply, proof.as_bytes()).unwrap();
        }
        if self.temper == Temper::Forging {
            *reply.last_mut().unwrap() ^= 1;
        }
        if self.temper == Temper::Repeating {
            let before = std::mem::replace(&mut *self.last.lock().unwrap(), reply.clone());
            return if before.is_empty() { reply } else { before };
        }
        reply
    }
}

fn serve(mut stream: TcpStream, state: &State) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut length, mut kind) = (String::new(), 0, String::new());
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let header = header.trim().to_ascii_lowercase();
        match header.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("content-type", value)) => kind = value.to_owned(),
            Some(_) => {}
            None => break,
        }
    }
    assert!(line.starts_with("POST ") && kind == "application/timestamp-query", "{line} {kind}");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, answer) = match state.temper {
        Temper::Page => (404, b"<html>".to_vec()),
        _ => (200, state.answer(line.split(' ').nth(1).unwrap(), &body)),
    };
    let head =
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", answer.len());
    // Whoever went away doesn't want it.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer));
}

fn millis() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
