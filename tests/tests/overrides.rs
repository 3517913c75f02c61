//! There is no override of the start-up rule (docs/operating.md, section 4): no option, no key of `log.toml`, no variable of the
//! environment lets a log sign that record and witnesses don't let sign. What there is, is listed here, with why it is none: whoever
//! adds something has to think of it, and to say so.

use std::collections::BTreeSet;

use treering_tests::{
    files, log,
    net::{self, Net},
    programs, random,
};

/// Each option of `treering-log serve`, with its variable of the environment, and why it is no override.
const OPTIONS: [(&str, &str, &str); 5] = [
    ("--config", "", "names the log: with another store comes another record"),
    ("--dir", "", "the same"),
    ("--log-format", "", "how it is told"),
    ("--log-filter", "RUST_LOG", "what is told; the refusal of a start is no event, and is always told"),
    ("--help", "", "doesn't start anything"),
];

/// Each key of `log.toml` by its table, and why it is no override.
const KEYS: [(&str, &[&str], &str); 14] = [
    ("", &["version"], "of the file itself"),
    ("", &["origin"], "the store says whose it is, and another one's is refused"),
    ("", &["store"], "the record lies beside it: one that is moved without its record is refused"),
    (
        "",
        &["key", "second_key", "retired_keys"],
        "sign for this origin alone; the witnesses know its last head by the origin",
    ),
    (
        "",
        &["policy"],
        "says who must agree, and is the way out where a witness is wrong: a change is told at the start, and the record counts \
         whatever it says",
    ),
    ("", &["listen", "admin", "limits", "access", "rate_limits", "tls"], "who can ask, and how much"),
    (
        "",
        &["tick_ms", "refresh_seconds", "commit_wait_ms", "max_pending", "cache_mib", "min_free_mib"],
        "how fast and how much",
    ),
    (
        "",
        &["clock_step_seconds"],
        "which clock is believed, not which head; a start's is held to a minute whatever it says",
    ),
    ("", &["token_window_seconds", "retention_days", "scrub_mib_per_second"], "what is kept, and read again"),
    (
        "",
        &["witness_timeout_ms", "witnesses"],
        "how a witness is asked; one that didn't answer has not agreed",
    ),
    ("", &["tsa"], "timestamps have a key of their own"),
    (
        "limits",
        &[
            "max_hashes",
            "max_json_hashes",
            "max_connections",
            "body_idle_seconds",
            "header_seconds",
            "max_wait_seconds",
        ],
        "who can ask, and how much",
    ),
    ("witnesses.w1", &["min_interval_ms"], "how often a witness is asked"),
    ("tls", &["certificates", "key"], "of the public address"),
];

/// The same of the tables that say nothing about the log's history at all.
const OTHERS: [(&str, &[&str]); 5] = [
    ("access", &["submissions", "timestamps", "keys", "trusted_proxies"]),
    (
        "rate_limits",
        &[
            "window_seconds",
            "address_requests",
            "address_hashes",
            "key_requests",
            "key_hashes",
            "max_addresses",
        ],
    ),
    (
        "tsa",
        &[
            "key",
            "pkcs12",
            "pkcs11",
            "certificates",
            "policy",
            "other_policies",
            "accuracy_ms",
            "ordering",
            "name",
            "proof_oid",
        ],
    ),
    ("tsa.pkcs12", &["file", "password"]),
    ("tsa.pkcs11", &["module", "token", "key", "pin"]),
];

#[test]
fn no_option_of_serve_is_an_override() {
    let output =
        programs::command(programs::LOG).args(["serve", "--help"]).output().expect("the program starts");
    let help = String::from_utf8(output.stdout).expect("text");
    let words = || help.split(|c: char| c.is_whitespace() || c == ',' || c == '[' || c == ']' || c == '=');
    let found: BTreeSet<&str> = words().filter(|word| word.starts_with("--")).collect();
    let known: BTreeSet<&str> = OPTIONS.iter().map(|(option, ..)| *option).collect();
    assert_eq!(found, known, "an option that nobody has thought of: {help}");
    let environment: BTreeSet<&str> =
        help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next()).collect();
    let known: BTreeSet<&str> =
        OPTIONS.iter().map(|(_, name, _)| *name).filter(|name| !name.is_empty()).collect();
    assert_eq!(environment, known, "a variable that nobody has thought of: {help}");
}

/// The keys of a table, as the program names them to whoever writes another one.
fn keys_of(net: &Net, table: &str) -> BTreeSet<String> {
    let file = net.dir().join("other.toml");
    let line = "override = true\n";
    let text = if table.is_empty() { line.to_owned() } else { format!("[{table}]\n{line}") };
    std::fs::write(&file, text).expect("a new file");
    let output = programs::command(programs::LOG).args(["serve", "--config"]).arg(&file).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(2), "[{table}] {}", log::shown(&output));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, expected) =
        said.split_once("unknown field `override`, expected ").unwrap_or_else(|| panic!("{said}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn no_key_of_the_configuration_is_an_override() {
    let net = net::plan().witnesses(1).quorum(1).make();
    let listed = KEYS.iter().map(|(table, keys, _)| (*table, *keys)).chain(OTHERS);
    let tables: BTreeSet<&str> = listed.clone().map(|(table, _)| table).collect();
    for table in tables {
        let known = listed.clone().filter(|(of, _)| *of == table).flat_map(|(_, keys)| keys);
        let known: BTreeSet<String> = known.map(|key| (*key).to_owned()).collect();
        assert_eq!(keys_of(&net, table), known, "[{table}] has a key that nobody has thought of");
    }
}

/// What breaks promises for the negative controls (scripts/controls.sh) is a build of its own: in every other one nothing of it is
/// left.
#[test]
fn nothing_in_the_environment_breaks_a_promise_of_a_normal_build() {
    let program = std::fs::read(programs::path(programs::LOG)).expect("the program");
    assert!(files::find(&program, b"treering-record/1").is_some(), "what the program holds isn't found");
    assert!(files::find(&program, b"TREERING_BREAK").is_none(), "this program can break its promises");

    let mut net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    assert!(net.log.stop().success());
    let copied = net.dir().join("backup");
    files::copy(&net.log.store(), &copied);
    net.log.start();
    net.log.stamp(&random::commitments(1));
    net.log.wait_idle();
    assert!(net.log.stop().success());
    files::put_back(&copied, &net.log.store());
    net.log.set_env("TREERING_BREAK", "history");
    let (status, stderr) = net.log.start_refused();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("the store ends at size 1, but this log may have signed size 2"), "{stderr}");
    assert!(!stderr.contains("BREAKS A PROMISE"), "{stderr}");
}
