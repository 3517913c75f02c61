//! A log that is closed to strangers: keys made, used, revoked while it runs, and nowhere to be found.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use treering_tests::{
    client::Ran,
    files,
    log::shown,
    net::{self, Net},
    programs, wait,
};

#[test]
fn a_closed_log_opens_to_a_key_while_it_runs_and_closes_when_it_is_revoked() {
    let net = net::plan().set("submissions", "\"keys\"").start();
    let dir = net.new_dir("files");
    fs::write(dir.join("a"), "a").unwrap();
    let client = net.client();
    // What a refused run has hashed is kept for `resume`, which is not what this is about.
    let stamp =
        |more: &[&str]| -> Ran { client.run(&dir, [&["stamp", "--force", "--restart", "a"], more].concat()) };

    // A stranger may read, and is told what is missing.
    let refused = stamp(&[]).expect(2);
    assert!(refused.stderr().contains("holders of an API key only"), "{}", refused.said());
    assert!(refused.stderr().contains("--api-key-file or TREERING_API_KEY"), "{}", refused.said());
    net.log.public().get("/checkpoint").expect_status(200);

    let key = add(&net, &["--name", "museum"]);
    let file = key_file(&net, &key, 0o600);
    let with_file = ["--api-key-file", file.to_str().unwrap()];
    wait::until("the key is taken", || (stamp(&with_file).0.status.code() == Some(0)).then_some(()));
    client.run(&dir, ["verify", "a"]).expect(0);

    // A timestamp is something else.
    let bearer = format!("Bearer {key}");
    let headers = [("content-type", "application/timestamp-query"), ("authorization", bearer.as_str())];
    // This log has no authority; who may ask is not what is asked first.
    net.log.public().post("/tsa", &headers, "").expect_status(404);

    // The file as others may read it.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = stamp(&with_file).expect(2);
    assert!(refused.stderr().contains("can be read by others (mode 0644)"), "{}", refused.said());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();

    let listed = key_command(&net, "list", &[]);
    assert!(listed.starts_with("museum ") && listed.contains(" submit added "), "{listed}");
    key_command(&net, "revoke", &["museum"]);
    wait::until("the key is refused", || {
        let ran = stamp(&with_file);
        let gone = ran.stderr().contains("none of this log's");
        assert!(gone || ran.0.status.code() == Some(0), "{}", ran.said());
        gone.then_some(())
    });

    // Neither log nor client has written the secret anywhere.
    fs::remove_file(&file).unwrap();
    let secret = &key[key.len() - 64..];
    assert_eq!(files::holding(net.dir(), secret.as_bytes()), Vec::<PathBuf>::new());
    let metrics = net.log.admin().get("/metrics").expect_status(200);
    assert!(!metrics.text().contains(secret));
}

#[test]
fn a_key_from_the_environment_goes_to_the_log_and_not_over_the_open_network() {
    let net = net::plan().set("submissions", "\"keys\"").make();
    let key = add(&net, &["--name", "museum", "--scope", "submit", "--scope", "timestamp"]);
    let mut net = net;
    net.log.start();
    net.log.wait_idle();
    let dir = net.new_dir("files");
    fs::write(dir.join("a"), "a").unwrap();
    let stamp = |log: &str| {
        let mut command = Command::new(programs::path(programs::TREERING));
        net.client().environment(&mut command);
        command.current_dir(&dir).args(["stamp", "--force", "a", "--log", log]).env("TREERING_API_KEY", &key);
        Ran(command.output().unwrap())
    };
    stamp(net.log.public().base()).expect(0);
    // An address that is reserved for documentation: nothing is sent, so nobody has to be there.
    let refused = stamp("http://192.0.2.1/").expect(2);
    assert!(
        refused.stderr().contains("the API key is not sent to 192.0.2.1 over http://"),
        "{}",
        refused.said()
    );
}

#[test]
fn a_key_that_can_be_no_good_is_not_made() {
    let net = net::plan().make();
    let refused = |more: &[&str]| {
        let output = net
            .log
            .program()
            .args(["key", "add", "--dir"])
            .arg(net.log.dir())
            .args(more)
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    add(&net, &["--name", "a", "--expires", "2999-01-01"]);
    assert!(refused(&["--name", "a"]).contains("there is a key named a already"));
    assert!(refused(&["--name", "b", "--expires", "2020-01-01"]).contains("in the past"));
    assert!(refused(&["--name", "b c"]).contains("a name has 1 to 64 letters"));
    assert!(key_command(&net, "list", &[]).contains(" ends 2999-01-01T00:00:00Z"));
}

/// `key add`: the key, which is all that is on standard output.
pub(crate) fn add(net: &Net, more: &[&str]) -> String {
    let printed = key_command(net, "add", more);
    let key = printed.strip_suffix('\n').expect("a line").to_owned();
    assert!(key.starts_with("treering_") && key.len() == 90, "{printed:?}");
    key
}

fn key_command(net: &Net, subcommand: &str, more: &[&str]) -> String {
    let output = net
        .log
        .program()
        .args(["key", subcommand, "--dir"])
        .arg(net.log.dir())
        .args(more)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", shown(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn key_file(net: &Net, key: &str, mode: u32) -> PathBuf {
    let path = net.dir().join("api-key");
    fs::write(&path, format!("{key}\n")).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
    path
}
