//! `treering audit` against a real mirror: of a log that is gone, of one whose entries it no longer has as they were, and of
//! one that has signed two histories. What audit keeps is judged by `treering-witness evidence`.

use std::{fs, path::Path};

use treering_tests::{
    files,
    http::Http,
    liar::{Liar, NAME},
    log::{LogServer, shown},
    mirror::MirrorServer,
    net::{self, Net, ORIGIN, free_port},
    programs, random,
};

use crate::mirror::{mirror_of, wait_for};

/// A tree and a file, stamped in an entry each.
fn stamp(net: &Net) {
    let (client, tree) = (net.client(), net.new_dir("tree"));
    for name in ["one", "two"] {
        fs::write(tree.join(name), name).expect("a file");
    }
    client.run(net.dir(), ["stamp", "tree", "-q"]).expect(0);
    client.run(&tree, ["stamp", "one", "-q"]).expect(0);
}

const BOTH: &[&str] = &["tree.treering", "tree/one.tlog-proof"];

/// `audit` of these; what is found wrong goes to `found`.
fn audit(net: &Net, what: &[&str], mirror: &Http, found: &str, code: i32) -> String {
    let args = [&["audit", "--from", mirror.base(), "--evidence", found][..], what].concat();
    let ran = net.client().run(net.dir(), args).expect(code);
    assert!(ran.stdout().contains("its witnesses cosigned it at "), "{}", ran.said());
    ran.stdout()
}

/// The exit code and the words of `treering-witness evidence`.
fn judged(file: &Path, policy: &Path) -> (Option<i32>, String) {
    let mut command = programs::command(programs::WITNESS);
    let output = command.arg("evidence").arg(file).arg("--policy").arg(policy).output();
    let output = output.expect("the program starts");
    (output.status.code(), shown(&output))
}

#[test]
fn what_a_mirror_has_is_found_there_and_what_it_lost_is_told() {
    let mut net = net::plan().start();
    stamp(&net);
    for _ in 0..3 {
        net.log.stamp(&random::commitments(2));
    }
    let size = net.log.published_size();
    let mut mirror = mirror_of(&net);
    mirror.start();
    wait_for(&mirror, size);
    net.kill_all();
    let http = mirror.copy(ORIGIN);
    let said = audit(&net, BOTH, &http, "none", 0);
    assert!(said.contains("2 entries are there, in trees that the newest one begins with"), "{said}");
    assert!(!net.dir().join("none").exists());

    // A byte of the first entry is another on its disk by now.
    let entries = mirror.files(ORIGIN).join(format!("tile/entries/000.p/{size}"));
    files::flip(&entries, 20);
    let said = audit(&net, BOTH, &http, "found", 1);
    assert!(
        said.contains("entry 0 as it is served is not the token's") && said.contains("1 entry is there"),
        "{said}"
    );
    // Nobody has signed what was served: whoever doubts it asks there.
    let (code, text) = judged(&net.dir().join("found"), &net.policy_file());
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("wrong_entry: a monitor says") && text.contains("can't be told from this file"),
        "{text}"
    );
    // What doesn't fit is refuted.
    let evidence = fs::read(net.dir().join("found")).expect("evidence");
    let bundle = fs::read(&entries).expect("entries");
    let served = files::find(&evidence, &bundle).expect("what was served");
    files::flip(&net.dir().join("found"), served + 20);
    let (code, text) = judged(&net.dir().join("found"), &net.policy_file());
    assert_eq!(code, Some(1), "{text}");
    mirror.stop();
}

/// A copy of the log, key and all, goes on beside it; its witness looks at nothing that it signs.
#[test]
fn two_histories_under_one_key_are_proved_by_what_a_mirror_shows() {
    let liar = Liar::start();
    let mut net = net::plan().witnesses(0).quorum(1).other(NAME, liar.policy_line()).start();
    net.log.stamp(&random::commitments(1));
    net.log.wait_idle();
    net.log.stop();
    let mut copy = LogServer::copy_of(&net.log, &net.dir().join("copy"), (free_port(), free_port()));
    net.log.start();
    net.log.wait_idle();
    stamp(&net);
    copy.start();
    for _ in 0..2 {
        copy.stamp(&random::commitments(1));
    }
    let policy = fs::read_to_string(net.policy_file()).expect("a policy");
    let of_copy = net.dir().join("policy-of-copy");
    fs::write(&of_copy, policy.replace(net.log.public().base(), copy.public().base())).expect("a policy");
    let output = net.dir().join("output");
    let mut mirror = MirrorServer::init(&net.dir().join("mirror"), &output, &of_copy, free_port());
    mirror.start();

    // Of one size, and of another.
    for (size, what, found, kind) in
        [(3, &BOTH[1..], "found-1", "split_view"), (4, BOTH, "found-2", "inconsistent")]
    {
        assert_eq!(copy.published_size().get(), size);
        wait_for(&mirror, copy.published_size());
        let said = audit(&net, what, &mirror.copy(ORIGIN), found, 1);
        assert!(
            said.contains("the log has SIGNED TWO HISTORIES") && said.contains("0 entries are there"),
            "{said}"
        );
        let (code, text) = judged(&net.dir().join(found), &net.policy_file());
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(kind) && text.contains("confirmed: "), "{text}");
        assert!(text.contains(&format!("signed by: {ORIGIN}, {NAME}")), "{text}");
        // Under the policy of another log it says nothing.
        let other = net::plan().witnesses(0).quorum(1).other(NAME, liar.policy_line()).make();
        assert_eq!(judged(&net.dir().join(found), &other.policy_file()).0, Some(2));
        copy.stamp(&random::commitments(1));
        copy.wait_idle();
    }
    mirror.stop();
}
