//! `docs/witnessing.md`: its commands run as they stand, in their order; its systemd unit is one.
#![forbid(unsafe_code)]

mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use support::{Answer, TestLog, skipped};
use treering_tlog::{note::VerifierKey, policy::Policy};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok()
}

/// The blocks between ```` ```sh ```` and ```` ``` ````, as they stand but for the indentation of a list.
fn blocks() -> Vec<String> {
    let text = fs::read_to_string(Path::new(DOCS).join("witnessing.md")).expect("the document");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while lines.any(|line| line.trim_start() == "```sh") {
        let block = lines.by_ref().take_while(|line| line.trim_start() != "```");
        blocks.push(block.map(|line| format!("{}\n", line.trim_start())).collect());
    }
    blocks
}

/// What the reader has set in their shell.
struct Shell {
    variables: Vec<(&'static str, String)>,
}

impl Shell {
    fn command(&self, block: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_treering-witness")).parent().expect("a directory");
        let path = std::env::var("PATH").expect("a PATH");
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", block]);
        command.env("PATH", format!("{}:{path}", program.display())).envs(self.variables.iter().cloned());
        command
    }

    #[track_caller]
    fn run(&self, block: &str) -> String {
        let Output { status, stdout, stderr } = self.command(block).output().expect("bash starts");
        assert!(status.success(), "{block}{status}\n{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("UTF-8")
    }
}

/// A command that runs until it is told to end.
struct Served(Child);

impl Served {
    /// Gives the address as well, once the witness says that it listens. `exec`, so that a signal meets the witness.
    fn start(shell: &Shell, block: &str) -> (Served, String) {
        let mut child =
            shell.command(&format!("exec {block}")).stdout(Stdio::piped()).spawn().expect("bash starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let url = out
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        (Served(child), url.expect("it says where it listens"))
    }

    fn end(mut self) {
        let kill = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
        assert!(self.0.wait().expect("it ends").success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
fn address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_document_lead_to_a_cosignature() {
    let missing: Vec<&str> =
        ["bash", "curl", "sha256sum", "tar"].into_iter().filter(|tool| !has(tool)).collect();
    if !missing.is_empty() {
        return skipped(&format!("{missing:?} is not installed"));
    }
    let temporary = tempfile::tempdir().unwrap();
    let (log, more) = (TestLog::new("log.example/2026"), TestLog::new("log.example/2027"));
    let list = temporary.path().join("list");
    fs::write(&list, format!("logs/v0\n\nvkey {}\nqpd 86400\ncontact ops@log.example\n", more.vkey()))
        .unwrap();
    let dir = temporary.path().join("w1");
    fs::create_dir(&dir).unwrap();
    let text = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
    let shell = Shell {
        variables: vec![
            ("DIR", text(dir.clone())),
            ("NAME", "witness.example.org/w1".to_owned()),
            ("URL", "https://witness.example.org".to_owned()),
            ("LISTEN", address()),
            ("ADMIN", address()),
            ("LOG", log.vkey().to_string()),
            ("LOG_URL", format!("http://{}", address())),
            ("LIST", format!("file://{}", list.display())),
            ("BACKUP", text(temporary.path().join("backup.tar"))),
        ],
    };
    let blocks = blocks();
    let [init, add, serve, look, network, remove, backup, key, watch] = blocks.as_slice() else {
        panic!("the document has {} blocks of commands: {blocks:#?}", blocks.len())
    };

    let printed = shell.run(init);
    let keys: Vec<_> = printed.lines().take(2).map(|line| VerifierKey::parse(line).unwrap()).collect();
    let lines: String = printed.lines().skip(2).map(|line| format!("{line}\n")).collect();
    Policy::parse(format!("{lines}quorum w1-any\n").as_bytes()).unwrap();
    assert_eq!(shell.run(add), format!("added log.example/2026 {}\n", log.vkey()));
    let (served, url) = Served::start(&shell, serve);
    let http = reqwest::Client::new();
    let send = async |log: &TestLog, old: u64, new: u64| {
        let request = http.post(format!("{url}/add-checkpoint")).body(log.request(old, new).to_string());
        Answer::of(request.send().await.expect("an answer")).await
    };
    send(&log, 0, 3).await.cosigned_by_all(&keys, &log.checkpoint(3));

    let looked = shell.run(look);
    assert!(looked.starts_with("signed  size 3  time "), "{looked}");
    assert!(looked.contains("\nlog.example/2026\n3\n") && looked.matches("\n— ").count() == 3, "{looked}");
    assert_eq!(shell.run(network), "2 logs in force\n");
    send(&more, 0, 5).await.cosigned_by_all(&keys, &more.checkpoint(5));
    let watched = shell.run(watch);
    assert!(watched.starts_with("ready: 2 logs\n"), "{watched}");
    assert!(watched.contains("\ntreering_witness_logs_held 0\n"), "{watched}");
    assert!(shell.run(remove).starts_with("removed "));
    assert_eq!(send(&log, 3, 4).await.problem(404), "unknown_log");

    let names = |block: &str| shell.run(&format!("{block}\ntar --list --file \"$BACKUP\""));
    let saved = names(backup);
    assert!(saved.contains("./key\n") && saved.contains("./logs/network.logs\n"), "{saved}");
    assert!(!saved.contains("witness.redb"), "{saved}");
    let printed = shell.run(key);
    assert!(printed.contains("group w1-any any w1 w1-ml-dsa w1-ml-dsa-2\n"), "{printed}");
    served.end();
}

/// Every metric that the alerts name is one that the witness has, and every result a result.
#[tokio::test]
async fn the_alerts_name_metrics_that_are_there() {
    let log = TestLog::new("log.example/a");
    let witness = support::TestWitness::start(&[&log]).await;
    witness.send(&log.request(0, 3)).await.cosigned(&witness.vkey, &log.checkpoint(3));
    let metrics = witness.get(&witness.admin_url("/metrics")).await.body;
    let text = fs::read_to_string(Path::new(DOCS).join("witnessing.md")).unwrap();
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let mut named = 0;
    for (start, _) in text.match_indices("treering_witness_") {
        let name: String = text[start..].chars().take_while(|c| is_name(*c)).collect();
        // Of a witness that has a bastion: tests/bastion/main.rs has such ones.
        if name == "treering_witness_bastion_connected" {
            continue;
        }
        let is_there = metrics
            .lines()
            .any(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")));
        assert!(is_there, "{name} is not among\n{metrics}");
        named += 1;
    }
    assert!(named >= 8, "{named}");
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    if !has("systemd-analyze") {
        return skipped("systemd-analyze is not installed, so nobody has checked the unit");
    }
    let unit = fs::read_to_string(Path::new(DOCS).join("treering-witness.service")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("treering-witness.service");
    let installed = "/usr/local/bin/treering-witness serve --dir /var/lib/treering-witness\n";
    assert!(unit.contains(&format!("\nExecStart={installed}")));
    // It looks for the program.
    fs::write(&path, unit.replace("/usr/local/bin/treering-witness", env!("CARGO_BIN_EXE_treering-witness")))
        .unwrap();
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&path).output().expect("it starts");
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    let (is_good, said) = analyze(&["verify", "--man=no"]);
    if said.contains("Failed to initialize manager") {
        return skipped(&format!("systemd-analyze does not work here: {}", said.trim()));
    }
    assert!(is_good && said.trim().is_empty(), "{said}");
    // From 0 (nothing is open to it) to 10, times ten. Older versions can't tell of a file.
    let (is_low, said) = analyze(&["security", "--offline=yes", "--threshold=20"]);
    assert!(is_low || said.contains("offline"), "{said}");
}
