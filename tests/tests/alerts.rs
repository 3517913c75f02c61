//! The alert rules beside the docs: they ask only for what a log shows, and fire when they should.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use treering_tests::{net, programs, random};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The names of the log's metrics in a text.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c| !part(c));
    words.filter(|word| word.starts_with("treering_log_")).collect()
}

#[test]
fn rules_ask_only_for_metrics_that_a_log_shows() {
    let rules = std::fs::read_to_string(docs().join("alerts.yml")).expect("docs/alerts.yml");
    let expressions: String = rules
        .lines()
        .filter(|line| line.trim_start().starts_with("expr: ") || line.contains("treering_log_"))
        .map(|line| format!("{line}\n"))
        .collect();
    // The timestamp authority's certificate is shown by a log that has one; tests/tests/tsa has such logs.
    let wanted: BTreeSet<&str> = metrics_in(&expressions)
        .into_iter()
        .filter(|name| *name != "treering_log_certificate_days")
        .collect();
    assert!(wanted.len() >= 9, "{wanted:?}");
    let net = net::plan().start();
    net.log.stamp(&random::commitments(1));
    let metrics = net.log.metrics();
    let shown = metrics.names();
    let unknown: Vec<_> = wanted.iter().filter(|name| !shown.contains(*name)).collect();
    assert!(unknown.is_empty(), "{unknown:?} are not among {shown:?}");
    // And the operator's table names no metric that isn't there either.
    let operating = std::fs::read_to_string(docs().join("operating.md")).expect("docs/operating.md");
    let table = operating.lines().filter(|line| line.starts_with("| `treering_log_"));
    let table: String =
        table.map(|line| format!("{}\n", line.split(" | ").next().unwrap_or_default())).collect();
    for name in metrics_in(&table)
        .iter()
        .filter(|name| !name.ends_with('_') && **name != "treering_log_certificate_days")
    {
        let family =
            |shown: &&str| *shown == *name || shown.strip_prefix(*name).is_some_and(|rest| rest == "_bucket");
        assert!(shown.iter().any(family), "{name} is not among {shown:?}");
    }
}

/// Prometheus's own tool: the rules are rules, and fire on the series beside them.
#[test]
fn rules_fire_when_they_should() {
    // Where scripts/deps.sh puts it, unless the system has one.
    let tools =
        programs::path(programs::LOG).ancestors().nth(2).expect("a target directory").join("tools/promtool");
    let program = if tools.exists() { tools } else { PathBuf::from("promtool") };
    let promtool = || Command::new(&program);
    if promtool().arg("--version").output().is_err() {
        programs::skipped(
            "rules_fire_when_they_should",
            "there is no promtool here: scripts/deps.sh test brings it",
        );
        return;
    }
    for (command, file) in [("check", "alerts.yml"), ("test", "alerts-test.yml")] {
        let output = promtool().args([command, "rules"]).arg(docs().join(file)).output().expect("promtool");
        assert!(output.status.success(), "{command}: {}", treering_tests::log::shown(&output));
    }
}
