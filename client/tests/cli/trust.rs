//! `treering trust`: nothing is pinned blindly, and what is pinned judges.

use crate::support::{
    Bench, FakeLog, Manner, Ran, snapshots,
    terminal::{has, on_terminal},
};
use insta::assert_snapshot;
use treering_tlog::hash::sha256;

pub(crate) fn fingerprint(log: &FakeLog) -> String {
    sha256(log.policy().as_bytes()).to_string()
}

fn add(bench: &Bench, log: &FakeLog) -> Ran {
    let ran = bench.run(&["trust", "add", log.url(), "--yes", "--fingerprint", &fingerprint(log)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

fn stamped() -> (FakeLog, Bench) {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    bench.stamp(&log, &["a"]);
    (log, bench)
}

fn snapshot_of(ran: &Ran) -> String {
    let told = ran.told();
    let mut settings = String::new();
    for line in told.lines() {
        match line.split_once("to read out: ") {
            Some((before, _)) => settings.push_str(&format!("{before}to read out: [digits]\n")),
            None => settings.push_str(&format!("{line}\n")),
        }
    }
    settings
}

#[test]
fn without_a_terminal_nothing_is_pinned_blindly() {
    let (log, bench) = stamped();
    let bare = bench.run(&["trust", "add", log.url()]);
    let yes = bench.run(&["trust", "add", log.url(), "--yes"]);
    let other = bench.run(&["trust", "add", log.url(), "--yes", "--fingerprint", &"0".repeat(64)]);
    snapshots(|| {
        assert_snapshot!(snapshot_of(&bare), @"
        exit 2
        the policy at http://LOG/:
          log log.example
            SHA-256 [hash]
            to read out: [digits]
          witness W1 = w1.example
            SHA-256 [hash]
            to read out: [digits]
          witness W2 = w2.example
            SHA-256 [hash]
            to read out: [digits]
          quorum: 2 of W1, W2
          all of it: SHA-256 [hash]
            to read out: [digits]
        treering: not pinned: there is no terminal to ask at. Compare the keys above; then give what you have compared: --yes --fingerprint [hash]
        ");
    });
    assert_eq!((yes.code, other.code), (2, 2));
    assert!(other.err.contains("you gave another"), "{other:?}");
    assert!(bench.run(&["trust", "list"]).err.contains("no policy is pinned"));
    assert_eq!(bench.run(&["verify", "a"]).code, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_it_asks() {
    if !has("script") {
        return;
    }
    let (log, bench) = stamped();
    let add = format!("trust add {}", log.url());
    for typed in ["", "y", "no", "YES"] {
        let (code, told) = on_terminal(&bench, &add, typed);
        assert_eq!(code, Some(2), "{typed:?}: {told}");
        assert!(told.ends_with("treering: not pinned\n"), "{typed:?}: {told}");
    }
    assert_eq!(bench.run(&["verify", "a"]).code, 2);
    // The right fingerprint is compared, and is no answer; a wrong one is not asked about.
    let (code, told) = on_terminal(&bench, &format!("{add} --fingerprint {}", "0".repeat(64)), "yes");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("you gave another") && !told.contains("Type yes"), "{told}");
    let (code, told) = on_terminal(&bench, &format!("{add} --fingerprint {}", fingerprint(&log)), "yes");
    assert_eq!(code, Some(0), "{told}");
    // Where the terminal shows what was typed is its own affair.
    let asked =
        told.split("    to read out: ").last().unwrap().lines().skip(1).collect::<Vec<_>>().join("\n");
    snapshots(|| {
        assert_snapshot!(asked.replace("yes\n", ""), @"
        treering: compare the keys with what the log's and each witness's operator publish elsewhere, or tell you
        Do you trust these keys? Type yes: pinned as 7955d147; earlier policies of this log judge what was attested until now
        ");
    });
    assert_eq!(bench.run(&["verify", "a"]).code, 0);
}

/// Each reads what is there, changes it and writes all of it: together they must not undo one another.
#[test]
fn changes_at_one_time_are_all_kept() {
    let (log, bench) = stamped();
    let key = "ab".repeat(32);
    let names: Vec<String> = (0..24).map(|number| format!("holder {number}")).collect();
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            let mut command = bench.command();
            command
                .args(["trust", "holder", "add", name, &key])
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    add(&bench, &log);
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let list = bench.run(&["trust", "list"]).out;
    assert!(names.iter().all(|name| list.contains(name.as_str())), "{list}");
    assert_eq!(bench.run(&["verify", "a"]).code, 0);
}

#[test]
fn what_is_pinned_judges_and_is_named() {
    let (log, bench) = stamped();
    add(&bench, &log);
    let ran = bench.run(&["verify", "a"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("judged by the policy "), "{ran:?}");
    // The flag overrides what is pinned.
    bench.write("other", FakeLog::with_keys(Manner::default(), 9).policy());
    assert_eq!(bench.run(&["verify", "a", "--policy", "other"]).code, 1);
    // And stamping goes by it, too.
    bench.write("b", "beta");
    let stamped = bench.run(&["stamp", "b", "--log", log.url()]);
    assert_eq!(stamped.code, 0, "{stamped:?}");
    let list = bench.run(&["trust", "list"]);
    let id = list.out.split_whitespace().nth(1).unwrap().trim_end_matches(':').to_owned();
    assert_eq!(bench.run(&["trust", "show", &id]).out, log.policy());
    assert_eq!(bench.run(&["trust", "remove", &id]).code, 0);
    assert_eq!(bench.run(&["verify", "a"]).code, 2);
    assert_eq!(bench.run(&["trust", "remove", &id]).code, 2);
}

/// Takes over what somebody sent, compared beforehand.
fn import(bench: &Bench, text: &str) -> Ran {
    bench.write("theirs", text);
    let hash = sha256(text.as_bytes()).to_string();
    bench.run(&["trust", "import", "theirs", "--yes", "--fingerprint", &hash])
}

/// A policy of this log that asks for witnesses which haven't seen it.
fn of_others(log: &FakeLog) -> String {
    let other = FakeLog::with_keys(Manner::default(), 9).policy();
    let other: Vec<_> = other.lines().skip(1).collect();
    format!("{}\n{}\n", log.policy().lines().next().unwrap(), other.join("\n"))
}

/// The log is the same, its witnesses are others: old tokens are judged by the old policy, and new ones by the new one.
#[test]
fn old_tokens_verify_after_the_witnesses_have_changed() {
    let (log, bench) = stamped();
    add(&bench, &log);
    let newer = log.policy().replace("group both all W1 W2\nquorum both\n", "quorum W1\n");
    let ran = import(&bench, &newer);
    assert_eq!(ran.code, 0, "{ran:?}");
    let list = bench.run(&["trust", "list"]);
    assert!(list.out.contains("superseded") && list.out.contains("counts today"), "{list:?}");
    let ran = bench.run(&["verify", "a"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("1 of 1 witness"), "the one that counts today is asked first: {ran:?}");
    // Under a policy that asks for somebody who wasn't there yet, the old one still judges what is old.
    let stranger = FakeLog::with_keys(Manner::default(), 9).policy();
    let stranger = stranger.lines().find(|line| line.starts_with("witness W1")).unwrap().to_owned();
    let log_line = log.policy().lines().next().unwrap().to_owned();
    let newest = format!("{log_line}\n{stranger}\nquorum W1\n");
    assert_eq!(import(&bench, &newest).code, 0);
    let ran = bench.run(&["verify", "a"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("superseded 2"), "{ran:?}");
}

#[test]
fn a_superseded_policy_judges_nothing_that_is_newer() {
    let log = FakeLog::start(Manner { ahead: 7_200, ..Manner::default() });
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    bench.stamp(&log, &["a"]);
    add(&bench, &log);
    assert_eq!(import(&bench, &of_others(&log)).code, 0);
    let ran = bench.run(&["verify", "a"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("too few witnesses"), "{ran:?}");
}

/// What the log alone has signed may be of today: whoever asks for witnesses now doesn't take it for old.
#[test]
fn a_superseded_policy_without_witnesses_judges_nothing() {
    let log = FakeLog::start(Manner { quorum: "none", ..Manner::default() });
    let bench = Bench::new(&log);
    bench.write("a", "alpha");
    bench.stamp(&log, &["a"]);
    add(&bench, &log);
    assert_eq!(bench.run(&["verify", "a"]).code, 0);
    assert_eq!(import(&bench, &of_others(&log)).code, 0);
    let ran = bench.run(&["verify", "a"]);
    assert!(ran.code == 1 && ran.out.contains("too few witnesses"), "{ran:?}");
    assert_eq!(bench.trusting(&["verify", "a"]).code, 0, "they name it themselves");
}

#[test]
fn distrusted_keys_do_not_count_whoever_judges() {
    let (log, bench) = stamped();
    add(&bench, &log);
    let ran = bench.run(&[
        "trust",
        "distrust",
        "W1",
        "--after",
        "2001-01-01T00:00:00Z",
        "--reason",
        "lost \u{1b}[2J",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (pinned, given) = (bench.run(&["verify", "a"]), bench.trusting(&["verify", "a"]));
    assert_eq!(pinned.told(), given.told());
    snapshots(|| {
        assert_snapshot!(pinned.told(), @"
        exit 1
        a: NOT verified (a.tlog-proof): too few witnesses that count: 1 of the 2 of the policy's witnesses that cosigned the token's checkpoint did so by keys that are distrusted, and the others do not meet the policy's quorum
        ");
    });
    let list = bench.run(&["trust", "list"]);
    assert!(list.out.contains(r"lost \u{1b}[2J"), "{list:?}");
    let key = list.out.lines().find_map(|line| line.split_once("key ")).unwrap().1[..64].to_owned();
    assert_eq!(bench.run(&["trust", "forgive", &key[..7]]).code, 2);
    assert_eq!(bench.run(&["trust", "forgive", &key]).code, 0);
    assert_eq!(bench.run(&["verify", "a"]).code, 0);
    // The log's key: the witnesses show that its signature is older than a fall in the future.
    for (after, code) in [("2100-01-01T00:00:00Z", 0), ("2001-01-01T00:00:00Z", 1)] {
        assert_eq!(bench.run(&["trust", "distrust", "log.example", "--stolen", "--after", after]).code, 0);
        assert_eq!(bench.run(&["verify", "a"]).code, code, "{after}");
    }
    assert_eq!(bench.run(&["trust", "distrust", "nobody", "--after", "2001-01-01T00:00:00Z"]).code, 2);
    assert_eq!(bench.run(&["trust", "distrust", "W1", "--after", "2001-01-01"]).code, 2);
}

#[test]
fn another_machine_takes_over_what_is_exported() {
    let (log, bench) = stamped();
    add(&bench, &log);
    let key = "ab".repeat(32);
    assert_eq!(bench.run(&["trust", "holder", "add", "Ada", &key]).code, 0);
    let exported = bench.run(&["trust", "export"]).out;
    let other = Bench::new(&log);
    other.write("exported", &exported);
    other.write("a", "alpha");
    other.write("a.tlog-proof", bench.read("a.tlog-proof"));
    assert_eq!(other.run(&["trust", "import", "exported"]).code, 2);
    let hash = sha256(exported.as_bytes()).to_string();
    let ran = other.run(&["trust", "import", "exported", "--yes", "--fingerprint", &hash]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(other.run(&["verify", "a"]).code, 0);
    assert!(other.run(&["trust", "list", "--json"]).out.contains(&key));
    assert_eq!(other.run(&["trust", "holder", "remove", "Ada"]).code, 0);
    assert_eq!(other.run(&["trust", "holder", "remove", "Ada"]).code, 2);
    assert_eq!(other.run(&["trust", "holder", "add", "Ada", "xyz"]).code, 2);
}

/// What is imported may be another person's, and takes long to read.
#[test]
fn pins_have_a_largest_size() {
    let (_, bench) = stamped();
    let key = "ab".repeat(32);
    let pins = |name: usize| {
        format!("version = 1\n\n[[holder]]\nname = \"{}\"\nkey = \"{key}\"\n", "x".repeat(name))
    };
    let frame = pins(0).len();
    let beyond = import(&bench, &pins(4_000_001 - frame));
    assert_eq!(beyond.code, 2);
    assert!(beyond.err.contains("larger than 4000000 bytes"), "{beyond:?}");
    assert!(!bench.exists("home/config/trust.toml"));
    let all = pins(4_000_000 - frame);
    assert_eq!(import(&bench, &all).code, 0);
    // What nobody could read again is not written.
    let full = bench.run(&["trust", "holder", "add", "Ada", &key]);
    snapshots(|| {
        assert_snapshot!(full.told(), @"
        exit 2
        treering: DIR/home/config/trust.toml would be larger than 4000000 bytes, and is left as it is; `treering trust remove` takes policies away
        ");
    });
    assert!(bench.read("home/config/trust.toml") == all.as_bytes());
}

#[test]
fn a_damaged_file_of_pins_is_told_and_not_passed_over() {
    let (_, bench) = stamped();
    bench.write("home/config/trust.toml", "version = 1\nnonsense = true\n");
    let ran = bench.trusting(&["verify", "a"]);
    assert_eq!(ran.code, 2, "a list of distrusted keys that can't be read is not an empty one: {ran:?}");
    assert!(ran.err.contains("trust.toml is not as `treering trust` writes it"), "{ran:?}");
}
