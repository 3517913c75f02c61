//! Flags, environment, configuration file: which is stronger, where each value is from, what is refused.

use crate::support::{Bench, FakeLog, Manner, snapshots};
use insta::assert_snapshot;

const CONFIG: &str = "home/config/config.toml";

fn bench() -> (FakeLog, Bench) {
    let log = FakeLog::start(Manner::default());
    let bench = Bench::new(&log);
    (log, bench)
}

/// What `treering config` says of one setting, with these variables.
fn said(bench: &Bench, key: &str, variables: &[(&str, &str)], rest: &[&str]) -> String {
    let mut command = bench.command();
    command.arg("config").args(rest).envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let line =
        text.lines().find(|line| line.trim_start_matches("# ").starts_with(&format!("{key} "))).unwrap();
    line.replace(&*bench.path("").to_string_lossy(), "DIR/")
}

#[test]
fn a_flag_is_stronger_than_a_variable_and_that_than_the_file() {
    let (_log, bench) = bench();
    bench.write(CONFIG, "\n# in whose name\nholder = \"File\"\nwait = 7\n");
    let variable = [("TREERING_HOLDER", "Variable")];
    let flag = ["--", "stamp", "x", "--holder", "Flag"];
    assert_snapshot!(said(&bench, "agent", &[], &[]), @"# agent is not set");
    assert_snapshot!(said(&bench, "max_lag", &[], &[]), @"# max_lag is not set");
    assert_snapshot!(said(&bench, "wait", &[], &["--no-config"]), @"wait = 600  # default");
    assert_snapshot!(said(&bench, "wait", &[], &[]), @"wait = 7  # DIR/home/config/config.toml:4");
    assert_snapshot!(said(&bench, "holder", &[], &[]), @r#"holder = "File"  # DIR/home/config/config.toml:3"#);
    assert_snapshot!(said(&bench, "holder", &variable, &[]), @r#"holder = "Variable"  # TREERING_HOLDER"#);
    assert_snapshot!(said(&bench, "holder", &variable, &flag), @r#"holder = "Flag"  # flag"#);
    // An empty variable says nothing.
    assert_snapshot!(said(&bench, "holder", &[("TREERING_HOLDER", "")], &[]), @r#"holder = "File"  # DIR/home/config/config.toml:3"#);
}

#[test]
fn what_stands_in_the_file_is_done() {
    let (log, bench) = bench();
    let url = log.url();
    bench.write(
        CONFIG,
        format!("policy = \"../../policy\"\nlog = \"{url}\"\nholder = \"Ada\"\ndigest = [\"sha3-256\"]\n"),
    );
    bench.write("a", "alpha");
    let ran = bench.run(&["stamp", "a"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = bench.run(&["verify", "a"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.out.contains("holder: Ada") && shown.out.contains("sha3-256"), "{shown:?}");
    // A list that is typed replaces the file's.
    bench.write("b", "beta");
    assert_eq!(bench.run(&["stamp", "b", "--digest", "sha-512"]).code, 0);
    let shown = bench.run(&["verify", "b"]);
    assert!(shown.out.contains("sha-512") && !shown.out.contains("sha3-256"), "{shown:?}");
}

#[test]
fn what_is_typed_undoes_what_stands_against_it() {
    let (log, bench) = bench();
    let url = log.url();
    let base = format!("policy = \"../../policy\"\nlog = \"{url}\"\n");
    bench.write("a", "alpha");
    bench.write(CONFIG, format!("{base}plain = true\n"));
    assert_eq!(bench.run(&["stamp", "a", "--holder", "Ada"]).code, 0);
    assert!(bench.run(&["verify", "a"]).out.contains("holder: Ada"));
    bench.write(CONFIG, format!("{base}holder = \"Ada\"\n"));
    assert_eq!(bench.run(&["stamp", "a", "--plain", "--force"]).code, 0);
    assert!(!bench.run(&["verify", "a"]).out.contains("Ada"));
    bench.write(CONFIG, format!("{base}plain = true\n"));
    assert_eq!(bench.run(&["stamp", "a", "--plain=false", "--force"]).code, 0);
    let shown = bench.run(&["show", "a.tlog-proof"]);
    assert!(shown.code == 0 && !shown.out.contains("plain: "), "{shown:?}");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let (_log, bench) = bench();
    let refused = |text: &str| {
        bench.write(CONFIG, text);
        let ran = bench.run(&["verify", "a"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        ran.err
    };
    assert_snapshot!(refused("wait = 3\npolcy = \"x\"\n"), @r#"treering: DIR/home/config/config.toml:2: there is no setting "polcy": is policy meant?; `treering config` lists them all"#);
    assert_snapshot!(refused("api-key-file = \"x\"\n"), @r#"treering: DIR/home/config/config.toml:1: there is no setting "api-key-file": is api_key_file meant?; `treering config` lists them all"#);
    assert_snapshot!(refused("frobnicate = 1\n"), @r#"treering: DIR/home/config/config.toml:1: there is no setting "frobnicate"; `treering config` lists them all"#);
    assert_snapshot!(refused("api_key = \"treering_x\"\n"), @"treering: DIR/home/config/config.toml:1: a key doesn't stand in the configuration, which others may read: put it into a file of its own (mode 0600), and that file's name here, as api_key_file");
    assert_snapshot!(refused("\nplain = \"yes\"\n"), @"treering: DIR/home/config/config.toml:2: plain takes true or false, not string");
    assert_snapshot!(refused("holder = [\"a\"]\n"), @"treering: DIR/home/config/config.toml:1: holder takes one text or number, not array");
    assert_snapshot!(refused("digest = [\"sha3-256\", 1979-05-27]\n"), @"treering: DIR/home/config/config.toml:1: digest takes a text, or a list of texts, not datetime");
    assert_snapshot!(refused("wait = \"long\"\n"), @r#"treering: DIR/home/config/config.toml:1: wait: "long" won't do: invalid digit found in string"#);
    assert_snapshot!(refused("digest = \"md5\"\n"), @r#"treering: DIR/home/config/config.toml:1: digest: "md5" won't do: known are sha-256, sha-384, sha-512, sha3-224, sha3-256, sha3-384 and sha3-512"#);
    assert_snapshot!(refused("wait = \n"), @"
    treering: the configuration DIR/home/config/config.toml is not TOML:
    TOML parse error at line 1, column 8
      |
    1 | wait = 
      |        ^
    string values must be quoted, expected literal string
    ");
    bench.write(CONFIG, "plain = true\nholder = \"Ada\"\n");
    assert_snapshot!(bench.run(&["stamp", "a"]).told(), @"
    exit 2
    treering: DIR/home/config/config.toml:2: holder and plain (DIR/home/config/config.toml:1) contradict each other: take one of them away
    ");
    bench.write(CONFIG, "");
    let mut command = bench.command();
    let output = command.args(["verify", "a"]).env("TREERING_STRICT", "perhaps").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r#"treering: TREERING_STRICT: strict: "perhaps" won't do: it is true or false"#);
}

#[test]
fn another_file_can_be_named_and_must_then_be_there() {
    let (_log, bench) = bench();
    bench.write("mine.toml", "holder = \"Eve\"\n");
    assert_snapshot!(said(&bench, "holder", &[], &["--config", "mine.toml"]), @r#"holder = "Eve"  # mine.toml:1"#);
    assert_snapshot!(said(&bench, "holder", &[("TREERING_CONFIG", "mine.toml")], &[]), @r#"holder = "Eve"  # mine.toml:1"#);
    let ran = bench.run(&["config", "--config", "none.toml"]);
    assert_snapshot!(ran.told(), @"
    exit 2
    treering: the configuration none.toml: No such file or directory (os error 2)
    ");
    assert_snapshot!(bench.run(&["config", "path"]).told(), @"
    exit 0
    DIR/home/config/config.toml
    ");
}

#[test]
fn what_is_shown_is_a_configuration_and_json_says_the_same() {
    let (_log, bench) = bench();
    bench.write(
        "first.toml",
        "holder = \"A \\\"B\\\" \\u202e\"\ndigest = [\"sha-512\", \"sha3-256\"]\nzstd = true\nwait = 3\n",
    );
    let shown = bench.run(&["config", "--config", "first.toml"]);
    bench.write("second.toml", &shown.out);
    let values = |file: &str| {
        let objects = bench.run(&["config", "--config", file, "--json"]).objects();
        objects.iter().map(|object| (object["key"].clone(), object["values"].clone())).collect::<Vec<_>>()
    };
    let of = |values: &[(serde_json::Value, serde_json::Value)], key: &str| {
        values.iter().find(|(name, _)| name == key).unwrap().1.clone()
    };
    let (first, second) = (values("first.toml"), values("second.toml"));
    for key in ["digest", "zstd", "wait"] {
        assert_eq!(of(&first, key), of(&second, key), "{key}");
    }
    let objects = bench.run(&["config", "--config", "first.toml", "--json"]).objects();
    let object = objects.iter().find(|object| object["key"] == "digest").unwrap();
    assert_snapshot!(object, @r#"{"key":"digest","line":2,"path":"first.toml","source":"file","type":"setting","values":["sha-512","sha3-256"]}"#);
}

#[test]
fn a_key_that_stands_in_the_configuration_is_not_for_any_authority() {
    // Read, and so refused, only where it would be sent.
    let (_log, bench) = bench();
    bench.write("a", "alpha");
    bench.write("key", "no key");
    bench.write(CONFIG, "api_key_file = \"../../key\"\n");
    let asked =
        |args: &[&str]| bench.run(&[&["tsa", "a", "--server", "http://127.0.0.1:1/tsa"][..], args].concat());
    snapshots(|| {
        assert_snapshot!(asked(&[]).told(), @"
    exit 2
    treering: no timestamp: a: no answer from the timestamp authority http://LOG/tsa after 3 attempts: Connection refused (os error 111); is its URL right, and is it up?
    ");
        assert_snapshot!(asked(&["--api-key-file", "key"]).told(), @"
        exit 2
        treering: the API key in key can be read by others (mode 0644); if nobody else has seen it: chmod 600 key
        ");
    });
}

#[test]
fn what_merely_stands_somewhere_asks_for_nothing() {
    let (log, bench) = bench();
    let url = log.url();
    let base = format!("policy = \"../../policy\"\nlog = \"{url}\"\n");
    let proxy = "http://127.0.0.1:1";
    bench.write(
        CONFIG,
        format!("{base}ca = [\"ca.pem\"]\nmax_lag = 9\nproxy = \"{proxy}\"\nchecksum = true\n"),
    );
    bench.write("a", "alpha");
    // Roots of authorities are for timestamps, and --checksum for --since: neither is a question by itself.
    assert_eq!(bench.run(&["stamp", "a"]).code, 0);
    let ran = bench.run(&["verify", "a"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // Typed, they are.
    assert_snapshot!(bench.run(&["verify", "a", "--ca", "ca.pem"]).told(), @"
    exit 2
    treering: --ca is for RFC 3161 timestamps: give the timestamp (.tsr) after the file
    ");
    assert_snapshot!(bench.run(&["verify", "a", "--proxy", proxy]).told(), @"
    exit 2
    treering: --proxy is for RFC 3161 timestamps: give the timestamp (.tsr) after the file
    ");
}

#[test]
fn a_key_of_the_agent_is_no_path_and_a_summary_is_one() {
    let (log, bench) = bench();
    let url = log.url();
    bench.write(CONFIG, "sign = \"agent:Ada\"\nsummary = \"runs.txt\"\n");
    assert_snapshot!(said(&bench, "sign", &[], &[]), @r#"sign = "agent:Ada"  # DIR/home/config/config.toml:1"#);
    assert_snapshot!(said(&bench, "summary", &[], &[]), @r#"summary = "DIR/home/config/runs.txt"  # DIR/home/config/config.toml:2"#);
    bench.write("a", "alpha");
    bench.write(CONFIG, format!("policy = \"../../policy\"\nlog = \"{url}\"\nsummary = \"runs.txt\"\n"));
    assert_eq!(bench.run(&["stamp", "a"]).code, 0);
    assert!(String::from_utf8(bench.read("home/config/runs.txt")).unwrap().contains("a.tlog-proof"));
}

#[test]
fn the_log_that_stands_there_is_the_one_whose_policy_is_fetched() {
    let (log, bench) = bench();
    let variable = format!("{}\nhttp://127.0.0.1:1", log.url());
    let ran = bench.run_with(&[("TREERING_LOG", &variable)], &["trust", "add"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.starts_with(&format!("the policy at {}/:\n", log.url())), "{ran:?}");
    bench.write(CONFIG, format!("log = \"{}\"\n", log.url()));
    assert_eq!(bench.run(&["trust", "add"]).out, ran.out);
}
