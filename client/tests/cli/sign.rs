//! `--sign`: keys that ssh-keygen and openssl made, in files and in a real ssh-agent.

use crate::{
    stamp::{bench, small_tree},
    support::{
        Bench, FakeLog, Ran, snapshots,
        terminal::{below, has, on_terminal},
    },
};
use insta::assert_snapshot;
use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

fn make(bench: &Bench, program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).current_dir(bench.path(".")).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

pub(crate) fn keygen(bench: &Bench, name: &str, kind: &str, passphrase: &str) {
    make(
        bench,
        "ssh-keygen",
        &["-q", "-t", kind, "-N", passphrase, "-C", &format!("{name}@example"), "-f", name],
    );
}

fn private(bench: &Bench, name: &str) {
    #[cfg(unix)]
    std::fs::set_permissions(bench.path(name), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    #[cfg(not(unix))]
    let _ = (bench, name);
}

/// The thumbprint that a run's summary tells, which must be what `show` tells of the key's file.
fn signed(bench: &Bench, log: &FakeLog, key: &str, shown_as: &str) -> String {
    small_tree(bench);
    let ran = bench.stamp(log, &["d", "--sign", key, "--holder", "Ada", "--force"]);
    let line = ran.out.lines().find_map(|line| line.strip_prefix("claims signed by the key "));
    let thumbprint = line.unwrap_or_else(|| panic!("{ran:?}")).to_owned();
    let shown = bench.run(&["show", shown_as]);
    assert!(shown.out.contains(&thumbprint), "{shown:?}");
    let verified = bench.trusting(&["verify", "d", "--strict"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let one = bench.trusting(&["verify", "d/a.txt", "d.treering"]);
    assert!(one.out.contains(&thumbprint), "{one:?}");
    thumbprint
}

#[test]
fn keys_of_openssl() {
    if !has("openssl") {
        return;
    }
    let (log, bench) = bench();
    make(&bench, "openssl", &["genpkey", "-algorithm", "ed25519", "-out", "ed"]);
    make(
        &bench,
        "openssl",
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "p256"],
    );
    for name in ["ed", "p256"] {
        private(&bench, name);
        make(&bench, "openssl", &["pkey", "-in", name, "-pubout", "-out", &format!("{name}.pem")]);
        let thumbprint = signed(&bench, &log, name, &format!("{name}.pem"));
        assert_eq!(thumbprint, signed(&bench, &log, name, name));
    }
    let shown = bench.run(&["show", "ed.pem", "p256"]);
    snapshots(|| {
        assert_snapshot!(shown.told(), @"
        exit 0
        ed.pem: key
          Ed25519, as it signs claims (treering stamp --sign)
          thumbprint [hash]
          who verifies such claims compares it with what the holder publishes elsewhere
        p256: key
          P-256, as it signs claims (treering stamp --sign)
          thumbprint [hash]
          who verifies such claims compares it with what the holder publishes elsewhere
        ");
    });
}

#[test]
fn keys_of_ssh_keygen() {
    if !has("ssh-keygen") {
        return;
    }
    let (log, bench) = bench();
    for kind in ["ed25519", "ecdsa"] {
        keygen(&bench, kind, kind, "");
        let thumbprint = signed(&bench, &log, kind, &format!("{kind}.pub"));
        assert_eq!(thumbprint, signed(&bench, &log, kind, kind));
    }
}

#[test]
fn keys_that_can_not_sign_are_refused_and_lead_on() {
    if !has("openssl") || !has("ssh-keygen") {
        return;
    }
    let (log, bench) = bench();
    bench.write("a", "alpha");
    bench.write("text", "no key");
    make(&bench, "openssl", &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sec1"]);
    make(&bench, "openssl", &["genpkey", "-algorithm", "x25519", "-out", "x25519"]);
    make(&bench, "openssl", &["genpkey", "-algorithm", "ed25519", "-out", "open"]);
    make(
        &bench,
        "openssl",
        &["genpkey", "-algorithm", "ed25519", "-aes-256-cbc", "-pass", "pass:secret", "-out", "locked"],
    );
    make(&bench, "ssh-keygen", &["-q", "-t", "ecdsa", "-b", "384", "-N", "", "-f", "p384.2"]);
    for name in ["sec1", "x25519", "locked"] {
        private(&bench, name);
    }
    #[cfg(unix)]
    std::fs::set_permissions(bench.path("open"), std::os::unix::fs::PermissionsExt::from_mode(0o640))
        .unwrap();
    let told: Vec<String> = ["nowhere", "text", "sec1", "x25519", "locked", "p384.2", "open"]
        .iter()
        .map(|key| {
            let ran = bench.stamp_any(&log, &["a", "--sign", key]);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
            ran.err
        })
        .collect();
    snapshots(|| {
        assert_snapshot!(told.concat(), @"
        treering: the key nowhere can't be read: No such file or directory (os error 2)
        treering: text is no key: give a private key (PKCS#8 in PEM, or OpenSSH's), a public one of OpenSSH's whose private half the ssh-agent has, or agent:FINGERPRINT
        treering: the key sec1 is in the form of SEC 1: openssl pkcs8 -topk8 -nocrypt -in sec1 -out NEW writes it in one that can be read here
        treering: the key x25519 is damaged, or of another kind than Ed25519 or P-256, which a claim can name
        treering: the key locked is PKCS#8 with a passphrase, which can't be read here: openssl pkey -in locked -out NEW (mode 0600) takes it away; of OpenSSH's keys, the passphrase is asked for
        treering: the key p384.2 is damaged, or of another kind than Ed25519 or P-256, which a claim can name
        treering: the key open can be read by others (mode 0640); if nobody else has seen it: chmod 600 open
        ");
    });
    assert!(log.paths().is_empty(), "told before anything is asked of the log");
    assert_eq!(bench.stamp_any(&log, &["a", "--plain", "--sign", "open"]).code, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_passphrase_is_asked_for() {
    if !has("ssh-keygen") || !has("script") || !has("setsid") {
        return;
    }
    let (log, bench) = bench();
    small_tree(&bench);
    keygen(&bench, "key", "ed25519", "open sesame");
    let stamp = format!("stamp d --sign key --force --log {} --policy policy", log.url());
    let (code, told) = on_terminal(&bench, &stamp, "open sesame");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("Passphrase of key: ") && told.contains("claims signed by the key"), "{told}");
    assert_eq!(bench.trusting(&["verify", "d"]).code, 0);
    let (code, told) = on_terminal(&bench, &stamp, "guess");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("that is not the passphrase of key"), "{told}");
    let treering = env!("CARGO_BIN_EXE_treering");
    let args = ["-w", treering, "stamp", "d", "--sign", "key", "--log", log.url(), "--policy", "policy"];
    let without = below(&bench, "setsid", &args).stdin(Stdio::null()).output().unwrap();
    let without = Ran::of(&without, bench.dir.path());
    assert_snapshot!(without.told(), @"
    exit 2
    treering: the key key has a passphrase, and it can't be asked for (No such device or address (os error 6)): ssh-add key gives the key to an ssh-agent, then give --sign key.pub
    ");
}

/// A real ssh-agent, ended when dropped.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(bench: &Bench) -> Agent {
        let socket = bench.path("agent.socket");
        let child =
            Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the agent doesn't listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Agent { child, socket }
    }

    fn add(&self, bench: &Bench, key: &str) {
        let output = Command::new("ssh-add")
            .args(["-q", key])
            .current_dir(bench.path("."))
            .env("SSH_AUTH_SOCK", &self.socket)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn stamp(&self, bench: &Bench, log: &FakeLog, args: &[&str]) -> Ran {
        let mut command = bench.command();
        command.args(["stamp", "--policy", "policy", "--log", log.url()]).args(args);
        Ran::of(&command.env("SSH_AUTH_SOCK", &self.socket).output().unwrap(), bench.dir.path())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[test]
fn an_agent_signs_and_keeps_its_keys() {
    if !has("ssh-agent") || !has("ssh-keygen") {
        return;
    }
    let (log, bench) = bench();
    small_tree(&bench);
    let agent = Agent::start(&bench);
    for kind in ["ed25519", "ecdsa"] {
        keygen(&bench, kind, kind, "");
        agent.add(&bench, kind);
        std::fs::remove_file(bench.path(kind)).unwrap();
        let public = format!("{kind}.pub");
        let fingerprint = Command::new("ssh-keygen")
            .args(["-l", "-E", "sha256", "-f", &public])
            .current_dir(bench.path("."))
            .output()
            .unwrap();
        let fingerprint = String::from_utf8(fingerprint.stdout).unwrap();
        let fingerprint = fingerprint.split(' ').nth(1).unwrap();
        for name in [format!("agent:{fingerprint}"), format!("agent:{kind}@example"), public.clone()] {
            let ran = agent.stamp(&bench, &log, &["d", "--sign", &name, "--force"]);
            assert_eq!(ran.code, 0, "{name}: {ran:?}");
            let line = ran.out.lines().find_map(|line| line.strip_prefix("claims signed by the key "));
            let shown = bench.run(&["show", &public]);
            assert!(shown.out.contains(line.unwrap()), "{shown:?}");
            let verified = bench.trusting(&["verify", "d", "--strict"]);
            assert_eq!(verified.code, 0, "{verified:?}");
        }
    }
    // The ways to ask for what the agent doesn't have.
    keygen(&bench, "other", "ed25519", "");
    make(&bench, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "ecdsa@example", "-f", "same"]);
    make(&bench, "ssh-keygen", &["-q", "-t", "rsa", "-b", "2048", "-N", "", "-C", "rsa", "-f", "rsa"]);
    agent.add(&bench, "same");
    agent.add(&bench, "rsa");
    let told = |name: &str| {
        let ran = agent.stamp(&bench, &log, &["d", "--sign", name, "--force"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        ran.err
    };
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("SHA256:[A-Za-z0-9+/]{43}", "SHA256:[fingerprint]");
    settings.bind(|| {
        assert_snapshot!(told("other.pub"), @"treering: the ssh-agent has no key SHA256:[fingerprint]; it has SHA256:[fingerprint] (ed25519@example), SHA256:[fingerprint] (ecdsa@example), SHA256:[fingerprint] (ecdsa@example), SHA256:[fingerprint] (rsa): ssh-add gives it one");
        assert_snapshot!(told("agent:nobody"), @"treering: the ssh-agent has no key nobody; it has SHA256:[fingerprint] (ed25519@example), SHA256:[fingerprint] (ecdsa@example), SHA256:[fingerprint] (ecdsa@example), SHA256:[fingerprint] (rsa): ssh-add gives it one");
        assert_snapshot!(told("agent:ecdsa@example"), @"treering: the ssh-agent has several keys with the comment ecdsa@example: give agent:FINGERPRINT; it has SHA256:[fingerprint] (ed25519@example), SHA256:[fingerprint] (ecdsa@example), SHA256:[fingerprint] (ecdsa@example), SHA256:[fingerprint] (rsa)");
        assert_snapshot!(told("agent:rsa"), @"treering: the ssh-agent's key rsa is a ssh-rsa; only an Ed25519 or P-256 key that isn't on a security key can sign claims");
        assert_snapshot!(bench.stamp_any(&log, &["d", "--sign", "agent:x", "--force"]).err, @r#"treering: no ssh-agent: SSH_AUTH_SOCK is not set; eval "$(ssh-agent)" starts one, ssh-add gives it a key"#);
    });
    drop(agent);
}

/// A P-256 signature made anew is another one: it is the journal that has it, and what the table said.
#[test]
fn claims_of_a_lost_bundle_come_back_with_their_signatures() {
    if !has("openssl") {
        return;
    }
    let (log, bench) = bench();
    small_tree(&bench);
    let curve = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "p256"];
    make(&bench, "openssl", &curve);
    private(&bench, "p256");
    bench.write("t.csv", "path,holder,title\nd/a.txt,Bob,The first\n");
    bench.stamp(&log, &["d", "-q", "--sign", "p256", "--claims", "t.csv", "--holder", "Ada"]);
    let before = bench.trusting(&["verify", "d/a.txt"]);
    for gone in ["d.treering", "p256", "t.csv"] {
        std::fs::remove_file(bench.path(gone)).unwrap();
    }
    let made = bench.trusting(&["rebuild", "d"]);
    assert_snapshot!(made.told(), @"
    exit 0
    d.treering: 3 files
    ");
    assert_eq!(bench.trusting(&["verify", "d", "--strict"]).code, 0);
    let after = bench.trusting(&["verify", "d/a.txt"]);
    let claimed = |ran: &Ran| {
        ran.out.lines().filter(|line| line.contains("claimed")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(claimed(&after).len() == 2 && claimed(&after) == claimed(&before), "{after:?}");
}
