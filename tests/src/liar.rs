//! A witness inside the test, which cosigns honestly until it is told to lie.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use treering_tlog::{
    checkpoint::Checkpoint,
    cosignature::CosignerKey,
    note::{KeyName, Signature},
    time::UnixSeconds,
    witness::{AddCheckpoint, print_signatures},
};

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// A true cosignature, without asking for a proof.
    Honest,
    /// The line of its key, with another's signature.
    WrongSignature,
    /// A true cosignature of another checkpoint than the one asked for.
    OtherCheckpoint,
    /// 200, and a body that never ends.
    Endless,
    /// 409 with a size that no log has. Like whoever else says 409 to all that is new, it says nothing to a log that asks where it
    /// stands, as one does that has stood still: that would hold it ([`Conduct::Objects`]).
    Conflict,
    /// The same, and to a log that asks where it stands, too.
    Objects,
    /// 500.
    Failure,
    /// 409 with the size, and to whoever asks for its last checkpoint, the note that it was given ([`Liar::show`]).
    Shows,
    /// The same, but nothing to a log that asks where it stands.
    Claims,
    /// 429, and `Retry-After: 4`.
    Busy,
    /// It takes the request and says nothing.
    Silent,
    /// It is honest, after a while.
    Slow,
    /// 409 with the size that it was told is the log's own old one.
    SameConflict,
    /// 200, and nothing in it.
    Empty,
    /// It hangs up.
    Away,
}

impl Conduct {
    /// All of them.
    pub const ALL: [Conduct; 11] = [
        Conduct::Honest,
        Conduct::WrongSignature,
        Conduct::OtherCheckpoint,
        Conduct::Endless,
        Conduct::Conflict,
        Conduct::Failure,
        Conduct::Silent,
        Conduct::Slow,
        Conduct::SameConflict,
        Conduct::Empty,
        Conduct::Away,
    ];

    /// Does the log get a cosignature of it, sooner or later?
    pub fn cosigns(self) -> bool {
        matches!(self, Conduct::Honest | Conduct::Slow)
    }
}

/// A request that it was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When it had come in.
    pub at: Instant,
    /// The size that it was proved from: the checkpoint's own, if the log asks where the witness stands.
    pub old: u64,
    /// The checkpoint's size.
    pub size: u64,
    /// Was the answer 429?
    pub busy: bool,
}

/// A witness that may lie. Its thread ends with the test's process.
#[derive(Debug)]
pub struct Liar {
    name: String,
    shared: Arc<Shared>,
    address: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    key: CosignerKey,
    conduct: Mutex<Conduct>,
    asked: Mutex<Vec<Asked>>,
    shown: Mutex<(u64, String)>,
}

/// How long a slow one takes: a rate, within the log's patience with a witness.
const SLOW: Duration = Duration::from_millis(300);

/// The name in the policy of the only one.
pub const NAME: &str = "liar";

impl Liar {
    /// Begins to listen, honest at first.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start() -> Liar {
        Liar::named(NAME, 7)
    }

    /// One of several: its name in the policy, and a number that gives its key.
    ///
    /// # Panics
    /// If there is no port.
    pub fn named(name: &str, number: u8) -> Liar {
        let key_name = KeyName::new(&format!("witness.test/{name}")).expect("a key's name");
        let key = CosignerKey::ed25519(key_name, &[number; 32]);
        let shared = Arc::new(Shared {
            key,
            conduct: Mutex::new(Conduct::Honest),
            asked: Mutex::default(),
            shown: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = Arc::clone(&serving);
                // Whoever hangs up is answered nothing.
                thread::spawn(move || serving.serve(stream));
            }
        });
        Liar { name: name.to_owned(), shared, address }
    }

    /// From now on it answers so.
    pub fn be(&self, conduct: Conduct) {
        *self.shared.conduct.lock().unwrap_or_else(PoisonError::into_inner) = conduct;
    }

    /// What [`Conduct::Shows`] says and shows.
    pub fn show(&self, size: u64, note: &str) {
        self.say(size, note, Conduct::Shows);
    }

    /// What [`Conduct::Claims`] says and shows.
    pub fn claim(&self, size: u64, note: &str) {
        self.say(size, note, Conduct::Claims);
    }

    fn say(&self, size: u64, note: &str, conduct: Conduct) {
        *self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner) = (size, note.to_owned());
        self.be(conduct);
    }

    /// All that it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The line that counts it in a policy.
    pub fn policy_line(&self) -> String {
        format!("witness {} {} http://{}\n", self.name, self.shared.key.verifier(), self.address)
    }

    /// Is this line by its key?
    pub fn made(&self, line: &Signature) -> bool {
        self.shared.key.verifier().matches(line)
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let (request, body) = read_request(&stream)?;
        if request.starts_with("GET ") {
            let (_, note) = self.shown();
            let status = if note.is_empty() { "404 Not Found" } else { "200 OK" };
            return answer(&mut stream, status, &note);
        }
        let message = AddCheckpoint::parse(&body).ok()?;
        let conduct = *self.conduct.lock().unwrap_or_else(PoisonError::into_inner);
        let checkpoint = Checkpoint::parse(message.checkpoint.text()).ok()?;
        let (size, busy) = (checkpoint.head.size.get(), conduct == Conduct::Busy);
        let asked = Asked { at: Instant::now(), old: message.old.get(), size, busy };
        let is_new = asked.old < size;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        match conduct {
            Conduct::Honest => answer(&mut stream, "200 OK", &self.line(&checkpoint)),
            Conduct::WrongSignature => answer(&mut stream, "200 OK", &self.forged(&checkpoint)),
            Conduct::OtherCheckpoint => {
                let mut other = checkpoint;
                other.head.root = treering_tlog::hash::sha256(b"another root");
                answer(&mut stream, "200 OK", &self.line(&other))
            }
            Conduct::Endless => endless(&mut stream),
            Conduct::Conflict | Conduct::SameConflict | Conduct::Claims if !is_new => None,
            Conduct::Conflict | Conduct::Objects => {
                answer(&mut stream, "409 Conflict", "4611686018427387904\n")
            }
            Conduct::Shows | Conduct::Claims => {
                answer(&mut stream, "409 Conflict", &format!("{}\n", self.shown().0))
            }
            Conduct::Busy => answer(&mut stream, "429 Too Many Requests\r\nretry-after: 4", "later\n"),
            Conduct::Slow => {
                thread::sleep(SLOW);
                answer(&mut stream, "200 OK", &self.line(&checkpoint))
            }
            Conduct::SameConflict => answer(&mut stream, "409 Conflict", &format!("{}\n", message.old)),
            Conduct::Empty => answer(&mut stream, "200 OK", ""),
            Conduct::Away => None,
            Conduct::Failure => answer(&mut stream, "500 Internal Server Error", "no\n"),
            Conduct::Silent => {
                // Until the log hangs up.
                let _ = stream.read(&mut [0]);
                None
            }
        }
    }

    fn shown(&self) -> (u64, String) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn line(&self, checkpoint: &Checkpoint) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs());
        let time = UnixSeconds::new(now).expect("a time within range");
        print_signatures(&[self.key.cosign(checkpoint, time).expect("a timestamp above 0")])
    }

    fn forged(&self, checkpoint: &Checkpoint) -> String {
        let line = self.line(checkpoint);
        let line = Signature::parse_line(line.trim_end()).expect("its own line");
        let mut bytes = line.bytes().to_vec();
        bytes[20] ^= 1;
        print_signatures(&[Signature::new(line.name().clone(), line.id(), bytes)])
    }
}

/// The request's first line, and its body.
fn read_request(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first, body))
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> Option<()> {
    let kind = if status.starts_with("409") { "text/x.tlog.size" } else { "text/plain" };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}

fn endless(stream: &mut TcpStream) -> Option<()> {
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n")
        .ok()?;
    loop {
        stream.write_all(b"400\r\n").ok()?;
        stream.write_all(&[b'a'; 1024]).ok()?;
        stream.write_all(b"\r\n").ok()?;
    }
}
