//! The log's timestamp authority, and Debian's openssl as the one who asks and verifies.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use treering_tlog::{hash::Hash, time::UnixSeconds};
use treering_token::{commitment::Commitment, token::Token, verify::Verifier};
use treering_tsa::{
    commitment::commitment_of,
    imprint::{Imprint, ImprintAlgorithm},
    query::Query,
};

use crate::{http::Answer, log::LogServer, net::Net, random};

/// RFC 3161 section 3.4.
pub const QUERY: &str = "application/timestamp-query";

/// `treering-log tsa init` with a key of this kind, on a log that isn't running.
///
/// # Panics
/// If it refuses.
pub fn init(log: &LogServer, key: &str) {
    let made = command(log, &["init", "--key", key]);
    assert!(made.status.success(), "tsa init: {}", crate::log::shown(&made));
}

/// `treering-log tsa …` on a log's directory.
///
/// # Panics
/// If the program does not start.
pub fn command(log: &LogServer, arguments: &[&str]) -> Output {
    let (first, rest) = arguments.split_first().expect("a subcommand");
    let mut command = log.program();
    command.args(["tsa", first]).args(rest).arg("--dir").arg(log.dir());
    command.output().expect("the program starts")
}

/// A file, and what openssl makes of it.
#[derive(Debug)]
pub struct Asker {
    dir: PathBuf,
    ca: PathBuf,
    chain: PathBuf,
}

impl Asker {
    /// In a new directory, trusting the net's test CA.
    ///
    /// # Panics
    /// If files can't be written.
    pub fn new(net: &Net, name: &str) -> Asker {
        let dir = net.new_dir(name);
        fs::write(dir.join("file"), "a file to be timestamped\n").expect("a new file");
        fs::write(dir.join("other"), "another file\n").expect("a new file");
        let file = |name| net.log.dir().join(name);
        Asker { dir, ca: file("tsa-ca.pem"), chain: file("tsa-chain.pem") }
    }

    /// A file of its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// `openssl ts -query` for the file: its bytes, kept as `query`.
    ///
    /// # Panics
    /// If openssl refuses.
    pub fn query(&self, arguments: &[&str]) -> Vec<u8> {
        let out = self.path("query");
        let made = self.openssl(&[&["ts", "-query", "-data", "file", "-out", "query"], arguments].concat());
        assert!(made.status.success(), "{}", crate::log::shown(&made));
        fs::read(out).expect("a query")
    }

    /// Sends a query, and keeps the answer's body as `reply`.
    ///
    /// # Panics
    /// If no answer comes.
    #[track_caller]
    pub fn ask(&self, log: &LogServer, path: &str, query: &[u8]) -> Answer {
        let answer = log.public().post(path, &[("content-type", QUERY)], query);
        fs::write(self.path("reply"), &answer.body).expect("a file");
        answer
    }

    /// `openssl ts -verify` of the kept reply.
    pub fn verifies(&self, arguments: &[&str]) -> Result<(), String> {
        let untrusted = self.chain.to_str().expect("text");
        let ca = self.ca.to_str().expect("text");
        let fixed = ["ts", "-verify", "-in", "reply", "-CAfile", ca, "-untrusted", untrusted];
        let output = self.openssl(&[&fixed[..], arguments].concat());
        if output.status.success() { Ok(()) } else { Err(crate::log::shown(&output)) }
    }

    /// `openssl ts -reply -text` of the kept reply.
    ///
    /// # Panics
    /// If openssl can't read it.
    #[track_caller]
    pub fn reply_text(&self) -> String {
        let output = self.openssl(&["ts", "-reply", "-in", "reply", "-text"]);
        assert!(output.status.success(), "{}", crate::log::shown(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs openssl in this directory.
    ///
    /// # Panics
    /// If there is no openssl.
    pub fn openssl(&self, arguments: &[&str]) -> Output {
        openssl(&self.dir, arguments)
    }
}

/// Runs openssl in a directory, where it must do what it is asked for: what it printed.
///
/// # Panics
/// If it doesn't.
#[track_caller]
pub fn made(dir: &Path, arguments: &[&str]) -> String {
    let output = openssl(dir, arguments);
    assert!(output.status.success(), "{}", crate::log::shown(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs openssl in a directory.
///
/// # Panics
/// If there is no openssl.
pub fn openssl(dir: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("openssl").args(arguments).current_dir(dir).output();
    output.expect("openssl is installed (scripts/deps.sh test)")
}

/// A timestamp that was given out: where its proof will be, and what of.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The proof's path.
    pub path: String,
    /// The token's commitment.
    pub commitment: Commitment,
}

impl Granted {
    /// Asks a log, which may fail, for a timestamp of something new; none if it gave none.
    ///
    /// # Panics
    /// If it gave something else.
    pub fn by(log: &LogServer) -> Option<Granted> {
        let imprint = Imprint::new(ImprintAlgorithm::Sha256, random::commitment().to_vec());
        let query = Query::new(imprint.expect("a digest"), None, None, false).encode();
        let answer = log.public().try_post("/tsa", &[("content-type", QUERY)], query).ok()?;
        if answer.header("treering-proof").is_empty() {
            assert!(matches!(answer.status, 200 | 500 | 503), "{}", answer.shown());
            return None;
        }
        let commitment = commitment_of(&answer.body).expect("a token");
        Some(Granted { path: proof_path(&answer), commitment: Commitment(Hash::new(commitment)) })
    }

    /// The log has its proof, which verifies.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn assert_proved(&self, net: &Net) {
        let proof = proof(&net.log, &self.path);
        let verifier = Verifier { policy: &net.policy, now: UnixSeconds::MAX };
        let verified = verifier.receipt(&proof, &self.commitment);
        verified.unwrap_or_else(|error| panic!("{}: {error}", self.path));
    }
}

/// Where an answer says that its proof will be.
///
/// # Panics
/// If it doesn't.
#[track_caller]
pub fn proof_path(answer: &Answer) -> String {
    let path = answer.header("treering-proof");
    assert!(path.starts_with("/v1/tsa/") && path.len() == 40, "{}", answer.shown());
    path.to_owned()
}

/// Waits for the proof at a path.
///
/// # Panics
/// If it does not come.
#[track_caller]
pub fn proof(log: &LogServer, path: &str) -> Token {
    crate::wait::until(&format!("the proof {path}"), || {
        let answer = log.public().get(path);
        match answer.status {
            200 => Some(Token::parse(&answer.body).expect("a proof")),
            202 => None,
            _ => panic!("{path}: {}", answer.shown()),
        }
    })
}
