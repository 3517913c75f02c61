//! `--all-logs`: files are read once, each log has evidence of its own, and what becomes of one is no other's matter.

mod apart;

use crate::{
    resume::{FILES, count},
    support::{Bench, FakeLog, Manner, Ran, snapshots},
};
use insta::assert_snapshot;
use std::{
    fs,
    time::{Duration, SystemTime},
};

const SECOND: &str = "two.example/2026";
/// Of the directory `d`, by the second log.
const OTHER: &str = "d.two.example_2026.treering";

struct Both {
    first: FakeLog,
    second: FakeLog,
    bench: Bench,
}

impl Both {
    /// Two logs, a policy that knows both and says where they are, and a tree.
    fn start(first: Manner, second: Manner) -> Both {
        let (first, second) = (FakeLog::start(first), FakeLog::named(SECOND, second));
        let bench = Bench::new(&first);
        let line = |log: &FakeLog| format!("{} {}\n", log.policy().lines().next().unwrap(), log.url());
        let rest: String = first.policy().split_inclusive('\n').skip(1).collect();
        bench.write("policy", [line(&first), line(&second), rest].concat());
        let both = Both { first, second, bench };
        (0..FILES).for_each(|n| both.write_old(&format!("d/{n:02}"), &n.to_string()));
        both
    }

    /// So old that what is seen of it is trusted.
    fn write_old(&self, name: &str, text: &str) {
        let path = self.bench.write(name, text);
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    }

    fn stamp(&self, args: &[&str]) -> Ran {
        self.bench.trusting(&[&["stamp", "--all-logs"], args].concat())
    }

    /// The tree is covered by these bundles, each by itself.
    #[track_caller]
    fn verify(&self, bundles: &[&str]) {
        for bundle in bundles {
            let ran = self.bench.trusting(&["verify", "d", bundle, "--strict"]);
            assert_eq!(ran.code, 0, "{bundle}: {ran:?}");
        }
    }

    fn sent(&self) -> [usize; 2] {
        [&self.first, &self.second].map(|log| log.submissions().iter().sum())
    }
}

pub(super) fn away() -> Manner {
    Manner { busy: u32::MAX, ..Manner::default() }
}

#[test]
fn each_log_has_its_bundle_and_files_are_read_once() {
    let both = Both::start(Manner::default(), Manner { max_hashes: 7, ..Manner::default() });
    let ran = both.stamp(&["d", "--json"]);
    assert_eq!((ran.code, count(&ran, "hashed")), (0, FILES as u64), "{ran:?}");
    let objects = ran.objects();
    let of_type = |name: &str| objects.iter().filter(|object| object["type"] == name).collect::<Vec<_>>();
    assert_eq!(of_type("file").len(), FILES, "each is said once");
    let [first, second] = [&both.first, &both.second].map(|log| format!("{}/", log.url()));
    assert_eq!(of_type("started")[0]["logs"], serde_json::json!([first, second]));
    for (kind, counts) in [("submission", [1, 6]), ("receipt", [1, 6]), ("output", [1, 1])] {
        let by = |url: &str| of_type(kind).iter().filter(|object| object["log_url"] == url).count();
        assert_eq!([by(&first), by(&second)], counts, "{kind}");
    }
    let logs = &of_type("finished")[0]["logs"];
    for (at, url) in [first, second].iter().enumerate() {
        assert_eq!(logs[at]["log_url"], *url);
        assert_eq!((&logs[at]["result"], &logs[at]["records"]), (&"stamped".into(), &FILES.into()));
    }
    assert_eq!(both.sent(), [FILES, FILES]);
    assert_eq!(both.bench.list("."), ["d", "d.treering", OTHER, "home", "policy"], "nothing else is left");
    both.verify(&["d.treering", OTHER]);
    let token = both.bench.run(&["token", OTHER, "d/01", "-o", "."]);
    assert_eq!(token.code, 0, "{token:?}");
    assert_eq!(both.bench.trusting(&["verify", "d/01", "01.tlog-proof"]).code, 0);
    // Each by the other's policy alone: no log is needed for another's evidence.
    both.bench.write("second", both.second.policy());
    let alone = both.bench.run(&["verify", "d", OTHER, "--strict", "--policy", "second"]);
    assert_eq!(alone.code, 0, "{alone:?}");
    assert_eq!(both.bench.run(&["verify", "d", "--policy", "second"]).code, 1, "the first log isn't in it");
    snapshots(|| {
        assert_snapshot!(both.bench.trusting(&["verify", "d"]).told(), @"
        exit 0
        40 files verified
          each existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          each stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        treering: DIR/d.two.example_2026.treering is by another log, and not looked at: treering verify d DIR/d.two.example_2026.treering
        ");
        assert_snapshot!(both.bench.trusting(&["verify", OTHER]).told(), @"
        exit 0
        40 files verified
          each existed before [time] (at least 2 would have to lie); sealed in several entries
          each stamped not before [time] (checkpoint 0 of the log two.example/2026): this says when the claim was made, not the file
          not shown: the files' names, paths and sizes, whether they are links, who made them, leap seconds, the error of a witness's clock
        ");
        assert_snapshot!(both.stamp(&["d"]).told(), @"
        exit 2
        treering: d.treering is there already, and it may be evidence of an earlier time: rename it to keep both, or replace it with --force
        ");
        // Two submissions are under way at a time: either may be the log's last entry.
        assert_snapshot!(both.stamp(&["d", "--force"]).told().replace("entry 10", "entry 11"), @"
        exit 0
        d.treering
        d.two.example_2026.treering
        40 files stamped (70 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 1
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log two.example/2026 at [time], entry 11
        ");
    });
}

#[test]
fn each_log_has_its_tokens() {
    let both = Both::start(Manner::default(), Manner::default());
    both.bench.write("a.pdf", "alpha");
    let ran = both.stamp(&["a.pdf"]);
    let token = "a.pdf.two.example_2026.tlog-proof";
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 0
        a.pdf.tlog-proof
        a.pdf.two.example_2026.tlog-proof
        1 file stamped (5 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log two.example/2026 at [time], entry 0
        treering: made a master key, DIR/home/config/master.key: keep a copy of it somewhere safe, lost bundles can be made again with it
        ");
        assert_snapshot!(both.bench.trusting(&["verify", "a.pdf"]).told(), @"
        exit 0
        a.pdf: verified (a.pdf.tlog-proof)
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 0
          stamped not before [time] (checkpoint 0 of the log log.example): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        treering: a.pdf.two.example_2026.tlog-proof is by another log, and not looked at: treering verify a.pdf a.pdf.two.example_2026.tlog-proof
        ");
        assert_snapshot!(both.bench.trusting(&["verify", token]).told(), @"
        exit 0
        a.pdf: verified (a.pdf.two.example_2026.tlog-proof)
          existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log two.example/2026 at [time], entry 0
          stamped not before [time] (checkpoint 0 of the log two.example/2026): this says when the claim was made, not the file
          digests that agree with the claim: sha-256
          not shown: the file's name, path and size, who made it, leap seconds, the error of a witness's clock
        ");
    });
    assert_eq!(both.stamp(&["a.pdf"]).code, 2, "it has tokens");
    fs::remove_file(both.bench.path("a.pdf.tlog-proof")).unwrap();
    let found = both.bench.trusting(&["verify", "a.pdf"]);
    assert!(found.code == 0 && found.out.contains(SECOND), "the other one is found: {found:?}");
    // In a directory of tokens it is no token of a file that is gone.
    both.bench.write("t/b", "beta");
    assert_eq!(both.stamp(&["t", "--tokens"]).code, 0);
    assert_eq!(both.bench.list("t"), ["b", "b.tlog-proof", "b.two.example_2026.tlog-proof"]);
    let tokens = both.bench.trusting(&["verify", "t"]);
    assert_eq!(tokens.code, 0, "{tokens:?}");
    // Renewed by the first log, it keeps its name, and is found.
    let second = "t/b.two.example_2026.tlog-proof";
    let renewed = both.bench.trusting(&["renew", second, "--log", both.first.url()]);
    assert_eq!(renewed.code, 0, "{renewed:?}");
    assert_eq!(both.bench.trusting(&["renew", "t", "--log", both.first.url()]).code, 0);
    let said = both.bench.trusting(&["verify", second]).out;
    assert!(said.contains("t/b: verified") && said.contains("token 2 of 2"), "{said}");
    let tokens = both.bench.trusting(&["verify", "t"]);
    assert_eq!(tokens.code, 0, "{tokens:?}");
    fs::remove_file(both.bench.path("t/b.tlog-proof")).unwrap();
    fs::remove_file(both.bench.path("t/b")).unwrap();
    let gone = both.bench.trusting(&["verify", "t"]);
    assert!(gone.code == 1 && gone.out.contains("b: missing"), "{gone:?}");
}

/// Whatever is typed is verified, also where its file or tree is typed as well and held against the first log's evidence.
#[test]
fn evidence_by_another_log_that_is_typed_is_not_passed_over() {
    let both = Both::start(Manner::default(), Manner::default());
    both.bench.write("a.pdf", "alpha");
    let second = "a.pdf.two.example_2026.tlog-proof";
    assert_eq!((both.stamp(&["a.pdf"]).code, both.stamp(&["d", "-q"]).code), (0, 0));
    let typed = ["verify", "a.pdf", "a.pdf.tlog-proof", second, "d", "d.treering", OTHER];
    let ran = both.bench.trusting(&typed);
    assert!(ran.code == 0 && ran.out.contains("82 files verified"), "{ran:?}");
    // One of both logs is in the policy no more, as if somebody had made its evidence.
    both.bench.write("first", both.first.policy());
    for (what, usual, other) in [("a.pdf", "a.pdf.tlog-proof", second), ("d", "d.treering", OTHER)] {
        let verify = |typed: &[&str]| both.bench.run(&[&["verify", "--policy", "first"], typed].concat());
        assert_eq!(verify(&[what, usual]).code, 0);
        let ran = verify(&[what, usual, other]);
        assert!(ran.code == 1 && ran.told().contains("two.example/2026"), "{ran:?}");
    }
    // The only one there is, is said once.
    fs::remove_file(both.bench.path("a.pdf.tlog-proof")).unwrap();
    fs::remove_file(both.bench.path("d.treering")).unwrap();
    let ran = both.bench.trusting(&["verify", "a.pdf", second, "d", OTHER]);
    assert!(ran.code == 0 && ran.out.contains("41 files verified"), "{ran:?}");
}

#[test]
fn each_bundle_is_brought_up_to_date() {
    let both = Both::start(Manner::default(), Manner::default());
    let night = |want: i32| {
        let ran = both.stamp(&["--since", "d.treering", "d", "--json"]);
        assert_eq!(ran.code, want, "{ran:?}");
        ran
    };
    night(0);
    let still = night(0);
    assert_eq!((count(&still, "hashed"), count(&still, "kept")), (0, FILES as u64), "{still:?}");
    both.write_old("d/01", "changed");
    both.write_old("d/new", "new");
    fs::remove_file(both.bench.path("d/02")).unwrap();
    let ran = night(0);
    assert_eq!(["hashed", "changed", "new", "gone"].map(|name| count(&ran, name)), [2, 1, 1, 1]);
    both.verify(&["d.treering", OTHER]);
    // One that is away for a while holds up nobody.
    both.second.behave(|manner| manner.busy = u32::MAX);
    both.write_old("d/a", "one night");
    night(3);
    both.write_old("d/b", "another night");
    let ran = both.stamp(&["--since", "d.treering", "d"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
    exit 3
    d.treering
    42 files covered (100 B)
    1 new, 0 changed, 41 kept, 0 gone
    existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 3
    treering: http://LOG: an earlier run for d.two.example_2026.treering is not finished (begun [time]): go on with `treering resume`, which hashes nothing again that was hashed, or forget it with --restart
    The others are stamped with all the same.
    ");
    });
    both.verify(&["d.treering"]);
    both.second.behave(|manner| manner.busy = 0);
    assert_eq!(both.bench.run(&["resume"]).code, 0);
    assert_eq!(count(&night(0), "hashed"), 0);
    both.verify(&["d.treering", OTHER]);
    // A log that is new among them.
    fs::remove_file(both.bench.path(OTHER)).unwrap();
    assert_eq!(count(&night(0), "hashed"), FILES as u64 + 2);
    both.verify(&["d.treering", OTHER]);
}

#[test]
fn claims_are_signed_for_each_log_and_each_bundle_can_be_made_again() {
    let both = Both::start(Manner::default(), Manner::default());
    let mut line = vec!["d", "--holder", "Ada", "--digest", "sha3-256", "-q"];
    let is_signed = crate::support::terminal::has("ssh-keygen");
    if is_signed {
        crate::sign::keygen(&both.bench, "ada", "ed25519", "");
        line.extend(["--sign", "ada"]);
    }
    let ran = both.stamp(&line);
    assert_eq!(ran.code, 0, "{ran:?}");
    both.verify(&["d.treering", OTHER]);
    for bundle in ["d.treering", OTHER] {
        let said = both.bench.trusting(&["verify", "d/01", bundle, "--holder", "Ada"]);
        assert!(said.code == 0 && said.out.contains("key ") == is_signed, "{said:?}");
        fs::remove_file(both.bench.path(bundle)).unwrap();
        let again = both.bench.trusting(&["rebuild", "d", "-o", bundle]);
        assert_eq!(again.code, 0, "{again:?}");
    }
    both.verify(&["d.treering", OTHER]);
}

#[test]
fn a_list_on_standard_input_is_for_all_logs() {
    let both = Both::start(Manner::default(), away());
    let sums = "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90  a\n";
    let line = ["--all-logs", "--digests", "-", "-o", "list.treering"];
    let ran = both.bench.stamp_with(
        &both.first,
        &[&line[..], &["--log", both.first.url(), "--log", both.second.url()]].concat(),
        sums.as_bytes(),
    );
    assert_eq!(ran.code, 3, "{ran:?}");
    both.second.behave(|manner| manner.busy = 0);
    let resumed = both.bench.run(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    for bundle in ["list.treering", "list.two.example_2026.treering"] {
        let shown = both.bench.run(&["show", bundle]);
        assert!(shown.code == 0 && shown.out.contains("1 file"), "{shown:?}");
    }
    assert_eq!(both.sent(), [1, 1]);
}

#[test]
fn which_log_is_which_is_told_by_the_policy_or_by_the_log() {
    let both = Both::start(Manner::default(), Manner::default());
    // Without URLs.
    let policy = String::from_utf8(both.bench.read("policy")).unwrap();
    let without = |log: &FakeLog, text: String| text.replace(&format!(" {}", log.url()), "");
    both.bench.write("policy", without(&both.first, without(&both.second, policy)));
    let [first, second] = [both.first.url(), both.second.url()];
    let logs = ["--log", first, "--log", second];
    assert_eq!(both.stamp(&[&logs[..], &["d", "-q"]].concat()).code, 0);
    both.verify(&["d.treering", OTHER]);
    // The only one that is away is the only one that is left.
    both.second.behave(|manner| manner.busy = u32::MAX);
    let waiting = both.stamp(&[&logs[..], &["d", "--force"]].concat());
    assert_eq!(waiting.code, 3, "{waiting:?}");
    assert_eq!(both.bench.run(&["resume"]).code, 3);
    // With a third one in the policy nobody can tell.
    let third = FakeLog::named("three.example", Manner::default()).policy();
    let policy = String::from_utf8(both.bench.read("policy")).unwrap();
    both.bench.write("policy", [third.lines().next().unwrap(), "\n", &policy].concat());
    let ran = both.stamp(&[&logs[..], &["d", "--force"]].concat());
    let twice = both.stamp(&["--log", first, "--log", first, "d", "--force"]);
    snapshots(|| {
        assert_snapshot!(ran.told(), @"
        exit 2
        d.treering
        40 files stamped (70 B)
        existed before [time] (2 of 2 witnesses; 2 would have to lie); sealed by the log log.example at [time], entry 2
        treering: which log http://LOG is can't be told while it is away, and with --all-logs its evidence has its origin in the name: give its URL in its line of the policy, or try again: http://LOG/checkpoint answered 503: without a reason that could be understood; is this a Treering log?
        ");
        assert_snapshot!(twice.told(), @"
        exit 2
        treering: http://LOG and http://LOG are one log (log.example) by the names of their evidence: with --all-logs, give each log once
        ");
    });
}

#[test]
fn it_may_be_a_standing_wish() {
    let both = Both::start(Manner::default(), Manner::default());
    let variables = [("TREERING_POLICY", "policy"), ("TREERING_ALL_LOGS", "true")];
    assert_eq!(both.bench.run_with(&variables, &["stamp", "d", "-q"]).code, 0);
    assert!(both.bench.exists("d.treering") && both.bench.exists(OTHER));
    assert_eq!(both.bench.run_with(&variables, &["stamp", "d", "-q", "--force", "--all-logs=false"]).code, 0);
    assert_eq!(both.sent(), [2 * FILES, FILES]);
}

#[test]
fn each_log_is_judged_by_the_policy_that_is_pinned_for_it() {
    let both = Both::start(Manner::default(), Manner::default());
    let [first, second] = [&both.first, &both.second].map(FakeLog::url);
    for log in [&both.first, &both.second] {
        let added = ["trust", "add", log.url(), "--yes", "--fingerprint", &crate::trust::fingerprint(log)];
        assert_eq!(both.bench.run(&added).code, 0);
    }
    let ran = both.bench.run(&["stamp", "--all-logs", "--log", first, "--log", second, "d", "-q"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for bundle in ["d.treering", OTHER] {
        assert_eq!(both.bench.run(&["verify", "d", bundle, "--strict"]).code, 0, "{bundle}");
    }
}
