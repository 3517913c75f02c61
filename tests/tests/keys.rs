//! Keys change, the log's and a witness's, while the log goes on: docs/keys.md, step by step.

use std::{fs, path::Path};

use treering_tests::{
    client::Client,
    files,
    log::shown,
    net::{self, Net},
    random, view, wait,
};
use treering_tlog::{
    note::{Note, VerifierKey},
    policy::Policy,
};

/// A person with a policy of their own.
fn person(net: &Net, name: &str, policy: &str) -> Client {
    let file = net.dir().join(format!("{name}.policy"));
    fs::write(&file, policy).expect("a new file");
    Client::new(&net.dir().join(name), net.log.public().base(), &file)
}

fn stamp(client: &Client, files: &Path, name: &str) {
    fs::write(files.join(name), format!("the text {name}")).expect("a new file");
    client.run(files, ["stamp", name]).expect(0);
}

/// Which of these keys have a line on the newest checkpoint.
fn signed_by(net: &Net, keys: &[&str]) -> Vec<bool> {
    let note = net.log.public().get("/checkpoint").expect_status(200);
    let note = Note::parse(&note.body).expect("a note");
    let key = |key: &&str| VerifierKey::parse(key).expect("a vkey");
    keys.iter().map(key).map(|key| note.signatures().iter().any(|line| key.matches(line))).collect()
}

fn restart(net: &mut Net) {
    assert!(net.log.stop().success());
    net.log.start();
    net.log.wait_idle();
}

/// Has every file that is named verified by each person, with the exit code that stands there.
fn verified(files: &Path, table: &[(&Client, &[(&str, i32)])]) {
    for (at, (client, expected)) in table.iter().enumerate() {
        for (name, code) in *expected {
            let ran = client.run(files, ["verify", name]);
            assert_eq!(ran.0.status.code(), Some(*code), "person {at}, file {name}: {}", ran.said());
        }
    }
}

#[test]
fn the_logs_key_changes_and_old_tokens_stay_good() {
    let mut net = net::plan().start();
    let files = net.new_dir("files");
    let old = net.log.vkey();
    let witnesses = fs::read_to_string(net.witnesses_file()).expect("the policy of witnesses");
    let of = |keys: &[&str]| keys.iter().map(|key| format!("log {key}\n")).collect::<String>() + &witnesses;
    let knows_old = person(&net, "knows-old", &of(&[&old]));
    stamp(&knows_old, &files, "before");

    // 1. The second key; both sign from the next start on, even what was signed last.
    let refused = net.log.command("key retire");
    assert_eq!(refused.status.code(), Some(2), "{}", shown(&refused));
    let rotated = net.log.command("key rotate");
    assert!(rotated.status.success(), "{}", shown(&rotated));
    let new = String::from_utf8(rotated.stdout).expect("text").trim_end().to_owned();
    assert_eq!(net.log.command("key rotate").status.code(), Some(2), "one change at a time");
    assert_eq!(signed_by(&net, &[&old, &new]), [true, false]);
    restart(&mut net);
    assert_eq!(net.log.vkey(), format!("{old}\n{new}"));
    let knows_both = person(&net, "knows-both", &of(&[&old, &new]));
    let knows_new = person(&net, "knows-new", &of(&[&new]));
    stamp(&knows_old, &files, "during");
    assert_eq!(signed_by(&net, &[&old, &new]), [true, true]);
    assert_eq!(net.log.public().get("/v1/log").json()["vkeys"], serde_json::json!([old, new]));
    verified(
        &files,
        &[
            (&knows_old, &[("before", 0), ("during", 0)]),
            (&knows_both, &[("before", 0), ("during", 0)]),
            // Who stamped it kept of the earlier head in the token what their own policy knows: the old key's line.
            (&knows_new, &[("before", 1), ("during", 1)]),
        ],
    );

    // 2. No end of the overlap before the witnesses know the new key.
    let refused = net.log.command("key retire");
    assert_eq!(refused.status.code(), Some(1), "{}", shown(&refused));
    let why = String::from_utf8(refused.stderr).expect("text");
    assert!(
        why.contains("not retired: ") && why.contains("w2: knows this origin with another key (403)"),
        "{why}"
    );
    net.witnesses.iter().for_each(|witness| witness.add_log(&new));

    // 3. The end of the overlap.
    let retired = net.log.command("key retire");
    assert!(retired.status.success(), "{}", shown(&retired));
    assert_eq!(String::from_utf8(retired.stdout).expect("text").trim_end(), old);
    restart(&mut net);
    fs::remove_file(net.log.dir().join("key")).expect("the old key");
    assert_eq!(net.log.vkey(), new);
    stamp(&knows_new, &files, "after");
    assert_eq!(signed_by(&net, &[&old, &new]), [false, true]);
    verified(
        &files,
        &[
            (&knows_old, &[("before", 0), ("during", 0), ("after", 1)]),
            (&knows_both, &[("before", 0), ("during", 0), ("after", 0)]),
            (&knows_new, &[("before", 1), ("during", 1), ("after", 0)]),
        ],
    );
    // Whoever takes the log's own policy can verify all that it gives out, also what the old key alone signed.
    let policy = net.log.public().get("/v1/policy").expect_status(200);
    let policy = Policy::parse(&policy.body).expect("a policy");
    let keys: Vec<String> = policy.logs().iter().map(|log| log.key.to_string()).collect();
    assert_eq!(keys, [new.as_str(), old.as_str()]);
    let commitments = random::commitments(1);
    view::verify(&policy, &net.log.stamp(&commitments), &view::root_of(&commitments));
    restart(&mut net);
    assert!(net.log.stop().success());
    net.log.assert_clean();
}

/// An idle log signs nothing new during the overlap; its last head must get on without the old key all the same.
#[test]
fn an_idle_log_changes_its_key() {
    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    let old = net.log.vkey();
    assert!(net.log.command("key rotate").status.success());
    let new = net.log.vkey().lines().last().expect("two keys").to_owned();
    net.witnesses.iter().for_each(|witness| witness.add_log(&new));
    assert!(net.log.stop().success());
    let retired = net.log.command("key retire");
    assert!(retired.status.success(), "{}", shown(&retired));
    // No witness knows the old key any more.
    for witness in &mut net.witnesses {
        witness.kill();
        let dir = witness.settings().parent().expect("a directory").join("logs");
        let with_old = files::holding(&dir, old.as_bytes());
        assert!(!with_old.is_empty());
        for file in with_old {
            let text = fs::read_to_string(&file).expect("a file of logs");
            let rest: String =
                text.lines().filter(|line| !line.contains(&old)).map(|line| format!("{line}\n")).collect();
            fs::write(&file, rest).expect("a file of logs");
        }
        witness.start();
    }
    net.log.start();
    net.log.wait_idle();
    net.log.stamp(&random::commitments(1));
    assert_eq!(signed_by(&net, &[&old, &new]), [false, true]);
}

#[test]
fn a_witness_changes_its_key_and_old_tokens_stay_good() {
    let mut net = net::plan().start();
    // Two of three, and the third is away: the first one counts.
    net.witnesses[2].kill();
    let files = net.new_dir("files");
    let whole = |witnesses: &str| format!("log {}\n{witnesses}", net.log.vkey());
    let first = fs::read_to_string(net.witnesses_file()).expect("the policy of witnesses");
    let old_line = net.witnesses[0].policy_line();
    let knows_old = person(&net, "knows-old", &whole(&first));
    stamp(&knows_old, &files, "before");

    // 1. The witness's second key. It signs with both; the log doesn't need to know yet.
    let new = net.witnesses[0].add_key(&[]);
    net.witnesses[0].kill();
    net.witnesses[0].start();
    stamp(&knows_old, &files, "meanwhile");

    // 2. The log, and who verifies, count either of the two as this witness.
    let (old, both) = {
        let witness = &net.witnesses[0];
        let (old, new) = (witness.vkey(), new.as_str());
        let lines =
            witness.line("w1-old", old) + &witness.line("w1-new", new) + "group w1 any w1-old w1-new\n";
        (old.to_owned(), first.replace(&old_line, &lines))
    };
    let only_new = first.replace(&old_line, &net.witnesses[0].line("w1", &new));
    let knows_both = person(&net, "knows-both", &whole(&both));
    let knows_new = person(&net, "knows-new", &whole(&only_new));
    fs::write(net.log.dir().join("witnesses.policy"), &both).expect("the log's policy");
    restart(&mut net);
    // A token also holds an earlier head, and that has to be one of the overlap for those who know the new key alone.
    net.log.stamp(&random::commitments(1));
    stamp(&knows_both, &files, "during");
    wait::until("both of its keys cosign", || (signed_by(&net, &[&old, &new]) == [true, true]).then_some(()));
    verified(
        &files,
        &[
            (&knows_old, &[("before", 0), ("meanwhile", 0), ("during", 0)]),
            (&knows_both, &[("before", 0), ("meanwhile", 0), ("during", 0)]),
            (&knows_new, &[("during", 0)]),
        ],
    );
    for name in ["before", "meanwhile"] {
        assert_ne!(knows_new.run(&files, ["verify", name]).0.status.code(), Some(0), "{name}: no quorum");
    }

    // 3. The log and the witness let go of the old key.
    fs::write(net.log.dir().join("witnesses.policy"), &only_new).expect("the log's policy");
    restart(&mut net);
    files::set(&net.witnesses[0].settings(), "keys", "[\"key-2\"]");
    net.witnesses[0].kill();
    net.witnesses[0].start();
    stamp(&knows_new, &files, "after");
    assert_eq!(signed_by(&net, &[&old, &new]), [false, true]);
    verified(
        &files,
        &[
            (&knows_old, &[("before", 0), ("meanwhile", 0), ("during", 0)]),
            (&knows_both, &[("before", 0), ("meanwhile", 0), ("during", 0), ("after", 0)]),
            (&knows_new, &[("during", 0), ("after", 0)]),
        ],
    );
    assert_ne!(
        knows_old.run(&files, ["verify", "after"]).0.status.code(),
        Some(0),
        "no quorum without the new key"
    );
}
