//! `TREERING_VERSION`: the version with the commit that it was built from, for `treering --version`.
//!
//! The commit comes from git; in an archive that git made, from the file COMMIT (`export-subst` in `.gitattributes`); without
//! either, the version says that it isn't known.

use std::{fs, process::Command};

/// What the client is made of, from its own directory.
const SOURCES: [&str; 6] =
    ["src", "Cargo.toml", "../tlog/src", "../token/src", "../tsa/src", "../Cargo.lock"];

fn main() {
    let commit = of_git().or_else(of_archive).unwrap_or_else(|| "commit unknown".to_owned());
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rustc-env=TREERING_VERSION={version} ({commit})");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=COMMIT");
    SOURCES.iter().for_each(|path| println!("cargo::rerun-if-changed={path}"));
}

fn of_git() -> Option<String> {
    // Somebody else's repository around an unpacked archive is not ours.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    let commit = git(&["log", "-1", "--format=%h %cs", "--abbrev=12"])?;
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) =
            git(&["rev-parse", "--git-path", name]).filter(|path| fs::exists(path).unwrap_or(false))
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let changed = git(&[&["status", "--porcelain", "--"][..], &SOURCES].concat())?;
    Some(if changed.is_empty() { commit } else { format!("{commit}, with changes") })
}

fn of_archive() -> Option<String> {
    let text = fs::read_to_string("COMMIT").ok()?;
    // There is no way to ask an archive for so many digits.
    let (commit, day) = text.trim().split_once(' ')?;
    Some(format!("{} {day}", commit.get(..12)?)).filter(|text| !text.contains('$'))
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
