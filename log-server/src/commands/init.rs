//! `init`: a new log's folder, key, policy and configuration, and the check that its origin is new.
//!
//! The key is written before any witness sees it: a witness that takes a log at its first sight would otherwise
//! have pinned the origin to a key that is lost. If a witness shows that a log of this origin existed, everything
//! that was made is removed again.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use treering_tlog::{
    checkpoint::Origin,
    note::{KeyName, SigningKey},
    policy::Policy,
};

use super::{
    Outcome,
    probe::{self, Answer},
};
use crate::{
    config::{self, FILE_NAME},
    key,
    witness_client::WitnessClient,
};

const KEY: &str = "key";
const WITNESSES: &str = "witnesses.policy";
const WITNESS_TIMEOUT: Duration = Duration::from_secs(10);

const NO_WITNESSES: &str = "\
# DANGER: no witnesses. Nobody but this log vouches for the time and for its history; tokens have no attested time.
# Put witness lines, groups and a quorum here (C2SP tlog-policy, without a log line), then restart the log:
#   witness W1 <vkey> <submission prefix>
#   group all-of-them 2 W1 W2 W3
#   quorum all-of-them
quorum none
";

/// Make a new log.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder to make
    #[arg(long)]
    dir: PathBuf,
    /// Who the log is, for ever: a name without spaces, by custom a URL without scheme (log.example.com/2026)
    #[arg(long)]
    origin: String,
    /// The public address
    #[arg(long, default_value = "127.0.0.1:7460")]
    listen: SocketAddr,
    /// The address of metrics and probes
    #[arg(long, default_value = "127.0.0.1:7470")]
    admin: SocketAddr,
    /// Witnesses and quorum: a C2SP tlog-policy without a log line
    #[arg(long, value_name = "FILE")]
    witnesses: Option<PathBuf>,
}

impl Init {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let origin = Origin::new(&self.origin)?;
        let name = KeyName::new(&self.origin).context("the origin is also the name of the log's key")?;
        let witnesses = match &self.witnesses {
            Some(file) => fs::read(file).with_context(|| file.display().to_string())?,
            None => NO_WITNESSES.as_bytes().to_vec(),
        };
        check_witnesses(&witnesses).with_context(|| {
            self.witnesses.as_deref().unwrap_or(Path::new(WITNESSES)).display().to_string()
        })?;

        let mut made = Made::begin(&self.dir)?;
        let signing = key::generate(name)?;
        made.key(&signing)?;
        made.file(WITNESSES, &witnesses)?;
        made.file(FILE_NAME, config::render(&origin, self.listen, self.admin).as_bytes())?;

        let policy = config::load_policy(&self.dir.join(WITNESSES), &[signing.verifier()])?;
        let answers = ask(&origin, &signing, &policy)?;
        print!("{}", report(&signing, &policy, &answers));
        if answers.iter().any(Answer::shows_existence) {
            drop(made);
            bail!(
                "a log of the origin {origin} existed before; starting it anew would be a fork. Nothing was made. \
                 Choose a new origin."
            );
        }
        made.keep();
        println!("{}", next_steps(&self.dir, &policy));
        Ok(Outcome::Well)
    }
}

/// The file must be a policy of witnesses alone.
fn check_witnesses(bytes: &[u8]) -> anyhow::Result<()> {
    let policy = Policy::parse(bytes)?;
    if !policy.logs().is_empty() {
        bail!("holds a log line; give witnesses, groups and quorum only");
    }
    Ok(())
}

fn ask(origin: &Origin, key: &SigningKey, policy: &Policy) -> anyhow::Result<Vec<Answer>> {
    let client = WitnessClient::new(WITNESS_TIMEOUT)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(probe::ask_all(&client, origin, key, policy))
}

/// Key, what each witness says, and what readers need.
fn report(key: &SigningKey, policy: &Policy, answers: &[Answer]) -> String {
    let vkey = key.verifier();
    let mut text = format!("verifier key: {vkey}\n");
    for (witness, answer) in policy.witnesses().iter().zip(answers) {
        text += &format!("witness {}: {answer}\n", witness.name);
        if *answer == Answer::Unknown {
            text += &format!("  send its operator this line: {vkey}\n");
        }
    }
    let policy = String::from_utf8_lossy(policy.as_bytes()).into_owned();
    text + "readers verify with this policy:\n" + &indented(&policy)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn next_steps(dir: &Path, policy: &Policy) -> String {
    let warning = if policy.needs_no_witness() {
        "\nWARNING: quorum none: nobody but this log vouches for the time."
    } else {
        ""
    };
    format!("made {}; start it with: treering-log serve --dir {}{warning}", dir.display(), dir.display())
}

/// What was made so far, removed again unless it is kept.
#[derive(Debug)]
struct Made {
    dir: PathBuf,
    /// The folder itself was made here.
    new_dir: bool,
    files: Vec<PathBuf>,
}

impl Made {
    /// Makes the folder, or takes one in which there is no trace of a log.
    fn begin(dir: &Path) -> anyhow::Result<Made> {
        for name in [FILE_NAME, KEY, WITNESSES, "store", "store.record"] {
            let path = dir.join(name);
            if fs::symlink_metadata(&path).is_ok() {
                bail!("{} is there already: a log is made once", path.display());
            }
        }
        let new_dir = !dir.exists();
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let made = Made { dir: dir.to_owned(), new_dir, files: Vec::new() };
        // CRASH: without this a power cut could take the folder with a key that witnesses have pinned.
        let whole = fs::canonicalize(dir)?;
        if let Some(parent) = whole.parent() {
            let synced = fs::File::open(parent).and_then(|parent| parent.sync_all());
            synced.with_context(|| parent.display().to_string())?;
        }
        Ok(made)
    }

    fn key(&mut self, key: &SigningKey) -> anyhow::Result<()> {
        let path = self.dir.join(KEY);
        // Listed before it is written, unless another's key stands there: half a file must go too.
        if fs::symlink_metadata(&path).is_err() {
            self.files.push(path.clone());
        }
        Ok(key::create(&path, key)?)
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.dir.join(name);
        let mut file = fs::File::create_new(&path).with_context(|| path.display().to_string())?;
        // Listed before it is written: half a file must go too.
        self.files.push(path.clone());
        file.write_all(bytes).and_then(|()| file.sync_all()).with_context(|| path.display().to_string())
    }

    fn keep(mut self) {
        self.files.clear();
        self.new_dir = false;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Best effort: each of these was made a moment ago, and a file that stays is told by the next `init`.
        for path in &self.files {
            let _ = fs::remove_file(path);
        }
        if self.new_dir {
            let _ = fs::remove_dir(&self.dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use treering_tlog::cosignature::CosignerKey;

    use super::*;

    fn init(dir: &Path, origin: &str) -> anyhow::Result<Outcome> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Init { dir: dir.to_owned(), origin: origin.to_owned(), listen: any, admin: any, witnesses: None }
            .run()
    }

    #[test]
    fn a_new_log_can_be_loaded_and_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        assert_eq!(init(&dir, "log.example/a").unwrap(), Outcome::Well);
        let config = config::Config::load(&dir.join(FILE_NAME)).unwrap();
        let key = key::load(&config.key).unwrap();
        assert!(config.settings(&key).unwrap().policy.needs_no_witness());

        let again = init(&dir, "log.example/a").unwrap_err().to_string();
        assert!(again.ends_with("log.toml is there already: a log is made once"), "{again}");
        assert_eq!(key::load(&config.key).unwrap().verifier(), key.verifier());
    }

    /// A witness that gives every request the same answer; the policy file that names it.
    fn witness(folder: &Path, answer: &'static str) -> PathBuf {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"=\n") {
                let mut part = [0; 1024];
                let read = stream.read(&mut part).unwrap();
                asked.extend_from_slice(&part[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let key = CosignerKey::ed25519(KeyName::new("w.example").unwrap(), &[3; 32]).verifier();
        let file = folder.join("witnesses");
        fs::write(&file, format!("witness W {key} {url}\nquorum W\n")).unwrap();
        file
    }

    fn init_with(folder: &Path, answer: &'static str) -> anyhow::Result<Outcome> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let witnesses = Some(witness(folder, answer));
        let (dir, origin) = (folder.join("log"), "log.example/a".to_owned());
        Init { dir, origin, listen: any, admin: any, witnesses }.run()
    }

    #[test]
    fn an_origin_that_existed_is_refused_and_nothing_is_left() {
        for answer in [
            "HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\n\r\n7\n",
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let text = init_with(folder.path(), answer).unwrap_err().to_string();
            assert!(text.starts_with("a log of the origin log.example/a existed before"), "{text}");
            assert!(!folder.path().join("log").exists());
        }
    }

    #[test]
    fn a_witness_that_does_not_know_the_log_yet_is_no_reason_to_refuse() {
        for answer in [
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\n\r\n0\n",
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        ] {
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(init_with(folder.path(), answer).unwrap(), Outcome::Well, "{answer}");
            assert!(folder.path().join("log").join(FILE_NAME).exists());
        }
    }

    #[test]
    fn an_origin_that_cannot_name_a_key_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        let text = format!("{:#}", init(&dir, "two words").unwrap_err());
        assert!(text.starts_with("the origin is also the name of the log's key: "), "{text}");
        assert!(!dir.exists());
    }

    #[test]
    fn what_was_made_is_removed_unless_kept() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        let mut made = Made::begin(&dir).unwrap();
        made.file(FILE_NAME, b"x").unwrap();
        drop(made);
        assert!(!dir.exists());

        fs::create_dir(&dir).unwrap();
        let mut made = Made::begin(&dir).unwrap();
        made.file(FILE_NAME, b"x").unwrap();
        drop(made);
        assert!(dir.exists() && !dir.join(FILE_NAME).exists());
    }

    #[test]
    fn a_key_that_was_half_written_is_removed_and_anothers_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        let key = key::generate(KeyName::new("log.example/a").unwrap()).unwrap();
        let mut made = Made::begin(&dir).unwrap();
        // As when the disk is full, it fails with the file listed.
        fs::remove_dir(&dir).unwrap();
        assert!(made.key(&key).is_err());
        assert_eq!(made.files, [dir.join(KEY)], "what may have been made is not listed");
        drop(made);

        let mut made = Made::begin(&dir).unwrap();
        fs::write(dir.join(KEY), "another's").unwrap();
        assert!(made.key(&key).is_err());
        drop(made);
        assert_eq!(fs::read(dir.join(KEY)).unwrap(), b"another's");
    }

    #[test]
    fn a_store_without_its_configuration_is_never_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("store")).unwrap();
        let text = Made::begin(folder.path()).unwrap_err().to_string();
        assert!(text.ends_with("store is there already: a log is made once"), "{text}");
    }

    #[test]
    fn a_policy_of_witnesses_alone_is_taken() {
        check_witnesses(NO_WITNESSES.as_bytes()).unwrap();
        let key = SigningKey::from_seed(KeyName::new("log.example/a").unwrap(), &[1; 32]);
        let with_log = format!("log {}\nquorum none\n", key.verifier());
        assert!(check_witnesses(with_log.as_bytes()).is_err());
        assert!(check_witnesses(b"quorum nobody\n").is_err());
    }
}
