//! What the examples speak of: a log with a timestamp authority, a person with documents, and evidence for them.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use treering_tests::{client::Ran, net::Net, tsa};

use super::expect_success;

/// Addresses that the texts use for a log, or for a copy of one; the longer ones first.
const LOGS: [&str; 5] = [
    "https://mirror.example.org/5f2c…",
    "https://mirror.example/log",
    "https://log.example.com/2026/",
    "https://log.example.com",
    "https://log.example",
];

/// Lists, and a receipt for one of them.
const BEFORE: &str = r#"
sha256sum contract.pdf photos/1.jpg > SHA256SUMS
sha256sum a.jpg b.jpg > SUMS
curl -sS --fail-with-body --data-binary @SUMS -H 'content-type: text/plain' -H 'Prefer: wait=60' \
  "$TREERING_LOG/v1/submissions" > receipt.txt
grep -q '^c2sp.org/tlog-proof' receipt.txt
"#;
/// Evidence of each kind.
const AFTER: &str = "treering stamp contract.pdf photos letters ~/Documents && treering tsa contract.pdf";

/// The world before any example; each runs in a copy of it.
pub(super) struct World {
    net: Net,
    before: PathBuf,
    after: PathBuf,
}

impl World {
    pub(super) fn new() -> World {
        let mut net = treering_tests::net::plan().make();
        tsa::init(&net.log, "p256");
        net.log.start();
        net.log.wait_idle();
        let before = net.new_dir("before");
        let file = |name: &str, text: &str| {
            let path = before.join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
            fs::write(path, text).expect("a file");
        };
        for (name, text) in [
            ("contract.pdf", "a contract\n"),
            ("a.jpg", "a picture\n"),
            ("b.jpg", "another\n"),
            ("photos/1.jpg", "a photo\n"),
            ("photos/2026/a.jpg", "a photo of this year\n"),
            ("letters/1.txt", "a letter\n"),
            ("list.txt", "contract.pdf\nphotos/1.jpg\n"),
            (".run/hello.txt", "hello\n"),
            ("home/Documents/contract.pdf", "a contract at home\n"),
            ("home/Documents/taxes/2026.txt", "a declaration\n"),
        ] {
            file(name, text);
        }
        for dir in [
            ".local/share/bash-completion/completions",
            ".local/share/man/man1",
            ".zfunc",
            ".config/fish/completions",
        ] {
            fs::create_dir_all(before.join("home").join(dir)).expect("a directory");
        }
        fs::copy(net.policy_file(), before.join("court.policy")).expect("a copy");
        fs::copy(net.log.dir().join("tsa-ca.pem"), before.join(".run/tsa-ca.pem")).expect("a copy");
        file(".run/env", &format!("export TREERING_LOG={}\n", net.log.public().base()));
        let world = World { after: net.dir().join("after"), net, before };
        expect_success(world.shell(&world.before, BEFORE), "the world", BEFORE);
        copy(&world.before, &world.after);
        expect_success(world.shell(&world.after, AFTER), "the world", AFTER);
        world
    }

    /// Runs a session in a fresh copy of the world: with evidence in it, unless the session makes that itself.
    pub(super) fn run(&self, session: &str, place: &str) {
        let makes = ["treering stamp", "treering tsa", "treering rebuild", "sha256sum *"]
            .into_iter()
            .any(|words| session.contains(words));
        let dir = self.net.new_dir("example");
        if session.contains("sha256sum *") {
            // In a directory of files alone.
            fs::copy(self.before.join("contract.pdf"), dir.join("contract.pdf")).expect("a copy");
            fs::write(dir.join("notes.txt"), "notes\n").expect("a file");
        } else {
            copy(if makes { &self.before } else { &self.after }, &dir);
            if session.contains("treering rebuild") {
                // What is made again was made here, and has been lost.
                let lost = "treering stamp photos -q && rm photos.treering";
                expect_success(self.shell(&dir, lost), place, lost);
            }
        }
        let here =
            LOGS.iter().fold(session.to_owned(), |text, log| text.replace(log, self.net.log.public().base()));
        expect_success(self.shell(&dir, &here), place, session);
        fs::remove_dir_all(dir).expect("the copy goes");
    }

    /// Runs `treering` where nothing is.
    pub(super) fn treering<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        self.net.client().run(self.net.dir(), arguments)
    }

    fn shell(&self, dir: &Path, session: &str) -> Ran {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", session]).current_dir(dir);
        self.net.client().environment(&mut command);
        let home = dir.join("home");
        command
            .env("TREERING_CONFIG_DIR", home.join(".config/treering"))
            .env("XDG_STATE_HOME", home.join(".local/state"))
            .env("TREERING_TSA", format!("{}/tsa", self.net.log.public().base()))
            .env("HOME", home);
        Ran(command.output().expect("bash starts"))
    }
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("its kind").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}
