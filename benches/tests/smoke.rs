//! A smoke version of each bench: it runs to its end, prints its rows, and has verified what it sent.
#![forbid(unsafe_code)]

use std::process::Command;

/// Runs one bench with `--smoke`: the cells of its tables' rows, without the heads.
fn smoke(part: &str) -> Vec<Vec<String>> {
    let program = env!("CARGO_BIN_EXE_treering-bench");
    let output = Command::new(program).args(["run", "--smoke", "--only", part]).output().expect("it starts");
    let said = String::from_utf8(output.stdout).expect("text");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{part}: {}\n{said}\n{errors}", output.status);
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let is_row = |lines: &[&str]| {
        lines[1].starts_with('|') && !lines[1].starts_with("|-") && lines[0].starts_with('|')
    };
    let lines: Vec<&str> = said.lines().collect();
    let rows: Vec<Vec<String>> =
        lines.windows(2).filter(|pair| is_row(pair)).map(|pair| cells(pair[1])).collect();
    assert!(!rows.is_empty(), "{part} has no rows:\n{said}");
    rows
}

fn assert_figures(part: &str, rows: &[Vec<String>], count: usize, verified: usize) {
    assert_eq!(rows.len(), count, "{part}: {rows:?}");
    for row in rows {
        let evidence: u64 = row[verified].parse().expect("a count");
        assert!(evidence > 0, "{part} verified nothing: {row:?}");
        let is_number = |cell: &String| cell.chars().any(|c| c.is_ascii_digit()) || cell == "–";
        assert!(row[1..].iter().all(is_number), "{part} has a cell without a figure: {row:?}");
    }
}

#[test]
fn kernel() {
    let rows = smoke("kernel");
    // Three sides at least on one core, and on all: which paths there are is the processor's.
    assert!(rows.len() >= 6, "{rows:?}");
    // So few leaves are hashed here that a side which had to wait for a processor is shown with 0.00.
    assert!(rows.iter().all(|row| row[4].parse::<f64>().is_ok_and(f64::is_finite)), "{rows:?}");
}

#[test]
fn bulk() {
    assert_figures("bulk", &smoke("bulk"), 2, 7);
}

#[test]
fn single() {
    assert_figures("single", &smoke("single"), 4, 6);
}

#[test]
fn latency() {
    assert_figures("latency", &smoke("latency"), 2, 1);
}

#[test]
fn timestamps() {
    assert_figures("timestamps", &smoke("timestamps"), 2, 7);
}

#[test]
fn witness() {
    assert_figures("witness", &smoke("witness"), 2, 6);
}

#[test]
fn memory() {
    assert_figures("memory", &smoke("memory"), 2, 7);
}

#[test]
fn receipts() {
    assert_figures("receipts", &smoke("receipts"), 2, 1);
}

#[test]
fn trees() {
    assert_figures("trees", &smoke("trees"), 2, 10);
}

#[test]
#[cfg(feature = "growth")]
fn growth() {
    assert_figures("growth", &smoke("growth"), 2, 8);
}

#[test]
fn a_run_whose_submissions_are_in_no_log_is_no_figure() {
    // The bare handler says 202 and has no receipts.
    let program = env!("CARGO_BIN_EXE_treering-bench");
    let mut bare =
        Command::new(program).args(["bare"]).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    let stdout = bare.stdout.take().expect("a pipe");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("its address");
    let address = line.trim_end().rsplit_once("http://").expect("an address").1;
    let dir = tempfile::tempdir().expect("a directory");
    let policy = dir.path().join("policy");
    std::fs::write(&policy, "quorum none\n").expect("a file");
    let output = Command::new(program)
        .args(["load", "--seconds", "0", "--connections", "1", "--server", address, "--policy"])
        .arg(&policy)
        .output()
        .expect("it starts");
    bare.kill().expect("it runs");
    bare.wait().expect("it ends");
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
