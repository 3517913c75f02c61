//! Requests to the servers, and bytes straight to a socket.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use reqwest::{blocking, header::HeaderMap};
use serde_json::Value;

/// Longer than anything a server waits for; only a failure takes it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// All header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    ///
    /// # Panics
    /// If it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.shown()))
    }

    /// A header field; the empty string if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The answer, if its status is this one.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.shown());
        self
    }

    /// Status and body, for messages.
    pub fn shown(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// A client of one server. Each request has its own connection, so that a server may be restarted in between.
#[derive(Clone, Debug)]
pub struct Http {
    base: String,
    client: blocking::Client,
}

impl Http {
    /// For the server at this URL.
    ///
    /// # Panics
    /// If the TLS library can't be set up.
    pub fn new(base: String) -> Http {
        let client = blocking::Client::builder()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(0)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client for plain HTTP");
        Http { base, client }
    }

    /// Where the server is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET.
    ///
    /// # Panics
    /// If no whole answer comes.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    /// GET, from a server that may be away.
    ///
    /// # Errors
    /// No whole answer came.
    pub fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.send(self.client.get(format!("{}{path}", self.base)))
    }

    /// GET with header fields.
    ///
    /// # Panics
    /// If no whole answer comes.
    #[track_caller]
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = with(self.client.get(format!("{}{path}", self.base)), headers);
        self.send(request).unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    /// POST.
    ///
    /// # Panics
    /// If no whole answer comes.
    #[track_caller]
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        self.try_post(path, headers, body).unwrap_or_else(|error| panic!("POST {path}: {error:?}"))
    }

    /// POST, to a server that may be away.
    ///
    /// # Errors
    /// No whole answer came.
    pub fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Result<Answer, reqwest::Error> {
        let request = self.client.post(format!("{}{path}", self.base)).body(body.into());
        self.send(with(request, headers))
    }

    /// Any method, without a body.
    ///
    /// # Panics
    /// If there is no such method, or no whole answer comes.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str) -> Answer {
        let method = method.parse().expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.base));
        self.send(request).unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// Sends these bytes over a connection of its own, closes its side of it, and reads what comes back.
    ///
    /// # Panics
    /// If the server is not there.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let address = self.base.strip_prefix("http://").expect("a URL of this test");
        let mut stream = TcpStream::connect(address).expect("the server is there");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        stream.write_all(bytes).expect("the server reads");
        stream.shutdown(Shutdown::Write).expect("the connection stands");
        let mut answer = Vec::new();
        // A reset after the answer takes nothing of it away.
        let _ = stream.read_to_end(&mut answer);
        parse(&answer)
    }

    /// Sends these bytes over a connection of its own to a server that may hang up on them: the status, if one came.
    ///
    /// # Panics
    /// If the server is not there.
    pub fn raw_or_reset(&self, bytes: &[u8]) -> Option<u16> {
        let address = self.base.strip_prefix("http://").expect("a URL of this test");
        let mut stream = TcpStream::connect(address).expect("the server is there");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        let mut answer = Vec::new();
        // Each of them may meet a connection that is closed already.
        let _ = stream.write_all(bytes);
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        text.split(' ').nth(1).and_then(|code| code.parse().ok())
    }

    fn send(&self, request: blocking::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = request.send()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes()?.to_vec() })
    }
}

fn with(request: blocking::RequestBuilder, headers: &[(&str, &str)]) -> blocking::RequestBuilder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// An answer of HTTP/1.1 whose body ends with the connection or has a length.
fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer, but {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name: reqwest::header::HeaderName = name.parse().expect("a header's name");
        headers.insert(name, value.parse().expect("a header's value"));
    }
    Answer { status: status.expect("a status code"), headers, body: body.as_bytes().to_vec() }
}
