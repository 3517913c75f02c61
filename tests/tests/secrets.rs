//! Signing keys stay where they are: in no output, log, metric, answer, store or backup.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use treering_tests::{
    http::{Answer, Http},
    log::{OCTETS, SUBMISSIONS, shown},
    needles::Needles,
    net::{self, Net},
    random, tsa,
};

/// The files of keys, and what is secret in them: 32 bytes each.
fn secrets(net: &Net) -> (Needles, HashSet<PathBuf>) {
    let mut needles = Needles::default();
    let mut lines = vec!["log/key".to_owned(), "log/key-2".to_owned()];
    lines.extend((1..=3).flat_map(|n| [format!("w{n}/key"), format!("w{n}/key-2")]));
    for file in &lines {
        // PRIVATE+KEY+<name>+<id>+<base64 of a type and a seed>
        let line = fs::read_to_string(net.dir().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let text = line.trim_end().splitn(5, '+').last().expect("a key's bytes");
        needles.add(&STANDARD.decode(text).expect("base64")[1..]);
    }
    let pem = fs::read_to_string(net.dir().join("log/tsa-key.pem")).expect("the authority's key");
    let der = STANDARD
        .decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>())
        .expect("base64");
    // RFC 5915: ECPrivateKey, version 1, and the key as an octet string.
    let begin = der.windows(5).position(|window| window == [2, 1, 1, 4, 32]).expect("a key") + 5;
    needles.add(&der[begin..begin + 32]);
    let files = lines.into_iter().chain(["log/tsa-key.pem".to_owned()]);
    (needles, files.map(PathBuf::from).collect())
}

/// Keeps an answer, headers and all, beside what the programs print.
fn keep(net: &Net, answer: &Answer) {
    let dir = net.dir().join("answers");
    fs::create_dir_all(&dir).expect("a directory");
    let number = fs::read_dir(&dir).expect("a directory").count();
    let whole = [format!("{:?}\n", answer.headers).as_bytes(), &answer.body].concat();
    fs::write(dir.join(number.to_string()), whole).expect("a file");
}

/// Everything that a log is asked, rightly and wrongly.
fn busy(net: &Net) {
    let http = net.log.public();
    let post =
        |path: &str, kind: &str, body: Vec<u8>| keep(net, &http.post(path, &[("content-type", kind)], body));
    for count in 1..6 {
        let commitments = random::commitments(count);
        net.log.stamp(&commitments);
        post(&format!("{SUBMISSIONS}?tokens=true"), OCTETS, commitments.concat());
        post("/tsa", tsa::QUERY, random::commitment().to_vec());
        assert!(tsa::Granted::by(&net.log).is_some());
    }
    net.log.wait_idle();
    for (path, kind, body) in [
        (SUBMISSIONS, OCTETS, vec![0; 31]),
        (SUBMISSIONS, "application/json", b"{\"hashes\": [\"x\"]}".to_vec()),
        (SUBMISSIONS, "text/plain", b"no line of sha256sum".to_vec()),
        (SUBMISSIONS, "image/png", vec![1]),
        ("/v1/log", OCTETS, vec![1]),
        ("/nothing", OCTETS, vec![1]),
    ] {
        let answer = http.post(path, &[("content-type", kind)], body);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.shown());
        keep(net, &answer);
    }
    let nowhere = format!("/v1/receipts/{}", "0".repeat(64));
    for path in [&nowhere, "/key", "/../key", "/v1/tsa/00", "/tile/0/x999", "/v1/batches/x", "/metrics"] {
        let answer = http.get(path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.shown());
        keep(net, &answer);
    }
    for path in ["/v1/log", "/v1/policy", "/checkpoint", "/tile/entries/000.p/1", "/v1/batches/0"] {
        keep(net, &http.get(path).expect_status(200));
    }
    for path in ["/metrics", "/readyz", "/readyz/publish"] {
        keep(net, &net.log.admin().get(path).expect_status(200));
    }
    for witness in &net.witnesses {
        keep(net, &witness.latest(net::ORIGIN));
        keep(net, &witness.latest("no.such/log"));
    }
}

/// Commands on the log's directory, and what they print.
fn commands(net: &Net, commands: &[(&str, &[&str])]) {
    for (command, arguments) in commands {
        let output = net.log.command_with(command, arguments);
        fs::write(net.dir().join("output").join(command.replace(' ', "-")), shown(&output)).expect("a file");
        assert!(output.status.success(), "{command}: {}", shown(&output));
    }
}

/// Of a start that a file of a key refuses: nothing of it is shown.
fn refused_for_its_key(net: &mut Net, file: &Path) {
    let good = fs::read_to_string(file).expect("a key");
    let (head, _) = good.rsplit_once('+').expect("a key");
    for bad in [
        good.trim_end().to_owned() + "x\n",
        good.replacen('+', "-", 1),
        head.to_owned() + "\n",
        good.clone() + &good,
    ] {
        fs::write(file, bad).expect("a file");
        let (status, stderr) = net.log.start_refused();
        assert_eq!(status.code(), Some(2), "{stderr}");
    }
    fs::write(file, good).expect("a file");
}

/// With everything told that the programs have to tell, after a change of the log's key, starts that were refused for the sake of a
/// key, and a backup: only the files of keys hold any of it.
#[test]
fn signing_keys_stand_in_their_own_files_and_nowhere_else() {
    let mut net = net::plan().two_keys().make();
    tsa::init(&net.log, "p256");
    net.log.set_env("RUST_LOG", "trace");
    let admins: Vec<String> =
        net.witnesses.iter().map(|_| format!("127.0.0.1:{}", net::free_port())).collect();
    for (witness, admin) in net.witnesses.iter_mut().zip(&admins) {
        witness.kill();
        witness.set_options(&["--log-level", "trace", "--admin-listen", admin]);
        witness.start();
    }
    net.log.start();
    busy(&net);
    commands(&net, &[("key rotate", &[])]);
    assert!(net.log.stop().success());
    let key = net.log.dir().join("key");
    refused_for_its_key(&mut net, &key);
    net.log.start();
    busy(&net);
    let backup = net.dir().join("backup");
    commands(&net, &[("vkey", &[]), ("policy", &[]), ("backup", &["--to", backup.to_str().unwrap()])]);
    net.log.kill();
    net.log.start();
    net.log.wait_idle();
    for admin in &admins {
        keep(&net, &Http::new(format!("http://{admin}")).get("/metrics").expect_status(200));
    }
    let witness = fs::read_to_string(net.dir().join("output/w1-2.stderr")).unwrap();
    // The witness has no events of that level itself.
    for (told, most) in [(net.log.stderr(), " TRACE "), (witness, " DEBUG ")] {
        assert!(told.contains(most), "not everything is told: {told}");
    }
    assert!(net.log.stop().success());
    commands(&net, &[("check", &[])]);
    let (needles, files) = secrets(&net);
    assert_eq!(needles.holding(net.dir()), files);
    // It is there in a backup where it was asked for: the search would find it.
    let with_key = net.dir().join("with-key");
    commands(&net, &[("backup", &["--with-key", "--to", with_key.to_str().unwrap()])]);
    assert!(needles.holding(&with_key).contains(Path::new("key")));
}
