//! What is made out of the command line's one description: manual pages, completions, the version.

use crate::support::{Bench, FakeLog, Manner};
use std::{fs, io::Write, process::Command};

fn bench() -> Bench {
    Bench::new(&FakeLog::start(Manner::default()))
}

/// Names of subcommands, as the help lists them.
fn subcommands(bench: &Bench) -> Vec<String> {
    let help = bench.run(&["--help"]).out;
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names = listed
        .lines()
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn each_subcommand_has_a_page_without_faults() {
    let bench = bench();
    let ran = bench.run(&["man", "pages/man1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let pages = bench.list("pages/man1");
    for name in subcommands(&bench) {
        assert!(pages.contains(&format!("treering-{name}.1")), "{name}: {pages:?}");
    }
    assert!(pages.contains(&"treering.1".to_owned()));
    if Command::new("groff").arg("--version").output().is_err() {
        eprintln!("groff is not here, so nobody looks for faults: scripts/deps.sh test installs it");
        return;
    }
    for page in pages {
        let path = bench.path("pages/man1").join(&page);
        let output = Command::new("groff")
            .args(["-man", "-Kutf-8", "-Tutf8", "-ww", "-z"])
            .arg(&path)
            .output()
            .unwrap();
        let faults = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && faults.is_empty(), "{page}: {faults}");
    }
    let page = fs::read_to_string(bench.path("pages/man1/treering-stamp.1")).unwrap();
    assert!(page.contains("proxy") && page.contains("TREERING_POLICY"), "{page}");
    assert!(bench.run(&["man"]).out.starts_with(".ie"), "without a directory, the page itself");
}

#[test]
fn a_directory_that_cannot_be_written_is_told() {
    let bench = bench();
    bench.write("pages", "a file");
    insta::assert_snapshot!(bench.run(&["man", "pages"]).told(), @"
    exit 2
    treering: the manual pages can't be written to pages: File exists (os error 17)
    ");
}

#[test]
fn each_shell_gets_its_completions() {
    let bench = bench();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = bench.run(&["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        for name in subcommands(&bench) {
            assert!(ran.out.contains(&name), "{shell}: {name}");
        }
        assert!(ran.out.contains("api-key-file"), "{shell}");
        if ["bash", "zsh", "fish"].contains(&shell) && Command::new(shell).arg("--version").output().is_ok() {
            let mut child =
                Command::new(shell).arg("-n").stdin(std::process::Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(ran.out.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success(), "{shell} doesn't read it");
        }
    }
    insta::assert_snapshot!(bench.run(&["completions", "csh"]).told(), @"
    exit 2
    error: invalid value 'csh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    ");
}

#[test]
fn the_version_names_the_commit() {
    let version = bench().run(&["--version"]).out;
    let commit = version
        .strip_prefix(concat!("treering ", env!("CARGO_PKG_VERSION"), " ("))
        .and_then(|rest| rest.strip_suffix(")\n"))
        .unwrap_or_else(|| panic!("{version}"));
    let is_commit = commit
        .split(' ')
        .next()
        .is_some_and(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(is_commit || commit == "commit unknown", "{version}");
}
