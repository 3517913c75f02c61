// The log itself. (A doctest includes this file, so it begins with no inner doc comment.)

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    hash::{Hash, leaf_hash},
    kernel::RootBuilder,
    note::{KeyName, Note, SigningKey},
    tile::{TileKind, TilePath, append_entry},
    time::{UnixMillis, UnixSeconds},
    tree::{MemoryTree, TreeHead, TreeSize},
};
use treering_token::{entry::Entry, layer::Layer, token::Token};

/// How it behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) max_hashes: u64,
    /// The first so many requests are answered 503.
    pub(crate) busy: u32,
    /// A receipt is pending the first so many times.
    pub(crate) pending: u32,
    /// A receipt lacks a cosignature the first so many times.
    pub(crate) lacking: u32,
    /// It answers submissions beyond this many only when this is raised.
    pub(crate) stalled_after: usize,
    /// Receipts are for another root.
    pub(crate) lying: bool,
    /// Checkpoints lack a cosignature.
    pub(crate) unmet: bool,
    /// Witnesses' clocks are ahead by so many seconds.
    pub(crate) ahead: u64,
    /// And by so many more where the newest checkpoint is asked for.
    pub(crate) hasty: u64,
    pub(crate) quorum: &'static str,
    /// Entries are served changed.
    pub(crate) spoiled: bool,
    /// It keeps no partial tiles but the newest.
    pub(crate) lean: bool,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner {
            max_hashes: 1_000_000,
            busy: 0,
            pending: 0,
            lacking: 0,
            stalled_after: usize::MAX,
            lying: false,
            unmet: false,
            ahead: 0,
            hasty: 0,
            quorum: "both",
            spoiled: false,
            lean: false,
        }
    }
}

#[derive(Clone)]
pub(crate) struct FakeLog {
    url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    manner: Manner,
    /// Its origin, and its own key's seed.
    name: &'static str,
    key: u8,
    /// Of the witnesses' keys.
    seed: u8,
    entries: Vec<Entry>,
    submissions: HashMap<Hash, (usize, Layer)>,
    /// By serial number.
    timestamps: HashMap<String, Hash>,
    bodies: Vec<usize>,
    paths: Vec<String>,
}

impl FakeLog {
    pub(crate) fn start(manner: Manner) -> FakeLog {
        FakeLog::with_keys(manner, 7)
    }

    /// Another seed, other keys.
    pub(crate) fn with_keys(manner: Manner, seed: u8) -> FakeLog {
        FakeLog::of("log.example", manner, seed, seed)
    }

    /// Another log, with the usual witnesses.
    pub(crate) fn named(name: &'static str, manner: Manner) -> FakeLog {
        FakeLog::of(name, manner, name.bytes().fold(1, |all, byte| all ^ byte), 7)
    }

    fn of(name: &'static str, manner: Manner, key: u8, seed: u8) -> FakeLog {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            manner,
            name,
            key,
            seed,
            entries: Vec::new(),
            submissions: HashMap::new(),
            timestamps: HashMap::new(),
            bodies: Vec::new(),
            paths: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        FakeLog { url, state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn policy(&self) -> String {
        self.state.lock().unwrap().policy()
    }

    /// From now on it behaves like this.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.state.lock().unwrap().manner);
    }

    /// How many commitments each submission had.
    pub(crate) fn submissions(&self) -> Vec<usize> {
        self.state.lock().unwrap().bodies.clone()
    }

    /// How many different submissions it has.
    pub(crate) fn sealed(&self) -> usize {
        self.state.lock().unwrap().entries.len()
    }

    /// What was asked for.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.state.lock().unwrap().paths.clone()
    }

    /// A checkpoint with both cosignatures.
    pub(crate) fn checkpoint(&self) -> String {
        self.state.lock().unwrap().checkpoint(2).to_string()
    }

    /// Takes a timestamp's commitment; gives its proof, which is also at `/v1/tsa/<serial>`. The serial number is made of these two
    /// bytes.
    pub(crate) fn grant(&self, serial: [u8; 2], commitment: [u8; 32]) -> String {
        let mut state = self.state.lock().unwrap();
        let root = state.seal(Hash::new(commitment));
        let serial = hex::encode([&serial[..1], &[serial[1]; 15]].concat());
        state.timestamps.insert(serial, root);
        state.receipt(root, 2).to_string()
    }

    /// Another manner from now on.
    pub(crate) fn be(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    /// Another history, under the same keys.
    pub(crate) fn fork(&self) {
        let mut state = self.state.lock().unwrap();
        state.entries[0] = Entry::new(state.entries[0].sealed_at(), Hash::new([9; 32]), 1).unwrap();
    }

    /// Seals so many entries more.
    pub(crate) fn grow(&self, count: u8) {
        for number in 0..count {
            self.receipt(&[[number; 32]]);
        }
    }

    /// A submission's receipt.
    pub(crate) fn receipt(&self, commitments: &[[u8; 32]]) -> String {
        let mut root = RootBuilder::new();
        root.push(commitments);
        let mut state = self.state.lock().unwrap();
        state.seal(root.root());
        state.receipt(root.root(), 2).to_string()
    }
}

impl State {
    fn policy(&self) -> String {
        format!(
            "log {}\nwitness W1 {}\nwitness W2 {}\ngroup both all W1 W2\nquorum {}\n",
            self.key().verifier(),
            self.witness(1).verifier(),
            self.witness(2).verifier(),
            self.manner.quorum
        )
    }

    /// All there are while it has fewer than 256 entries.
    fn tile(&self, path: &str) -> Answer {
        let Ok(path) = TilePath::parse(path) else { return Answer::new(404, "", "{}") };
        let (width, entries) = (usize::from(path.width()), self.entries.len());
        if path.index() > 0 || width > entries || self.manner.lean && width < entries {
            return Answer::new(404, "", "{}");
        }
        let mut body = Vec::new();
        for entry in &self.entries[..path.width().into()] {
            match path.kind() {
                TileKind::Entries => {
                    let mut bytes = entry.encode();
                    bytes[20] ^= u8::from(self.manner.spoiled);
                    append_entry(&mut body, &bytes).unwrap();
                }
                TileKind::Hashes(_) => body.extend(entry.leaf_hash().as_bytes()),
            }
        }
        Answer::new(200, "", body)
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_seed(KeyName::new(self.name).unwrap(), &[self.key; 32])
    }

    fn witness(&self, number: u8) -> CosignerKey {
        let name = KeyName::new(&format!("w{number}.example")).unwrap();
        CosignerKey::ed25519(name, &[self.seed ^ (number << 4); 32])
    }

    fn seal(&mut self, root: Hash) -> Hash {
        if !self.submissions.contains_key(&root) {
            let batch = MemoryTree::new(batch(&root).to_vec());
            let layer = Layer::from_path(batch.path(1).unwrap()).unwrap();
            let last = self.entries.last().map_or(0, |entry| entry.sealed_at().get());
            let sealed_at = UnixMillis::new(millis().max(last + 1)).unwrap();
            self.submissions.insert(root, (self.entries.len(), layer));
            self.entries.push(Entry::new(sealed_at, batch.root(), 2).unwrap());
        }
        root
    }

    fn tree(&self) -> MemoryTree {
        MemoryTree::new(self.entries.iter().map(Entry::leaf_hash).collect())
    }

    fn checkpoint(&self, cosigners: u8) -> Note {
        self.checkpoint_of(self.entries.len(), cosigners)
    }

    fn checkpoint_of(&self, size: usize, cosigners: u8) -> Note {
        let leaves = self.entries[..size].iter().map(Entry::leaf_hash).collect();
        let head = match size {
            0 => TreeHead::EMPTY,
            _ => TreeHead { size: TreeSize::new(size as u64).unwrap(), root: MemoryTree::new(leaves).root() },
        };
        let origin = Origin::new(self.name).unwrap();
        let checkpoint = Checkpoint { origin, head, extensions: Vec::new() };
        let note = checkpoint.sign(&self.key());
        let mut lines = note.signatures().to_vec();
        let time = UnixSeconds::new(millis() / 1000 + self.manner.ahead).unwrap();
        lines.extend((1..=cosigners).map(|number| self.witness(number).cosign(&checkpoint, time).unwrap()));
        Note::new(note.text(), lines).unwrap()
    }

    fn receipt(&self, root: Hash, cosigners: u8) -> Token {
        let (index, layer) = self.submissions[&root].clone();
        let path = self.tree().path(index as u64).unwrap().siblings;
        Token::receipt(self.entries[index], layer, index as u64, path, self.checkpoint(cosigners))
    }

    fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.paths.push(format!("{method} {path}"));
        if take(&mut self.manner.busy) {
            return Answer::new(503, "retry-after: 0\r\n", "");
        }
        match (method, path) {
            ("GET", "/v1/log") => {
                let (name, max) = (self.name, self.manner.max_hashes);
                Answer::new(200, "", format!(r#"{{"origin":"{name}","limits":{{"max_hashes":{max}}}}}"#))
            }
            ("GET", "/v1/policy") => Answer::new(200, "", self.policy()),
            ("GET", path) if path.starts_with("/tile/") => self.tile(&path[1..]),
            ("GET", path) if path.starts_with("/v1/checkpoints/") => {
                let size = path["/v1/checkpoints/".len()..].parse().unwrap();
                Answer::new(200, "", self.checkpoint_of(size, 2).to_string())
            }
            ("GET", path) if path.starts_with("/v1/batches/") => {
                let index: usize = path["/v1/batches/".len()..].parse().unwrap();
                let root = self.submissions.iter().find(|(_, (at, _))| *at == index).unwrap().0;
                Answer::new(200, "", batch(root).map(|leaf| *leaf.as_bytes()).concat())
            }
            ("GET", "/checkpoint") => {
                let cosigners = if self.manner.unmet { 1 } else { 2 };
                let ahead = self.manner.ahead;
                self.manner.ahead += self.manner.hasty;
                let note = self.checkpoint(cosigners);
                self.manner.ahead = ahead;
                Answer::new(200, "", note.to_string())
            }
            ("POST", "/v1/submissions") => {
                let (commitments, rest) = body.as_chunks::<32>();
                assert!(rest.is_empty() && !commitments.is_empty(), "{} bytes", body.len());
                self.bodies.push(commitments.len());
                let mut root = RootBuilder::new();
                root.push(commitments);
                let root = self.seal(root.root());
                self.give(root)
            }
            ("GET", path) if path.starts_with("/v1/tsa/") => {
                match self.timestamps.get(&path["/v1/tsa/".len()..]).copied() {
                    Some(root) => self.give(root),
                    None => Answer::new(404, "", "{}"),
                }
            }
            ("GET", path) => {
                let root = path.strip_prefix("/v1/receipts/").and_then(|rest| rest.get(..64));
                match root.and_then(Hash::from_hex).filter(|root| self.submissions.contains_key(root)) {
                    Some(root) => self.give(root),
                    None => Answer::new(404, "", "{}"),
                }
            }
            _ => Answer::new(405, "", "{}"),
        }
    }

    fn give(&mut self, root: Hash) -> Answer {
        if take(&mut self.manner.pending) {
            return Answer::new(202, "retry-after: 0\r\n", "");
        }
        let root = if self.manner.lying { self.seal(Hash::new([1; 32])) } else { root };
        let cosigners = if take(&mut self.manner.lacking) { 1 } else { 2 };
        Answer::new(200, "", self.receipt(root, cosigners).to_string())
    }
}

/// Somebody else's submission, and this.
fn batch(root: &Hash) -> [Hash; 2] {
    [leaf_hash(&[0xee; 32]), leaf_hash(root.as_bytes())]
}

struct Answer {
    status: u16,
    headers: &'static str,
    body: Vec<u8>,
}

impl Answer {
    fn new(status: u16, headers: &'static str, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status, headers, body: body.into() }
    }
}

fn take(left: &mut u32) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut parts = line.split(' ');
        let (method, path) = (parts.next().unwrap_or("").to_owned(), parts.next().unwrap_or("").to_owned());
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut stalled = false;
        while method == "POST" && {
            let state = state.lock().unwrap();
            state.bodies.len() >= state.manner.stalled_after
        } {
            stalled = true;
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        // What a client sent that was killed meanwhile never arrived, and must not arrive beside what the next one sends.
        if stalled && has_gone(&stream) {
            return;
        }
        let answer = state.lock().unwrap().answer(&method, &path, &body);
        let head = format!(
            "HTTP/1.1 {} X\r\ncontent-length: {}\r\n{}\r\n",
            answer.status,
            answer.body.len(),
            answer.headers
        );
        if stream.write_all(&[head.as_bytes(), &answer.body].concat()).is_err() {
            return;
        }
    }
}

fn has_gone(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let gone = match stream.peek(&mut [0]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    };
    stream.set_nonblocking(false).unwrap();
    gone
}

fn millis() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
